//! `POST /token`

use crate::support::{PASSWORD, service};

#[tokio::test]
async fn nobody_learns_whether_a_user_exists() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    let wrong = service.try_login("ann", "not the password").await;
    wrong.clone().expect_problem(401, "Incorrect username or password");
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer"));
    let long = "a".repeat(2000);
    for (name, password) in [
        ("nobody", PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("no body", PASSWORD),
        ("ann", ""),
        ("ann", &long),
        ("ann@example.com", "not the password"),
        ("\0", PASSWORD),
    ] {
        let answer = service.try_login(name, password).await;
        assert_eq!((answer.status, &answer.body), (wrong.status, &wrong.body), "{name:?}");
    }
}

#[tokio::test]
async fn a_login_gives_tokens_that_work() {
    let service = service().await;
    service.sign_up("Ann").await.expect(201);
    for name in ["Ann", "ann", "ANN@example.com"] {
        let answer = service.try_login(name, PASSWORD).await.expect(200);
        assert_eq!(answer.text("token_type"), "bearer");
        assert_eq!(answer.json()["expires_in"], 900);
        assert_eq!(answer.text("scope"), "read:items write:items");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let me = service.me(&answer.tokens().access).await.expect(200);
        assert_eq!(me.text("username"), "Ann");
    }
}
