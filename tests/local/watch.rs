//! `cargo lambda watch`: the functions on their own, on the embedded DynamoDB of a running server. Needs `cargo-lambda`.

use crate::client::Client;
use crate::journey::journey;
use crate::server::Place;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Each function is built and started at its first call.
const PATIENCE: Duration = Duration::from_mins(15);

#[test]
fn on_cargo_lambda_watch() {
    let place = Place::new();
    let server = place.server().start();
    let address = free_address();
    let settings = format!(
        "AWS_ENDPOINT_URL_DYNAMODB=http://{}\nAWS_REGION=us-east-1\nDOORWARD_KEY_FILE={}\nDOORWARD_ISSUER=http://{address}\n\
         DOORWARD_LOGIN_RATE=off\nDOORWARD_SIGN_UP_RATE=off\n",
        server.dynamodb(),
        place.path("data/keys").display(),
    );
    fs::write(place.path("env"), settings).unwrap();
    let _watch = Watch::start(&place.path("env"), address, &place.path("watch.log"));

    let client = Client::of(address);
    let until = Instant::now() + PATIENCE;
    for path in [
        "/health",
        "/token",
        "/token/refresh",
        "/logout",
        "/users/me",
        "/oauth2/userinfo",
        "/2fa/setup",
        "/api-keys",
        "/items",
    ] {
        // Whatever it answers, it is built.
        while client.try_send("GET", path, "", "").is_err() {
            let log = fs::read_to_string(place.path("watch.log")).unwrap();
            assert!(Instant::now() < until, "{log}");
            thread::sleep(Duration::from_millis(100));
        }
    }
    journey(client, server.admin_password().unwrap());
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

struct Watch(Child);

impl Watch {
    fn start(settings: &Path, address: SocketAddr, log: &Path) -> Self {
        let log = File::create(log).unwrap();
        let port = address.port().to_string();
        let child = Command::new("cargo-lambda")
            .args(["lambda", "watch", "--ignore-changes", "--disable-cors", "--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &port, "--env-file"])
            .arg(settings)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("cargo-lambda is installed: pip install cargo-lambda");
        Self(child)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Its functions are processes of its group.
        let _ = Command::new("kill").args(["-TERM", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}
