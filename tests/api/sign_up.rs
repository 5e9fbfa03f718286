//! `POST /users`

use crate::support::request::Request;
use crate::support::{Answer, PASSWORD, Service, service, service_with};
use doorward_http::audit::Event;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::task::JoinSet;

fn sign_up(service: &Service, name: &str, email: &str) -> Request {
    service.post("/users").json(&json!({"username": name, "email": email, "password": PASSWORD}))
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let service = service().await;
    let all = json!({"username": "a b", "email": "a", "password": "short", "full_name": "", "role": "admin"});
    let answer = service.post("/users").json(&all).send().await;
    answer.expect_invalid(&["/email", "/full_name", "/password", "/role", "/username"]);
    service.post("/users").json(&json!({})).send().await.expect_invalid(&["/email", "/password", "/username"]);
}

#[tokio::test]
async fn nobody_gives_himself_rights() {
    let service = service().await;
    for (name, value) in [
        ("role", json!("admin")),
        ("permissions", json!(["read:users"])),
        ("scopes", json!(["introspect:tokens"])),
        ("disabled", json!(false)),
        ("email_verified", json!(true)),
        ("id", json!("1")),
        ("two_factor_enabled", json!(false)),
        ("created_at", json!("2026-01-01T00:00:00Z")),
    ] {
        let mut body = json!({"username": "ann", "email": "ann@example.com", "password": PASSWORD});
        body[name] = value;
        service.post("/users").json(&body).send().await.expect_invalid(&[&format!("/{name}")]);
    }
    assert_eq!(service.store.users.list(1, None).await.unwrap().0, []);
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let service = service().await;
    let body = |password: &str| json!({"username": "ann", "email": "ann@example.com", "password": password});
    let long = "a b c d ".repeat(129);
    let decomposed = "e\u{301}".repeat(7);
    for weak in ["seven77", "password1", "PASSWORD1", "iloveyou", &long, &decomposed] {
        let answer = service.post("/users").json(&body(weak)).send().await.expect_invalid(&["/password"]);
        assert!(!String::from_utf8_lossy(&answer.body).contains(weak), "{weak:?} is not said again");
    }
    service.post("/users").json(&body(&"é".repeat(512))).send().await.expect(201);
}

#[tokio::test]
async fn a_password_is_all_of_its_characters_whatever_they_are() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "off")]).await;
    let passwords =
        ["nul\0in between", " spaces around ", "tab\tand line\r\n", "\u{7f}\u{85}\u{1b}12345", "ﬁfteen ＃ ⅷ"];
    for (name, password) in ["a", "b", "c", "d", "e"].into_iter().zip(passwords) {
        let body = json!({"username": name, "email": format!("{name}@example.com"), "password": password});
        service.post("/users").json(&body).send().await.expect(201);
        for cut in [password.trim(), &password[..3], &password.replace(char::is_control, "")] {
            if cut != password {
                service.try_login(name, cut).await.expect_problem(401, "Incorrect username or password");
            }
        }
        service.wait(900);
        service.try_login(name, password).await.expect(200);
    }
}

#[tokio::test]
async fn the_least_length_of_a_password_is_configured() {
    let service = service_with(&[("DOORWARD_PASSWORD_MIN", "15")]).await;
    let body = |password: &str| json!({"username": "ann", "email": "ann@example.com", "password": password});
    service.post("/users").json(&body("fourteen chars")).send().await.expect_invalid(&["/password"]);
    service.post("/users").json(&body("fifteen charact")).send().await.expect(201);
}

#[tokio::test]
async fn nobody_signs_up_where_sign_up_is_closed() {
    let service = service_with(&[("DOORWARD_SIGN_UP", "closed"), ("DOORWARD_SIGN_UP_RATE", "1/60")]).await;
    for _ in 0..3 {
        service.sign_up("ann").await.expect_problem(403, "Sign-up is closed");
    }
    assert_eq!(service.store.users.list(1, None).await.unwrap().0, []);
    assert!(service.events().is_empty());
}

#[tokio::test]
async fn a_twin_of_a_name_is_taken() {
    let service = service().await;
    for (n, (name, twins)) in [
        ("Ann", &["ann", "ANN", "\u{ff41}nn", "\u{ff21}\u{ff2e}\u{ff2e}"][..]),
        ("stra\u{df}e", &["STRASSE", "strasse", "Stra\u{1e9e}e"]),
        ("\u{fb01}nn", &["finn", "FINN"]),
        ("\u{c5}ke", &["A\u{30a}ke", "a\u{30a}KE", "\u{212b}ke"]),
        ("\u{3a3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}", &["\u{3c3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c3}"]),
        ("kim", &["\u{212a}im"]),
        ("sam", &["\u{17f}am"]),
        ("no5", &["no\u{2464}"]),
    ]
    .into_iter()
    .enumerate()
    {
        sign_up(&service, name, &format!("{n}@example.com")).send().await.expect(201);
        for twin in twins {
            let answer = sign_up(&service, twin, "other@example.com").send().await;
            assert_eq!(answer.status, 409, "{name} {twin}");
            answer.expect_problem(409, "Username already registered");
        }
        let me = service.me(&service.login(twins[0]).await.access).await.expect(200);
        assert_eq!(me.text("username"), name, "a twin is the same name at login");
    }
}

