//! The OpenAPI document (3.1.0), from the code.
//!
//! Each function says in its `docs.rs` what its routes take and give; the root package puts that together. Refusals are not
//! described a second time: an [`Error`] is rendered as for a client, and the document has what it says. Nobody calls this
//! in a deployed function, so nothing of it is there.

mod answers;
pub mod schema;

use crate::Error;
use crate::error::{OAuthError, ScopedError};
use crate::throttle::Quota;
use answers::{Answers, Rendered};
use axum::response::IntoResponse as _;
use schema::{Member, object};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Flow, Http, HttpAuthScheme, OAuth2, Password, Scopes, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, Info, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Required,
    Schema, tag::TagBuilder,
};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const BEARER: &str = "OAuth2PasswordBearer";
const API_KEY: &str = "APIKeyHeader";
const CLIENT: &str = "OAuth2Client";

/// The operations of a function, under one heading.
pub struct Section {
    /// The heading.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Its operations.
    pub operations: Vec<Operation>,
}

/// A method of a path: what it takes and what it gives.
#[must_use]
pub struct Operation {
    method: HttpMethod,
    path: &'static str,
    scope: Option<&'static str>,
    is_limited: bool,
    builder: OperationBuilder,
    answers: Answers,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Operation {
    /// `GET` of a path. The id is what generated clients call it.
    pub fn get(path: &'static str, id: &'static str, summary: &str) -> Self {
        Self::new(HttpMethod::Get, path, id, summary)
    }

    /// `POST` of a path.
    pub fn post(path: &'static str, id: &'static str, summary: &str) -> Self {
        Self::new(HttpMethod::Post, path, id, summary)
    }

    /// `PATCH` of a path.
    pub fn patch(path: &'static str, id: &'static str, summary: &str) -> Self {
        Self::new(HttpMethod::Patch, path, id, summary)
    }

    /// `DELETE` of a path.
    pub fn delete(path: &'static str, id: &'static str, summary: &str) -> Self {
        Self::new(HttpMethod::Delete, path, id, summary)
    }

    fn new(method: HttpMethod, path: &'static str, id: &'static str, summary: &str) -> Self {
        let mut builder = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary));
        for name in path.split(['{', '}']).skip(1).step_by(2) {
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path);
            builder = builder.parameter(parameter.required(Required::True).schema(Some(schema::identifier())));
        }
        let (answers, schemas) = (Answers::default(), Vec::new());
        let operation = Self { method, path, scope: None, is_limited: false, builder, answers, schemas };
        operation.refuses([Error::InvalidHost, Error::TooLarge])
    }

    /// What the summary does not say.
    pub fn about(mut self, text: &str) -> Self {
        self.builder = self.builder.description(Some(text));
        self
    }

    /// Needs a user's access token: a client's is refused.
    pub fn bearer(self) -> Self {
        self.needs_token(&[]).refuses([Error::InsufficientPermissions])
    }

    /// Needs an access token with a scope.
    pub fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self.needs_token(&[scope]).refuses([Error::NotEnoughScope])
    }

    fn needs_token(mut self, scopes: &[&str]) -> Self {
        self.builder = self.builder.security(SecurityRequirement::new(BEARER, scopes.iter().copied()));
        let refusals = [Error::NotAuthenticated, Error::InvalidToken, Error::TokenRevoked, Error::InactiveUser];
        self.refuses(refusals).refuses([unavailable()])
    }

    /// Needs an access token, in the dialect of RFC 6750.
    pub fn oauth_bearer(mut self) -> Self {
        self.builder = self.builder.security(SecurityRequirement::new(BEARER, [""; 0]));
        self.refuses_in_oauth([
            OAuthError::NoToken,
            OAuthError::InvalidToken(None),
            OAuthError::InsufficientScope(None),
        ])
        .refuses([unavailable()])
    }

    /// Takes a client's credentials, by header or in the form.
    pub fn client(mut self) -> Self {
        self.builder = self.builder.security(SecurityRequirement::new(CLIENT, [""; 0]));
        self.refuses_in_oauth([OAuthError::InvalidClient { challenge: true }])
    }

    /// Takes a client's credentials where what is presented is a client's, and none where it is not.
    pub fn client_or_nobody(mut self) -> Self {
        self.builder = self.builder.security(SecurityRequirement::default());
        self.client()
    }

    /// Takes a client's credentials, an API key in its header, or an access token, each with a scope.
    pub fn client_key_or_bearer(mut self, scope: &'static str) -> Self {
        for (scheme, scopes) in [(API_KEY, [].as_slice()), (BEARER, &[scope])] {
            self.builder = self.builder.security(SecurityRequirement::new(scheme, scopes.iter().copied()));
        }
        self.client()
            .refuses_in_oauth([OAuthError::InvalidToken(Some(scope)), OAuthError::InsufficientScope(Some(scope))])
    }

    /// Needs an API key.
    pub fn api_key(mut self) -> Self {
        self.builder = self.builder.security(SecurityRequirement::new(API_KEY, [""; 0]));
        self.refuses([Error::ApiKeyRequired, Error::InvalidApiKey, unavailable()])
    }

    /// Is counted per address.
    pub fn limited(mut self) -> Self {
        self.is_limited = true;
        self.refuses([Error::TooManyRequests(Quota::sample()), unavailable()])
    }

    /// Takes parameters in its query. An empty one is an absent one.
    pub fn query(mut self, members: Vec<Member>) -> Self {
        for Member { name, schema, is_required, .. } in members {
            let required = if is_required { Required::True } else { Required::False };
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
            let parameter = parameter.required(required).schema(Some(schema));
            // A field of OpenAPI that utoipa does not know.
            let parameter = parameter.extensions(Some(Extensions::from_iter([("allowEmptyValue", true)])));
            self.builder = self.builder.parameter(parameter);
        }
        self.refuses([schema::invalid()])
    }

    /// Takes a JSON object.
    pub fn json(self, members: &[Member], example: Value) -> Self {
        self.takes(&[JSON], Required::True, members, example)
    }

    /// Takes a JSON object, or no body.
    pub fn json_if_any(self, members: &[Member], example: Value) -> Self {
        self.takes(&[JSON], Required::False, members, example)
    }

    /// Takes a form.
    pub fn form(self, members: &[Member], example: Value) -> Self {
        self.takes(&[FORM], Required::True, members, example)
    }

    /// Takes either.
    pub fn json_or_form(self, members: &[Member], example: Value) -> Self {
        self.takes(&[JSON, FORM], Required::True, members, example)
    }

    fn takes(mut self, media: &[&str], required: Required, members: &[Member], example: Value) -> Self {
        let mut body = RequestBodyBuilder::new().required(Some(required));
        for (media, example) in media.iter().zip(std::iter::repeat_n(example, media.len())) {
            let schema = object(members, *media == JSON);
            body = body.content(*media, ContentBuilder::new().schema(Some(schema)).example(Some(example)).build());
        }
        self.builder = self.builder.request_body(Some(body.build()));
        self.refuses([schema::invalid(), Error::UnsupportedMediaType, unavailable()])
    }

    /// Gives JSON of a type.
    pub fn gives<T: ToSchema>(mut self, description: &str, example: Value) -> Self {
        let schema = self.schema_of::<T>();
        self.answers.add(200, description, JSON, schema, example);
        self
    }

    /// Gives a JSON list of a type.
    pub fn gives_list<T: ToSchema>(mut self, description: &str, example: Value) -> Self {
        let list = ArrayBuilder::new().items(self.schema_of::<T>()).build();
        self.answers.add(200, description, JSON, Schema::from(list).into(), example);
        self
    }

    /// Gives JSON of a type for something new, and where it is.
    pub fn creates<T: ToSchema>(mut self, description: &str, example: Value) -> Self {
        let schema = self.schema_of::<T>();
        self.answers.add(201, description, JSON, schema, example);
        self.answers.header(201, "Location", "Where it is.");
        self
    }

    /// Gives something else than JSON of a type.
    pub fn gives_as(
        mut self,
        media: &str,
        schema: impl Into<RefOr<Schema>>,
        description: &str,
        example: Value,
    ) -> Self {
        self.answers.add(200, description, media, schema.into(), example);
        self
    }

    /// Gives a status and nothing with it.
    pub fn gives_nothing(mut self, status: u16, description: &str) -> Self {
        self.answers.add_empty(status, description);
        self
    }

    /// Says where to go.
    pub fn redirects(mut self, status: u16, description: &str) -> Self {
        self.answers.add_empty(status, description);
        self.answers.header(status, "Location", "Where to go.");
        self
    }

    /// Refuses: what is said then is taken from the refusals themselves, in the route's dialect.
    pub fn refuses(mut self, errors: impl IntoIterator<Item = Error>) -> Self {
        for error in errors {
            let response = match self.scope {
                _ if self.path.starts_with("/oauth2/") => OAuthError::from(error).into_response(),
                Some(scope) => ScopedError { error, scope }.into_response(),
                None => error.into_response(),
            };
            self.answers.refuse(Rendered::of(response));
        }
        self
    }

    /// Refuses, with what only the standards dialect knows.
    pub fn refuses_in_oauth(mut self, errors: impl IntoIterator<Item = OAuthError>) -> Self {
        for error in errors {
            self.answers.refuse(Rendered::of(error.into_response()));
        }
        self
    }

    fn schema_of<T: ToSchema>(&mut self) -> RefOr<Schema> {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        Ref::from_schema_name(T::name()).into()
    }

    /// Its place in the document, and what it has in common with others.
    fn enter(
        self,
        tag: &str,
        paths: PathsBuilder,
        mut components: ComponentsBuilder,
    ) -> (PathsBuilder, ComponentsBuilder) {
        let Self { method, path, is_limited, builder, mut answers, schemas, .. } = self;
        if is_limited {
            answers.meter();
        }
        for (name, example) in std::mem::take(&mut answers.refusals) {
            components = components.example(name, example);
        }
        let operation = builder.tag(tag).responses(answers.finish());
        (paths.path(path, PathItem::new(method, operation)), components.schemas_from_iter(schemas))
    }
}

