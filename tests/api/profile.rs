//! `PATCH /users/me`

use crate::support::admin::{count, race};
use crate::support::{PASSWORD, service};
use doorward_http::audit::Event;
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_not_ones_own_to_change_is_not_a_member() {
    let service = service().await;
    let ann = service.person("ann").await;
    let before = service.stored(&ann).await;
    for (member, value) in [
        ("role", json!("admin")),
        ("permissions", json!(["read:users"])),
        ("scopes", json!(["introspect:tokens"])),
        ("disabled", json!(false)),
        ("username", json!("bob")),
        ("id", json!("1")),
        ("email_verified", json!(true)),
        ("two_factor_enabled", json!(true)),
        ("created_at", json!("2000-01-01T00:00:00Z")),
        ("epoch", json!(1)),
        ("password", json!(PASSWORD)),
        ("new_password", json!(PASSWORD)),
        ("hashed_password", json!("x")),
    ] {
        let body = json!({"full_name": "Ann", member: value});
        service.change_me(&ann, &body).send().await.expect_invalid(&[&format!("/{member}")]);
    }
    assert_eq!(service.stored(&ann).await, before);
}

#[tokio::test]
async fn a_bad_profile_changes_nothing() {
    let service = service().await;
    let ann = service.person("ann").await;
    let before = service.stored(&ann).await;
    let long = "é".repeat(201);
    for (body, wrong) in [
        (json!({"email": "new@example.com"}), "/current_password"),
        (json!({"email": "ANN@example.com"}), "/current_password"),
        (json!({"email": "new@example.com", "current_password": null}), "/current_password"),
        (json!({"email": null, "current_password": PASSWORD}), "/email"),
        (json!({"email": "no address", "current_password": PASSWORD}), "/email"),
        (json!({"email": 1, "current_password": PASSWORD}), "/email"),
        (json!({"email": "new@example.com", "current_password": 1}), "/current_password"),
        (json!({"full_name": ""}), "/full_name"),
        (json!({"full_name": long}), "/full_name"),
        (json!({"full_name": "a\nb"}), "/full_name"),
        (json!({"full_name": ["Ann"]}), "/full_name"),
    ] {
        let answer = service.change_me(&ann, &body).send().await.expect(422);
        let pointers: Vec<_> = answer.json()["errors"].as_array().unwrap().clone();
        assert!(pointers.iter().any(|defect| defect["pointer"] == wrong), "{body} {pointers:?}");
    }
    service.patch("/users/me").json(&json!({})).send().await.expect_problem(401, "Not authenticated");
    assert_eq!(service.stored(&ann).await, before);
}

#[tokio::test]
async fn a_wrong_password_changes_nothing_and_counts_as_at_login() {
    let service = service().await;
    let ann = service.person("ann").await;
    let before = service.stored(&ann).await;
    let with = |password: &str| {
        let body = json!({"email": "new@example.com", "full_name": "Ann", "current_password": password});
        service.change_me(&ann, &body)
    };
    for failures in 1..=5 {
        with("not the password").send().await.expect_problem(400, "Incorrect password");
        assert_eq!(service.failures("ann").await, failures);
    }
    // Closed for a second, to the right password too, here and at login, and nothing is counted meanwhile.
    with(PASSWORD).send().await.expect_problem(400, "Incorrect password");
    service.try_login("ann", PASSWORD).await.expect_problem(401, "Incorrect username or password");
    assert_eq!(service.failures("ann").await, 5);
    assert_eq!(service.stored(&ann).await, before);
    service.wait(1);
    with("").send().await.expect_problem(400, "Incorrect password");
    assert_eq!(service.failures("ann").await, 6);
    service.wait(2);
    with(PASSWORD).send().await.expect(200);
    assert_eq!(service.failures("ann").await, 0);
}

#[tokio::test]
async fn failures_at_login_close_the_profile_too() {
    let service = service().await;
    let ann = service.person("ann").await;
    for _ in 0..5 {
        service.try_login("ann", "not the password").await.expect(401);
    }
    service.change_email(&ann, "new@example.com").send().await.expect_problem(400, "Incorrect password");
    service.leave(&ann, PASSWORD).send().await.expect_problem(400, "Incorrect password");
    service.change_password(&ann, PASSWORD, "another long one").send().await.expect_problem(400, "Incorrect password");
    service.change_me(&ann, &json!({"full_name": "Ann"})).send().await.expect(200);
}