#[tokio::test]
async fn a_twin_of_an_address_is_taken() {
    let service = service().await;
    sign_up(&service, "ann", "Ann.Smith@Example.com").send().await.expect(201);
    sign_up(&service, "eve", "\u{e9}@x").send().await.expect(201);
    for twin in [
        "Ann.Smith@Example.com",
        "ann.smith@example.com",
        "ANN.SMITH@EXAMPLE.COM",
        "\u{ff41}nn.smith@example.com",
        "ann.smith@e\u{ff58}ample.com",
        "e\u{301}@X",
        "\u{c9}@x",
    ] {
        let answer = sign_up(&service, "bob", twin).send().await;
        assert_eq!(answer.status, 409, "{twin}");
        answer.expect_problem(409, "Email already registered");
    }
    // Another mailbox is another address, and of the refused ones nothing is left.
    sign_up(&service, "bob", "annsmith@example.com").send().await.expect(201);
}

#[tokio::test]
async fn the_name_is_said_first_when_both_are_taken() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    service.sign_up("bob").await.expect(201);
    service.sign_up("ANN").await.expect_problem(409, "Username already registered");
    let answer = sign_up(&service, "ann", "bob@example.com").send().await;
    answer.expect_problem(409, "Username already registered");
    let answer = sign_up(&service, "carl", "bob@example.com").send().await;
    answer.expect_problem(409, "Email already registered");
    // A refused sign-up keeps nothing: the name is free.
    sign_up(&service, "carl", "carl@example.com").send().await.expect(201);
}

#[tokio::test]
async fn somebody_new_is_shown_whole_and_without_secrets() {
    let service = service().await;
    let body = json!({
        "username": "Ann.\u{c5}-1_x", "email": "Ann@localhost", "password": PASSWORD, "full_name": "Ann \u{1f6aa} O'Neil"
    });
    let answer = service.post("/users").json(&body).send().await.expect(201);
    let id = answer.text("id");
    let expected = json!({
        "id": id,
        "username": "Ann.\u{c5}-1_x",
        "email": "Ann@localhost",
        "email_verified": false,
        "full_name": "Ann \u{1f6aa} O'Neil",
        "disabled": false,
        "role": "user",
        "permissions": [],
        "scopes": ["read:items", "write:items"],
        "two_factor_enabled": false,
        "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("location"), Some(&*format!("/users/{id}")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let events = service.events();
    assert!(matches!(&events[..], [Event::SignedUp { user }] if user.as_str() == id), "{events:?}");

    let tokens = service.try_login("ann.\u{e5}-1_X", PASSWORD).await.expect(200).tokens();
    let me = json!({
        "username": "Ann.\u{c5}-1_x", "email": "Ann@localhost", "full_name": "Ann \u{1f6aa} O'Neil", "disabled": false
    });
    assert_eq!(service.me(&tokens.access).await.expect(200).json(), me);
}

#[tokio::test]
async fn a_full_name_may_be_absent() {
    let service = service().await;
    let answer = service.sign_up("ann").await.expect(201);
    assert_eq!(answer.json()["full_name"], Value::Null);
    let body = json!({"username": "bob", "email": "b@example.com", "password": PASSWORD, "full_name": null});
    assert_eq!(service.post("/users").json(&body).send().await.expect(201).json()["full_name"], Value::Null);
}

#[tokio::test]
async fn the_scopes_of_somebody_new_are_configured() {
    let service = service_with(&[("DOORWARD_DEFAULT_SCOPES", "b:write a:read b:write")]).await;
    assert_eq!(service.sign_up("ann").await.expect(201).json()["scopes"], json!(["a:read", "b:write"]));
    assert_eq!(service.try_login("ann", PASSWORD).await.expect(200).text("scope"), "a:read b:write");
}

#[tokio::test]
async fn an_address_signs_up_so_often_and_no_more() {
    let service = service_with(&[("DOORWARD_SIGN_UP_RATE", "3/60")]).await;
    service.wait(18);
    for (n, left) in [(0, 2), (1, 1), (2, 0)] {
        let answer = service.sign_up(&format!("user{n}")).await.expect(201);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"sign-up\";q=3;w=60"));
        assert_eq!(answer.header("ratelimit"), Some(&*format!("\"sign-up\";r={left};t=42")));
        assert_eq!(answer.header("retry-after"), None);
    }
    // Whatever headers say, and whatever the answer would be.
    for (name, value) in [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.1"), ("x-real-ip", "::1")]
    {
        let body = json!({"username": "user0", "email": "user0@example.com", "password": PASSWORD});
        let answer = service.post("/users").header(name, value).json(&body).send().await;
        let answer = answer.expect_problem(429, "Too many requests");
        assert_eq!(answer.text("error"), "Too many requests");
        assert_eq!(answer.header("retry-after"), Some("42"));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"sign-up\";q=3;w=60"));
        assert_eq!(answer.header("ratelimit"), Some("\"sign-up\";r=0;t=42"));
    }
    sign_up(&service, "other", "other@example.com").from("192.0.2.2").send().await.expect(201);

    service.wait(41);
    service.sign_up("early").await.expect(429);
    service.wait(1);
    let answer = service.sign_up("early").await.expect(201);
    assert_eq!(answer.header("ratelimit"), Some("\"sign-up\";r=2;t=60"));
}

