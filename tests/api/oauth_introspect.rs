//! `POST /oauth2/introspect` (RFC 7662): who may ask, what is told, and that asking changes nothing.

use crate::support::admin::{race, set};
use crate::support::api_keys::{MadeKey, strangers_key};
use crate::support::oauth::basic;
use crate::support::request::Request;
use crate::support::state::claims;
use crate::support::{ISSUER, START, Service, Tokens, service, service_with};
use doorward_http::audit::Event;
use doorward_store::ATTEMPTS;
use serde_json::{Value, json};

const PATH: &str = "/oauth2/introspect";
const FORM: &str = "application/x-www-form-urlencoded";
const BASIC: &str = "Basic realm=\"doorward\"";
const INVALID: &str = "Bearer error=\"invalid_token\", scope=\"introspect:tokens\"";
const INSUFFICIENT: &str = "Bearer error=\"insufficient_scope\", scope=\"introspect:tokens\"";

fn posting(service: &Service, token: &str, client: &MadeKey) -> Request {
    service.post(PATH).form(&[("token", token), ("client_id", &client.id), ("client_secret", &client.key)])
}

#[tokio::test]
async fn nobody_is_an_invalid_client() {
    let service = service().await;
    let inquirer = service.inquirer().await;
    let ann = service.newcomer("ann").await;
    service.probe.forget();
    let ask = || service.introspect(&ann.access);
    for request in [
        ask(),
        ask().header("x-api-key", ""),
        ask().header("x-api-key", "dwk_typo"),
        ask().header("x-api-key", &ann.access),
        ask().header("x-api-key", &inquirer.key).header("x-api-key", &inquirer.key),
        ask().header("authorization", "Basic Og=="),
        ask().header("authorization", "Basic !"),
        ask().header("authorization", &basic(&inquirer.id, "wrong")),
        ask().header("authorization", &basic("doorward", &inquirer.key)),
        ask().header("authorization", &format!("ApiKey {}", inquirer.key)),
        service.post(PATH).form(&[("token", &ann.access), ("client_id", &inquirer.id)]),
        service.post(PATH),
        service.post(&format!("{PATH}?client_id={}&client_secret={}", inquirer.id, inquirer.key)),
    ] {
        request.send().await.expect_challenge(401, "invalid_client", BASIC);
    }
    let posted = MadeKey { id: inquirer.id.clone(), key: "wrong".to_owned() };
    posting(&service, &ann.access, &posted).send().await.expect_plain_oauth_error(401, "invalid_client");
    assert_eq!(service.probe.calls(), [""; 0]);
    let stranger = ask().header("x-api-key", &strangers_key()).send().await;
    stranger.expect_challenge(401, "invalid_client", BASIC);
    service.disable("gateway").await;
    ask().client(&inquirer).send().await.expect_challenge(401, "invalid_client", BASIC);
}

#[tokio::test]
async fn a_bearer_who_is_not_good_is_an_invalid_token() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    let out = service.person_with_scopes("out", "introspect:tokens").await;
    service.post_as(&out.access, "/logout").await.expect(200);
    let gone = service.person_with_scopes("gone", "introspect:tokens").await;
    service.disable("gone").await;
    for dead in ["", "forged", &out.access, &gone.access, &gone.refresh] {
        for request in [service.introspect(&ann.access), service.post(PATH).body("text/plain", b"{")] {
            request.bearer(dead).send().await.expect_challenge(401, "invalid_token", INVALID);
        }
    }
}

#[tokio::test]
async fn without_the_scope_nothing_is_told() {
    let service = service().await;
    let ann = service.person("ann").await;
    let root = service.admin("root").await;
    let plain = service.client_of(&ann, "read:items").await;
    // The owner has it and the key has not, the key has it and the owner has not any more.
    let gateway = service.person_with_scopes("gateway", "introspect:tokens other").await;
    let narrow = service.client_of(&gateway, "other").await;
    let former = service.client_of(&gateway, "introspect:tokens").await;
    let token = service.client_token(&former).await;
    service.alter(&gateway, |user| user.scopes = set("other")).await;
    for key in [&plain, &narrow, &former] {
        let ask = || service.introspect(&ann.access);
        for request in [ask().client(key), ask().header("x-api-key", &key.key), posting(&service, &ann.access, key)] {
            request.send().await.expect_challenge(403, "insufficient_scope", INSUFFICIENT);
        }
    }
    for bearer in [&ann.access, &root.access, &token] {
        let answer = service.introspect(bearer).bearer(bearer).send().await;
        answer.expect_challenge(403, "insufficient_scope", INSUFFICIENT);
    }
}

