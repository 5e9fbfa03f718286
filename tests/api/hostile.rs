//! Whatever strangers send, nothing breaks: no panic, no 5xx, and every refusal is one of those that are documented.
//!
//! `HOSTILE_REQUESTS=1000000` sends more; `HOSTILE_SEED` sends others. A failure prints the smallest request that it found, and
//! the seed of its block: `HOSTILE_SEED=<that> HOSTILE_REQUESTS=1` sends the block again.

use crate::hostile_requests::{Attack, Victims, attack};
use crate::support::admin::set;
use crate::support::{Answer, Service, service_with};
use doorward_core::cursor;
use doorward_core::ids::UserId;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestCaseResult, TestRng, TestRunner};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use tokio::runtime::Runtime;

/// Requests against the same victims: some of them end their sessions, or change their passwords.
const BLOCK: u32 = 200;

/// Nobody's answer is longer; neither is any list here, nor the document of the API.
const LONGEST: usize = 512 * 1024;
/// A refusal's, whatever was sent.
const LONGEST_REFUSAL: usize = 128 * 1024;

/// What first-party routes and the transport say, by status.
const DETAILS: &[(u16, &[&str])] = &[
    (
        400,
        &[
            "Inactive user",
            "Invalid 2FA code",
            "Scope not allowed",
            "Incorrect password",
            "Invalid cursor",
            "Invalid host header",
        ],
    ),
    (
        401,
        &[
            "Not authenticated",
            "Could not validate credentials",
            "Token has been revoked",
            "Incorrect username or password",
            "Invalid refresh token",
            "Invalid token type",
            "Invalid mfa token",
        ],
    ),
    (
        403,
        &[
            "Two-factor code required",
            "Insufficient permissions",
            "Not enough permissions",
            "Access denied. Required role: moderator",
            "API key required",
            "Invalid API key",
        ],
    ),
    (404, &["Not Found", "User not found"]),
    (405, &["Method Not Allowed"]),
    (
        409,
        &["Username already registered", "Email already registered", "Another admin must do this", "Too many API keys"],
    ),
    (413, &["Request body too large"]),
    (415, &["Unsupported media type"]),
    (422, &["Invalid request"]),
    (429, &["Too many requests"]),
];

const OAUTH_ERRORS: &[(u16, &[&str])] = &[
    (400, &["invalid_request", "invalid_grant", "invalid_scope", "unsupported_grant_type"]),
    (401, &["invalid_client", "invalid_token"]),
    (403, &["insufficient_scope"]),
];

fn is_listed(list: &[(u16, &[&str])], status: u16, text: &Value) -> bool {
    let text = text.as_str().unwrap_or_default();
    list.iter().any(|(known, texts)| *known == status && texts.contains(&text))
}

/// Whether that is a problem document as it is documented (RFC 9457).
fn is_problem(answer: &Answer, body: &Value) -> bool {
    let Some(members) = body.as_object() else { return false };
    let known = ["type", "title", "status", "detail", "errors", "error", "mfa_token"];
    let is_defect = |defect: &Value| {
        let defect = defect.as_object();
        defect.is_some_and(|defect| {
            defect.len() == 2
                && defect.get("pointer").is_some_and(Value::is_string)
                && defect.get("detail").and_then(Value::as_str).is_some_and(|detail| !detail.is_empty())
        })
    };
    let defects = body["errors"].as_array();
    answer.header("content-type") == Some("application/problem+json")
        && members.keys().all(|name| known.contains(&name.as_str()))
        && body["type"] == "about:blank"
        && body["title"].as_str().is_some_and(|title| !title.is_empty())
        && body["status"] == answer.status
        && is_listed(DETAILS, answer.status, &body["detail"])
        && defects.is_some() == (answer.status == 422)
        && defects.is_none_or(|defects| !defects.is_empty() && defects.iter().all(is_defect))
}

/// Whether that is an error of the OAuth dialect as it is documented (RFC 6749 §5.2, RFC 6750 §3.1).
fn is_oauth_error(answer: &Answer, body: &Value) -> bool {
    let Some(members) = body.as_object() else { return false };
    let is_silent = members.is_empty() && answer.status == 401 && answer.header("www-authenticate") == Some("Bearer");
    answer.header("content-type") == Some("application/json")
        && (is_silent
            || members.len() == 2
                && is_listed(OAUTH_ERRORS, answer.status, &body["error"])
                && body["error_description"].is_string())
}

