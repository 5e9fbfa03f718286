//! The answers of an operation, gathered by status.

use axum::body::to_bytes;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use serde_json::Value;
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::{ContentBuilder, Object, Ref, RefOr, ResponseBuilder, Responses, ResponsesBuilder, Schema, Type};

const PROBLEM: &str = "application/problem+json";

/// An answer as a client gets it.
pub(super) struct Rendered {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Rendered {
    pub(super) fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        // A refusal is there as a whole: there is nothing to wait for.
        let read = pin!(to_bytes(body, usize::MAX)).poll(&mut Context::from_waker(Waker::noop()));
        let body = match read {
            Poll::Ready(Ok(bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
            _ => Value::Null,
        };
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    fn is_problem(&self) -> bool {
        self.headers.get(header::CONTENT_TYPE).is_some_and(|value| value == PROBLEM)
    }
}

/// What is told of a media type.
struct Shown {
    schema: RefOr<Schema>,
    examples: BTreeMap<String, RefOr<Example>>,
}

/// What is told of a status.
#[derive(Default)]
struct Told {
    sentences: Vec<String>,
    /// By media type.
    contents: BTreeMap<String, Shown>,
    headers: BTreeMap<&'static str, Header>,
}

impl Told {
    fn say(&mut self, sentence: &str) {
        if !self.sentences.iter().any(|said| said == sentence) {
            self.sentences.push(sentence.to_owned());
        }
    }
}

/// Headers that clients read, and what for.
const READ: [(HeaderName, &str, &str); 2] = [
    (header::WWW_AUTHENTICATE, "WWW-Authenticate", "How to authenticate (RFC 6750 §3)."),
    (header::RETRY_AFTER, "Retry-After", "Seconds to wait."),
];

#[derive(Default)]
pub(super) struct Answers {
    by_status: BTreeMap<u16, Told>,
    /// Refusals, which many operations have in common.
    pub(super) refusals: BTreeMap<String, Example>,
}

impl Answers {
    pub(super) fn add(&mut self, status: u16, sentence: &str, media: &str, schema: RefOr<Schema>, example: Value) {
        self.put(status, sentence, media, schema, shown(example).into());
    }

    fn put(&mut self, status: u16, sentence: &str, media: &str, schema: RefOr<Schema>, example: RefOr<Example>) {
        let told = self.by_status.entry(status).or_default();
        told.say(sentence);
        let shown = told.contents.entry(media.to_owned()).or_insert(Shown { schema, examples: BTreeMap::new() });
        shown.examples.insert(sentence.to_owned(), example);
    }

    pub(super) fn add_empty(&mut self, status: u16, sentence: &str) {
        self.by_status.entry(status).or_default().say(sentence);
    }

    pub(super) fn header(&mut self, status: u16, name: &'static str, about: &str) {
        let header = HeaderBuilder::new().schema(Some(Object::with_type(Type::String))).description(Some(about));
        self.by_status.entry(status).or_default().headers.insert(name, header.build());
    }

    pub(super) fn refuse(&mut self, refusal: Rendered) {
        let (media, schema, member) = if refusal.is_problem() {
            (PROBLEM, "Problem", "detail")
        } else {
            ("application/json", "OAuthError", "error")
        };
        let sentence = refusal.body[member].as_str().unwrap_or_default().to_owned();
        for (name, shown, about) in READ {
            if refusal.headers.contains_key(name) {
                self.header(refusal.status, shown, about);
            }
        }
        let name = format!("{schema}-{}", sentence.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        let example = Ref::new(format!("#/components/examples/{name}"));
        self.put(refusal.status, &sentence, media, Ref::from_schema_name(schema).into(), RefOr::Ref(example));
        self.refusals.insert(name, shown(refusal.body));
    }

    /// Every answer of a limited route says how much is left.
    pub(super) fn meter(&mut self) {
        for status in self.by_status.keys().copied().collect::<Vec<_>>() {
            self.header(status, "RateLimit-Policy", "The limit, when the request was counted.");
            self.header(status, "RateLimit", "How much of it is left, and for how many seconds.");
        }
    }

    pub(super) fn finish(self) -> Responses {
        let mut responses = ResponsesBuilder::new();
        for (status, Told { sentences, contents, headers }) in self.by_status {
            let mut response = ResponseBuilder::new().description(sentences.join(" · "));
            for (media, Shown { schema, examples }) in contents {
                response = response
                    .content(media, ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build());
            }
            for (name, header) in headers {
                response = response.header(name, header);
            }
            responses = responses.response(status.to_string(), response);
        }
        responses.build()
    }
}

fn shown(value: Value) -> Example {
    ExampleBuilder::new().value(Some(value)).build()
}