#[tokio::test]
async fn what_is_asked_is_one_form_by_one_caller() {
    let service = service().await;
    let inquirer = service.inquirer().await;
    let ann = service.newcomer("ann").await;
    let body = |text: &str| service.post(PATH).client(&inquirer).body(FORM, text.as_bytes());
    for text in ["", "token=", "token_type_hint=access_token", "token=a&token=a", "token=a&note=1&note=2", "token=%FF"]
    {
        body(text).send().await.expect_plain_oauth_error(400, "invalid_request");
    }
    for request in [
        service.post(PATH).client(&inquirer).json(&json!({"token": ann.access})),
        service.post(PATH).client(&inquirer).body("", b"token=a"),
        service.post(&format!("{PATH}?token={}", ann.access)).client(&inquirer),
        posting(&service, &ann.access, &inquirer).client(&inquirer),
        posting(&service, &ann.access, &inquirer).header("x-api-key", &inquirer.key),
        service.introspect(&ann.access).client(&inquirer).header("x-api-key", &inquirer.key),
    ] {
        request.send().await.expect_plain_oauth_error(400, "invalid_request");
    }
    let bearer = service.client_token(&inquirer).await;
    let both = service.introspect(&ann.access).bearer(&bearer).header("x-api-key", &inquirer.key).send().await;
    both.expect_plain_oauth_error(400, "invalid_request");
    let get = service.get(PATH).client(&inquirer).send().await.expect_problem(405, "Method Not Allowed");
    assert_eq!(get.header("allow"), Some("POST"));
    get.expect_uncached();
}

#[tokio::test]
async fn what_is_not_live_is_inactive_and_nothing_more_is_said() {
    let service = service().await;
    let inquirer = service.inquirer().await;
    let ann = service.person("ann").await;
    let client = service.client_of(&ann, "read:items").await;
    let forged = format!("{}.AAAA", ann.access.rsplit_once('.').unwrap().0);
    let cut = &ann.refresh[..ann.refresh.len() - 1];
    for text in ["x", "dwr_", "..", "\0", "\u{e9}", cut, &forged, &client.key, &client.id, &"a".repeat(20_000)] {
        service.expect_inactive(&inquirer, text).await;
    }
    let alone = service.login("ann").await;
    service.post_as(&alone.access, "/revoke-token").await.expect(200);
    service.expect_inactive(&inquirer, &alone.access).await;
    assert_eq!(service.told_of(&inquirer, &alone.refresh).await["active"], true);
    for out in ["/logout", "/logout/all"] {
        let Tokens { access, refresh } = service.login("ann").await;
        service.post_as(&access, out).await.expect(200);
        service.expect_inactive(&inquirer, &access).await;
        service.expect_inactive(&inquirer, &refresh).await;
    }
    let (gone, shut) = (service.newcomer("gone").await, service.newcomer("shut").await);
    service.delete_user(&gone.access).await;
    service.disable("shut").await;
    let sessionless = service.login("ann").await;
    service.delete_session(&sessionless.access).await;
    for Tokens { access, refresh } in [gone, shut, sessionless] {
        service.expect_inactive(&inquirer, &access).await;
        service.expect_inactive(&inquirer, &refresh).await;
    }
    let token = service.client_token(&client).await;
    service.delete(&client.path()).bearer(&service.login("ann").await.access).send().await.expect(204);
    service.expect_inactive(&inquirer, &token).await;
}

#[tokio::test]
async fn a_token_is_inactive_from_its_end_on() {
    let service = service_with(&[("DOORWARD_REFRESH_TTL", "1000"), ("DOORWARD_SESSION_TTL", "1500")]).await;
    let inquirer = service.inquirer().await;
    let ann = service.newcomer("ann").await;
    let told = service.told_of(&inquirer, &ann.refresh).await;
    assert_eq!(told["exp"], START.seconds() + 1000);
    service.wait(899);
    assert_eq!(service.told_of(&inquirer, &ann.access).await["active"], true);
    service.wait(1);
    service.expect_inactive(&inquirer, &ann.access).await;
    let next = service.refresh(&ann.refresh).await.expect(200).tokens();
    let told = service.told_of(&inquirer, &next.refresh).await;
    let (issued, ends) = (START.seconds() + 900, START.seconds() + 1500);
    assert_eq!((&told["iat"], &told["exp"]), (&json!(issued), &json!(ends)), "the session's end comes first");
    service.wait(599);
    assert_eq!(service.told_of(&inquirer, &next.refresh).await["active"], true);
    service.wait(1);
    service.expect_inactive(&inquirer, &next.refresh).await;
    service.expect_inactive(&inquirer, &next.access).await;
}

