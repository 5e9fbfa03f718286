//! Clients that are slow on purpose, and crowds: they keep nobody else out, cost little memory, and are not waited for.

use crate::client::{Client, PASSWORD, Tokens};
use crate::server::{Place, Server};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// The server waits ten seconds; a machine that has other things to do may be late.
const PATIENCE: Duration = Duration::from_mins(2);
/// What all slow clients together may cost, in KiB.
const MEMORY: u64 = 96 * 1024;
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What comes until the other side closes.
#[track_caller]
fn until_closed(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("it is still open: {error}"),
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

/// Expects that somebody else is served as ever.
fn expect_served(client: Client, ann: &Tokens) {
    client.try_send("GET", "/health", "", "").unwrap().expect(200);
    client.get("/users/me", &ann.access).expect(200);
}

#[test]
fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let server = Place::new().server().start();
    let mut stream = connect(&server);
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: doorward\r\nx-slow: ").unwrap();
    let until = Instant::now() + PATIENCE;
    while stream.write_all(b"a").is_ok() {
        assert!(Instant::now() < until, "it is still read");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_head_that_is_longer_than_any_is_refused() {
    let server = Place::new().server().start();
    let mut stream = connect(&server);
    let head = format!("{:a<60000}", "GET /health HTTP/1.1\r\nhost: doorward\r\nx-long: ");
    stream.write_all(head.as_bytes()).unwrap();
    assert!(until_closed(stream).starts_with("HTTP/1.1 431 "));
}

#[test]
fn what_nobody_reads_does_not_cost_the_answer() {
    let server = Place::new().server().start();
    let ann = server.client().newcomer("ann");
    let bearer = format!("authorization: Bearer {}\r\n", ann.access);
    let ask = |line: &str, headers: &str, length: usize| {
        let mut stream = connect(&server);
        let head = format!(
            "{line} HTTP/1.1\r\nhost: doorward\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'a'; length]).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    };
    for (line, headers, status) in [
        ("POST /items", "", 401),
        ("PATCH /users/ann", "authorization: Bearer garbage\r\n", 401),
        ("POST /moderate", &bearer, 403),
        ("GET /protected", "", 403),
        ("POST /nowhere", "", 404),
        ("PUT /users", "", 405),
        ("GET /health", "", 413),
        ("POST /logout", &bearer, 413),
        ("POST /users", "content-type: application/json\r\n", 413),
    ] {
        for length in [70_000, 4_000_000] {
            let answer = String::from_utf8(ask(line, headers, length)).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
            assert!(answer.contains("problem+json") && answer.ends_with('}'), "{line}: {answer}");
        }
    }
    // A long answer is on its way for longer than the body.
    for _ in 0..8 {
        let answer = ask("GET /docs/swagger-ui.js", "", 60_000);
        assert!(answer.len() > 1_000_000, "{}", answer.len());
    }
    // Nor do requests after the last one that is answered.
    let mut stream = connect(&server);
    let last = "GET /docs/swagger-ui.js HTTP/1.1\r\nhost: doorward\r\nconnection: close\r\n\r\n";
    let more = "GET /health HTTP/1.1\r\nhost: doorward\r\n\r\n".repeat(1500);
    stream.write_all(format!("{last}{more}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > 1_000_000, "{}", answer.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_late_to_read_an_answer_reads_all_of_it() {
    let server = Place::new().server().start();
    // The system keeps some of what it takes, so it is to be little, and more than one answer.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address()).await.unwrap();
    let ask = |more: &str| format!("GET /docs/swagger-ui.js HTTP/1.1\r\nhost: doorward\r\n{more}\r\n");
    let body = "a".repeat(60_000);
    let last = ask("connection: close\r\ncontent-length: 60000\r\n");
    stream.write_all(format!("{}{last}{body}", ask("")).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).await.unwrap();
    let answers = String::from_utf8_lossy(&answers);
    let heads: Vec<_> = answers.match_indices("HTTP/1.1 200 ").map(|(at, _)| at).collect();
    assert_eq!((heads.len(), heads[0]), (2, 0));
    let body_of = |answer: &str| answer.split_once("\r\n\r\n").map(|(_, body)| body.len());
    assert_eq!(body_of(&answers[..heads[1]]), body_of(&answers[heads[1]..]), "the last one is whole");
}

#[test]
fn a_body_that_does_not_come_is_408() {
    let server = Place::new().server().start();
    let streams = ["", "username=ann&"].map(|beginning| {
        let mut stream = connect(&server);
        let head = format!("POST /token HTTP/1.1\r\nhost: doorward\r\ncontent-length: 100\r\n{FORM}\r\n{beginning}");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    });
    for stream in streams {
        let answer = until_closed(stream);
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("application/problem+json"), "{answer}");
    }
}

#[test]
fn a_megabyte_of_a_password_is_not_read() {
    let server = Place::new().server().start();
    let client = server.client();
    client.sign_up("ann").expect(201);
    let mut stream = connect(&server);
    let head = format!("POST /token HTTP/1.1\r\nhost: doorward\r\ncontent-length: 1048576\r\n{FORM}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    assert!(until_closed(stream).starts_with("HTTP/1.1 413 "));
    client.log_in("ann", &"a".repeat(60_000)).expect(401);
    client.log_in("ann", PASSWORD).expect(200);
}

#[test]
fn thousands_of_connections_that_ask_for_nothing_keep_nobody_out() {
    rlimit::increase_nofile_limit(4096).unwrap();
    let server = Place::new().server().start();
    let client = server.client();
    let ann = client.newcomer("ann");
    let before = server.memory();
    let mut held = Vec::new();
    for n in 0..2000 {
        let mut stream = connect(&server);
        let beginning = match n % 10 {
            0 => format!("POST /token HTTP/1.1\r\nhost: doorward\r\ncontent-length: 9\r\n{FORM}\r\nuser"),
            1..5 => "GET /health HTTP/1.1\r\nhost: doorw".to_owned(),
            _ => String::new(),
        };
        // Its place may be given away already.
        let _ = stream.write_all(beginning.as_bytes());
        held.push(stream);
        if n % 500 == 499 {
            expect_served(client, &ann);
        }
    }
    expect_served(client, &ann);
    let cost = server.memory().saturating_sub(before);
    assert!(cost < MEMORY, "{cost} KiB");
    println!("2000 connections cost {cost} KiB");
    for stream in held {
        until_closed(stream);
    }
    expect_served(client, &ann);
}

#[test]
fn answers_that_nobody_reads_are_not_piled_up() {
    let server = Place::new().server().start();
    let client = server.client();
    let ann = client.newcomer("ann");
    let before = server.memory();
    let ask = "GET /openapi.json HTTP/1.1\r\nhost: doorward\r\n\r\n".repeat(100);
    let held: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = connect(&server);
            stream.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
            // Until it takes no more.
            while stream.write_all(ask.as_bytes()).is_ok() {}
            stream
        })
        .collect();
    expect_served(client, &ann);
    let cost = server.memory().saturating_sub(before);
    assert!(cost < MEMORY, "{cost} KiB");
    println!("{} connections that do not read cost {cost} KiB", held.len());
}

/// The statuses of logins at once.
fn log_in_at_once(client: Client, times: usize) -> Vec<u16> {
    thread::scope(|scope| {
        let logins: Vec<_> = (0..times).map(|_| scope.spawn(move || client.log_in("ann", PASSWORD).status)).collect();
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    })
}

#[test]
fn sixty_four_right_logins_at_once_all_succeed() {
    let server = Place::new().server().start();
    server.client().sign_up("ann").expect(201);
    assert_eq!(log_in_at_once(server.client(), 64), [200; 64]);
}

#[test]
fn while_passwords_wait_in_their_queue_the_others_are_refused_and_everything_else_is_answered() {
    let server = Place::new().server().start();
    let client = server.client();
    let ann = client.newcomer("ann");
    let statuses = thread::scope(|scope| {
        let logins = scope.spawn(|| log_in_at_once(client, 400));
        while !logins.is_finished() {
            client.try_send("GET", "/health", "", "").unwrap().expect(200);
            let me = client.get("/users/me", &ann.access).status;
            // A machine that does nothing but hash may be too slow for its own store.
            assert!(me == 200 || me == 503, "{me}");
        }
        logins.join().unwrap()
    });
    let [let_in, refused] = [200, 503].map(|wanted| statuses.iter().filter(|status| **status == wanted).count());
    println!("of 400 logins at once {let_in} were let in, {refused} were to come again");
    assert!(let_in > 0 && let_in + refused == 400, "{statuses:?}");
    assert!(server.memory() < 512 * 1024, "{} KiB", server.memory());
    expect_served(client, &ann);
}
