//! The `mfa_token` between the two steps of a login.

use crate::support::second_factor::Guarded;
use crate::support::state::claims;
use crate::support::{Answer, PASSWORD, Service, service};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::time::Duration;

const WRONG: &str = "Invalid 2FA code";
const NEW: &str = "staple battery horse correct";

#[track_caller]
fn expect_dead(answer: Answer) {
    let answer = answer.expect_problem(401, "Invalid mfa token");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json().as_object().unwrap().len(), 4);
}

impl Service {
    /// The first step of a login that asks for a scope.
    async fn first_step_for(&self, name: &str, scope: &str) -> String {
        let form = [("username", name), ("password", PASSWORD), ("scope", scope)];
        self.post("/token").form(&form).send().await.expect(403).text("mfa_token")
    }

    async fn second_step_for(&self, mfa_token: &str, code: &str, scope: &str) -> Answer {
        self.post("/token").form(&[("mfa_token", mfa_token), ("otp", code), ("scope", scope)]).send().await
    }

    /// Expects that neither factor completes that login, and that nothing is used up or counted.
    async fn expect_no_second_step(&self, ann: &Guarded, mfa_token: &str) {
        let (factor, sessions) = (self.factor(&ann.name).await, self.count_sessions().await);
        for code in [&self.code(&ann.app), &ann.recovery[9], &self.wrong_code(&ann.app)] {
            expect_dead(self.second_step(mfa_token, code).send().await);
        }
        assert_eq!((self.factor(&ann.name).await, self.count_sessions().await), (factor, sessions));
    }
}

#[tokio::test]
async fn what_is_no_mfa_token_is_refused_without_a_read() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let token = service.first_step("ann").await;
    let of_another = {
        let other = crate::support::service().await;
        other.with_second_factor("ann").await;
        other.first_step("ann").await
    };
    assert!(token.starts_with("dwm_"));
    let body = token.strip_prefix("dwm_").unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(body).unwrap();
    let mut forged = Vec::new();
    for at in (0..bytes.len()).step_by(7) {
        bytes[at] ^= 1;
        forged.push(format!("dwm_{}", URL_SAFE_NO_PAD.encode(&bytes)));
        bytes[at] ^= 1;
    }
    let line = String::from_utf8_lossy(&bytes[..bytes.len() - 16]).into_owned();
    assert_eq!(format!("dwm_{}", URL_SAFE_NO_PAD.encode(&bytes)), token);
    let longer_line = [format!("{line} read:items").as_bytes(), &bytes[bytes.len() - 16..]].concat();
    let without_tag = URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - 16]);
    let others = [
        "dwm_".to_owned(),
        "dwm".to_owned(),
        body.to_owned(),
        "garbage".to_owned(),
        "é".to_owned(),
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        token.to_uppercase(),
        format!("dwm_{without_tag}"),
        format!("dwm_{}", URL_SAFE_NO_PAD.encode(longer_line)),
        format!("dwm_{}", "A".repeat(20_000)),
        of_another,
        ann.person.access.clone(),
        ann.person.refresh.clone(),
        format!("dwm_{}", ann.person.refresh.trim_start_matches("dwr_")),
        ann.recovery[0].clone(),
    ];
    service.wait(31);
    service.probe.forget();
    for bad in others.iter().chain(&forged) {
        expect_dead(service.second_step(bad, &service.code(&ann.app)).send().await);
    }
    let calls = service.probe.calls();
    assert!(calls.iter().all(|call| call.ends_with(" signing-keys")), "{calls:?}");
    assert_eq!(service.wrong_codes_of("ann").await, 0);
    service.second_step(&token, &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn a_second_step_is_whole_or_invalid() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let (token, code) = (service.first_step("ann").await, service.code(&ann.app));
    let send = |pairs: &[(&str, &str)]| service.post("/token").form(pairs).send();
    send(&[("mfa_token", &token)]).await.expect_invalid(&["/otp"]);
    send(&[("mfa_token", &token), ("otp", "")]).await.expect_invalid(&["/otp"]);
    send(&[("mfa_token", &token), ("mfa_token", &token), ("otp", &code)]).await.expect_invalid(&["/mfa_token"]);
    send(&[("mfa_token", &token), ("otp", &code), ("otp", &code)]).await.expect_invalid(&["/otp"]);
    send(&[("mfa_token", &token), ("otp", &code), ("grant_type", "mfa")]).await.expect_invalid(&["/grant_type"]);
    send(&[("mfa_token", ""), ("otp", &code)]).await.expect_invalid(&["/password", "/username"]);
    let json = service.post("/token").json(&json!({"mfa_token": token, "otp": code})).send().await;
    json.expect_problem(415, "Unsupported media type");
    let query = format!("/token?mfa_token={token}&otp={code}");
    service.post(&query).form(&[]).send().await.expect_invalid(&["/password", "/username"]);
    // A password beside it is not looked at.
    let form = [("mfa_token", token.as_str()), ("otp", &code), ("username", "ann"), ("password", "wrong")];
    let form = [&form[..], &[("grant_type", "password"), ("client_id", "x"), ("client_secret", "")]].concat();
    send(&form).await.expect(200);
    assert_eq!(service.failures("ann").await, 0);
}