#[tokio::test]
async fn refused_sign_ups_count_too_and_say_what_is_left() {
    let service = service_with(&[("DOORWARD_SIGN_UP_RATE", "2/60")]).await;
    service.sign_up("ann").await.expect(201);
    let answer = service.sign_up("ann").await.expect(409);
    assert_eq!(answer.header("ratelimit"), Some("\"sign-up\";r=0;t=60"));
    service.sign_up("bob").await.expect(429);
}

#[tokio::test]
async fn an_ipv6_household_is_one_address() {
    let service = service_with(&[("DOORWARD_SIGN_UP_RATE", "2/60")]).await;
    for (n, address, status) in [
        (0, "2001:db8:1:2::1", 201),
        (1, "2001:db8:1:2:ffff:ffff:ffff:ffff", 201),
        (2, "2001:db8:1:2:3:4:5:6", 429),
        (3, "2001:db8:1:3::1", 201),
        (4, "192.0.2.9", 201),
        (5, "::ffff:192.0.2.9", 201),
        (6, "192.0.2.9", 429),
    ] {
        let request = sign_up(&service, &format!("user{n}"), &format!("user{n}@example.com"));
        assert_eq!(request.from(address).send().await.status, status, "{address}");
    }
}

#[tokio::test]
async fn a_lost_answer_of_the_store_is_one_sign_up() {
    let service = service_with(&[("DOORWARD_SIGN_UP_RATE", "2/60")]).await;
    service.probe.lose_reply("TransactWriteItems", "users");
    service.probe.lose_reply("UpdateItem", "limits");
    let answer = service.sign_up("ann").await.expect(201);
    assert!(service.probe.is_done());
    assert_eq!(answer.header("ratelimit"), Some("\"sign-up\";r=1;t=60"), "counted once");
    service.login("ann").await;
    service.sign_up("ann").await.expect(409);
}

/// How often each status and detail came when all of them were sent at once.
async fn race(requests: Vec<Request>) -> BTreeMap<(u16, String), usize> {
    let mut racing: JoinSet<Answer> = requests.into_iter().map(Request::send).collect();
    let mut outcomes = BTreeMap::new();
    while let Some(answer) = racing.join_next().await {
        let answer = answer.unwrap();
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        *outcomes.entry((answer.status, detail)).or_insert(0) += 1;
    }
    outcomes
}

fn one_of(all: usize, detail: &str) -> BTreeMap<(u16, String), usize> {
    BTreeMap::from([((201, String::new()), 1), ((409, detail.to_owned()), all - 1)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_race_for_a_name_one_gets_it() {
    let service = service().await;
    for round in 0..5 {
        let name = |n: usize| if n.is_multiple_of(2) { format!("name{round}") } else { format!("NAME{round}") };
        let racers = (0..32).map(|n| sign_up(&service, &name(n), &format!("{round}.{n}@example.com"))).collect();
        assert_eq!(race(racers).await, one_of(32, "Username already registered"));
        service.login(&name(0)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_race_for_an_address_one_gets_it() {
    let service = service().await;
    for round in 0..5 {
        let racers = (0..32).map(|n| sign_up(&service, &format!("r{round}.{n}"), &format!("{round}@example.com")));
        assert_eq!(race(racers.collect()).await, one_of(32, "Email already registered"));
        service.login(&format!("{round}@example.com")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_race_for_both_one_gets_both() {
    let service = service().await;
    for round in 0..5 {
        let racers = (0..32).map(|_| sign_up(&service, &format!("n{round}"), &format!("{round}@example.com")));
        assert_eq!(race(racers.collect()).await, one_of(32, "Username already registered"));
        let tokens = service.login(&format!("n{round}")).await;
        let me = service.me(&tokens.access).await.expect(200);
        assert_eq!(me.text("email"), format!("{round}@example.com"));
    }
}