/// A login's answer, as an example.
#[must_use]
pub fn tokens() -> Value {
    let mut tokens = access_token();
    tokens["refresh_token"] = "dwr_AQIDBAUGBwgJCgsMDQ4PEA".into();
    tokens
}

/// An access token's, as an example.
#[must_use]
pub fn access_token() -> Value {
    json!({
        "access_token": "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJ1MSJ9.c2ln",
        "token_type": "bearer",
        "expires_in": 900,
        "scope": "read:items write:items",
    })
}

/// A store or another part that does not answer.
#[must_use]
pub fn unavailable() -> Error {
    Error::Unavailable("as an example".into())
}

/// Puts the document together.
#[must_use]
pub fn document(sections: Vec<Section>) -> OpenApi {
    let components = ComponentsBuilder::new()
        .schema("Problem", schema::problem())
        .schema("OAuthError", schema::oauth_error())
        .security_scheme(BEARER, password_bearer())
        .security_scheme(API_KEY, SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
    let components = components.security_scheme(CLIENT, SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
    let (mut components, mut paths, mut tags) = (components, PathsBuilder::new(), Vec::new());
    for Section { name, about, operations } in sections {
        tags.push(TagBuilder::new().name(name).description(Some(about)).build());
        for operation in operations {
            (paths, components) = operation.enter(name, paths, components);
        }
    }
    let mut info = Info::new("Doorward", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).tags(Some(tags)).build()
}

const ABOUT: &str = "Authentication for people: users, sessions, tokens and API keys.\n\n\
    Every path may have one trailing slash. Errors are `application/problem+json` (RFC 9457), under `/oauth2` those of \
    RFC 6749.";

/// What the Authorize button of the docs page logs in with.
fn password_bearer() -> SecurityScheme {
    let scopes = [
        ("read:items", "See the sample items"),
        ("write:items", "Make sample items"),
        ("introspect:tokens", "Ask what tokens are worth"),
    ];
    // Relative, so that it is right under whatever name the service is called by.
    SecurityScheme::OAuth2(OAuth2::new([Flow::Password(Password::new("token", Scopes::from_iter(scopes)))]))
}
