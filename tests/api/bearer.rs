//! Who is asking: every Bearer route refuses alike, and in one order.

use crate::support::request::Request;
use crate::support::{Answer, PASSWORD, Service, Tokens, service, service_with};
use axum::http::HeaderMap;

/// Every route that asks for an access token.
const ROUTES: [(&str, &str); 5] = [
    ("GET", "/users/me"),
    ("POST", "/refresh-token"),
    ("POST", "/logout"),
    ("POST", "/logout/all"),
    ("POST", "/revoke-token"),
];

const NOT_AUTHENTICATED: (u16, &str, Option<&str>) = (401, "Not authenticated", Some("Bearer"));
const INVALID: (u16, &str, Option<&str>) =
    (401, "Could not validate credentials", Some("Bearer error=\"invalid_token\""));
const REVOKED: (u16, &str, Option<&str>) = (401, "Token has been revoked", Some("Bearer error=\"invalid_token\""));
const INACTIVE: (u16, &str, Option<&str>) = (400, "Inactive user", None);

impl Service {
    /// Expects that every route refuses a request made like this, and in both slash forms.
    async fn expect_refused(
        &self,
        with: impl Fn(Request) -> Request,
        (status, detail, challenge): (u16, &str, Option<&str>),
    ) {
        for (method, path) in ROUTES {
            for path in [path.to_owned(), format!("{path}/")] {
                let answer = with(self.request(method, &path)).send().await;
                let answer = answer.expect_problem(status, detail);
                assert_eq!(answer.header("www-authenticate"), challenge, "{method} {path}");
                assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
                assert_no_cookie(&answer.headers);
            }
        }
    }

    async fn expect_token_refused(&self, token: &str, refusal: (u16, &str, Option<&str>)) {
        self.expect_refused(|request| request.bearer(token), refusal).await;
    }
}

fn assert_no_cookie(headers: &HeaderMap) {
    assert!(!headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn without_credentials_nobody_is_asking() {
    let service = service().await;
    service.expect_refused(|request| request, NOT_AUTHENTICATED).await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    for header in ["", "Basic YW5uOnB3", &format!("Basic {access}"), &format!("Token {access}"), &access, "Bearerx"] {
        service.expect_refused(|request| request.header("authorization", header), NOT_AUTHENTICATED).await;
    }
    // No secret is taken from a query string or a body.
    let in_query = |request: &str| format!("{request}?access_token={access}");
    for (method, path) in ROUTES {
        let answer = service.request(method, &in_query(path)).form(&[("access_token", &access)]).send().await;
        answer.expect_problem(401, "Not authenticated");
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused_without_a_look_at_the_store() {
    let service = service().await;
    let Tokens { access, refresh } = service.newcomer("ann").await;
    let (signed, signature) = access.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let long = "a".repeat(20_000);
    service.probe.forget();
    for token in [
        "",
        " ",
        "garbage",
        "..",
        "a.b.c",
        &refresh,
        &long,
        signed,
        &format!("{signed}."),
        &format!("{signed}.{}", signature.to_lowercase()),
        &format!("{header}.{header}.{signature}"),
        &format!("{access}="),
        &format!("{access} {access}"),
        &format!("{access},"),
        // {"alg":"none","typ":"at+jwt","kid":"x"}
        &format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoieCJ9.{claims}."),
    ] {
        service.expect_token_refused(token, INVALID).await;
    }
    service.expect_refused(|request| request.header("authorization", "Bearer"), INVALID).await;
    service.expect_refused(|request| request.bearer(&access).bearer(&access), INVALID).await;
    let basic_beside = |request: Request| request.header("authorization", "Basic YW5uOnB3").bearer(&access);
    service.expect_refused(basic_beside, INVALID).await;
    assert_eq!(service.probe.calls(), Vec::<String>::new());
    service.expect_alive(&access).await;
}

#[tokio::test]
async fn a_token_is_dead_from_the_very_second_of_its_end() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    service.wait(899);
    service.clock.advance(std::time::Duration::from_millis(999));
    service.expect_alive(&access).await;
    service.clock.advance(std::time::Duration::from_millis(1));
    service.expect_token_refused(&access, INVALID).await;
    // What happened to the others of the session is untouched by that.
    assert_eq!(service.session(&service.login("ann").await.access).await.revoked_at, None);
}

#[tokio::test]
async fn a_token_of_another_issuer_audience_or_store_is_foreign() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    for variable in ["DOORWARD_ISSUER", "DOORWARD_AUDIENCE"] {
        let elsewhere = service.another(&[(variable, "https://elsewhere.test")]).await;
        let foreign = elsewhere.login("ann").await;
        elsewhere.expect_alive(&foreign.access).await;
        service.expect_token_refused(&foreign.access, INVALID).await;
        elsewhere.expect_token_refused(&access, INVALID).await;
    }
    let stranger = service_with(&[]).await;
    let foreign = stranger.newcomer("ann").await;
    service.expect_token_refused(&foreign.access, INVALID).await;
    service.expect_alive(&access).await;
}

#[tokio::test]
async fn the_token_of_a_session_or_a_user_that_is_gone_is_dead() {
    let service = service().await;
    let without_session = service.newcomer("ann").await.access;
    service.delete_session(&without_session).await;
    service.expect_token_refused(&without_session, INVALID).await;

    let without_user = service.newcomer("bob").await.access;
    service.delete_user(&without_user).await;
    service.expect_token_refused(&without_user, INVALID).await;
}

#[tokio::test]
async fn a_session_that_is_over_is_gone_though_the_store_still_has_it() {
    let service = service_with(&[("DOORWARD_SESSION_TTL", "100"), ("DOORWARD_ACCESS_TTL", "900")]).await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    service.wait(99);
    service.expect_alive(&access).await;
    service.wait(1);
    service.expect_token_refused(&access, INVALID).await;
    assert!(service.find_session(&access).await.is_some(), "the store deletes late");
}

#[tokio::test]
async fn a_disabled_user_is_told_so_and_finds_the_old_tokens_dead_afterwards() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    service.disable("ann").await;
    service.expect_token_refused(&access, INACTIVE).await;
    service.enable("ann").await;
    service.expect_token_refused(&access, REVOKED).await;
    service.expect_alive(&service.login("ann").await.access).await;
}

#[tokio::test]
async fn a_revoked_token_is_told_so() {
    let service = service().await;
    for end in ["/logout", "/logout/all", "/revoke-token"] {
        let name = end.replace('/', "-");
        let Tokens { access, .. } = service.newcomer(&name).await;
        service.post_as(&access, end).await.expect(200);
        service.expect_token_refused(&access, REVOKED).await;
    }
}

#[tokio::test]
async fn what_is_wrong_first_is_said_first() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    service.post_as(&access, "/revoke-token").await.expect(200);
    service.expect_token_refused(&access, REVOKED).await;
    // Disabled comes before revoked,
    service.disable("ann").await;
    service.expect_token_refused(&access, INACTIVE).await;
    // gone before disabled,
    service.delete_session(&access).await;
    service.expect_token_refused(&access, INVALID).await;
    // and no credentials before everything.
    service.expect_refused(|request| request, NOT_AUTHENTICATED).await;

    let expired = service.newcomer("bob").await.access;
    service.disable("bob").await;
    service.expect_token_refused(&expired, INACTIVE).await;
    service.wait(900);
    service.expect_token_refused(&expired, INVALID).await;
}

