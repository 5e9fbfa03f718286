//! `POST /oauth2/token` with `client_credentials`: who is a client, and what it gets.

use crate::support::admin::{Person, set};
use crate::support::api_keys::{MadeKey, a_key_of, strangers_key};
use crate::support::oauth::basic;
use crate::support::request::Request;
use crate::support::state::claims;
use crate::support::{Answer, ISSUER, START, Service, service, service_with};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use doorward_http::audit::Event;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const CHALLENGE: &str = "Basic realm=\"doorward\"";
const FORM: &str = "application/x-www-form-urlencoded";

async fn somebody_with_a_client(service: &Service) -> (Person, MadeKey) {
    let ann = service.person("ann").await;
    let client = service.client_of(&ann, "read:items write:items").await;
    service.probe.forget();
    (ann, client)
}

fn by_header(service: &Service, header: &str) -> Request {
    service.post("/oauth2/token").header("authorization", header).form(&[("grant_type", "client_credentials")])
}

fn by_body(service: &Service, id: &str, secret: &str) -> Request {
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    service.post("/oauth2/token").form(&form)
}

fn members(answer: &Answer) -> BTreeSet<String> {
    answer.json().as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn who_is_no_client_is_refused_without_a_read() {
    let service = service().await;
    let (ann, MadeKey { id, key }) = somebody_with_a_client(&service).await;
    let bob = service.person("bob").await;
    let other = service.key_of(&bob, "ci").await;
    service.probe.forget();
    let typo = format!("{}{}", &key[..key.len() - 1], if key.ends_with('x') { "y" } else { "x" });
    let pairs = [
        (id.as_str(), ""),
        (&id, "x"),
        (&id, &typo),
        (&id, &key[..key.len() - 1]),
        (&id, &ann.access),
        (&id, &ann.refresh),
        (&id, &other.key),
        (&other.id, &key),
        ("", &key),
        ("ann", &key),
        ("doorward", &key),
        (&id.to_uppercase(), &key),
        (&format!("{id} "), &key),
        (&key, &id),
        (&key, &key),
        ("ann", "correct horse battery staple"),
    ];
    for (name, secret) in pairs {
        by_header(&service, &basic(name, secret)).send().await.expect_challenge(401, "invalid_client", CHALLENGE);
        let posted = by_body(&service, name, secret).send().await.expect_oauth_error(401, "invalid_client");
        // Without a secret nothing was tried.
        assert_eq!(posted.header("www-authenticate"), secret.is_empty().then_some(CHALLENGE));
    }
    let plain = |text: &str| STANDARD.encode(text);
    for header in [
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic Og==".to_owned(),
        "Basic !".to_owned(),
        format!("Basic {}", plain(&id)),
        format!("Basic {}", plain(&format!("{id};{key}"))),
        format!("Basic {}", plain(&format!("{id}:{key}:"))),
        format!("Basic {}", plain(&format!("%FF:{key}"))),
        format!("Basic {}", STANDARD.encode(b"\xff:\xff")),
        format!("Basic {id}:{key}"),
        format!("Basic {}", STANDARD_NO_PAD.encode(format!("{id}:{key}")).repeat(2)),
        format!("Bearer {}", ann.access),
        format!("Bearer {key}"),
        format!("ApiKey {key}"),
        "Digest username=\"x\"".to_owned(),
    ] {
        by_header(&service, &header).send().await.expect_challenge(401, "invalid_client", CHALLENGE);
    }
    let nobody = [service.post("/oauth2/token"), service.post("/oauth2/token").header("x-api-key", &key)];
    for request in nobody {
        let answer = request.form(&[("grant_type", "client_credentials")]).send().await;
        answer.expect_challenge(401, "invalid_client", CHALLENGE);
    }
    assert_eq!(service.probe.calls(), [""; 0]);
}

#[tokio::test]
async fn who_is_a_client_no_more_is_refused() {
    let service = service().await;
    let ann = service.person("ann").await;
    let body = json!({"name": "short", "expires_at": "2027-01-15T08:01:00Z"});
    let short = MadeKey::of(&service.ask_for_key(&ann, &body).send().await.expect(201));
    let (old, gone) = (service.key_of(&ann, "old").await, service.key_of(&ann, "gone").await);
    let new = MadeKey::of(&service.rotate(&ann, &old, 30).send().await.expect(200));
    service.delete(&gone.path()).bearer(&ann.access).send().await.expect(204);
    service.client_token(&old).await;
    service.wait(60);
    let stranger = strangers_key();
    let strangers_id = stranger.strip_prefix("dwk_").unwrap().split('_').next().unwrap().to_owned();
    let never = a_key_of(&ann.id);
    let never_id = never.strip_prefix("dwk_").unwrap().split('_').next().unwrap().to_owned();
    let made_up = [(strangers_id, stranger), (never_id, never)].map(|(id, key)| MadeKey { id, key });
    for dead in [&short, &old, &gone, &made_up[0], &made_up[1]] {
        service.ask_as_client(dead, "").send().await.expect_challenge(401, "invalid_client", CHALLENGE);
        by_body(&service, &dead.id, &dead.key).send().await.expect_plain_oauth_error(401, "invalid_client");
    }
    service.client_token(&new).await;
    service.disable("ann").await;
    service.ask_as_client(&new, "").send().await.expect_challenge(401, "invalid_client", CHALLENGE);
    service.delete_user(&ann.access).await;
    service.ask_as_client(&new, "").send().await.expect_challenge(401, "invalid_client", CHALLENGE);
}

#[tokio::test]
async fn one_way_to_prove_oneself_is_enough() {
    let service = service().await;
    let (ann, client) = somebody_with_a_client(&service).await;
    let other = service.key_of(&ann, "other").await;
    service.probe.forget();
    for (id, secret) in [(&client.id, &client.key), (&other.id, &other.key), (&String::new(), &client.key)] {
        let both = by_body(&service, id, secret).client(&client).send().await;
        both.expect_plain_oauth_error(400, "invalid_request");
    }
    by_body(&service, &other.id, "").client(&client).send().await.expect_plain_oauth_error(400, "invalid_request");
    let twice = by_header(&service, &client.basic()).client(&client).send().await;
    twice.expect_plain_oauth_error(400, "invalid_request");
    // As API Gateway hands two of them over.
    for (one, two) in [(client.basic(), client.basic()), (format!("Bearer {}", ann.access), client.basic())] {
        for joined in [format!("{one},{two}"), format!("{one}, {two}"), format!("{two}, {one}")] {
            by_header(&service, &joined).send().await.expect_plain_oauth_error(400, "invalid_request");
        }
    }
    for name in ["client_id", "client_secret", "scope", "note"] {
        let body = format!("grant_type=client_credentials&client_id={}&{name}=a&{name}=a", client.id);
        let answer = service.post("/oauth2/token").client(&client).body(FORM, body.as_bytes()).send().await;
        answer.expect_plain_oauth_error(400, "invalid_request");
    }
    assert_eq!(service.probe.calls(), [""; 0]);
    // The name again is no second way.
    by_body(&service, &client.id, "").client(&client).send().await.expect(200);
}

#[tokio::test]
async fn no_client_gets_more_than_its_key_and_its_owner_share() {
    let service = service().await;
    let ann = service.person_with_scopes("ann", "a b c").await;
    let client = service.client_of(&ann, "a b").await;
    for scope in ["c", "a c", "A", "a b d", "read:items", "a\"", "\u{e9}", "a\tb", &"a".repeat(65)] {
        let answer = service.ask_as_client(&client, scope).send().await;
        answer.expect_plain_oauth_error(400, "invalid_scope");
    }
    for (scope, granted) in [("", "a b"), (" ", "a b"), ("a", "a"), ("b a", "a b"), ("b  b", "b")] {
        let answer = service.ask_as_client(&client, scope).send().await.expect(200);
        assert_eq!(answer.text("scope"), granted);
        assert_eq!(claims(&answer.text("access_token"))["scope"], granted);
    }
    service.alter(&ann, |user| user.scopes = set("b c")).await;
    service.ask_as_client(&client, "a").send().await.expect_plain_oauth_error(400, "invalid_scope");
    assert_eq!(service.ask_as_client(&client, "").send().await.expect(200).text("scope"), "b");
    let without = service.key_of(&ann, "without").await;
    service.ask_as_client(&without, "b").send().await.expect_plain_oauth_error(400, "invalid_scope");
    assert_eq!(service.ask_as_client(&without, "").send().await.expect(200).text("scope"), "");
}

#[tokio::test]
async fn a_client_is_answered_by_the_rfc() {
    let service = service().await;
    let (_, client) = somebody_with_a_client(&service).await;
    let plain = format!("basic  {}", STANDARD.encode(format!("{}:{}", client.id, client.key)));
    for request in [
        by_header(&service, &client.basic()),
        by_header(&service, &plain),
        by_body(&service, &client.id, &client.key),
        by_body(&service, &client.id, &client.key).bearer("of somebody else"),
    ] {
        let answer = request.send().await.expect(200);
        answer.expect_uncached();
        assert_eq!(members(&answer), ["access_token", "expires_in", "scope", "token_type"].map(str::to_owned).into());
        let body = answer.json();
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(900)));
        let claims = claims(&answer.text("access_token"));
        let expected = json!({
            "iss": ISSUER, "aud": ISSUER, "sub": client.id, "client_id": client.id, "scope": "read:items write:items",
            "iat": START.seconds(), "nbf": START.seconds(), "exp": START.seconds() + 900, "jti": claims["jti"],
        });
        assert_eq!(claims, expected);
    }
}

