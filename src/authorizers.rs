//! The authorizers of the account, as API Gateway describes them: those of HTTP APIs and those of REST APIs.

use crate::setup::Fault;
use crate::stack::{Aws, Service, Stack, json};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An authorizer, and whose it is.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// Its API's name.
    pub api: String,
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: Kind,
}

/// What an authorizer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It verifies tokens of this issuer itself.
    Jwt(String),
    /// It asks a function.
    Lambda {
        /// The URI by which API Gateway calls it, with its ARN.
        uri: String,
        /// For so many seconds an answer is used again.
        kept_for: u32,
    },
    /// It has nothing to do with tokens of ours.
    Other,
}

impl Authorizer {
    /// Whether it asks a function of that stack.
    #[must_use]
    pub fn asks(&self, stack: &Stack) -> bool {
        matches!(&self.kind, Kind::Lambda { uri, .. } if uri.contains(&format!(":function:{}-", stack.name)))
    }
}

const HTTP_APIS: Service = Service { name: "apigateway", endpoint: "AWS_ENDPOINT_URL_APIGATEWAYV2" };
const REST_APIS: Service = Service { name: "apigateway", endpoint: "AWS_ENDPOINT_URL_API_GATEWAY" };
/// How long a REST API keeps answers unless it is told otherwise
/// (<https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html>). An HTTP API does not.
const KEPT_BY_REST_APIS: u32 = 300;

/// All authorizers of the account and the region.
///
/// # Errors
/// When AWS does not say.
pub async fn all(aws: &Aws) -> Result<Vec<Authorizer>, Fault> {
    let mut found = Vec::new();
    for api in of_http::<Api>(aws, "/v2/apis").await? {
        let of_api = of_http::<Described>(aws, &format!("/v2/apis/{}/authorizers", api.id)).await?;
        found.extend(of_api.into_iter().map(|described| described.of(&api.name, 0)));
    }
    for api in of_rest::<Api>(aws, "/restapis").await? {
        let of_api = of_rest::<Described>(aws, &format!("/restapis/{}/authorizers", api.id)).await?;
        found.extend(of_api.into_iter().map(|described| described.of(&api.name, KEPT_BY_REST_APIS)));
    }
    Ok(found)
}

#[derive(Deserialize)]
struct Api {
    #[serde(alias = "apiId")]
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    name: String,
    authorizer_result_ttl_in_seconds: Option<u32>,
    authorizer_uri: Option<String>,
    jwt_configuration: Option<JwtConfiguration>,
}

#[derive(Deserialize)]
struct JwtConfiguration {
    issuer: Option<String>,
}

impl Described {
    fn of(self, api: &str, kept_by_default: u32) -> Authorizer {
        let issuer = self.jwt_configuration.and_then(|verified| verified.issuer);
        let kind = match (issuer, self.authorizer_uri) {
            (Some(issuer), _) => Kind::Jwt(issuer),
            (None, Some(uri)) => {
                Kind::Lambda { uri, kept_for: self.authorizer_result_ttl_in_seconds.unwrap_or(kept_by_default) }
            }
            (None, None) => Kind::Other,
        };
        Authorizer { api: api.to_owned(), name: self.name, kind }
    }
}

/// A page of the second version of API Gateway's own API, which has HTTP APIs, or of the first, which has REST APIs.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new", alias = "item")]
    items: Vec<T>,
    #[serde(alias = "nextToken", alias = "position")]
    next: Option<String>,
}

async fn of_http<T: DeserializeOwned>(aws: &Aws, path: &str) -> Result<Vec<T>, Fault> {
    pages(aws, &HTTP_APIS, path, "nextToken").await
}

async fn of_rest<T: DeserializeOwned>(aws: &Aws, path: &str) -> Result<Vec<T>, Fault> {
    pages(aws, &REST_APIS, path, "position").await
}

async fn pages<T: DeserializeOwned>(aws: &Aws, service: &Service, path: &str, cursor: &str) -> Result<Vec<T>, Fault> {
    let mut items = Vec::new();
    let mut from = String::new();
    loop {
        let page: Page<T> = json(&aws.ask(service, &format!("{path}{from}"), None).await?)?;
        items.extend(page.items);
        let Some(next) = page.next.filter(|next| !next.is_empty()) else { return Ok(items) };
        from = format!("?{cursor}={}", utf8_percent_encode(&next, NON_ALPHANUMERIC));
    }
}
