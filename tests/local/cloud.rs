//! The stack, deployed by `sam` to an AWS on this machine where every role may do what its policies say and nothing else, and
//! called through its API Gateway. Needs `sam` and `ministack`, which `just check` installs, and what `sam build` made, which
//! `just functions` does.
//!
//! The parameters say that it runs on this machine's processor, and turn the limits per address off. One thing ministack cannot
//! do: it does not show the encryption context to the policies, so that their conditions on it are let pass here. Which purposes
//! a role opens is held against the code in `tests/maps`.

use crate::client::{Answer, Client, PASSWORD, tokens};
use crate::journey::journey;
use crate::ministack::Ministack;
use crate::server::Place;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Where `sam build` puts the functions, and the template that says so.
const BUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.aws-sam/build");
/// How roles are held to the purposes of keys.
const CONTEXT: &str = "StringEquals:\n              kms:EncryptionContext:purpose:";
/// How large a function may be, zipped, in bytes: a cold start loads it.
const LARGEST: u64 = 4_000_000;
const STACK: &str = "auth";
/// A route of somebody's API.
const ROUTE: &str = "arn:aws:execute-api:us-east-1:000000000000:abcdef1234/$default/GET/reports";
const ADMIN_PASSWORD: &str = "a pass phrase of the operator";

#[test]
fn on_a_deployed_stack() {
    let cloud = Cloud::start();
    cloud.deploy(&[]);
    cloud.each_is_small();
    cloud.make_admin();
    let client = cloud.client();
    journey(client, ADMIN_PASSWORD);

    others_are_guarded(&cloud, client);

    let ann = client.newcomer("ann");
    let before = published(client);
    let turned = cloud.invoke("RotateKeysFunction", &json!({"rotate": "sign", "now": true}));
    assert_eq!(turned.as_array().map(Vec::len), Some(before + 1), "{turned}");
    client.get("/users/me", &ann.access).expect(200);

    // Another parameter: the functions start anew, and read the keys anew.
    client.get("/docs", "").expect(200);
    cloud.deploy(&["Docs=off"]);
    client.get("/docs", "").expect(404);
    assert_eq!(published(client), before + 1);
    client.get("/users/me", &ann.access).expect(200);
    client.log_in("ann", PASSWORD).expect(200);
    let next = tokens(&client.refresh(&ann.refresh).expect(200));
    client.get("/users/me", &next.access).expect(200);

    let logs = cloud.logs();
    for secret in [PASSWORD, ADMIN_PASSWORD, &ann.access, &ann.refresh, &next.access, &next.refresh] {
        assert!(!logs.contains(secret), "{secret}");
    }
    for event in ["logged_in", "refreshed", "signed_up"] {
        assert!(logs.contains(&format!("\"event\":\"{event}\"")), "{event} in {logs}");
    }

    cloud.sam(&["delete", "--stack-name", STACK, "--no-prompts", "--region", "us-east-1"]);
    let tables = cloud.aws("dynamodb", "list_tables", &json!({}));
    let kept = ["api-keys", "credentials", "second-factors", "signing-keys", "users"];
    let kept = kept.map(|name| format!("doorward-{name}"));
    assert_eq!(tables["TableNames"], json!(kept), "nothing else outlives its stack");
    let keys = cloud.aws("kms", "list_keys", &json!({}));
    let id = &keys["Keys"][0]["KeyId"];
    let key = cloud.aws("kms", "describe_key", &json!({"KeyId": id}));
    assert_eq!(key["KeyMetadata"]["KeyState"], "Enabled");
}

