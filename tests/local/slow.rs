//! A store that does not answer, or too slowly: every request is answered in time, and comes to what it was for when it is made
//! again.

use crate::bench::Bench;
use crate::client::Answer;
use crate::forwarder::{Calls, Happens};
use crate::writes::{Setting, Write, writes};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Within half of this every request is answered; a machine that runs other tests too is given twice the time. That five seconds
/// are the service's own bound is tried out on a clock that is turned (`shared/http/src/patience.rs`).
pub const ANSWERED_BY: Duration = Duration::from_secs(12);

/// So many at a time are as many as a busy machine does in time.
const FEW: usize = 4;

#[test]
fn a_store_that_does_not_answer() {
    let answered = all_while(Calls::All, Happens::Silence, writes());
    assert!(answered.iter().all(|status| *status == 503), "{answered:?}");
}

#[test]
fn a_store_whose_answers_come_byte_by_byte() {
    let answered = all_while(Calls::All, Happens::Drip, writes());
    assert!(answered.iter().all(|status| *status == 503), "{answered:?}");
}

#[test]
fn a_store_that_answers_reads_and_does_not_write() {
    all_while(Calls::Writes, Happens::Silence, writes());
}

#[test]
fn a_store_that_writes_and_does_not_say_so() {
    all_while(Calls::Writes, Happens::Lost, writes());
}

#[test]
fn a_store_that_takes_as_long_as_one_call_is_waited_for() {
    all_while(Calls::All, Happens::Slow(Duration::from_millis(900)), writes());
}

#[test]
fn one_that_is_alone_is_given_every_attempt() {
    for title in ["POST /token password", "POST /api-keys ", "DELETE /users/anybody "] {
        let alone = writes().into_iter().filter(|write| write.title() == title).collect();
        assert_eq!(all_while(Calls::Writes, Happens::Silence, alone), [503]);
    }
}

#[test]
fn a_table_that_does_not_answer_keeps_no_other_from_being_cleared() {
    let bench = Bench::new();
    let server = bench.server();
    server.client().patient().newcomer("ann");
    let id = bench.tables().items("users")[0]["user_id"].as_s().unwrap().clone();
    bench.forwarder.begin(Calls::Of("doorward-api-keys"), Happens::Silence);
    bench.forget(&id).expect_err("a fault that is reported");
    assert_eq!(bench.tables().items("sessions").len(), 0);
    let calls = bench.forwarder.calls();
    let cleared = calls.iter().position(|call| call == "DeleteItem").unwrap();
    let given_up = calls.iter().rposition(|call| call == "Query").unwrap();
    assert!(cleared < given_up, "the session goes while the keys are asked for: {calls:?}");
}

/// Makes those requests while that happens to the store, and again where they were refused: how they were answered first.
fn all_while(which: Calls, happens: Happens, writes: Vec<Write>) -> Vec<u16> {
    let bench = Bench::new();
    let server = bench.server();
    let client = server.client();
    let admin = bench.admin(client);
    let asked = side_by_side(writes, FEW, |write| {
        let name = write.title().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let at = Setting { client: client.patient(), admin: admin.clone(), name };
        let ask = (write.ask)(&at);
        (write, at, ask)
    });

    let all = asked.len();
    bench.forwarder.begin(which, happens);
    let answered = side_by_side(asked, all, |(write, at, ask)| {
        let sent = Instant::now();
        let answer = ask.send(client).unwrap().named(&format!("{} while {happens:?}", write.title()));
        (write, at, ask, answer, sent.elapsed())
    });
    bench.forwarder.calls();
    bench.forwarder.expect_consistent();
    bench.expect_sound("while the store was slow");

    let slowest = answered.iter().map(|(.., took)| *took).max().unwrap();
    println!("{which:?} {happens:?}: the slowest answer took {slowest:?}");
    let statuses = side_by_side(answered, FEW, |(write, at, ask, answer, took)| {
        assert!(took < ANSWERED_BY, "{} took {took:?}", write.title());
        let status = answer.status;
        let last =
            if status == 503 { again(&answer, || ask.send(at.client).unwrap()) } else { answer.expect(write.first) };
        assert!(last.status == write.first || write.again.contains(&last.status), "{}: {last:?}", write.title());
        (write.then)(&at, &ask, &last.named(&write.title()));
        status
    });
    bench.expect_sound("when all was made again");
    statuses
}

/// What a request that was refused for a fault of the store comes to when it is made again as it was told to.
pub fn again(refused: &Answer, send: impl Fn() -> Answer) -> Answer {
    assert_eq!(
        (refused.body["detail"].as_str(), refused.header("retry-after")),
        (Some("Service unavailable"), Some("1"))
    );
    send()
}

/// Does that with all of them, so many at a time.
fn side_by_side<T: Send, R: Send>(items: Vec<T>, width: usize, each: impl Fn(T) -> R + Sync) -> Vec<R> {
    let (left, done) = (Mutex::new(items.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                while let Some(item) = { left.lock().unwrap().next() } {
                    let result = each(item);
                    done.lock().unwrap().push(result);
                }
            });
        }
    });
    done.into_inner().unwrap()
}