#[tokio::test]
async fn a_clients_token_ends_with_its_key_at_the_latest() {
    let service = service_with(&[("DOORWARD_ACCESS_TTL", "300")]).await;
    let ann = service.person("ann").await;
    let body = json!({"name": "short", "scopes": ["read:items"], "expires_at": "2027-01-15T08:05:30Z"});
    let client = MadeKey::of(&service.ask_for_key(&ann, &body).send().await.expect(201));
    for (wait, lasts) in [(0, 300), (30, 300), (200, 100), (99, 1)] {
        service.wait(wait);
        let answer = service.ask_as_client(&client, "").send().await.expect(200);
        assert_eq!(answer.json()["expires_in"], lasts);
        let claims = claims(&answer.text("access_token"));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), lasts);
    }
    let last = service.client_token(&client).await;
    service.get("/items").bearer(&last).send().await.expect(200);
    service.wait(1);
    service.get("/items").bearer(&last).send().await.expect_problem(401, "Could not validate credentials");
}

#[tokio::test]
async fn who_got_in_is_on_record_and_the_use_of_the_key_too() {
    let service = service().await;
    let (ann, client) = somebody_with_a_client(&service).await;
    let events = service.events().len();
    by_body(&service, &client.id, "wrong").send().await.expect(401);
    assert_eq!(service.events().len(), events);
    assert_eq!(service.keys_of(&ann).await[0]["last_used_at"], Value::Null);
    service.client_token(&client).await;
    assert_eq!(service.keys_of(&ann).await[0]["last_used_at"], "2027-01-15T08:00:00Z");
    let Some(Event::ClientGranted { user, key }) = service.events().pop() else { panic!("{:?}", service.events()) };
    assert_eq!((user.as_str(), key.to_string()), (ann.id.as_str(), client.id));
}

