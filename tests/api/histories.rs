//! Histories: what was asked and answered by whom before what, recorded in races, and held against what a session does when
//! one request comes after the other.

use crate::support::history::{Ask, History, Said, Sequential};
use crate::support::request::Request;
use crate::support::successor::{generation_of, one_successor};
use crate::support::{Answer, Service, Tokens, service_with};
use std::sync::Arc;
use std::time::Duration;

/// How many races there are: `just histories 100000` has more of them than every test run.
const RACES: &str = match option_env!("HISTORIES") {
    Some(races) => races,
    None => "100",
};
/// How many refreshes race.
const RACERS: usize = 16;
/// As many races as are run on one service, whose probe and audit forget nothing.
const OF_ONE_SERVICE: usize = 2_000;

async fn quick_service(grace: &str) -> Arc<Service> {
    Arc::new(service_with(&[("DOORWARD_SIGNING_ALG", "EdDSA"), ("DOORWARD_REFRESH_GRACE", grace)]).await)
}

fn races() -> usize {
    RACES.parse().unwrap()
}

/// What a refresh got, if it got something.
fn successor(answer: Answer) -> Option<(u32, String)> {
    if answer.status == 200 {
        let token = answer.tokens().refresh;
        return Some((generation_of(&token), token));
    }
    answer.expect_problem(401, "Invalid refresh token");
    None
}

impl Service {
    fn asked(&self, tokens: &Tokens, ask: Ask, refresh_token: &str) -> Request {
        match ask {
            Ask::Refresh(_) => self.post("/token/refresh").form(&[("refresh_token", refresh_token)]),
            Ask::Me => self.get("/users/me").bearer(&tokens.access),
            Ask::Logout => self.post("/logout").bearer(&tokens.access),
            Ask::LogoutEverywhere => self.post("/logout/all").bearer(&tokens.access),
            Ask::Revoke => self.post("/oauth2/revoke").form(&[("token", &tokens.refresh)]),
        }
    }

    /// Four requests about a new session at once, `waited` seconds after its first refresh, and how it stands afterwards.
    async fn mixed(self: &Arc<Self>, four: &[Ask; 4], waited: u64, lost: bool) -> History {
        let older = self.login("ann").await;
        let tokens = self.refresh(&older.refresh).await.expect(200).tokens();
        self.wait(waited);
        self.probe.forget();
        let history = History::of(Sequential::standing_at(1, Duration::from_secs(waited)));
        if lost {
            self.probe.lose_reply("UpdateItem", "sessions");
        }
        let racers: Vec<_> = four
            .iter()
            .enumerate()
            .map(|(who, &ask)| {
                let token = if ask == Ask::Refresh(0) { &older.refresh } else { &tokens.refresh };
                let (service, history, token) = (Arc::clone(self), history.clone(), token.clone());
                tokio::spawn(act(service, history, who, tokens.clone(), ask, token))
            })
            .collect();
        for racer in racers {
            racer.await.unwrap();
        }
        for ask in [Ask::Me, Ask::Refresh(1)] {
            act(Arc::clone(self), history.clone(), 4, tokens.clone(), ask, tokens.refresh.clone()).await;
        }
        history.expect_linearizable(self.probe.retries() > 0);
        history
    }

