//! An authorizer of other people's APIs, and what API Gateway tells it.

use super::Service;
use super::roles::as_function;
use doorward_authorizer::{Event, Failure, OPENS, authorize};
use doorward_core::custom_claims::CustomClaims;
use doorward_http::App;
use doorward_http::app::Seams;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The method that is called, in every event.
pub const METHOD: &str = "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/prod/GET/reports/1";
/// What a policy is about.
pub const STAGE: &str = "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/prod/*";

/// An API that has the authorizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// An HTTP API with payload 2.0.
    Http,
    /// An HTTP API with payload 1.0.
    HttpByPolicy,
    /// A REST API.
    Rest,
}

pub const APIS: [Api; 3] = [Api::Http, Api::HttpByPolicy, Api::Rest];

type Headers<'a> = &'a [(&'a str, &'a str)];

impl Api {
    /// What API Gateway says of a request with those headers.
    pub fn event(self, headers: Headers<'_>) -> Value {
        match self {
            Self::Http => json!({
                "version": "2.0", "type": "REQUEST", "routeArn": METHOD, "identitySource": null, "routeKey": "$default",
                "rawPath": "/prod/reports/1", "rawQueryString": "", "cookies": [], "headers": joined(headers),
                "requestContext": {"http": {"method": "GET", "path": "/prod/reports/1", "sourceIp": "192.0.2.1"}},
            }),
            Self::HttpByPolicy => json!({
                "version": "1.0", "type": "REQUEST", "methodArn": METHOD, "identitySource": "", "authorizationToken": "",
                "resource": "/reports/{id}", "path": "/reports/1", "httpMethod": "GET", "headers": last(headers),
                "multiValueHeaders": all(headers), "requestContext": {"path": "/prod/reports/1"},
            }),
            Self::Rest => json!({
                "type": "REQUEST", "methodArn": METHOD, "resource": "/reports/{id}", "path": "/reports/1",
                "httpMethod": "GET", "headers": last(headers), "multiValueHeaders": all(headers),
                "queryStringParameters": null, "requestContext": {"path": "/prod/reports/1", "identity": {}},
            }),
        }
    }

    /// What is answered when nobody is let in.
    pub fn refusal(self) -> Result<Value, Failure> {
        match self {
            Self::Http => Ok(json!({"isAuthorized": false, "context": {}})),
            Self::HttpByPolicy => Ok(policy("anonymous", "Deny", &json!({}))),
            Self::Rest => Err(Failure::Unauthorized),
        }
    }

    /// What is answered when somebody is let in.
    pub fn admission(self, context: &Value) -> Value {
        match self {
            Self::Http => json!({"isAuthorized": true, "context": context}),
            Self::HttpByPolicy | Self::Rest => policy(context["sub"].as_str().unwrap(), "Allow", context),
        }
    }
}

fn policy(principal: &str, effect: &str, context: &Value) -> Value {
    let statement = json!([{"Action": "execute-api:Invoke", "Effect": effect, "Resource": STAGE}]);
    let document = json!({"Version": "2012-10-17", "Statement": statement});
    json!({"principalId": principal, "policyDocument": document, "context": context})
}

/// As HTTP APIs have it with payload 2.0: names in lower case, values of one name with commas between them.
fn joined(headers: Headers<'_>) -> Value {
    let mut map = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in headers {
        map.entry(name.to_lowercase()).or_default().push(*value);
    }
    map.into_iter().map(|(name, values)| (name, Value::from(values.join(",")))).collect()
}

fn last(headers: Headers<'_>) -> Value {
    headers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

fn all(headers: Headers<'_>) -> Value {
    let mut map = Map::new();
    for (name, value) in headers {
        let values = map.entry(*name).or_insert_with(|| json!([]));
        values.as_array_mut().unwrap().push((*value).into());
    }
    map.into()
}

/// The function, started.
pub struct Authorizer(App);

impl Authorizer {
    /// The answer, as it is sent.
    pub async fn call(&self, event: Value) -> Result<Value, Failure> {
        let event: Event = serde_json::from_value(event).unwrap();
        as_function("authorizer", authorize(&self.0, event)).await.map(|answer| serde_json::to_value(answer).unwrap())
    }

    /// The answer to an API about a request with those headers.
    pub async fn ask(&self, api: Api, headers: Headers<'_>) -> Result<Value, Failure> {
        self.call(api.event(headers)).await
    }

    /// Expects that no API lets such a request in.
    #[track_caller]
    pub fn expect_refused<'a>(&'a self, headers: Headers<'a>) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            for api in APIS {
                assert_eq!(self.ask(api, headers).await, api.refusal(), "{api:?} {headers:?} at {caller}");
            }
        }
    }

    /// Expects that every API lets such a request in, and what it says of who makes it.
    #[track_caller]
    pub fn expect_admitted<'a>(&'a self, headers: Headers<'a>) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let simple = self.ask(Api::Http, headers).await.unwrap();
            let context = simple["context"].clone();
            for api in APIS {
                assert_eq!(self.ask(api, headers).await, Ok(api.admission(&context)), "{api:?} at {caller}");
            }
            context
        }
    }

    pub async fn expect_token_refused(&self, token: &str) {
        self.expect_refused(&[("Authorization", &format!("Bearer {token}"))]).await;
    }

    pub async fn expect_token_admitted(&self, token: &str) -> Value {
        self.expect_admitted(&[("Authorization", &format!("Bearer {token}"))]).await
    }

    pub async fn expect_key_refused(&self, key: &str) {
        self.expect_refused(&[("X-API-Key", key)]).await;
    }

    pub async fn expect_key_admitted(&self, key: &str) -> Value {
        self.expect_admitted(&[("X-API-Key", key)]).await
    }

    /// Expects that no API is told who makes such a request, or that it is nobody.
    #[track_caller]
    pub fn expect_unavailable<'a>(&'a self, headers: Headers<'a>) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            for api in APIS {
                assert_eq!(self.ask(api, headers).await, Err(Failure::Unavailable), "{api:?} at {caller}");
            }
        }
    }
}

impl Service {
    /// An authorizer on this service's store, that opens no private keys and has read the public ones.
    pub async fn authorizer(&self) -> Authorizer {
        let authorizer = self.cold_authorizer();
        authorizer.0.keys.current().await.unwrap();
        self.probe.forget();
        authorizer
    }

    /// One that has read nothing yet.
    pub fn cold_authorizer(&self) -> Authorizer {
        let (store, clock, audit) = (self.store.clone(), self.clock.clone(), self.audit.clone());
        Authorizer(App::new(
            self.config.clone(),
            Seams { store, sealer: None, opens: OPENS, clock, audit, claims: CustomClaims::default() },
        ))
    }
}
