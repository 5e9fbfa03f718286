//! The real binary as a child process.

use crate::client::Client;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a machine with other things to do may take for a start or an end.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder to run servers in.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A server that keeps its things in `data` here, with nothing in its environment and no limits per address.
    pub fn server(&self) -> Start {
        self.command().arg("--dynamodb").arg("127.0.0.1:0").arg("--data").arg("data")
    }

    pub fn command(&self) -> Start {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.env_clear().current_dir(self.0.path()).arg("--listen");
        let start = Start {
            command,
            listen: "127.0.0.1:0".to_owned(),
            args: Vec::new(),
            log: self.path("log"),
            input: String::new(),
        };
        start.env("DOORWARD_LOGIN_RATE", "off").env("DOORWARD_SIGN_UP_RATE", "off")
    }

    /// What servers here wrote on standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }
}

/// A server that is not started yet.
#[must_use]
pub struct Start {
    command: Command,
    listen: String,
    args: Vec<String>,
    log: PathBuf,
    input: String,
}

impl Start {
    /// What it finds on standard input.
    pub fn input(mut self, text: &str) -> Self {
        text.clone_into(&mut self.input);
        self
    }

    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// On that address instead of a free one.
    pub fn on(mut self, address: SocketAddr) -> Self {
        self.listen = address.to_string();
        self
    }

    fn spawn(mut self) -> Child {
        let input = std::mem::take(&mut self.input);
        let mut child = self.spawn_open();
        // One that was refused before it read does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child
    }

    /// With a standard input that nothing was written to, nor is ended.
    fn spawn_open(mut self) -> Child {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        self.command.arg(&self.listen).args(&self.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        self.command.spawn().unwrap()
    }

    /// Starts it, and has it wait for its standard input.
    pub fn typing(self) -> Typing {
        Typing(self.spawn_open())
    }

    /// Starts it, until it says that it listens.
    pub fn start(self) -> Server {
        let mut child = self.spawn();
        let lines = lines_of(&mut child);
        let mut server = Server { child, lines, said: Vec::new() };
        let until = Instant::now() + PATIENCE;
        while !server.said.last().is_some_and(|line| line.starts_with("listening on ")) {
            let left = until.saturating_duration_since(Instant::now());
            let line = server.lines.recv_timeout(left).unwrap_or_else(|_| panic!("it said only {:?}", server.said));
            server.said.push(line);
        }
        server
    }

    /// Starts it, and waits for its end.
    pub fn run(self) -> Ended {
        let mut child = self.spawn();
        let lines = lines_of(&mut child);
        let status = end_of(&mut child);
        Ended { code: status.code(), said: lines.iter().collect() }
    }
}

/// A command, and somebody who is going to type.
#[must_use]
pub struct Typing(Child);

impl Typing {
    /// Types nothing, and waits for the end.
    pub fn wait(mut self) -> Ended {
        let lines = lines_of(&mut self.0);
        let status = end_of(&mut self.0);
        Ended { code: status.code(), said: lines.iter().collect() }
    }

    /// Types it, and waits for the end.
    pub fn enter(mut self, text: &str) -> Ended {
        let _ = self.0.stdin.take().unwrap().write_all(text.as_bytes());
        let lines = lines_of(&mut self.0);
        let status = end_of(&mut self.0);
        Ended { code: status.code(), said: lines.iter().collect() }
    }
}

/// A server that ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: Option<i32>,
    pub said: Vec<String>,
}

/// A server that runs. It is killed when the test is done with it.
pub struct Server {
    child: Child,
    lines: Receiver<String>,
    /// What it said on standard output until it listened.
    pub said: Vec<String>,
}

impl Server {
    fn address_after(&self, prefix: &str) -> SocketAddr {
        let address = self.said.iter().find_map(|line| line.strip_prefix(prefix));
        address.unwrap_or_else(|| panic!("{prefix:?} in {:?}", self.said)).parse().unwrap()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn address(&self) -> SocketAddr {
        self.address_after("listening on http://")
    }

    pub fn dynamodb(&self) -> SocketAddr {
        self.address_after("dynamodb on http://")
    }

    pub fn client(&self) -> Client {
        Client::of(self.address())
    }

    /// The memory that it has, in KiB.
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The password of `admin`, if it was made.
    pub fn admin_password(&self) -> Option<&str> {
        self.said.iter().find_map(|line| line.strip_prefix("created user admin with password "))
    }

    /// Sends a signal by its name, and waits for the end.
    pub fn stop(mut self, signal: &str) -> Ended {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
        let status = end_of(&mut self.child);
        Ended { code: status.code(), said: self.lines.iter().collect() }
    }

    /// `kill -9`
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        end_of(&mut self.child);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = channel();
    let stdout = child.stdout.take().unwrap();
    thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

fn end_of(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status,
            None if Instant::now() > until => {
                let _ = child.kill();
                panic!("it does not end");
            }
            None => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// The permission bits of a file or folder.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