#[tokio::test]
async fn either_factor_completes_it_once() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    for (code, other) in [
        (service.code(&ann.app), ann.recovery[0].clone()),
        (ann.recovery[1].clone(), service.code(&ann.app)),
        (ann.recovery[2].clone(), ann.recovery[3].clone()),
    ] {
        let token = service.first_step("ann").await;
        let answer = service.second_step(&token, &code).send().await.expect(200);
        let body = answer.json();
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let tokens = answer.tokens();
        assert_eq!(claims(&tokens.access)["amr"], json!(["pwd", "otp", "mfa"]));
        service.expect_alive(&tokens.access).await;
        for code in [&code, &other] {
            expect_dead(service.second_step(&token, code).send().await);
        }
        service.refresh(&tokens.refresh).await.expect(200);
    }
    assert_eq!(service.wrong_codes_of("ann").await, 0);
}

#[tokio::test]
async fn a_wrong_code_does_not_use_it_up() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let token = service.first_step("ann").await;
    for (count, code) in (1..).zip([service.wrong_code(&ann.app), "x".to_owned(), "abcd-efgh-ijkl-mnop".to_owned()]) {
        let answer = service.second_step(&token, &code).send().await.expect_problem(400, WRONG);
        assert_eq!(answer.json().as_object().unwrap().len(), 4);
        assert_eq!(service.wrong_codes_of("ann").await, count);
    }
    service.second_step(&token, &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn several_may_wait_and_each_is_its_own() {
    let service = service().await;
    let (ann, bob) = (service.with_second_factor("ann").await, service.with_second_factor("bob").await);
    let (first, second) = (service.first_step("ann").await, service.first_step("ann").await);
    assert_ne!(first, second);
    // A code is its owner's only.
    service.second_step(&first, &service.code(&bob.app)).send().await.expect_problem(400, WRONG);
    service.second_step(&first, &bob.recovery[0]).send().await.expect_problem(400, WRONG);
    service.second_step(&second, &service.code(&ann.app)).send().await.expect(200);
    service.second_step(&first, &ann.recovery[0]).send().await.expect(200);
    let theirs = service.first_step("bob").await;
    let answer = service.second_step(&theirs, &bob.recovery[0]).send().await.expect(200);
    assert_eq!(claims(&answer.text("access_token"))["sub"], bob.person.id.as_str());
}

#[tokio::test]
async fn that_it_was_used_is_kept_until_it_would_have_ended_and_a_minute_more() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let (token, end) = (service.first_step("ann").await, service.clock.now().seconds() + 300);
    service.wait(29);
    service.second_step(&token, &service.code(&ann.app)).send().await.expect(200);
    let items = service.raw.items("revoked-tokens").await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["expires_at"].as_n().unwrap(), &(end + 60).to_string());
}

#[tokio::test]
async fn it_lives_for_five_minutes() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let (early, late) = (service.first_step("ann").await, service.first_step("ann").await);
    service.wait(299);
    service.second_step(&early, &service.code(&ann.app)).send().await.expect(200);
    service.clock.advance(Duration::from_secs(1));
    service.expect_no_second_step(&ann, &late).await;
    // What was used stays used when nobody remembers it any more.
    expect_dead(service.second_step(&early, &ann.recovery[0]).send().await);
}

