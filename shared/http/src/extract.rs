//! Bodies, read to a limit and parsed into types that cannot be wrong, with everything that is wrong said at once.

pub use crate::body::NoBody;
use crate::body::{content_type, read_body};
use crate::error::Defect;
use crate::{App, Error};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use doorward_core::scope::ScopeSet;
use percent_encoding::percent_decode_str;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

/// Nobody mends more at once, and an answer is not to be many times its request.
const DEFECTS_TOLD: usize = 64;

/// What a body may be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// Either.
    JsonOrForm,
}

/// A body's meaning.
pub trait Parse: Sized {
    /// What it may be written in.
    const MEDIA: Media;
    /// Whether there may be no body at all. Then an empty one is as good, of whichever type a client says it is.
    const MAY_BE_ABSENT: bool = false;

    /// Takes the members that it is made of. `None` when one is missing or wrong, which `fields` has noted.
    fn parse(fields: &mut Fields, app: &App) -> Option<Self>;
}

/// The body of a request, parsed.
pub struct Input<T>(pub T);

impl<T: Parse> FromRequest<App> for Input<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let mut fields = Fields::read(request, T::MEDIA, T::MAY_BE_ABSENT).await?;
        let parsed = T::parse(&mut fields, app);
        fields.finish(parsed).map(Self)
    }
}

/// The query of a request, parsed by the rules of a form. What is not known is ignored.
pub struct Query<T>(pub T);

impl<T: Parse> FromRequestParts<App> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let mut fields = Fields::of_form(parts.uri.query().unwrap_or_default().as_bytes());
        let parsed = T::parse(&mut fields, app);
        fields.finish(parsed).map(Self)
    }
}

/// The one parameter of a path, decoded. One that cannot be decoded is empty, which names nothing: who may not ask and what
/// there is not are told so as for any other.
pub struct PathId(pub String);

impl FromRequestParts<App> for PathId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let decoded = Path::<String>::from_request_parts(parts, app).await;
        Ok(Self(decoded.map_or_else(|_| String::new(), |Path(id)| id)))
    }
}

/// What a member of a JSON object asks for, where an absent one asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch<T> {
    /// It is absent: nothing changes.
    Keep,
    /// It is `null`: what is there goes.
    Clear,
    /// It has a value.
    Set(T),
}

/// The members of a body, taken one by one.
pub struct Fields {
    given: Vec<(String, Value)>,
    is_form: bool,
    defects: Vec<Defect>,
    /// What is wrong with the whole.
    unreadable: Option<Defect>,
    /// Whether there was nothing where an object should be.
    is_nothing: bool,
}

impl Fields {
    /// The members of a JSON object that came by another way than HTTP.
    #[must_use]
    pub fn of_json(bytes: &[u8]) -> Self {
        let mut fields =
            Self { given: Vec::new(), is_form: false, defects: Vec::new(), unreadable: None, is_nothing: false };
        fields.read_json(bytes);
        fields
    }

    /// The members of a form that came by another way than HTTP.
    #[must_use]
    pub fn of_form(bytes: &[u8]) -> Self {
        let mut fields =
            Self { given: Vec::new(), is_form: true, defects: Vec::new(), unreadable: None, is_nothing: false };
        fields.read_form(bytes);
        fields
    }