    /// Sixteen refreshes with one token, at once; what each got.
    async fn race(self: &Arc<Self>, token: &str) -> Vec<Option<(u32, String)>> {
        let racers: Vec<_> = (0..RACERS)
            .map(|_| tokio::spawn(self.post("/token/refresh").form(&[("refresh_token", token)]).send()))
            .collect();
        let mut answers = Vec::with_capacity(RACERS);
        for racer in racers {
            answers.push(successor(racer.await.unwrap()));
        }
        answers
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_refreshes_all_get_the_one_successor() {
    let mut left = races();
    while left > 0 {
        let service = quick_service("10").await;
        let tokens = service.newcomer("ann").await;
        let mut current = tokens.refresh.clone();
        for generation in 0..left.min(OF_ONE_SERVICE) {
            let presented = u32::try_from(generation).unwrap();
            let answers = service.race(&current).await;
            let stands = service.generation(&tokens.access).await;
            one_successor(presented, &answers, stands, RACERS).unwrap();
            current = answers.into_iter().flatten().next().unwrap().1;
            service.probe.forget();
        }
        assert_eq!(service.thefts(), 0);
        left -= left.min(OF_ONE_SERVICE);
        println!("{} races of {RACERS} within the grace, no second successor", races() - left);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_refreshes_without_grace_one_at_most_gets_a_successor() {
    let rounds = races().div_ceil(10);
    let (mut left, mut won) = (rounds, 0);
    while left > 0 {
        let service = quick_service("0").await;
        service.sign_up("ann").await.expect(201);
        for _ in 0..left.min(OF_ONE_SERVICE) {
            let tokens = service.login("ann").await;
            let answers = service.race(&tokens.refresh).await;
            let winners = answers.iter().flatten().count();
            // None where theft was found before the winner's answer was.
            assert!(winners <= 1, "a double spend");
            won += winners;
            one_successor(0, &answers, service.generation(&tokens.access).await, 0).unwrap();
            service.expect_ended(&tokens).await;
            service.probe.forget();
        }
        left -= left.min(OF_ONE_SERVICE);
        println!("{} races of {RACERS} without grace, {won} of them won, no double spend", rounds - left);
    }
}

/// Asks, and goes on with what it got: one more refresh.
async fn act(service: Arc<Service>, history: History, who: usize, tokens: Tokens, ask: Ask, token: String) {
    let (mut ask, mut token) = (ask, token);
    for _ in 0..2 {
        history.asks(who, ask);
        let answer = service.asked(&tokens, ask, &token).send().await;
        let said = match (ask, answer.status) {
            (Ask::Refresh(_), 200) => {
                token = answer.tokens().refresh;
                Said::Tokens(generation_of(&token))
            }
            (_, 200) => Said::Done,
            _ => {
                answer.expect(401);
                Said::Refused
            }
        };
        history.is_told(who, said);
        let Said::Tokens(generation) = said else { return };
        history.hands_out(generation, &token);
        ask = Ask::Refresh(generation);
    }
}

/// Every choice of four, the same one more than once too.
fn choices(of: &[Ask]) -> Vec<[Ask; 4]> {
    let mut all = Vec::new();
    for (a, first) in of.iter().enumerate() {
        for (b, second) in of.iter().enumerate().skip(a) {
            for (c, third) in of.iter().enumerate().skip(b) {
                all.extend(of[c..].iter().map(|fourth| [*first, *second, *third, *fourth]));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_runs_beside_whatever_can_be_told_as_a_sequence() {
    let service = quick_service("10").await;
    service.sign_up("ann").await.expect(201);
    let asks = [Ask::Refresh(0), Ask::Refresh(1), Ask::Me, Ask::Logout, Ask::LogoutEverywhere, Ask::Revoke];
    let all = choices(&asks);
    let (mut histories, mut refusals) = (0_usize, 0);
    for (four, round) in all.iter().cycle().zip(0..(races() / 10).max(2 * all.len())) {
        // The older token comes within the grace, or after it; an answer of the store is lost, or none is.
        let (waited, lost) = (if (round / all.len()).is_multiple_of(2) { 0 } else { 10 }, round.is_multiple_of(2));
        let history = service.mixed(four, waited, lost).await;
        histories += 1;
        refusals += usize::from(history.has_refusals());
        if histories.is_multiple_of(OF_ONE_SERVICE) {
            println!("{histories} histories of mixed requests, {refusals} with refusals, all linearizable");
        }
    }
    assert!(0 < refusals && refusals < histories, "{refusals} of {histories}");
    println!("{histories} histories of mixed requests, {refusals} with refusals, all linearizable");
}

/// What is asked and said by one after the other.
fn told(before: Sequential, all: &[(Ask, Said)]) -> bool {
    let history = History::of(before);
    for (ask, said) in all {
        history.asks(0, *ask);
        history.is_told(0, *said);
        if let Said::Tokens(generation) = said {
            history.hands_out(*generation, "the one");
        }
    }
    history.is_linearizable(false)
}

#[test]
fn a_history_that_cannot_be_is_refused() {
    use Ask::{Logout, LogoutEverywhere, Me, Refresh, Revoke};
    use Said::{Done, Refused, Tokens};
    let fresh = || Sequential::standing_at(0, Duration::from_hours(1));
    let repeated = || Sequential::standing_at(1, Duration::from_secs(9));
    let spent = || Sequential::standing_at(1, Duration::from_secs(10));
    for (name, before, all) in [
        ("a refresh", fresh(), &[(Refresh(0), Tokens(1)), (Refresh(1), Tokens(2)), (Me, Done)][..]),
        ("a repetition", repeated(), &[(Refresh(0), Tokens(1)), (Refresh(0), Tokens(1)), (Refresh(1), Tokens(2))]),
        ("theft", spent(), &[(Refresh(0), Refused), (Me, Refused), (Refresh(1), Refused)]),
        ("a logout", fresh(), &[(Logout, Done), (Refresh(0), Refused), (Logout, Done), (Me, Refused)]),
    ] {
        assert!(told(before, all), "{name}");
    }
    for (name, before, all) in [
        ("a double spend", fresh(), &[(Refresh(0), Tokens(1)), (Refresh(1), Tokens(2)), (Refresh(0), Tokens(1))][..]),
        ("a leap", fresh(), &[(Refresh(0), Tokens(2))]),
        ("a repetition that moves", repeated(), &[(Refresh(0), Tokens(1)), (Refresh(0), Tokens(2))]),
        ("a grace without end", spent(), &[(Refresh(0), Tokens(1))]),
        ("theft that ends nothing", spent(), &[(Refresh(0), Refused), (Refresh(1), Tokens(2))]),
        ("tokens after a logout", fresh(), &[(Logout, Done), (Refresh(0), Tokens(1))]),
        ("tokens after a logout everywhere", fresh(), &[(LogoutEverywhere, Done), (Refresh(0), Tokens(1))]),
        ("a call after a revocation", fresh(), &[(Revoke, Done), (Me, Done)]),
        ("a refusal without a cause", fresh(), &[(Me, Done), (Refresh(0), Refused)]),
        ("a logout that is refused without a cause", fresh(), &[(Logout, Refused)]),
    ] {
        assert!(!told(before, all), "{name}");
    }
}

#[test]
fn what_ran_side_by_side_is_told_in_any_order_and_what_did_not_in_its_own() {
    for (side_by_side, linearizable) in [(true, true), (false, false)] {
        let history = History::of(Sequential::standing_at(0, Duration::from_hours(1)));
        history.asks(0, Ask::Logout);
        if side_by_side {
            history.asks(1, Ask::Refresh(0));
        }
        history.is_told(0, Said::Done);
        if !side_by_side {
            history.asks(1, Ask::Refresh(0));
        }
        history.is_told(1, Said::Tokens(1));
        assert_eq!(history.is_linearizable(false), linearizable);
    }
    let doubled = History::of(Sequential::standing_at(0, Duration::from_hours(1)));
    for (who, token) in [(0, "one"), (1, "another")] {
        doubled.asks(who, Ask::Refresh(0));
        doubled.is_told(who, Said::Tokens(1));
        doubled.hands_out(1, token);
    }
    assert!(!doubled.is_linearizable(true), "two tokens of one generation");
}

#[test]
fn a_race_with_two_successors_is_refused() {
    let got = |generation, token: &str| Some((generation, token.to_owned()));
    let same = vec![got(1, "a"), got(1, "a"), got(1, "a")];
    assert_eq!(one_successor(0, &same, 1, 3), Ok(()));
    assert_eq!(one_successor(0, &[got(1, "a"), None], 1, 1), Ok(()));
    for (name, answers, stands) in [
        ("two successors", vec![got(1, "a"), got(1, "b"), got(1, "a")], 1),
        ("a generation further", vec![got(1, "a"), got(2, "b"), got(1, "a")], 2),
        ("moved twice", same.clone(), 2),
        ("not moved", same, 0),
        ("one refused", vec![got(1, "a"), None, got(1, "a")], 1),
    ] {
        assert!(one_successor(0, &answers, stands, 3).is_err(), "{name}");
    }
}