#[tokio::test]
async fn a_spent_refresh_token_is_inactive_and_asking_is_no_theft() {
    let service = service().await;
    let inquirer = service.inquirer().await;
    let first = service.newcomer("ann").await;
    let second = service.refresh(&first.refresh).await.expect(200).tokens();
    let events = service.events();
    // Within the grace and after it.
    for _ in 0..2 {
        service.expect_inactive(&inquirer, &first.refresh).await;
        assert_eq!(service.told_of(&inquirer, &second.refresh).await["active"], true);
        assert_eq!(service.generation(&first.access).await, 1, "nothing was used");
        service.wait(11);
    }
    assert_eq!((service.events(), service.thefts()), (events, 0));
    service.refresh(&second.refresh).await.expect(200);
    service.expect_inactive(&inquirer, &second.refresh).await;
}

#[tokio::test]
async fn everything_is_told_of_a_users_tokens() {
    let service = service().await;
    let inquirer = service.inquirer().await;
    let ann = service.person_who_may("Ann", "read:users").await;
    service.wait(5);
    let ann = service.again("ann", &ann).await;
    let claims = claims(&ann.access);
    let mut expected = claims.clone();
    for (name, value) in [("active", json!(true)), ("username", json!("Ann")), ("token_type", json!("bearer"))] {
        expected[name] = value;
    }
    assert_eq!(service.told_of(&inquirer, &ann.access).await, expected);
    assert_eq!(claims["permissions"], json!(["read:users"]));
    // Rights as they are now; the token has copies of what they were.
    service.alter(&ann, |user| user.permissions = set("")).await;
    assert_eq!(service.told_of(&inquirer, &ann.access).await["permissions"], json!([]));

    let refresh = json!({
        "active": true, "scope": "read:items write:items", "client_id": "doorward", "username": "Ann", "sub": ann.id,
        "iss": ISSUER, "iat": START.seconds() + 5, "exp": START.seconds() + 5 + 604_800, "sid": claims["sid"],
        "roles": ["user"], "permissions": [], "amr": ["pwd"], "auth_time": START.seconds() + 5,
    });
    assert_eq!(service.told_of(&inquirer, &ann.refresh).await, refresh);
}

#[tokio::test]
async fn everything_is_told_of_a_clients_token() {
    let service = service().await;
    let inquirer = service.inquirer().await;
    let ann = service.person("ann").await;
    let client = service.client_of(&ann, "read:items write:items").await;
    let token = service.client_token(&client).await;
    let mut expected = claims(&token);
    expected["active"] = json!(true);
    expected["token_type"] = json!("bearer");
    assert_eq!(service.told_of(&inquirer, &token).await, expected);
    service.alter(&ann, |user| user.scopes = set("read:items")).await;
    assert_eq!(service.told_of(&inquirer, &token).await["scope"], "read:items");
    service.disable("ann").await;
    service.expect_inactive(&inquirer, &token).await;
}

#[tokio::test]
async fn whoever_has_the_scope_may_ask_in_any_way_and_with_any_hint() {
    let service = service().await;
    let inquirer = service.inquirer().await;
    let person = service.person_with_scopes("person", "introspect:tokens").await;
    let bearer = service.client_token(&inquirer).await;
    let ann = service.newcomer("ann").await;
    for (token, jti) in [(&ann.access, claims(&ann.access)["jti"].clone()), (&ann.refresh, Value::Null)] {
        let ask = |hint: &str| service.post("/oauth2/introspect/").form(&[("token", token), ("token_type_hint", hint)]);
        for request in [
            ask("").client(&inquirer),
            ask("access_token").header("x-api-key", &inquirer.key),
            ask("refresh_token").bearer(&bearer),
            ask("\u{e9}").bearer(&person.access),
            posting(&service, token, &inquirer),
        ] {
            let answer = request.send().await.expect(200);
            answer.expect_uncached();
            assert_eq!((&answer.json()["active"], &answer.json()["jti"]), (&json!(true), &jti));
        }
    }
    // A caller may ask for what it brings itself.
    let own = service.introspect(&bearer).bearer(&bearer).send().await.expect(200).json();
    assert_eq!((&own["sub"], &own["active"]), (&json!(inquirer.id), &json!(true)));
}

