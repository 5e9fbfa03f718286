//! `kill -9` at every call of the store that a request makes, before the call and after it: the tables agree with each other,
//! and the request made again comes to what it was for.

use crate::bench::Bench;
use crate::client::Client;
use crate::forwarder::{Calls, Happens, is_read};
use crate::routes::{Media, ROUTES, Route};
use crate::writes::{Setting, Write, writes};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

/// Routes that are no `GET` and write nothing.
const WRITE_NOTHING: &[(&str, &str)] =
    &[("POST", "/refresh-token"), ("POST", "/oauth2/userinfo"), ("POST", "/moderate"), ("POST", "/comments")];

/// So many are tried out side by side, each on a store of its own.
const SIDE_BY_SIDE: usize = 4;

#[test]
fn a_request_that_is_killed_at_any_call_leaves_nothing_half_done() {
    let left = Mutex::new(writes());
    let kills = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(write) = { left.lock().unwrap().pop() } {
                    *kills.lock().unwrap() += kill_at_every_call(&write);
                }
            });
        }
    });
    println!("{} kills", kills.into_inner().unwrap());
}

/// How often it was killed.
fn kill_at_every_call(write: &Write) -> usize {
    let bench = Bench::new();
    let mut server = bench.server();
    let admin = bench.admin(server.client());
    let setting = |client: Client, name: String| Setting { client: client.patient(), admin: admin.clone(), name };
    let title = write.title();

    let at = setting(server.client(), "undisturbed".to_owned());
    let ask = (write.ask)(&at);
    bench.forwarder.calls();
    let answer = ask.send(at.client).unwrap();
    let calls = bench.forwarder.calls();
    (write.then)(&at, &ask, &answer.named(&title).expect(write.first));
    assert!(calls.iter().any(|call| !is_read(call)), "{title} writes nothing: {calls:?}");

    let mut kills = 0;
    for call in 1..=calls.len() {
        for (when, kill) in
            [("before", Happens::KillBefore as fn(u32, usize) -> Happens), ("after", Happens::KillAfter)]
        {
            let (name, title) = (format!("{when}{call}"), format!("{title}, killed {when} call {call} of {calls:?}"));
            let ask = (write.ask)(&setting(server.client(), name.clone()));
            bench.forwarder.begin(Calls::All, kill(server.id(), call));
            let answered = ask.send(server.client());
            let made = bench.forwarder.calls().len();
            // Calls side by side may come in another order, and one that was tried twice before makes a number too many.
            assert!(answered.is_err() || made < call || call == calls.len(), "{title}: {answered:?}");
            server.kill();
            bench.expect_sound(&title);

            server = bench.server();
            let at = setting(server.client(), name);
            let answer = ask.send(at.client).unwrap();
            assert!(write.again.contains(&answer.status), "{title}: {answer:?}");
            (write.then)(&at, &ask, &answer.named(&title));
            bench.expect_sound(&title);
            kills += 1;
        }
    }
    bench.forwarder.expect_consistent();
    kills
}

#[test]
fn every_route_that_writes_is_killed() {
    let killed: BTreeSet<_> = writes().iter().map(|write| write.route).collect();
    let is_known = |route: &Route| killed.contains(&(route.method, route.path));
    let unknown = ROUTES.iter().filter(|route| route.method != "GET" && !is_known(route));
    let unknown: BTreeSet<_> = unknown.map(|route| (route.method, route.path)).collect();
    assert_eq!(unknown, WRITE_NOTHING.iter().copied().collect(), "see tests/local/writes.rs");

    let bench = Bench::new();
    let server = bench.server();
    let admin = bench.admin(server.client());
    bench.forwarder.calls();
    for route in ROUTES.iter().filter(|route| !is_known(route)) {
        let members = route.members.iter().filter(|member| member.is_required);
        let body: Value = members.map(|member| (member.name.to_owned(), member.value())).collect();
        let body = if route.media == Media::None { String::new() } else { body.to_string() };
        let headers = format!("authorization: Bearer {admin}\r\ncontent-type: application/json\r\n");
        let answer = server.client().try_send(route.method, route.path, &headers, &body);
        let calls = bench.forwarder.calls();
        assert!(
            calls.iter().all(|call| is_read(call)),
            "{} {} writes: {calls:?}, {answer:?}",
            route.method,
            route.path
        );
    }
}
