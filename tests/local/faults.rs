//! Throttles, faults, resets, time-outs and lost answers at each of the first calls of every request that writes: it is done, or
//! it is 503 and comes to what it was for when it is made again.

use crate::bench::Bench;
use crate::client::{Tokens, tokens};
use crate::microburst::{Fault, Microburst};
use crate::server::Server;
use crate::slow::{ANSWERED_BY, again};
use crate::writes::{Setting, Write, writes};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// `DOORWARD_LONG_FAULTS=1` tries everything.
const LONG: bool = option_env!("DOORWARD_LONG_FAULTS").is_some();

/// So many are tried out side by side, each on a store of its own.
const SIDE_BY_SIDE: usize = 3;

/// A fault at a call, or from it on.
#[derive(Clone, Copy, Debug)]
struct Trial {
    fault: Fault,
    call: usize,
    lasts: bool,
}

/// What is tried out with the request of that number. In the short mode every fault comes with every request, and at every
/// call with every third one.
fn trials(number: usize) -> Vec<Trial> {
    let every = Fault::ALL.into_iter().flat_map(|fault| (1..=3).map(move |call| (fault, call)));
    let all = every.flat_map(|(fault, call)| [false, true].map(|lasts| Trial { fault, call, lasts })).enumerate();
    let chosen = all.filter(|(n, trial)| {
        let turn = (n / 2 + n / 6 + number).is_multiple_of(3);
        // One that lasts takes seconds.
        LONG || if trial.lasts { turn && (n / 6 + number).is_multiple_of(5) } else { turn }
    });
    chosen.map(|(_, trial)| trial).collect()
}

#[test]
fn a_fault_of_the_store_is_survived_or_told() {
    let left = Mutex::new(writes().into_iter().enumerate().collect::<Vec<_>>());
    let seen = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                let place = Faulty::new(&seen);
                while let Some((number, write)) = { left.lock().unwrap().pop() } {
                    place.meet(number, &write);
                }
            });
        }
    });
    for ((fault, lasts, status), (count, slowest)) in seen.into_inner().unwrap() {
        println!("{fault}, lasting: {lasts}: {status} {count} times, the slowest in {slowest:?}");
    }
}

/// By fault, whether it lasts, and status: how often, and how long it took at most.
type Seen = Mutex<BTreeMap<(String, bool, u16), (usize, Duration)>>;

/// A server whose store has faults.
struct Faulty<'a> {
    bench: Bench,
    microburst: Microburst,
    server: Server,
    admin: String,
    seen: &'a Seen,
}

impl<'a> Faulty<'a> {
    fn new(seen: &'a Seen) -> Self {
        let bench = Bench::new();
        let microburst = Microburst::before(bench.store(), &bench.path("microburst.log"));
        let server = bench.at(&microburst.endpoint()).start();
        let admin = bench.admin(server.client());
        Self { bench, microburst, server, admin, seen }
    }

    /// Has a request meet what is chosen for it.
    fn meet(&self, number: usize, write: &Write) {
        let mut met = 0;
        for (n, trial) in trials(number).into_iter().enumerate() {
            let title = format!("{}: {trial:?}", write.title());
            let client = self.server.client();
            let at = Setting { client: client.patient(), admin: self.admin.clone(), name: format!("w{number}n{n}") };
            let ask = (write.ask)(&at);

            self.microburst.hit(trial.call, trial.fault, trial.lasts);
            let sent = Instant::now();
            let first = ask.send(client).unwrap().named(&title);
            let took = sent.elapsed();
            met += self.microburst.relent();
            assert!(took < ANSWERED_BY, "{title}: {took:?}");
            self.saw(trial, first.status, took);
            self.bench.expect_sound(&title);

            let last = if first.status == 503 && trial.lasts {
                again(&first, || ask.send(at.client).unwrap()).named(&title)
            } else {
                // What happens once is no reason for another answer.
                assert!(write.is_first(first.status), "{title}: {first:?}");
                first
            };
            assert!(write.is_first(last.status) || write.again.contains(&last.status), "{title}: {last:?}");
            (write.then)(&at, &ask, &last);
            self.bench.expect_sound(&title);
        }
        assert!(met > 0, "{}: no fault was met", write.title());
    }

    fn saw(&self, trial: Trial, status: u16, took: Duration) {
        let mut seen = self.seen.lock().unwrap();
        let (count, slowest) = seen.entry((format!("{:?}", trial.fault), trial.lasts, status)).or_default();
        (*count, *slowest) = (*count + 1, took.max(*slowest));
    }
}

#[test]
fn nobody_is_logged_out_by_lost_answers() {
    const THREADS: usize = 4;
    let refreshes = if LONG { 10_000 } else { 400 };
    let bench = Bench::new();
    let microburst = Microburst::before(bench.store(), &bench.path("microburst.log"));
    let server = bench.at(&microburst.endpoint()).start();
    let client = server.client();
    let begun: Vec<_> = (0..THREADS).map(|n| client.patient().newcomer(&format!("n{n}"))).collect();

    microburst.lose_first_answers("UpdateItem", "doorward-sessions");
    let (left, refused) = (AtomicUsize::new(refreshes), AtomicUsize::new(0));
    let refresh = |current: &Tokens| loop {
        let answer = client.refresh(&current.refresh);
        if answer.status != 503 {
            return tokens(&answer.expect(200));
        }
        refused.fetch_add(1, Ordering::Relaxed);
    };
    let last: Vec<_> = thread::scope(|scope| {
        let threads = begun.into_iter().map(|mut current| {
            scope.spawn(|| {
                let next = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                while next().is_ok() {
                    current = refresh(&current);
                }
                current
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (lost, refused) = (microburst.relent(), refused.into_inner());
    assert!(lost >= refreshes as u64, "{lost} answers were lost");
    assert!(!bench.log().contains("theft_detected"), "{}", bench.log());
    bench.expect_sound("when answers were lost");
    for current in last {
        client.patient().get("/users/me", &current.access).expect(200);
        client.patient().refresh(&current.refresh).expect(200);
    }
    println!("{refreshes} refreshes, {lost} lost answers, {refused} times 503: no session was lost");
}
