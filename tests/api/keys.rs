//! `GET /.well-known/jwks.json`, and what is verified with it.

use crate::support::{Answer, ISSUER, Service, service, service_with};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::keyring::Purpose;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header};
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn jwks(service: &Service) -> Answer {
    service.get("/.well-known/jwks.json").send().await.expect(200)
}

/// The access token with another header.
fn with_header(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let (header, rest) = token.split_once('.').unwrap();
    let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    change(&mut header);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

fn of_key(token: &str, kid: &str) -> String {
    with_header(token, |header| header["kid"] = json!(kid))
}

/// The claims, verified by somebody who has nothing but the published keys.
fn verified(token: &str, jwks: &Answer) -> Result<Value, jsonwebtoken::errors::Error> {
    let header = decode_header(token)?;
    let set: JwkSet = serde_json::from_value(jwks.json()).unwrap();
    let key: &Jwk = set.find(&header.kid.unwrap()).unwrap();
    let mut rules = Validation::new(header.alg);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[ISSUER]);
    // The service's clock is a manual one.
    rules.validate_exp = false;
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key)?, &rules).map(|token| token.claims)
}

async fn expect_keys_of(algorithm: &str, members: &[&str]) {
    let service = service_with(&[("DOORWARD_SIGNING_ALG", algorithm)]).await;
    let answer = jwks(&service).await;
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 1);
    let keys = body["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    let found: BTreeSet<_> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
    let expected: BTreeSet<_> = ["kid", "use", "alg", "kty"].into_iter().chain(members.iter().copied()).collect();
    assert_eq!(found, expected, "public members and nothing else");
    assert_eq!((&keys[0]["alg"], &keys[0]["use"]), (&json!(algorithm), &json!("sig")));

    let token = service.newcomer("ann").await.access;
    let header = decode_header(&token).unwrap();
    assert_eq!(header.alg, algorithm.parse::<Algorithm>().unwrap());
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(header.kid.as_deref(), keys[0]["kid"].as_str());

    let claims = verified(&token, &answer).unwrap();
    let names: BTreeSet<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    let documented = [
        "iss",
        "sub",
        "aud",
        "client_id",
        "iat",
        "nbf",
        "exp",
        "jti",
        "sid",
        "scope",
        "roles",
        "permissions",
        "amr",
        "auth_time",
    ];
    assert_eq!(names, BTreeSet::from(documented));
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["client_id"]),
        (&json!(ISSUER), &json!(ISSUER), &json!("doorward"))
    );
    service.me(&token).await.expect(200);

    // One bit of the claims, and it is nobody's token.
    let at = token.find('.').unwrap() + 10;
    let mut forged = token.clone();
    forged.replace_range(at..=at, if token.as_bytes()[at] == b'A' { "B" } else { "A" });
    assert!(verified(&forged, &answer).is_err());
    service.me(&forged).await.expect_problem(401, "Could not validate credentials");
}

#[tokio::test]
async fn rs256_signs_and_anybody_verifies() {
    expect_keys_of("RS256", &["n", "e"]).await;
}

#[tokio::test]
async fn es256_signs_and_anybody_verifies() {
    expect_keys_of("ES256", &["crv", "x", "y"]).await;
}

#[tokio::test]
async fn eddsa_signs_and_anybody_verifies() {
    expect_keys_of("EdDSA", &["crv", "x"]).await;
}

#[tokio::test]
async fn api_gateway_gets_rsa_by_default() {
    let service = service().await;
    let key = jwks(&service).await.json()["keys"][0].clone();
    assert_eq!((&key["kty"], &key["alg"], &key["e"]), (&json!("RSA"), &json!("RS256"), &json!("AQAB")));
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    assert!(modulus.len() >= 256 && modulus[0] != 0, "2 048 bits, no leading zero");
}