#[tokio::test]
async fn it_is_good_for_nothing_else() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let token = service.first_step("ann").await;
    for path in ["/users/me", "/users/me/sessions", "/api-keys", "/items"] {
        let answer = service.get(path).bearer(&token).send().await;
        answer.expect_problem(401, "Could not validate credentials");
    }
    for path in ["/refresh-token", "/logout", "/logout/all", "/2fa/setup"] {
        service.post_as(&token, path).await.expect_problem(401, "Could not validate credentials");
    }
    for path in ["/2fa/verify", "/2fa/disable", "/2fa/recovery-codes"] {
        let body = json!({"password": PASSWORD, "code": service.code(&ann.app)});
        let answer = service.post(path).bearer(&token).json(&body).send().await;
        answer.expect_problem(401, "Could not validate credentials");
    }
    service.refresh(&token).await.expect_problem(401, "Invalid refresh token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let answer = service.post("/oauth2/token").form(&form).send().await.expect(400);
    assert_eq!(answer.text("error"), "invalid_grant");
    let form = [("grant_type", "password"), ("mfa_token", &token), ("otp", "000000")];
    assert_eq!(
        service.post("/oauth2/token").form(&form).send().await.expect(400).text("error"),
        "unsupported_grant_type"
    );
    service.get("/protected").header("x-api-key", &token).send().await.expect_problem(403, "Invalid API key");
    service.try_login("ann", &token).await.expect(401);
    // Nor are other things good in its place, and it is as good as ever.
    service.second_step(&token, &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn another_password_ends_it() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let token = service.first_step("ann").await;
    service.change_password(&ann.person, PASSWORD, NEW).send().await.expect(204);
    service.expect_no_second_step(&ann, &token).await;
    let answer = service.try_login("ann", NEW).await.expect(403);
    service.second_step(&answer.text("mfa_token"), &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn a_logout_everywhere_ends_it_and_a_logout_does_not() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let other = service.log_in_with("ann", &ann.recovery[0]).send().await.expect(200).tokens();
    let (first, second) = (service.first_step("ann").await, service.first_step("ann").await);
    service.post_as(&other.access, "/logout").await.expect(200);
    service.second_step(&first, &ann.recovery[1]).send().await.expect(200);
    service.post_as(&ann.person.access, "/logout/all").await.expect(200);
    service.expect_no_second_step(&ann, &second).await;
}

#[tokio::test]
async fn a_user_who_is_shut_out_is_told_so_and_it_stays_dead() {
    let service = service().await;
    let root = service.admin("root").await;
    let ann = service.with_second_factor("ann").await;
    let token = service.first_step("ann").await;
    service.change(&root, &ann.person, &json!({"disabled": true})).send().await.expect(200);
    for code in [service.code(&ann.app), ann.recovery[0].clone(), service.wrong_code(&ann.app)] {
        service.second_step(&token, &code).send().await.expect_problem(400, "Inactive user");
    }
    service.change(&root, &ann.person, &json!({"disabled": false})).send().await.expect(200);
    service.expect_no_second_step(&ann, &token).await;
    service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn it_ends_with_the_second_factor() {
    let service = service().await;
    for by_support in [true, false] {
        let name = format!("ann-{by_support}");
        let ann = service.with_second_factor(&name).await;
        let token = service.first_step(&name).await;
        let id = service.user(&name).await.id;
        if by_support {
            assert!(service.store.second_factors.reset(&id, &name).await.unwrap());
        } else {
            service.turn_off(&ann.person.access, PASSWORD, &ann.recovery[0]).send().await.expect(200);
        }
        service.expect_no_second_step(&ann, &token).await;
        service.expect_one_step(&name).await;
    }
}

#[tokio::test]
async fn it_ends_with_its_user() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let token = service.first_step("ann").await;
    service.leave(&ann.person, PASSWORD).send().await.expect(200);
    let code = service.code(&ann.app);
    expect_dead(service.second_step(&token, &code).send().await);
    let successor = service.with_second_factor("ann").await;
    service.expect_no_second_step(&successor, &token).await;
}

#[tokio::test]
async fn the_scope_of_the_first_step_is_the_most_that_the_second_gets() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    service.set_scopes("ann", &["a", "b", "c"]).await;
    let mut codes = ann.recovery.iter();
    for (first, second, given) in [
        (None, None, Some("a b c")),
        (None, Some("b"), Some("b")),
        (Some("a b"), None, Some("a b")),
        (Some("a b"), Some(""), Some("a b")),
        (Some("b a"), Some("b"), Some("b")),
        (Some("a b"), Some("a b c"), None),
        (Some("a b"), Some("c"), None),
        (Some("a"), Some("d"), None),
        (None, Some("d"), None),
        (Some("a"), Some("\""), None),
    ] {
        let token = match first {
            Some(scope) => service.first_step_for("ann", scope).await,
            None => service.first_step("ann").await,
        };
        let code = codes.next().unwrap();
        let answer = service.second_step_for(&token, code, second.unwrap_or_default()).await;
        if let Some(given) = given {
            assert_eq!(answer.expect(200).text("scope"), given, "{first:?} {second:?}");
            continue;
        }
        answer.expect_problem(400, "Scope not allowed");
        // Neither the token nor the code is used up.
        service.second_step(&token, code).send().await.expect(200);
    }
    assert_eq!(service.wrong_codes_of("ann").await, 0);
}

#[tokio::test]
async fn a_scope_that_was_taken_away_between_the_steps_is_not_given() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let (asked, all) = (service.first_step_for("ann", "read:items write:items").await, service.first_step("ann").await);
    service.set_scopes("ann", &["read:items"]).await;
    let code = service.code(&ann.app);
    service.second_step(&asked, &code).send().await.expect_problem(400, "Scope not allowed");
    let answer = service.second_step_for(&asked, &code, "read:items").await.expect(200);
    assert_eq!(answer.text("scope"), "read:items");
    let answer = service.second_step(&all, &ann.recovery[0]).send().await.expect(200);
    assert_eq!(answer.text("scope"), "read:items");
}
