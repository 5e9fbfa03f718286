//! What the function is called with: a request to somebody's API, as API Gateway tells of it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Deserialize;
use serde_json::Value;

/// Where an access token stands.
pub const AUTHORIZATION: HeaderName = header::AUTHORIZATION;
/// Where an API key stands.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A request that is to be judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub struct Event {
    /// Who asks.
    pub(crate) api: Api,
    /// The credentials and nothing else: the rest of the request is the API's own, its length too. `Debug` shows none.
    pub(crate) headers: HeaderMap,
}

/// The API that asks, by what it wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// An HTTP API with payload 2.0: yes or no.
    Http,
    /// An HTTP API with payload 1.0: a policy, of yes or of no.
    HttpByPolicy(Stage),
    /// A REST API: a policy of yes, or the error that it answers with 401.
    Rest(Stage),
}

/// All methods of a stage, as a policy names them: `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stage(pub(crate) String);

/// The event is none of a REQUEST authorizer. Its values are not told: they may be credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// A TOKEN authorizer is not told the headers.
    #[error("type must be 'REQUEST'")]
    Type,
    /// Neither of the payloads of HTTP APIs, and not that of REST APIs, which has no version.
    #[error("version must be '1.0', '2.0' or absent")]
    Version,
    /// Not the ARN of a method.
    #[error("methodArn must be 'arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH'")]
    MethodArn,
    /// Not headers.
    #[error("headers must be texts by name, multiValueHeaders lists of texts by name")]
    Headers,
}

impl TryFrom<Value> for Event {
    type Error = InvalidEvent;

    fn try_from(event: Value) -> Result<Self, InvalidEvent> {
        if event["type"] != "REQUEST" {
            return Err(InvalidEvent::Type);
        }
        let api = match &event["version"] {
            Value::Null => Api::Rest(Stage::of(&event["methodArn"])?),
            version if version == "1.0" => Api::HttpByPolicy(Stage::of(&event["methodArn"])?),
            version if version == "2.0" => Api::Http,
            _ => return Err(InvalidEvent::Version),
        };
        let headers = credentials(&event).ok_or(InvalidEvent::Headers)?;
        Ok(Self { api, headers })
    }
}

impl Stage {
    fn of(method_arn: &Value) -> Result<Self, InvalidEvent> {
        let mut parts = method_arn.as_str().unwrap_or_default().splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(api), Some(stage), Some(_))
                if api.starts_with("arn:") && api.split(':').nth(2) == Some("execute-api") =>
            {
                Ok(Self(format!("{api}/{stage}/*")))
            }
            _ => Err(InvalidEvent::MethodArn),
        }
    }
}

/// The headers that have credentials, by names in any case, each as often as it was sent. `headers` has one value of each,
/// and where there is `multiValueHeaders`, that has them all.
fn credentials(event: &Value) -> Option<HeaderMap> {
    let (mut listed, mut single) = (HeaderMap::new(), HeaderMap::new());
    for (name, values) in members(&event["multiValueHeaders"])? {
        for value in values.as_array()? {
            append(&mut listed, name, value)?;
        }
    }
    for (name, value) in members(&event["headers"])? {
        append(&mut single, name, value)?;
    }
    let mut all = listed.clone();
    for (name, value) in &single {
        if !listed.get_all(name).iter().any(|known| known == value) {
            all.append(name, value.clone());
        }
    }
    Some(all)
}

/// The members of an object, or of none: the gateway's test console says `null`.
fn members(value: &Value) -> Option<impl Iterator<Item = (&String, &Value)>> {
    let members = if value.is_null() { None } else { Some(value.as_object()?) };
    Some(members.into_iter().flatten())
}

fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Option<()> {
    if let Some(known) = [AUTHORIZATION, API_KEY].into_iter().find(|known| name.eq_ignore_ascii_case(known.as_str())) {
        let mut value = HeaderValue::try_from(value.as_str()?).ok()?;
        value.set_sensitive(true);
        headers.append(known, value);
    }
    Some(())
}