/// The examples' APIs let in whom the stack, or a server that this machine reaches, vouches for.
fn others_are_guarded(cloud: &Cloud, client: Client) {
    let arn = format!("AuthorizerArn={}", cloud.outputs(STACK)["AuthorizerArn"]);
    let reports = cloud.example("protected-api", &arn);
    let gil = client.newcomer("gil").access;
    let made = client.call("POST", "/api-keys", &gil, &json!({"name": "ci", "scopes": ["read:items"]})).expect(201);
    // AWS says 403; ministack 401 where there is nothing to judge.
    let refused = |answer: Answer| assert!([401, 403].contains(&answer.status), "{}", answer.body);
    refused(reports.try_send("GET", "/reports", "", "").unwrap());
    refused(reports.get("/reports", "nonsense"));
    let owner = reports.get("/reports", &gil).expect(200).text("reports_of");
    // Without a header Authorization ministack asks nobody; so the function is asked here.
    let headers = json!({"x-api-key": made.text("key")});
    let event = json!({"version": "2.0", "type": "REQUEST", "routeArn": ROUTE, "headers": headers});
    let asked = cloud.invoke("AuthorizerFunction", &event);
    assert_eq!(asked["isAuthorized"], true, "{asked}");
    assert_eq!((&asked["context"]["owner"], &asked["context"]["sub"]), (&json!(owner), &json!(made.text("id"))));
    client.call("POST", "/logout", &gil, &Value::Null).expect(200);
    refused(reports.get("/reports", &gil));

    // The gateway reads the keys by itself, at an address that there is: a server's on this machine.
    let server = cloud.place.server().start();
    let issuer = format!("Issuer=http://{}", server.address());
    let reports = cloud.example("jwt-api", &issuer);
    let hal = server.client().newcomer("hal").access;
    reports.try_send("GET", "/reports", "", "").unwrap().expect(401);
    reports.get("/reports", &gil).expect(401);
    reports.get("/reports", &hal).expect(200);
    server.client().call("POST", "/logout", &hal, &Value::Null).expect(200);
    reports.get("/reports", &hal).expect(200);
}

/// How many keys are published.
fn published(client: Client) -> usize {
    client.get("/.well-known/jwks.json", "").expect(200).body["keys"].as_array().unwrap().len()
}

/// AWS, and what is to be deployed there.
struct Cloud {
    place: Place,
    ministack: Ministack,
    template: PathBuf,
}