#[tokio::test]
async fn that_there_are_no_keys_yet_is_not_kept() {
    let service = service().await;
    service.raw.delete_key(Purpose::Sign.as_str(), 1).await;
    service.wait(60);
    let answer = jwks(&service).await;
    assert_eq!((answer.json(), answer.header("cache-control")), (json!({"keys": []}), Some("no-store")));
}

#[tokio::test]
async fn keys_may_be_kept_for_an_hour_at_most() {
    let service = service().await;
    let answer = jwks(&service).await;
    let policy = answer.header("cache-control").unwrap();
    let seconds = policy.split(',').find_map(|part| part.trim().strip_prefix("max-age=")).unwrap();
    assert!((1..=3600).contains(&seconds.parse::<u32>().unwrap()), "{policy}");
    assert!(!policy.contains("no-store") && !policy.contains("private"), "{policy}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn keys_have_names_of_their_own() {
    let (one, other) = (service().await, service().await);
    let key = |answer: Answer| answer.json()["keys"][0].clone();
    let (one_key, other_key) = (key(jwks(&one).await), key(jwks(&other).await));
    assert_ne!(one_key["kid"], other_key["kid"]);
    assert_ne!(one_key["n"], other_key["n"]);
    let token = one.newcomer("ann").await.access;
    other.newcomer("ann").await;
    let foreign = of_key(&token, other_key["kid"].as_str().unwrap());
    for bad in [&token, &foreign] {
        other.me(bad).await.expect_problem(401, "Could not validate credentials");
    }
}

/// How often the ring was read since the probe forgot: each time, the keys of every purpose are.
fn ring_reads(service: &Service) -> usize {
    let queries = service.probe.calls().iter().filter(|call| *call == "Query signing-keys").count();
    let purposes = Purpose::ALL.len();
    assert!(queries.is_multiple_of(purposes), "{queries}");
    queries / purposes
}

#[tokio::test]
async fn made_up_key_names_do_not_reach_the_store_again_and_again() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    service.probe.forget();
    // The ring was read a moment ago.
    for n in 0..20 {
        service.me(&of_key(&ann.access, &format!("made-up-{n}"))).await.expect(401);
    }
    assert_eq!(ring_reads(&service), 0);
    for _ in 0..3 {
        service.wait(30);
        service.probe.forget();
        for n in 0..20 {
            service.me(&of_key(&ann.access, &format!("made-up-{n}"))).await.expect(401);
        }
        service.wait(29);
        service.me(&of_key(&ann.access, "made-up")).await.expect(401);
        assert_eq!(ring_reads(&service), 1, "once in 30 seconds");
        assert!(service.probe.calls().iter().all(|call| call == "Query signing-keys"), "and nothing else");
    }
    service.me(&ann.access).await.expect(200);
}

#[tokio::test]
async fn many_at_once_read_the_ring_once() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    service.wait(61);
    service.probe.forget();
    let requests = (0..32).map(|n| {
        let token = if n % 2 == 0 { ann.access.clone() } else { of_key(&ann.access, &format!("made-up-{n}")) };
        service.get("/users/me").bearer(&token).send()
    });
    let mut running: tokio::task::JoinSet<Answer> = requests.collect();
    while let Some(answer) = running.join_next().await {
        assert!([200, 401].contains(&answer.unwrap().status));
    }
    assert_eq!(ring_reads(&service), 1);
}

#[tokio::test]
async fn a_token_that_names_no_key_reads_nothing() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    service.wait(31);
    service.probe.forget();
    let long = "a".repeat(65);
    for kid in [json!(null), json!(1), json!(""), json!("../keys"), json!("a b"), json!(["a"]), json!(long)] {
        let bad = with_header(&ann.access, |header| header["kid"] = kid);
        service.me(&bad).await.expect_problem(401, "Could not validate credentials");
    }
    let nameless = with_header(&ann.access, |header| {
        header.as_object_mut().unwrap().remove("kid");
    });
    service.me(&nameless).await.expect(401);
    assert_eq!(service.probe.calls(), [""; 0]);
}
