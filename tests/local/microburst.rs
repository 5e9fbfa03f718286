//! Faults of a store as AWS words them, and of the network before it. Needs `microburst`, which `just check` installs.

use crate::client::Client;
use serde_json::{Value, json};
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A proxy that runs. It is ended when the test is done with it.
pub struct Microburst {
    child: Child,
    address: SocketAddr,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Too much of it, says the store.
    Throttled,
    /// The store's own fault.
    Internal,
    /// The connection is reset, and nothing is done.
    Reset,
    /// Nobody answers for longer than is waited, and nothing is done.
    TimedOut,
    /// It is done, and the connection breaks off before the answer.
    Lost,
}

impl Fault {
    pub const ALL: [Self; 5] = [Self::Throttled, Self::Internal, Self::Reset, Self::TimedOut, Self::Lost];

    fn rule(self) -> Value {
        match self {
            Self::Throttled => json!({"error": {"code": "ProvisionedThroughputExceededException"}}),
            Self::Internal => json!({"error": {"code": "InternalServerError", "status": 500}}),
            Self::Reset => json!({"reset": true}),
            Self::TimedOut => json!({"timeout_ms": 1500}),
            Self::Lost => json!({"response": {"abort_bytes": 0}}),
        }
    }
}

impl Microburst {
    /// One before that store, without a fault.
    pub fn before(store: SocketAddr, log: &Path) -> Self {
        // Free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = File::create(log).unwrap();
        let mut command = Command::new("microburst");
        command.args(["--upstream", &format!("http://{store}"), "--port", &address.port().to_string()]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let microburst = Self { child: command.spawn().expect("microburst, which `just check` installs"), address };
        let until = Instant::now() + Duration::from_mins(2);
        while Client::of(address).try_send("GET", "/_microburst/health", "", "").is_err() {
            assert!(Instant::now() < until, "it does not start");
            thread::sleep(Duration::from_millis(100));
        }
        // At its first call it reads what it knows of AWS, which takes seconds.
        microburst.hit(1, Fault::Internal, true);
        let headers = "x-amz-target: DynamoDB_20120810.ListTables\r\ncontent-type: application/x-amz-json-1.0\r\n\
                       authorization: AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/dynamodb/aws4_request, \
                       SignedHeaders=host, Signature=00\r\n";
        while Client::of(address).try_send("POST", "/", headers, "{}").is_err() {
            assert!(Instant::now() < until, "it does not answer");
        }
        assert!(microburst.relent() > 0);
        microburst
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has that happen to a call, the first being 1: to it alone, or to it and all that come after.
    pub fn hit(&self, call: usize, fault: Fault, and_after: bool) {
        // A rule that does nothing takes the calls before.
        let before = json!({"service": "dynamodb", "times": call - 1});
        let mut rule = fault.rule();
        rule["service"] = "dynamodb".into();
        if !and_after {
            rule["times"] = 1.into();
        }
        self.set(&json!([before, rule]));
    }

    /// Loses the answer to the first attempt of every such call: of each the second one is answered.
    pub fn lose_first_answers(&self, operation: &str, table: &str) {
        let mut rule = Fault::Lost.rule();
        rule["service"] = "dynamodb".into();
        rule["operation"] = operation.into();
        rule["resource"] = table.into();
        rule["headers"] = json!({"amz-sdk-request": "attempt=1"});
        self.set(&json!([rule]));
    }

    /// Passes everything on again: how often the last rule was followed.
    pub fn relent(&self) -> u64 {
        let rules = Client::of(self.address).try_send("GET", "/_microburst/rules", "", "").unwrap().expect(200).body;
        self.set(&json!([]));
        rules.as_array().unwrap().last().map_or(0, |rule| rule["fired_count"].as_u64().unwrap())
    }

    fn set(&self, rules: &Value) {
        Client::of(self.address).try_post("/_microburst/rules", rules).unwrap().expect(200);
    }
}

impl Drop for Microburst {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
