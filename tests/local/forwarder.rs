//! Between the program and its store: counts the calls, and has some of them meet what networks, stores and machines do.

use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happens {
    /// The process of that id is killed before this call gets to the store. Only once.
    KillBefore(u32, usize),
    /// The process of that id is killed when the store has done this call, before the answer gets back. Only once.
    KillAfter(u32, usize),
    /// Nobody answers, and nothing is done.
    Silence,
    /// It is done, and nobody answers.
    Lost,
    /// The answer comes so slowly that it never ends.
    Drip,
    /// It takes that long, and is done.
    Slow(Duration),
}

/// Which calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    All,
    Writes,
    /// Those of that table alone.
    Of(&'static str),
}

/// A forwarder that runs until the tests end.
#[derive(Clone)]
pub struct Forwarder {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    store: SocketAddr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was called since the last look, such as `GetItem`.
    calls: Vec<String>,
    plan: Option<(Calls, Happens)>,
    /// Reads that would do with what was.
    eventual: Vec<String>,
}

/// A request or an answer, as it came.
struct Message {
    head: Vec<u8>,
    body: Vec<u8>,
}

pub fn is_read(operation: &str) -> bool {
    ["GetItem", "BatchGetItem", "Query", "Scan", "DescribeTable", "ListTables", "DescribeTimeToLive"]
        .contains(&operation)
}

impl Forwarder {
    /// One that passes everything on.
    pub fn to(store: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { store, state: Mutex::default() });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let serving = Arc::clone(&serving);
                // Whoever is gone is not answered.
                thread::spawn(move || serving.serve(client));
            }
        });
        Self { address, shared }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has that happen to those calls from now on, and counts them.
    pub fn begin(&self, which: Calls, happens: Happens) {
        let mut state = self.shared.state.lock().unwrap();
        state.calls.clear();
        state.plan = Some((which, happens));
    }

    /// Passes everything on again; what was called since the last look.
    pub fn calls(&self) -> Vec<String> {
        let mut state = self.shared.state.lock().unwrap();
        state.plan = None;
        std::mem::take(&mut state.calls)
    }

    /// Expects that every read so far asked for what is, and not for what was.
    #[track_caller]
    pub fn expect_consistent(&self) {
        assert_eq!(self.shared.state.lock().unwrap().eventual, Vec::<String>::new());
    }
}

impl Shared {
    fn serve(&self, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let store = TcpStream::connect(self.store)?;
        store.set_nodelay(true)?;
        let (mut client, mut store) = (BufReader::new(client), BufReader::new(store));
        loop {
            let request = Message::read(&mut client)?;
            let happens = self.happens(&request);
            match happens {
                Some(Happens::KillBefore(victim, _)) => return kill(victim),
                Some(Happens::Silence) => return until_gone(&mut client),
                Some(Happens::Slow(time)) => thread::sleep(time),
                _ => {}
            }
            store.get_mut().write_all(&request.bytes())?;
            let answer = Message::read(&mut store)?;
            match happens {
                Some(Happens::KillAfter(victim, _)) => return kill(victim),
                Some(Happens::Lost) => return until_gone(&mut client),
                Some(Happens::Drip) => {
                    for byte in answer.bytes() {
                        client.get_mut().write_all(&[byte])?;
                        thread::sleep(Duration::from_millis(100));
                    }
                }
                _ => client.get_mut().write_all(&answer.bytes())?,
            }
        }
    }

    /// Counts a call; what is to happen to it.
    fn happens(&self, request: &Message) -> Option<Happens> {
        let operation = request.header("x-amz-target").unwrap_or_default();
        let operation = operation.rsplit('.').next().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        if !asks_for_what_is(&operation, &body) {
            state.eventual.push(format!("{operation} {body}"));
        }
        let reads = is_read(&operation);
        state.calls.push(operation);
        let (which, happens) = state.plan?;
        let concerned = match which {
            Calls::All => true,
            Calls::Writes => !reads,
            Calls::Of(table) => body["TableName"] == table,
        };
        let now = match happens {
            Happens::KillBefore(_, call) | Happens::KillAfter(_, call) => call == state.calls.len(),
            _ => true,
        };
        (concerned && now).then_some(happens)
    }
}

/// Whether a call reads nothing, or reads strongly consistently.
fn asks_for_what_is(operation: &str, body: &Value) -> bool {
    match operation {
        "GetItem" | "Query" | "Scan" => body["ConsistentRead"] == true,
        "BatchGetItem" => body["RequestItems"]
            .as_object()
            .is_some_and(|tables| tables.values().all(|of| of["ConsistentRead"] == true)),
        _ => true,
    }
}

impl Message {
    fn read(from: &mut BufReader<TcpStream>) -> io::Result<Self> {
        let mut message = Self { head: Vec::new(), body: Vec::new() };
        while !message.head.ends_with(b"\r\n\r\n") {
            if from.read_until(b'\n', &mut message.head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let length = message.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        message.body.resize(length, 0);
        from.read_exact(&mut message.body)?;
        Ok(message)
    }

    fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.head);
        let found =
            head.lines().filter_map(|line| line.split_once(':')).find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_slice(), &self.body].concat()
    }
}

/// `kill -9`. It is waited for by whoever started it.
fn kill(victim: u32) -> io::Result<()> {
    Command::new("kill").arg("-KILL").arg(victim.to_string()).status().map(|_| ())
}

/// Reads until the other end is closed.
fn until_gone(client: &mut BufReader<TcpStream>) -> io::Result<()> {
    io::copy(client, &mut io::sink()).map(|_| ())
}