#[tokio::test]
async fn a_client_costs_one_read_and_a_mark_in_five_minutes() {
    let service = service().await;
    let (_, client) = somebody_with_a_client(&service).await;
    let (read, mark) = ("BatchGetItem api-keys users", "UpdateItem api-keys");
    for (wait, calls) in [(0, &[read, mark][..]), (299, &[read]), (1, &[read, mark]), (0, &[read])] {
        service.wait(wait);
        // The key ring is read again beside a request, once a minute.
        service.get("/.well-known/jwks.json").send().await.expect(200);
        service.probe.forget();
        service.client_token(&client).await;
        assert_eq!(service.probe.calls(), calls);
    }
}

#[tokio::test]
async fn a_store_that_fails_is_503_and_no_refusal() {
    let service = service().await;
    let (_, client) = somebody_with_a_client(&service).await;
    service.probe.cut_off(true);
    let away = service.ask_as_client(&client, "").send().await.expect_problem(503, "Service unavailable");
    assert_eq!((away.header("retry-after"), away.header("www-authenticate")), (Some("1"), None));
    away.expect_uncached();
    by_body(&service, &client.id, "wrong").send().await.expect_plain_oauth_error(401, "invalid_client");
    service.probe.cut_off(false);
    for table in ["users", "api-keys"] {
        service.probe.leave_unprocessed(table);
        service.client_token(&client).await;
        assert!(service.probe.is_done());
    }
    for (operation, table) in [("BatchGetItem", "users"), ("UpdateItem", "api-keys")] {
        service.wait(300);
        service.probe.lose_reply(operation, table);
        service.client_token(&client).await;
        assert!(service.probe.is_done(), "{operation}");
    }
}