    async fn read(request: Request, media: Media, may_be_absent: bool) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(&parts.headers, body).await?;
        let is_form = match content_type(&parts.headers).as_deref() {
            None if bytes.is_empty() => media != Media::Json,
            Some("application/x-www-form-urlencoded") if bytes.is_empty() && may_be_absent => false,
            Some("application/json") if media != Media::Form => false,
            Some("application/x-www-form-urlencoded") if media != Media::Json => true,
            _ => return Err(Error::UnsupportedMediaType),
        };
        Ok(match (is_form, bytes.is_empty()) {
            (true, _) => Self::of_form(&bytes),
            (false, false) => Self::of_json(&bytes),
            // What is missing is said by name.
            (false, true) => Self { is_nothing: !may_be_absent, ..Self::of_json(b"{}") },
        })
    }

    fn read_json(&mut self, bytes: &[u8]) {
        match serde_json::from_slice::<Members>(bytes) {
            Ok(members) => self.keep(members.0),
            Err(error) if error.is_data() => self.unreadable("must be a JSON object"),
            Err(_) => self.unreadable("is not well-formed JSON"),
        }
    }

    fn read_form(&mut self, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return self.unreadable("is not a form");
        };
        let decode = |part: &str| {
            let spaced = part.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned).ok()
        };
        let mut members = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => members.push((name, Value::String(value))),
                (Some(name), None) => self.defect(&name, "is not UTF-8"),
                (None, _) => self.unreadable("is not UTF-8"),
            }
        }
        self.keep(members);
    }

    fn keep(&mut self, members: Vec<(String, Value)>) {
        let mut seen = HashMap::new();
        for (name, value) in members {
            let times: &mut u32 = seen.entry(name.clone()).or_default();
            *times += 1;
            match times {
                1 => self.given.push((name, value)),
                2 => self.defect(&name, "must not be repeated"),
                _ => {}
            }
        }
    }

    fn defect(&mut self, name: &str, detail: impl fmt::Display) {
        let pointer = pointer(name);
        // What is wrong first is told: that it is missing besides is no news.
        let is_told = self.defects.iter().any(|defect| defect.pointer == pointer);
        if !is_told && self.defects.len() < DEFECTS_TOLD {
            self.defects.push(Defect { pointer, detail: detail.to_string() });
        }
    }

    /// Of a body that cannot be read, nothing is known to be missing.
    fn unreadable(&mut self, detail: &str) {
        self.unreadable = Some(Defect { pointer: String::new(), detail: detail.to_owned() });
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.swap_remove(at).1)
    }

    /// A text, whatever it is; in a form, an empty one too.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name) {
            Some(Value::String(text)) => return Some(text),
            Some(_) => self.defect(name, "must be a string"),
            None => self.defect(name, "is required"),
        }
        None
    }

    /// A text that may be absent: not there, `null`, or empty in a form (RFC 6749 §3.2).
    pub fn text_if_any(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) if text.is_empty() && self.is_form => None,
            Value::String(text) => Some(text),
            Value::Null => None,
            _ => {
                self.defect(name, "must be a string");
                None
            }
        }
    }

    /// A text with a meaning.
    pub fn required<T, E: fmt::Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.text(name)?;
        if text.is_empty() && self.is_form {
            self.defect(name, "is required");
            return None;
        }
        self.parsed(name, &text, parse)
    }

    /// A text with a meaning that may be absent. The outer `None` is for a wrong one.
    #[allow(clippy::option_option)] // Wrong, absent, and there are three things.
    pub fn optional<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match self.text_if_any(name) {
            Some(text) => self.parsed(name, &text, parse).map(Some),
            None => Some(None),
        }
    }

    /// A text with a meaning, `null`, or nothing.
    pub fn patch<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Patch<T>> {
        match self.take(name) {
            None => Some(Patch::Keep),
            Some(Value::Null) => Some(Patch::Clear),
            Some(Value::String(text)) => self.parsed(name, &text, parse).map(Patch::Set),
            Some(_) => {
                self.defect(name, "must be a string or null");
                None
            }
        }
    }

    /// `true`, `false`, or nothing.
    #[allow(clippy::option_option)] // Wrong, absent, and there are three things.
    pub fn flag_if_any(&mut self, name: &str) -> Option<Option<bool>> {
        match self.take(name) {
            None => Some(None),
            Some(Value::Bool(flag)) => Some(Some(flag)),
            Some(_) => {
                self.defect(name, "must be true or false");
                None
            }
        }
    }

    /// A whole number within bounds, `null`, or nothing. The outer `None` is for a wrong one.
    #[allow(clippy::option_option)] // Wrong, absent, and there are three things.
    pub fn number_if_any(&mut self, name: &str, least: u32, most: u32) -> Option<Option<u32>> {
        let value = match self.take(name) {
            None | Some(Value::Null) => return Some(None),
            Some(value) => value,
        };
        // `60.0` is a whole number, as JSON Schema has them.
        let bounds = f64::from(least)..=f64::from(most);
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && bounds.contains(number));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It is within the bounds.
        let within = number.map(|number| number as u32);
        if within.is_none() {
            self.defect(name, format_args!("must be a whole number from {least} to {most}"));
        }
        within.map(Some)
    }

    /// A list of scope tokens, or nothing. `null` is refused: whether it takes all away or none, nobody can know.
    #[allow(clippy::option_option)] // Wrong, absent, and there are three things.
    pub fn scopes_if_any(&mut self, name: &str) -> Option<Option<ScopeSet>> {
        if self.given.iter().any(|(given, value)| given == name && value.is_null()) {
            self.take(name);
            self.defect(name, "must be a list of strings");
            return None;
        }
        self.list_if_any(name, |tokens| ScopeSet::from_tokens(tokens.iter().copied()))
    }

    /// A list of texts with a meaning, `null`, or nothing. The outer `None` is for a wrong one.
    #[allow(clippy::option_option)] // Wrong, absent, and there are three things.
    pub fn list_if_any<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&[&str]) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let value = match self.take(name) {
            None | Some(Value::Null) => return Some(None),
            Some(value) => value,
        };
        let texts: Option<Vec<&str>> = value.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        let Some(texts) = texts else {
            self.defect(name, "must be a list of strings");
            return None;
        };
        parse(&texts).map(Some).map_err(|error| self.defect(name, error)).ok()
    }

    /// Notes that a member is wrong for a reason that is not its own alone.
    pub fn refuse(&mut self, name: &str, detail: &str) {
        self.defect(name, detail);
    }

    fn parsed<T, E: fmt::Display>(
        &mut self,
        name: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(text).map_err(|error| self.defect(name, error)).ok()
    }

    /// What was parsed, if nothing is wrong and, in JSON, nothing is left over.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn finish<T>(mut self, parsed: Option<T>) -> Result<T, Error> {
        if !self.is_form {
            for (name, _) in std::mem::take(&mut self.given) {
                self.defect(&name, "is not a member that is known here");
            }
        }
        if self.is_nothing && self.defects.is_empty() {
            self.unreadable("must be a JSON object");
        }
        match (self.unreadable, parsed) {
            (Some(unreadable), _) => Err(Error::Invalid(vec![unreadable])),
            (None, Some(parsed)) if self.defects.is_empty() => Ok(parsed),
            (None, _) => Err(Error::Invalid(self.defects)),
        }
    }
}

/// A name as a JSON pointer (RFC 6901 §3), cut off where nobody reads on.
fn pointer(name: &str) -> String {
    let name: String = name.chars().take(100).collect();
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The members of a JSON object in their order, those that stand twice too.
struct Members(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
#[path = "extract_tests.rs"]
mod tests;