#[tokio::test]
async fn asking_costs_a_check_of_who_asks_and_one_read() {
    let service = service().await;
    let inquirer = service.inquirer().await;
    let ann = service.person("ann").await;
    let client = service.client_of(&ann, "read:items").await;
    let token = service.client_token(&client).await;
    let bearer = service.client_token(&inquirer).await;
    let (by_key, by_bearer) = ("BatchGetItem api-keys users", "BatchGetItem api-keys revoked-tokens users");
    let events = service.events();
    for (asked, reads) in [
        (&ann.access, &["BatchGetItem revoked-tokens sessions users"][..]),
        (&ann.refresh, &["BatchGetItem sessions users"]),
        (&token, &["BatchGetItem api-keys revoked-tokens users"]),
        (&"forged".to_owned(), &[]),
    ] {
        for (request, check) in [
            (service.introspect(asked).client(&inquirer), by_key),
            (service.introspect(asked).bearer(&bearer), by_bearer),
        ] {
            service.probe.forget();
            request.send().await.expect(200);
            let mut expected = [&[check], reads].concat();
            expected.sort_unstable();
            assert_eq!(service.probe.calls(), expected);
        }
    }
    assert_eq!(service.events(), events);
    // That the client of the token was asked about is no use of its key; that the inquirer asked is one of its own.
    let used = |key: &Value| key["last_used_at"].clone();
    let before = used(&service.keys_of(&ann).await[0]);
    service.wait(600);
    service.told_of(&inquirer, &token).await;
    assert_eq!(used(&service.keys_of(&ann).await[0]), before);
    let gateway = service.again("gateway", &ann).await;
    assert_eq!(used(&service.keys_of(&gateway).await[0]), "2027-01-15T08:10:00Z");
}

#[tokio::test]
async fn a_store_that_fails_is_503_and_never_inactive() {
    let service = service().await;
    let inquirer = service.inquirer().await;
    let ann = service.newcomer("ann").await;
    let bearer = service.client_token(&inquirer).await;
    service.probe.cut_off(true);
    for token in [&ann.access, &ann.refresh] {
        for request in [service.introspect(token).client(&inquirer), service.introspect(token).bearer(&bearer)] {
            let away = request.send().await.expect_problem(503, "Service unavailable");
            assert_eq!(away.header("retry-after"), Some("1"));
            away.expect_uncached();
        }
    }
    service.probe.cut_off(false);
    for (token, table) in [(&ann.access, "revoked-tokens"), (&ann.access, "sessions"), (&ann.refresh, "sessions")] {
        service.probe.leave_unprocessed(table);
        assert_eq!(service.told_of(&inquirer, token).await["active"], true);
        assert!(service.probe.is_done());
        for _ in 0..ATTEMPTS {
            service.probe.leave_unprocessed(table);
        }
        let answer = service.introspect(token).client(&inquirer).send().await;
        answer.expect_problem(503, "Service unavailable");
        assert!(service.probe.is_done());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_beside_a_refresh_disturbs_nothing() {
    let service = service_with(&[("DOORWARD_SIGNING_ALG", "EdDSA"), ("DOORWARD_REFRESH_GRACE", "0")]).await;
    let inquirer = service.inquirer().await;
    let mut tokens = service.newcomer("ann").await;
    for round in 0..40 {
        let mut requests: Vec<_> = (0..6).map(|_| service.introspect(&tokens.refresh).client(&inquirer)).collect();
        let refresh = service.post("/token/refresh").form(&[("refresh_token", &tokens.refresh)]);
        requests.insert(round % 7, refresh);
        let mut answers = race(requests).await;
        let next = answers.remove(round % 7).expect(200).tokens();
        for answer in answers {
            // Before the refresh or after it, and nothing between.
            let body = answer.expect(200).json();
            assert!(body["active"] == true && body["client_id"] == "doorward" || body == json!({"active": false}));
        }
        service.expect_inactive(&inquirer, &tokens.refresh).await;
        tokens = next;
    }
    service.expect_alive(&tokens.access).await;
    assert!(!service.events().iter().any(|event| matches!(event, Event::TheftDetected { .. })));
}
