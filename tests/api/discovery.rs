//! `GET /.well-known/oauth-authorization-server` (RFC 8414), `GET /.well-known/openid-configuration`: where everything is.

use crate::support::{ISSUER, Service, service, service_with};
use serde_json::{Value, json};

const PATHS: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

async fn metadata(service: &Service, path: &str) -> Value {
    service.get(path).send().await.expect(200).json()
}

#[tokio::test]
async fn it_lists_what_answers_and_nothing_else() {
    let service = service().await;
    let without_docs = service.another(&[("DOORWARD_DOCS", "off")]).await;
    for path in PATHS {
        let found = metadata(&service, path).await;
        let mut expected = json!({
            "issuer": ISSUER,
            "jwks_uri": format!("{ISSUER}/.well-known/jwks.json"),
            "token_endpoint": format!("{ISSUER}/oauth2/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "grant_types_supported": ["refresh_token", "client_credentials"],
            "response_types_supported": [],
            "revocation_endpoint": format!("{ISSUER}/oauth2/revoke"),
            "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "introspection_endpoint": format!("{ISSUER}/oauth2/introspect"),
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "Bearer"],
            "userinfo_endpoint": format!("{ISSUER}/oauth2/userinfo"),
            "claims_supported": ["sub", "preferred_username", "name", "email", "email_verified"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "service_documentation": format!("{ISSUER}/docs"),
        });
        assert_eq!(found, expected, "{path}");
        expected.as_object_mut().unwrap().remove("service_documentation");
        assert_eq!(metadata(&without_docs, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn every_link_answers() {
    let service = service().await;
    let found = metadata(&service, PATHS[0]).await;
    for (name, value) in found.as_object().unwrap() {
        if !["_endpoint", "_uri", "_documentation"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let path = value.as_str().unwrap().strip_prefix(ISSUER).unwrap();
        let answer = service.get(path).send().await;
        assert!([200, 401, 405].contains(&answer.status), "{path}: {answer:?}");
    }
    for grant in found["grant_types_supported"].as_array().unwrap() {
        let form = [("grant_type", grant.as_str().unwrap())];
        let answer = service.post("/oauth2/token").form(&form).send().await;
        assert_ne!(answer.text("error"), "unsupported_grant_type", "{grant}");
    }
}

#[tokio::test]
async fn the_links_are_the_configured_issuers_whatever_the_request_says() {
    let service = service_with(&[("DOORWARD_ISSUER", "https://id.example"), ("DOORWARD_AUDIENCE", "api")]).await;
    for path in PATHS {
        let request = service.get(path).host("evil.example").header("x-forwarded-host", "evil.example");
        let request = request.header("forwarded", "host=evil.example").header("x-forwarded-proto", "http");
        let answer = request.send().await.expect(200);
        assert!(!String::from_utf8_lossy(&answer.body).contains("evil"));
        assert_eq!(answer.json()["issuer"], "https://id.example");
        assert_eq!(answer.json()["userinfo_endpoint"], "https://id.example/oauth2/userinfo");
    }
}

#[tokio::test]
async fn it_names_the_algorithms_of_the_keys_that_there_are() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let service = service_with(&[("DOORWARD_SIGNING_ALG", algorithm)]).await;
        // What is configured takes effect with the next key.
        let another = service.another(&[("DOORWARD_SIGNING_ALG", "RS256")]).await;
        for service in [service, another] {
            let found = metadata(&service, PATHS[1]).await;
            assert_eq!(found["id_token_signing_alg_values_supported"], json!([algorithm]));
        }
    }
}

#[tokio::test]
async fn anybody_may_keep_it_for_a_while() {
    let service = service().await;
    for path in PATHS {
        for path in [path.to_owned(), format!("{path}/")] {
            let answer = service.get(&path).send().await.expect(200);
            assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
        service.request("HEAD", path).send().await.expect(200);
        service.post(path).send().await.expect_problem(405, "Method Not Allowed");
    }
}