impl Cloud {
    fn start() -> Self {
        let place = Place::new();
        let ministack = Ministack::start_with_rights(&place.path("ministack.log"));
        let template = fs::read_to_string(format!("{BUILT}/template.yaml")).expect("what `just functions` makes");
        let judged = template.matches(CONTEXT).count();
        assert!(judged > 1, "what roles open is a condition of theirs");
        let template = template.replace(CONTEXT, &CONTEXT.replace("StringEquals", "StringEqualsIfExists"));
        let deployed = PathBuf::from(format!("{BUILT}/deployed.yaml"));
        fs::write(&deployed, template).unwrap();
        Self { place, ministack, template: deployed }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.place.path(""))
            .env("AWS_ENDPOINT_URL", self.ministack.endpoint())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_REGION", "us-east-1")
            .env("SAM_CLI_TELEMETRY", "0");
        command
    }

    /// What a program said on standard output.
    #[track_caller]
    fn run(&self, program: &str, args: &[&str]) -> String {
        let ended = self.command(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        let log = fs::read_to_string(self.place.path("ministack.log")).unwrap();
        assert!(ended.status.success(), "{program} {args:?}: {said}{}{log}", String::from_utf8_lossy(&ended.stderr));
        said
    }

    #[track_caller]
    fn sam(&self, args: &[&str]) -> String {
        self.run("sam", args)
    }

    #[track_caller]
    fn aws(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        let script = format!("{ROOT}/tests/local/aws.py");
        let said = self.run("python3", &["-B", &script, service, operation, &parameters.to_string()]);
        serde_json::from_str(&said).unwrap()
    }

    /// `sam deploy`, with limits per address off: one machine is everybody here.
    #[track_caller]
    fn deploy(&self, more: &[&str]) {
        let here = if cfg!(target_arch = "x86_64") { "Architecture=x86_64" } else { "Architecture=arm64" };
        let parameters = [&[here, "LoginRate=off", "SignUpRate=off"], more].concat();
        let args = ["deploy", "--stack-name", STACK, "--template-file", self.template.to_str().unwrap()];
        let args = [&args[..], &["--resolve-s3", "--capabilities", "CAPABILITY_IAM"]].concat();
        let quiet = ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"];
        self.sam(&[&args[..], &quiet, &["--parameter-overrides"], &parameters].concat());
    }

    /// The API of an example, in a stack of its own.
    fn example(&self, name: &str, parameter: &str) -> Client {
        let template = format!("{ROOT}/examples/{name}/template.yaml");
        let what = ["deploy", "--stack-name", name, "--template-file", &template, "--parameter-overrides", parameter];
        let how = ["--resolve-s3", "--no-confirm-changeset", "--no-progressbar", "--capabilities", "CAPABILITY_IAM"];
        self.sam(&[&what[..], &how, &["CAPABILITY_AUTO_EXPAND"]].concat());
        self.client_of(name)
    }

    fn outputs(&self, stack: &str) -> BTreeMap<String, String> {
        let stacks = self.aws("cloudformation", "describe_stacks", &json!({"StackName": stack}));
        let outputs = stacks["Stacks"][0]["Outputs"].as_array().unwrap().iter();
        let text = |output: &Value, name: &str| output[name].as_str().unwrap().to_owned();
        outputs.map(|output| (text(output, "OutputKey"), text(output, "OutputValue"))).collect()
    }

    fn client(&self) -> Client {
        self.client_of(STACK)
    }

    /// Through the API Gateway, where ministack has it: an address of the real one begins with the API's id.
    fn client_of(&self, stack: &str) -> Client {
        let address = self.outputs(stack)["ApiAddress"].clone();
        let id = address.trim_start_matches("https://").split('.').next().unwrap();
        Client::of(self.ministack.address).under(format!("/_aws/execute-api/{id}/$default"))
    }

    /// The first administrator, as an operator makes it.
    fn make_admin(&self) {
        let args = ["users", "create", "--username", "admin", "--email", "admin@example.com", "--role", "admin"];
        let start = self.place.command().arg("--stack").arg(STACK).env("AWS_ENDPOINT_URL", &self.ministack.endpoint());
        let start = start.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        let start = start.env("AWS_REGION", "us-east-1");
        let ended = args.iter().fold(start, |start, arg| start.arg(arg)).input(ADMIN_PASSWORD).run();
        assert_eq!(ended.code, Some(0), "{}", self.place.log());
    }

    /// Calls a function by the name of its resource, and returns its answer.
    #[track_caller]
    fn invoke(&self, function: &str, event: &Value) -> Value {
        let resource = json!({"StackName": STACK, "LogicalResourceId": function});
        let resource = self.aws("cloudformation", "describe_stack_resource", &resource);
        let name = &resource["StackResourceDetail"]["PhysicalResourceId"];
        let answer = self.aws("lambda", "invoke", &json!({"FunctionName": name, "Payload": event.to_string()}));
        serde_json::from_str(answer["Payload"].as_str().unwrap()).unwrap()
    }

    /// What was uploaded for each function, in bytes.
    fn each_is_small(&self) {
        let listed = self.aws("lambda", "list_functions", &json!({}));
        let functions = listed["Functions"].as_array().unwrap();
        assert!(functions.len() >= 11, "{listed}");
        for function in functions {
            let (name, size) = (&function["FunctionName"], function["CodeSize"].as_u64().unwrap());
            println!("{name}: {size} bytes");
            assert!(size < LARGEST, "{name}: {size}");
        }
    }

    /// What all functions wrote.
    fn logs(&self) -> String {
        let groups = self.aws("logs", "describe_log_groups", &json!({"logGroupNamePrefix": "/aws/lambda/"}));
        let mut logs = String::new();
        for group in groups["logGroups"].as_array().unwrap() {
            let events = self.aws("logs", "filter_log_events", &json!({"logGroupName": group["logGroupName"]}));
            for event in events["events"].as_array().unwrap() {
                logs.push_str(event["message"].as_str().unwrap());
                logs.push('\n');
            }
        }
        logs
    }
}
