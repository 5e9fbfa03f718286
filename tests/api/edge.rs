//! The coat around every route: headers, origins, hosts, and a store that is not there.

use crate::support::api_keys::strangers_key;
use crate::support::request::Request;
use crate::support::{Answer, PASSWORD, Service, service, service_with};
use doorward_store::ATTEMPTS;
use serde_json::json;
use std::collections::HashSet;

const APP: &str = "https://app.example.com";

async fn service_for_browsers() -> Service {
    service_with(&[("DOORWARD_ALLOWED_ORIGINS", "https://app.example.com,http://localhost:3000")]).await
}

#[tokio::test]
async fn there_is_nothing_where_no_route_is() {
    let service = service().await;
    for path in ["/nothing", "/users/me/nothing", "/.well-known", "//", "/token/../users", "/%75sers", "/users;a=b"] {
        for method in ["GET", "POST", "DELETE"] {
            service.request(method, path).send().await.expect_problem(404, "Not Found");
        }
    }
}

/// One answer of each kind.
async fn answers_of_every_kind(service: &Service) -> Vec<Answer> {
    let token = service.newcomer("ann").await.access;
    let mut answers = vec![
        service.get("/health").send().await.expect(200),
        service.me(&token).await.expect(200),
        service.sign_up("bob").await.expect(201),
        service.me("forged").await.expect(401),
        service.get("/nothing").send().await.expect(404),
        service.request("DELETE", "/health").send().await.expect(405),
        service.sign_up("bob").await.expect(409),
        service.post("/users").header("content-length", "65537").send().await.expect(413),
        service.post("/users").body("text/plain", b"a").send().await.expect(415),
        service.post("/users").json(&json!({})).send().await.expect(422),
    ];
    service.probe.cut_off(true);
    answers.push(service.me(&token).await.expect(503));
    service.probe.cut_off(false);
    answers
}

#[tokio::test]
async fn every_answer_has_the_headers_of_every_answer() {
    let service = service().await;
    for answer in answers_of_every_kind(&service).await {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=31536000"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-xss-protection", "0"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
            assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{answer:?}");
        }
        assert_eq!(answer.header("set-cookie"), None);
        assert_eq!(answer.header("server"), None);
        let is_problem = answer.header("content-type") == Some("application/problem+json");
        assert_eq!(is_problem, answer.status >= 400, "{answer:?}");
    }
}

#[tokio::test]
async fn every_request_has_an_id_of_its_own_and_not_the_clients() {
    let service = service().await;
    let mut ids = HashSet::new();
    for answer in answers_of_every_kind(&service).await {
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(ids.insert(id), "{answer:?}");
    }
    let theirs = "0123456789abcdef0123456789abcdef";
    for name in ["x-request-id", "x-amzn-requestid", "x-correlation-id", "traceparent"] {
        let answer = service.get("/health").header(name, theirs).send().await;
        assert_ne!(answer.header("x-request-id"), Some(theirs), "{name}");
    }
}

#[tokio::test]
async fn nobody_keeps_what_is_somebodys() {
    let service = service().await;
    for answer in answers_of_every_kind(&service).await {
        let is_of_anybody = answer.status == 200 && answer.json() == json!({"status": "ok"});
        assert!(is_of_anybody || answer.header("cache-control") == Some("no-store"), "{answer:?}");
    }
}

fn cors_headers(answer: &Answer) -> Vec<(String, String)> {
    let named = answer.headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    let mut found: Vec<_> = named.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    found.sort();
    found
}

const EXPOSED: &str = "WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, Location, X-Request-Id";

#[tokio::test]
async fn foreign_origins_are_told_nothing() {
    let service = service_for_browsers().await;
    for origin in [
        "null",
        "*",
        "",
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:443",
        "https://app.example.com:8443",
        "https://app.example.com/",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://evil.app.example.com",
        "https://APP.example.com",
        "https://app.example.com, https://evil.example",
        "http://localhost",
        "http://localhost:30000",
        "http://127.0.0.1:3000",
    ] {
        let plain = service.get("/health").header("origin", origin).send().await.expect(200);
        let error = service.get("/nothing").header("origin", origin).send().await.expect(404);
        let asked = service.request("OPTIONS", "/token").header("origin", origin);
        let asked = asked.header("access-control-request-method", "POST").send().await;
        asked.clone().expect_problem(405, "Method Not Allowed");
        for answer in [plain, error, asked] {
            assert_eq!(cors_headers(&answer), [], "{origin}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{origin}");
        }
    }
}

#[tokio::test]
async fn without_configured_origins_there_are_none() {
    let service = service().await;
    for origin in ["null", "http://doorward.test", APP] {
        let answer = service.get("/health").header("origin", origin).send().await.expect(200);
        assert_eq!(cors_headers(&answer), []);
    }
}

