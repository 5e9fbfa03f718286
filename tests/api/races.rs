//! Requests side by side: whoever wins, nothing is minted twice and nothing outlives its end.

use crate::support::request::Request;
use crate::support::{Answer, PASSWORD, Service, Tokens, service, service_with};
use doorward_http::audit::{Event, LoginFailure};
use std::collections::BTreeSet;

/// How often a race is run: the losing order must come up.
const ROUNDS: usize = 40;
const MANY: usize = 64;

/// Sends all of them at once; their answers in their order.
async fn at_once(requests: impl IntoIterator<Item = Request>) -> Vec<Answer> {
    let tasks: Vec<_> = requests.into_iter().map(|request| tokio::spawn(request.send())).collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// The tokens of those that got some.
fn handed_out<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> Vec<Tokens> {
    answers.into_iter().filter(|answer| answer.status == 200).map(Answer::tokens).collect()
}

impl Service {
    fn refresh_request(&self, refresh_token: &str) -> Request {
        self.post("/token/refresh").form(&[("refresh_token", refresh_token)])
    }

    fn login_request(&self, name: &str, password: &str) -> Request {
        self.post("/token").form(&[("username", name), ("password", password)])
    }

    fn logout_request(&self, access_token: &str, path: &str) -> Request {
        self.post(path).bearer(access_token)
    }

    /// Expects that nothing of all that was handed out is good for anything.
    async fn expect_all_dead(&self, all: &[Tokens]) {
        for tokens in all {
            self.expect_ended(tokens).await;
        }
    }
}

/// A service whose signatures are quick.
async fn quick_service(variables: &[(&str, &str)]) -> Service {
    service_with(&[&[("DOORWARD_SIGNING_ALG", "EdDSA")], variables].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_refreshes_within_the_grace_all_get_the_same_successor() {
    let service = quick_service(&[]).await;
    service.sign_up("ann").await.expect(201);
    for _ in 0..5 {
        let tokens = service.login("ann").await;
        let answers = at_once((0..MANY).map(|_| service.refresh_request(&tokens.refresh))).await;
        let all = handed_out(&answers);
        assert_eq!(all.len(), MANY, "nobody is logged out");
        assert_eq!(all.iter().map(|tokens| &tokens.refresh).collect::<BTreeSet<_>>().len(), 1);
        assert_eq!(all.iter().map(|tokens| &tokens.access).collect::<BTreeSet<_>>().len(), MANY);
        assert_eq!(service.generation(&tokens.access).await, 1);
        for tokens in &all {
            service.expect_alive(&tokens.access).await;
        }
        service.refresh(&all[0].refresh).await.expect(200);
    }
    assert_eq!(service.thefts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_refreshes_without_grace_one_wins_and_the_rest_is_theft() {
    let service = quick_service(&[("DOORWARD_REFRESH_GRACE", "0")]).await;
    service.sign_up("ann").await.expect(201);
    let mut won = 0;
    for _ in 0..10 {
        let (tokens, before) = (service.login("ann").await, service.thefts());
        let answers = at_once((0..MANY).map(|_| service.refresh_request(&tokens.refresh))).await;
        let winners = handed_out(&answers);
        // None where the winner's answer from the store was lost to its patience, and the theft came first.
        assert!(winners.len() <= 1, "exactly one successor ever exists");
        won += winners.len();
        for answer in answers.into_iter().filter(|answer| answer.status != 200) {
            answer.expect_problem(401, "Invalid refresh token");
        }
        assert!(service.thefts() > before);
        assert_eq!(service.generation(&tokens.access).await, 1);
        service.expect_all_dead(&[winners, vec![tokens]].concat()).await;
    }
    assert!(won > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refresh_outlives_a_logout_beside_it() {
    let service = quick_service(&[]).await;
    service.sign_up("ann").await.expect(201);
    let mut refreshed = 0;
    for round in 0..ROUNDS {
        let path = ["/logout", "/logout/all"][round % 2];
        let tokens = service.login("ann").await;
        let mut requests: Vec<_> = (0..6).map(|_| service.refresh_request(&tokens.refresh)).collect();
        requests.insert(round % 7, service.logout_request(&tokens.access, path));
        let mut answers = at_once(requests).await;
        answers.remove(round % 7).expect(200);
        let all = handed_out(&answers);
        refreshed += all.len();
        for answer in answers.into_iter().filter(|answer| answer.status != 200) {
            answer.expect_problem(401, "Invalid refresh token");
        }
        service.expect_all_dead(&[all, vec![tokens]].concat()).await;
    }
    assert!(refreshed > 0, "some were faster than the logout");
    assert_eq!(service.thefts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_the_whole_chain_that_runs_beside_it() {
    let service = quick_service(&[]).await;
    service.sign_up("ann").await.expect(201);
    for round in 0..ROUNDS {
        let tokens = service.login("ann").await;
        let path = ["/logout", "/logout/all"][round % 2];
        let logout = tokio::spawn({
            let request = service.logout_request(&tokens.access, path);
            async move {
                // Somewhere in the middle of the chain.
                for _ in 0..round * 20 {
                    tokio::task::yield_now().await;
                }
                request.send().await.expect(200)
            }
        });
        // One refresh after the other, for as long as they are answered.
        let mut all = vec![tokens];
        loop {
            assert!(all.len() < 2000, "the chain goes on");
            let answer = service.refresh(&all[all.len() - 1].refresh).await;
            if answer.status != 200 {
                answer.expect_problem(401, "Invalid refresh token");
                break;
            }
            all.push(answer.tokens());
        }
        logout.await.unwrap();
        // Oldest last: of an ended session nothing is theft any more.
        all.reverse();
        service.expect_all_dead(&all).await;
    }
    assert_eq!(service.thefts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_renewal_outlives_a_logout_beside_it() {
    let service = quick_service(&[]).await;
    service.sign_up("ann").await.expect(201);
    for round in 0..ROUNDS {
        let path = ["/logout", "/logout/all"][round % 2];
        let tokens = service.login("ann").await;
        let mut requests: Vec<_> = (0..6).map(|_| service.logout_request(&tokens.access, "/refresh-token")).collect();
        requests.insert(round % 7, service.logout_request(&tokens.access, path));
        let mut answers = at_once(requests).await;
        answers.remove(round % 7).expect(200);
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            service.me(&answer.text("access_token")).await.expect_problem(401, "Token has been revoked");
        }
        service.expect_ended(&tokens).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outlives_the_detection_of_theft_beside_it() {
    let service = quick_service(&[]).await;
    service.sign_up("ann").await.expect(201);
    for round in 0..ROUNDS {
        let (stolen, before) = (service.login("ann").await, service.thefts());
        let honest = service.refresh(&stolen.refresh).await.expect(200).tokens();
        service.wait(10);
        let mut requests: Vec<_> = (0..4).map(|_| service.refresh_request(&honest.refresh)).collect();
        requests.insert(round % 5, service.refresh_request(&stolen.refresh));
        let mut answers = at_once(requests).await;
        answers.remove(round % 5).expect_problem(401, "Invalid refresh token");
        assert_eq!(service.thefts(), before + 1);
        service.expect_all_dead(&[handed_out(&answers), vec![honest, stolen]].concat()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_beside_a_logout_everywhere_is_in_whole_or_out_whole() {
    let service = quick_service(&[]).await;
    service.sign_up("ann").await.expect(201);
    for round in 0..ROUNDS {
        let (tokens, epoch) = (service.login("ann").await, service.user("ann").await.epoch);
        let mut requests: Vec<_> = (0..4).map(|_| service.login_request("ann", PASSWORD)).collect();
        requests.insert(round % 5, service.logout_request(&tokens.access, "/logout/all"));
        let mut answers = at_once(requests).await;
        answers.remove(round % 5).expect(200);
        assert_eq!(service.user("ann").await.epoch, epoch.next());
        let all = handed_out(&answers);
        assert_eq!(all.len(), 4, "the password is right");
        for tokens in &all {
            // Who read the user before is out, who read it afterwards is in.
            if service.session(&tokens.access).await.epoch == epoch {
                service.expect_ended(tokens).await;
            } else {
                service.expect_alive(&tokens.access).await;
                service.refresh(&tokens.refresh).await.expect(200);
            }
        }
        service.expect_ended(&tokens).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_under_way_when_everything_was_ended_is_ended_too() {
    // A hash that takes far longer than a logout.
    let slow = quick_service(&[("DOORWARD_ARGON2", "m=65536,t=8,p=1")]).await;
    slow.sign_up("ann").await.expect(201);
    for _ in 0..3 {
        let tokens = slow.login("ann").await;
        slow.probe.forget();
        let login = tokio::spawn(slow.login_request("ann", PASSWORD).send());
        while !slow.probe.calls().contains(&"GetItem users".to_owned()) {
            tokio::task::yield_now().await;
        }
        // Asked first, answered first: by the time these are, the login knows whose it is.
        for _ in 0..3 {
            slow.expect_alive(&tokens.access).await;
        }
        slow.post_as(&tokens.access, "/logout/all").await.expect(200);
        assert!(!slow.probe.calls().contains(&"PutItem sessions".to_owned()), "the login is under way still");
        let answer = login.await.unwrap().expect(200);
        slow.expect_ended(&answer.tokens()).await;
        slow.expect_ended(&tokens).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_logouts_everywhere_at_once_all_succeed() {
    let service = quick_service(&[]).await;
    service.sign_up("ann").await.expect(201);
    for _ in 0..10 {
        let mut all = Vec::new();
        for _ in 0..8 {
            all.push(service.login("ann").await);
        }
        let answers = at_once(all.iter().map(|tokens| service.logout_request(&tokens.access, "/logout/all"))).await;
        let done = answers.iter().filter(|answer| answer.status == 200).count();
        for answer in answers.into_iter().filter(|answer| answer.status != 200) {
            answer.expect_problem(401, "Token has been revoked");
        }
        assert!(done > 0);
        service.expect_all_dead(&all).await;
        let anew = service.login("ann").await;
        service.expect_alive(&anew.access).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_right_logins_at_once_all_succeed() {
    let service = quick_service(&[]).await;
    let costlier = service.another(&[("DOORWARD_SIGNING_ALG", "EdDSA"), ("DOORWARD_ARGON2", "m=16,t=1,p=1")]).await;
    for (name, failures, service) in
        [("ann", 0, &service), ("bob", 4, &service), ("rehashed", 0, &costlier), ("rehashed-too", 4, &costlier)]
    {
        service.sign_up(name).await.expect(201);
        for _ in 0..failures {
            service.try_login(name, "wrong").await.expect(401);
        }
        let before = service.count_sessions().await;
        let answers = at_once((0..MANY).map(|_| service.login_request(name, PASSWORD))).await;
        let all = handed_out(&answers);
        assert_eq!(all.len(), MANY);
        assert_eq!(service.count_sessions().await - before, MANY, "a session each, and none that nobody has");
        assert_eq!(service.failures(name).await, 0);
        assert_eq!(all.iter().map(|tokens| &tokens.refresh).collect::<BTreeSet<_>>().len(), MANY);
        for tokens in &all {
            service.expect_alive(&tokens.access).await;
        }
        service.login(name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_wrong_passwords_at_once_five_count() {
    let service = quick_service(&[]).await;
    for round in 0..8 {
        let name = format!("ann{round}");
        service.sign_up(&name).await.expect(201);
        let (events, sessions) = (service.events().len(), service.count_sessions().await);
        let mut requests: Vec<_> = (0..MANY).map(|n| service.login_request(&name, &format!("wrong {n}"))).collect();
        let place = round * MANY / 8;
        requests.insert(place, service.login_request(&name, PASSWORD));
        let mut answers = at_once(requests).await;
        let right = answers.remove(place);
        for answer in answers {
            answer.expect_problem(401, "Incorrect username or password");
        }
        assert_eq!(service.failures(&name).await, 5, "from then on the account was closed");

        let events = service.events().split_off(events);
        let count = |wanted| {
            let is_wanted = |e: &&Event| matches!(e, Event::LoginFailed { reason, .. } if *reason == wanted);
            events.iter().filter(is_wanted).count()
        };
        let (wrong, closed) = (count(LoginFailure::WrongPassword), count(LoginFailure::AccountClosed));
        if right.status == 200 {
            // It came before the fifth, and what had counted until then was forgotten.
            assert!((5..=9).contains(&wrong), "{wrong}");
            assert_eq!(wrong + closed, MANY);
            service.expect_alive(&right.tokens().access).await;
        } else {
            right.clone().expect_problem(401, "Incorrect username or password");
            assert_eq!((wrong, closed), (5, MANY + 1 - 5));
        }
        assert_eq!(service.count_sessions().await - sessions, usize::from(right.status == 200));
        service.try_login(&name, PASSWORD).await.expect(401);
        service.wait(1);
        service.login(&name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_logins_of_one_address_at_once_as_many_get_through_as_the_limit_says() {
    let service = quick_service(&[("DOORWARD_LOGIN_RATE", "5/60")]).await;
    service.sign_up("ann").await.expect(201);
    for _ in 0..5 {
        let answers = at_once((0..MANY).map(|_| service.login_request("ann", PASSWORD))).await;
        assert_eq!(handed_out(&answers).len(), 5);
        assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), MANY - 5);
        let left: BTreeSet<_> = answers.iter().filter(|a| a.status == 200).map(|a| a.header("ratelimit")).collect();
        assert_eq!(left.len(), 5, "each of them is told another rest");
        service.wait(60);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_name_or_address_one_gets_it() {
    let service = service().await;
    for round in 0..10 {
        let body = |n: usize| {
            let (name, email) = if round % 2 == 0 { (0, n) } else { (n, 0) };
            let (name, email) = (format!("r{round}n{name}"), format!("r{round}n{email}@example.com"));
            serde_json::json!({"username": name, "email": email, "password": PASSWORD})
        };
        let answers = at_once((0..16).map(|n| service.post("/users").json(&body(n)))).await;
        let detail = ["Username already registered", "Email already registered"][round % 2];
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for answer in answers.into_iter().filter(|answer| answer.status != 201) {
            answer.expect_problem(409, detail);
        }
        assert_eq!(service.raw.items("users").await.len(), round + 1);
        assert_eq!(service.raw.items("credentials").await.len(), 2 * (round + 1));
    }
}