#[tokio::test]
async fn a_taken_address_stays_whose_it_is() {
    let service = service().await;
    let (ann, _bob) = (service.person("ann").await, service.person("bob").await);
    let before = service.stored(&ann).await;
    for taken in ["bob@example.com", "BOB@EXAMPLE.COM"] {
        let body = json!({"full_name": "Ann", "email": taken, "current_password": PASSWORD});
        service.change_me(&ann, &body).send().await.expect_problem(409, "Email already registered");
        // Somebody who does not know the password does not learn that it is taken.
        let body = json!({"email": taken, "current_password": "not the password"});
        service.change_me(&ann, &body).send().await.expect_problem(400, "Incorrect password");
    }
    assert_eq!(service.stored(&ann).await, before);
    service.try_login("bob@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_name_is_set_kept_and_cleared() {
    let service = service().await;
    let ann = service.person("ann").await;
    let answer = service.change_me(&ann, &json!({"full_name": "Ann Ä."})).send().await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json(), service.see(&ann, &ann.path()).await.expect(200).json());
    assert_eq!(answer.text("full_name"), "Ann Ä.");
    assert_eq!(service.change_me(&ann, &json!({})).send().await.expect(200).text("full_name"), "Ann Ä.");
    let cleared = service.change_me(&ann, &json!({"full_name": null})).send().await.expect(200);
    assert_eq!(cleared.json()["full_name"], Value::Null);
    assert_eq!(service.me(&ann.access).await.json()["full_name"], Value::Null);
    assert_eq!(service.stored(&ann).await.unwrap().full_name, None);
    let id = service.stored(&ann).await.unwrap().id;
    assert!(service.events().contains(&Event::UserChanged { user: id.clone(), by: id }));
}

#[tokio::test]
async fn ones_own_address_may_be_written_otherwise() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.alter(&ann, |user| user.email_verified = true).await;
    let answer = service.change_email(&ann, "Ann@Example.com").send().await.expect(200);
    assert_eq!(answer.text("email"), "Ann@Example.com");
    // It is the same address, so who vouched for it still does.
    assert_eq!(answer.json()["email_verified"], true);
    for email in ["ann@example.com", "ANN@EXAMPLE.COM"] {
        service.try_login(email, PASSWORD).await.expect(200);
    }
    service.sign_up("ann2").await.expect(201);
    let body = json!({"username": "eve", "email": "ann@example.com", "password": PASSWORD});
    service.post("/users").json(&body).send().await.expect_problem(409, "Email already registered");
}

#[tokio::test]
async fn another_address_is_unverified_logs_in_and_frees_the_old_one() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.alter(&ann, |user| user.email_verified = true).await;
    let answer = service.change_email(&ann, "new@example.com").send().await.expect(200);
    assert_eq!(answer.text("email"), "new@example.com");
    assert_eq!(answer.json()["email_verified"], false);
    service.try_login("ann@example.com", PASSWORD).await.expect_problem(401, "Incorrect username or password");
    service.try_login("new@example.com", PASSWORD).await.expect(200);
    service.expect_in(&ann).await;
    let body = json!({"username": "eve", "email": "ann@example.com", "password": PASSWORD});
    service.post("/users").json(&body).send().await.expect(201);
    service.change_email(&ann, "ann@example.com").send().await.expect_problem(409, "Email already registered");
    service.change_email(&ann, "newer@example.com").send().await.expect(200);
    service.try_login("new@example.com", PASSWORD).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_two_who_want_one_address_one_gets_it() {
    let service = service().await;
    let mut crowd = Vec::new();
    for n in 0..32 {
        crowd.push(service.person(&format!("user{n}")).await);
    }
    for round in 0..6 {
        let email = format!("wanted{round}@example.com");
        let answers = race(crowd.iter().map(|one| service.change_email(one, &email)).collect()).await;
        assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 31));
        let winner = answers.iter().position(|answer| answer.status == 200).unwrap();
        assert_eq!(service.credentials(&email).await.user.as_str(), crowd[winner].id);
        for (n, one) in crowd.iter().enumerate() {
            let has = service.stored(one).await.unwrap().email.unwrap().to_string();
            assert_eq!(has == email, n == winner, "{has}");
            service.try_login(&has, PASSWORD).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_user_to_several_addresses_leave_one() {
    let service = service().await;
    let ann = service.person("ann").await;
    for round in 0..10 {
        let emails: Vec<_> = (0..6).map(|n| format!("ann-{round}-{n}@example.com")).collect();
        let answers = race(emails.iter().map(|email| service.change_email(&ann, email)).collect()).await;
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 503)), "{answers:?}");
        let has = service.stored(&ann).await.unwrap().email.unwrap().to_string();
        for email in &emails {
            let status = if *email == has { 200 } else { 401 };
            service.try_login(email, PASSWORD).await.expect(status);
        }
    }
}