#[tokio::test]
async fn our_origins_are_told_on_every_answer() {
    let service = service_for_browsers().await;
    let token = service.newcomer("ann").await.access;
    let from = |request: Request, origin: &str| request.header("origin", origin);
    for origin in [APP, "http://localhost:3000"] {
        let mut answers = vec![
            from(service.get("/users/me").bearer(&token), origin).send().await.expect(200),
            from(service.get("/users/me"), origin).send().await.expect(401),
            from(service.get("/nothing"), origin).send().await.expect(404),
            from(service.request("DELETE", "/health"), origin).send().await.expect(405),
            from(service.request("OPTIONS", "/health"), origin).send().await.expect(405),
            from(service.post("/users").body("text/plain", b"a"), origin).send().await.expect(415),
            from(service.post("/users").json(&json!({})), origin).send().await.expect(422),
        ];
        service.probe.cut_off(true);
        answers.push(from(service.get("/users/me").bearer(&token), origin).send().await.expect(503));
        service.probe.cut_off(false);
        for answer in answers {
            let expected = [
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-origin", origin),
                ("access-control-expose-headers", EXPOSED),
            ];
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(cors_headers(&answer), expected, "{}", answer.status);
            assert_eq!(answer.header("vary"), Some("Origin"));
        }
    }
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_contract() {
    let service = service_for_browsers().await;
    for (path, method) in [("/token", "POST"), ("/users/me/", "PATCH"), ("/nothing", "DELETE")] {
        let request = service.request("OPTIONS", path).header("origin", APP);
        let request = request.header("access-control-request-method", method);
        let answer = request.header("access-control-request-headers", "authorization,x-evil").send().await.expect(204);
        assert!(answer.body.is_empty());
        for (name, value) in [
            ("access-control-allow-origin", APP),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE"),
            ("access-control-allow-headers", "Authorization, Content-Type, X-API-Key"),
            ("access-control-max-age", "3600"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
        assert!(answer.header("vary").unwrap().contains("Origin"));
        assert!(answer.header("x-request-id").is_some());
    }
    assert_eq!(service.probe.calls(), [""; 0]);
}

#[tokio::test]
async fn only_the_names_that_are_ours_are_answered() {
    let service =
        service_with(&[("DOORWARD_ALLOWED_HOSTS", "auth.example.com, *.example.org,localhost:9000,[::1]")]).await;
    for host in [
        "",
        "evil.example",
        "example.com",
        "auth.example.com.evil.example",
        "evil-auth.example.com",
        "x.auth.example.com",
        "auth.example.com:80:90",
        "example.org",
        ".example.org",
        "evilexample.org",
        "a.example.org.evil.example",
        "localhost",
        "localhost:9001",
        "[::2]",
        "*.example.org.",
        "evil.example/x.example.org",
        "evil.example#x.example.org",
        "evil.example?x.example.org",
        "evil example.org",
        "evil@x.example.org",
        "evil@auth.example.com",
        "auth.example.com:port",
        "auth.example.com:99999",
        "x.example.org:99999",
        "auth.example.com, evil.example",
    ] {
        let answer = service.get("/health").host(host).header("x-forwarded-host", "auth.example.com").send().await;
        assert_eq!(answer.status, 400, "{host}");
        answer.expect_problem(400, "Invalid host header");
    }
    for host in [
        "auth.example.com",
        "AUTH.Example.COM",
        "auth.example.com:443",
        "a.example.org",
        "a.b.EXAMPLE.org:80",
        "localhost:9000",
        "[::1]",
        "[::1]:9000",
    ] {
        assert_eq!(service.get("/health").host(host).send().await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_request_for_no_name_or_for_two_is_for_nobody() {
    let service = service_with(&[("DOORWARD_ALLOWED_HOSTS", "auth.example.com")]).await;
    service.get("/health").without_host().send().await.expect_problem(400, "Invalid host header");
    let twice = service.get("/health").host("auth.example.com").header("host", "evil.example");
    twice.send().await.expect_problem(400, "Invalid host header");
    let answer = service.post("/users").host("evil.example").json(&json!({})).send().await;
    answer.expect_problem(400, "Invalid host header");
    for (target, host) in [("evil.example", "auth.example.com"), ("auth.example.com", "evil.example")] {
        let request = service.get(&format!("http://{target}/health")).host(host);
        request.send().await.expect_problem(400, "Invalid host header");
    }
    service.get("http://auth.example.com/health").host("auth.example.com:80").send().await.expect(200);
    service.get("http://auth.example.com/health").without_host().send().await.expect(200);
}

/// A request of each route that uses the store, and what it is answered when the store is there.
fn requests_that_need_the_store(service: &Service, access: &str, refresh: &str) -> Vec<(Request, u16)> {
    let body = json!({"username": "bob", "email": "bob@example.com", "password": PASSWORD});
    let oauth = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    vec![
        (service.post("/users").json(&body), 201),
        (service.post("/token").form(&[("username", "ann"), ("password", PASSWORD)]), 200),
        (service.post("/token").form(&[("username", "ann"), ("password", "wrong")]), 401),
        (service.post("/token").form(&[("username", "nobody"), ("password", PASSWORD)]), 401),
        (service.post("/token/refresh").json(&json!({"refresh_token": refresh})), 200),
        (service.post("/oauth2/token").form(&oauth), 200),
        (service.get("/users/me").bearer(access), 200),
        (service.post("/refresh-token").bearer(access), 200),
        (service.post("/api-keys").bearer(access).json(&json!({"name": "ci"})), 201),
        (service.get("/api-keys").bearer(access), 200),
        (service.post("/api-keys/anything/rotate").bearer(access), 404),
        (service.request("DELETE", "/api-keys/anything").bearer(access), 404),
        (service.post("/items").bearer(access).json(&json!({"name": "lamp"})), 200),
        (service.get("/items").bearer(access), 200),
        (service.get("/users/me/items").bearer(access), 200),
        (service.post("/moderate").bearer(access), 403),
        (service.post("/comments").bearer(access).json(&json!({"content": "hello"})), 200),
        (service.get("/limited"), 200),
        (service.get("/protected").header("x-api-key", &strangers_key()), 403),
        (service.post("/2fa/setup").bearer(access), 200),
        (service.verify(access, "000"), 400),
        (service.turn_off(access, PASSWORD, "000"), 400),
        (service.replace_codes(access, PASSWORD, "000"), 400),
        (service.post("/revoke-token").bearer(access), 200),
        (service.post("/logout").bearer(access), 401),
    ]
}

#[tokio::test]
async fn a_store_that_is_cut_off_is_503_and_nothing_else_and_then_all_is_well() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "100/60"), ("DOORWARD_SIGN_UP_RATE", "100/60")]).await;
    let tokens = service.newcomer("ann").await;
    let events = service.events();
    service.probe.cut_off(true);
    for (request, _) in requests_that_need_the_store(&service, &tokens.access, &tokens.refresh) {
        let name = format!("{request:?}");
        let answer = request.send().await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{name}");
        assert_eq!(answer.header("www-authenticate"), None, "{name}");
        answer.expect_problem(503, "Service unavailable");
    }
    service.get("/health").send().await.expect(200);
    assert_eq!(service.events(), events, "nothing happened");

    service.probe.cut_off(false);
    for (request, status) in requests_that_need_the_store(&service, &tokens.access, &tokens.refresh) {
        let name = format!("{request:?}");
        assert_eq!(request.send().await.status, status, "{name}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_read_again_are_503() {
    let service = service().await;
    service.wait(61);
    service.probe.cut_off(true);
    service.get("/.well-known/jwks.json").send().await.expect_problem(503, "Service unavailable");
    service.probe.cut_off(false);
    service.get("/.well-known/jwks.json").send().await.expect(200);
}

#[tokio::test]
async fn what_a_batch_left_out_is_asked_again_and_never_absence() {
    let service = service().await;
    for table in ["users", "sessions", "revoked-tokens"] {
        let ann = service.newcomer(&format!("ann-{table}")).await;
        service.probe.leave_unprocessed(table);
        service.probe.forget();
        service.me(&ann.access).await.expect(200);
        assert!(service.probe.is_done());
        let mut calls = [format!("BatchGetItem {table}"), BATCH.to_owned()];
        calls.sort();
        assert_eq!(service.probe.calls(), calls);

        // The revoked token is the one item whose absence would let somebody in.
        service.post("/revoke-token").bearer(&ann.access).send().await.expect(200);
        service.probe.leave_unprocessed(table);
        service.me(&ann.access).await.expect_problem(401, "Token has been revoked");
        assert!(service.probe.is_done());
    }
}

const BATCH: &str = "BatchGetItem revoked-tokens sessions users";

#[tokio::test]
async fn what_a_batch_leaves_out_for_ever_is_503() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    for table in ["users", "sessions", "revoked-tokens"] {
        for _ in 0..ATTEMPTS {
            service.probe.leave_unprocessed(table);
        }
        service.me(&ann.access).await.expect_problem(503, "Service unavailable");
        assert!(service.probe.is_done());
        service.me(&ann.access).await.expect(200);
    }
}