#[tokio::test]
async fn a_request_is_judged_before_its_body() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    let long = |request: Request| request.header("content-length", "70000").body("text/plain", &vec![b'a'; 70_000]);
    service.expect_refused(long, NOT_AUTHENTICATED).await;
    service.expect_refused(|request| long(request.bearer("garbage")), INVALID).await;
    service.expect_refused(|request| long(request.bearer(&access)), (413, "Request body too large", None)).await;
    service.expect_alive(&access).await;

    // A missing right is said before it too.
    let refused = async |method, path: &str, refusal| {
        long(service.request(method, path).bearer(&access)).send().await.expect_problem(403, refusal)
    };
    refused("POST", "/moderate", "Access denied. Required role: moderator").await;
    for (method, path) in [("GET", "/users"), ("GET", "/users/ann"), ("PATCH", "/users/ann"), ("DELETE", "/users/ann")]
    {
        refused(method, path, "Insufficient permissions").await;
    }
    let form = [("username", "ann"), ("password", PASSWORD), ("scope", "write:items")];
    let narrow = service.post("/token").form(&form).send().await.expect(200).tokens();
    long(service.get("/items").bearer(&narrow.access)).send().await.expect_problem(403, "Not enough permissions");
    let answer = long(service.post("/oauth2/introspect").bearer(&access)).send().await.expect(403);
    assert_eq!(answer.text("error"), "insufficient_scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_leaves_out_is_asked_for_again_and_is_never_absence() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    for table in ["users", "sessions", "revoked-tokens"] {
        service.probe.leave_unprocessed(table);
        service.expect_alive(&access).await;
        assert!(service.probe.is_done());
    }
    service.post_as(&access, "/revoke-token").await.expect(200);
    service.probe.leave_unprocessed("revoked-tokens");
    service.me(&access).await.expect_problem(401, "Token has been revoked");
    assert!(service.probe.is_done());
}

#[tokio::test]
async fn a_store_that_is_down_is_no_refusal() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    service.probe.cut_off(true);
    for (method, path) in ROUTES {
        let answer: Answer = service.request(method, path).bearer(&access).send().await;
        assert_eq!(answer.expect_problem(503, "Service unavailable").header("retry-after"), Some("1"), "{path}");
    }
    service.probe.cut_off(false);
    service.expect_alive(&access).await;
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let header = format!("{scheme} {access}");
        service.get("/users/me").header("authorization", &header).send().await.expect(200);
    }
    assert_eq!(service.try_login("ann", PASSWORD).await.status, 200);
}