fn judge(attack: &Attack, path: &str, answer: &Answer) -> Result<(), String> {
    let expect = |is: bool, what: &str| if is { Ok(()) } else { Err(format!("{what}: {answer:?}")) };
    expect(answer.status < 500, "a 5xx")?;
    expect(answer.header("x-content-type-options") == Some("nosniff"), "not from behind the edge")?;
    expect(answer.headers.contains_key("x-request-id"), "no request id")?;
    expect(answer.header("set-cookie").is_none(), "a cookie")?;
    expect(answer.body.len() <= LONGEST, "too long an answer")?;
    if answer.status < 400 {
        return Ok(());
    }
    expect(answer.body.len() <= LONGEST_REFUSAL, "too long a refusal")?;
    if attack.is_head() {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&answer.body).map_err(|_| format!("no JSON: {answer:?}"))?;
    let is_of_oauth = path.starts_with("/oauth2/") && is_oauth_error(answer, &body);
    expect(is_of_oauth || is_problem(answer, &body), "an undocumented refusal")
}

async fn victims(service: &Service, block: u64) -> Victims {
    let name = format!("ann-{block}");
    let user = service.person_with_scopes(&name, "read:items write:items introspect:tokens").await;
    let admin = service.admin(&format!("root-{block}")).await;
    let client = service.client_of(&user, "read:items introspect:tokens").await;
    let client_token = service.client_token(&client).await;
    let guarded = service.with_second_factor(&format!("gus-{block}")).await;
    let mfa_token = service.first_step(&guarded.name).await;
    service.alter(&admin, |user| user.permissions = set("read:users")).await;
    let cursor = cursor::after(&UserId::parse(&user.id).unwrap());
    Victims { name, user, admin, client, client_token, mfa_token, cursor }
}

/// Sends a block's requests. Counts the answers by their status.
fn send_block(runtime: &Runtime, service: &Service, seed: u64, counts: &RefCell<BTreeMap<u16, u64>>) {
    let victims = runtime.block_on(victims(service, seed));
    // All zeros would be no seed.
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &(u128::from(seed) | 1 << 64).to_le_bytes());
    let config = Config { cases: BLOCK, failure_persistence: None, ..Config::default() };
    let send = |attack: Attack| -> TestCaseResult {
        let Some((request, path)) = attack.request(service, &victims) else {
            return Err(TestCaseError::reject("HTTP does not carry it"));
        };
        let answer = runtime.block_on(request.send());
        *counts.borrow_mut().entry(answer.status).or_default() += 1;
        judge(&attack, &path, &answer).map_err(TestCaseError::fail)
    };
    if let Err(found) = TestRunner::new_with_rng(config, rng).run(&attack(), send) {
        panic!("HOSTILE_SEED={seed} HOSTILE_REQUESTS=1: {found}");
    }
}

/// A number that whoever starts the tests orders.
#[allow(clippy::disallowed_methods)] // The tests' own, which no configuration has.
pub fn ordered(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |number| number.parse().unwrap())
}

#[test]
fn whatever_strangers_send_is_refused_as_documented_and_breaks_nothing() {
    let runtime = Runtime::new().unwrap();
    let service = runtime.block_on(service_with(&[("DOORWARD_ALLOWED_ORIGINS", "https://app.example.com")]));
    let (first, blocks) = (ordered("HOSTILE_SEED", 1), ordered("HOSTILE_REQUESTS", 20_000).div_ceil(u64::from(BLOCK)));
    let counts = RefCell::default();
    for seed in first..first + blocks {
        send_block(&runtime, &service, seed, &counts);
        service.probe.forget();
    }
    let counts = counts.into_inner();
    println!("{} requests, by status: {counts:?}", counts.values().sum::<u64>());
    for status in [200, 400, 401, 403, 404, 405, 413, 415, 422] {
        assert!(counts.contains_key(&status), "nothing was answered {status}: {counts:?}");
    }
}
