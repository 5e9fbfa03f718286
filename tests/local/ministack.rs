//! AWS on this machine, as ministack has it. Needs `ministack`, which `just check` installs.

use crate::client::Client;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// An AWS that runs. It is ended when the test is done with it.
pub struct Ministack {
    child: Child,
    pub address: SocketAddr,
}

impl Ministack {
    /// One that asks nobody for rights.
    pub fn start(log: &Path) -> Self {
        Self::start_with(log, &[])
    }

    /// One in which roles may do what their policies say, and nothing else.
    pub fn start_with_rights(log: &Path) -> Self {
        Self::start_with(log, &[("AUTH", "true")])
    }

    fn start_with(log: &Path, more: &[(&str, &str)]) -> Self {
        // Free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = File::create(log).unwrap();
        let mut command = Command::new("ministack");
        command
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", address.port().to_string())
            .env("MINISTACK_HOST", "localhost")
            .env("SFTP_ENABLED", "0")
            .env("IOT_MTLS_ENABLED", "0")
            // Where its functions find AWS: without it they would call the real one.
            .env("AWS_ENDPOINT_URL", format!("http://{address}"))
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0);
        let ministack = Self { child: command.spawn().expect("ministack, which `just check` installs"), address };
        let until = Instant::now() + Duration::from_mins(1);
        while Client::of(address).try_send("GET", "/_ministack/health", "", "").is_err() {
            assert!(Instant::now() < until, "it does not start");
            thread::sleep(Duration::from_millis(100));
        }
        ministack
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn stop(&mut self) {
        // Its functions are processes of its group.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        self.stop();
    }
}
