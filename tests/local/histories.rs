//! Refreshes that race on a DynamoDB that is not the embedded one, as ministack has it. Needs `ministack`.

use crate::client::{Answer, Client, tokens};
use crate::ministack::Ministack;
use crate::server::Place;
use crate::successor::{generation_of, one_successor};
use std::thread;

/// How many races there are where one is run on the embedded store by `just histories`.
const RACES: &str = match option_env!("HISTORIES") {
    Some(races) => races,
    None => "1000",
};
/// The same races take that many times longer.
const SLOWNESS: usize = 50;
const RACERS: usize = 16;

/// What a refresh got. A store that does not answer in time is said to be unavailable, and nothing is known of the rest.
fn successor(answer: Answer) -> Option<(u32, String)> {
    if answer.status == 503 {
        return None;
    }
    let token = tokens(&answer.expect(200)).refresh;
    Some((generation_of(&token), token))
}

fn race(client: Client, token: &str) -> Vec<Option<(u32, String)>> {
    thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS).map(|_| scope.spawn(|| successor(client.refresh(token)))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    })
}

#[test]
fn of_sixteen_refreshes_all_get_the_one_successor() {
    let place = Place::new();
    let ministack = Ministack::start(&place.path("ministack.log"));
    let server = place.command().arg("--data").arg("data").arg("--dynamodb-endpoint").arg(&ministack.endpoint());
    let server = server
        .env("DOORWARD_SIGNING_ALG", "EdDSA")
        // A machine with other things to do.
        .env("DOORWARD_REFRESH_GRACE", "60")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .start();
    let client = server.client();
    let mut current = client.newcomer("ann").refresh;
    let races = RACES.parse::<usize>().unwrap() / SLOWNESS;
    let mut unanswered = 0;
    for presented in 0..u32::try_from(races).unwrap() {
        let answers = race(client, &current);
        unanswered += answers.iter().filter(|answer| answer.is_none()).count();
        // Had the session moved further than that, the next race would be theft.
        one_successor(presented, &answers, presented + 1, 1).unwrap();
        current = answers.into_iter().flatten().next().unwrap().1;
        if (presented + 1).is_multiple_of(100) {
            println!("{} races of {RACERS} on ministack, no second successor", presented + 1);
        }
    }
    println!("{races} races of {RACERS} on ministack, no second successor, {unanswered} requests answered 503");
}
