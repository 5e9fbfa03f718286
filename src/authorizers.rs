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

/// APIs of one kind, as API Gateway's own API has them.
struct Family {
    service: Service,
    path: &'static str,
    /// The parameter that asks for the next page.
    cursor: &'static str,
    /// For so many seconds an answer is used again where nobody says.
    kept_for: u32,
}

/// HTTP APIs, which keep no answers by themselves, and REST APIs, which do
/// (<https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html>).
const FAMILIES: [Family; 2] = [
    Family {
        service: Service { name: "apigateway", endpoint: "AWS_ENDPOINT_URL_APIGATEWAYV2" },
        path: "/v2/apis",
        cursor: "nextToken",
        kept_for: 0,
    },
    Family {
        service: Service { name: "apigateway", endpoint: "AWS_ENDPOINT_URL_API_GATEWAY" },
        path: "/restapis",
        cursor: "position",
        kept_for: 300,
    },
];

/// All authorizers of the account and the region.
///
/// # Errors
/// When AWS does not say.
pub async fn all(aws: &Aws) -> Result<Vec<Authorizer>, Fault> {
    let mut found = Vec::new();
    for family in &FAMILIES {
        for api in family.pages::<Api>(aws, "").await? {
            let of_api = family.pages::<Described>(aws, &format!("/{}/authorizers", api.id)).await?;
            found.extend(of_api.into_iter().map(|described| described.of(&api.name, family.kept_for)));
        }
    }
    Ok(found)
}

impl Family {
    async fn pages<T: DeserializeOwned>(&self, aws: &Aws, below: &str) -> Result<Vec<T>, Fault> {
        let mut items = Vec::new();
        let mut from = String::new();
        loop {
            let path = format!("{}{below}{from}", self.path);
            let page: Page<T> = json(&aws.ask(&self.service, &path, None).await?)?;
            items.extend(page.items);
            let Some(next) = page.next.filter(|next| !next.is_empty()) else { return Ok(items) };
            from = format!("?{}={}", self.cursor, utf8_percent_encode(&next, NON_ALPHANUMERIC));
        }
    }
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
