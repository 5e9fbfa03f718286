//! `--stack`: the operator's commands on what CloudFormation and Lambda say of a stack, as ministack has them. The API is
//! served by the program here, on the tables and the KMS key of the stack.

use crate::client::PASSWORD;
use crate::commands::done;
use crate::ministack::Ministack;
use crate::server::{Place, Start};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::PointInTimeRecoverySpecification;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const KEPT: [&str; 5] = ["api-keys", "credentials", "second-factors", "signing-keys", "users"];

/// A call of CloudFormation.
fn cloudformation(aws: &Ministack, parameters: &[(&str, &str)]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--aws-sigv4", "aws:amz:us-east-1:cloudformation", "--user", "test:test", &aws.endpoint()]);
    for (name, value) in [("Version", "2010-05-15"), ("StackName", "dw")].iter().chain(parameters) {
        curl.arg("--data-urlencode").arg(format!("{name}={value}"));
    }
    String::from_utf8(curl.output().unwrap().stdout).unwrap()
}

/// Makes the stack, and says which key seals.
fn make_stack(aws: &Ministack, issuer: SocketAddr) -> String {
    let template = include_str!("stack.yaml").replace("ADDRESS", &format!("http://{issuer}"));
    cloudformation(aws, &[("Action", "CreateStack"), ("TemplateBody", &template)]);
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let described = cloudformation(aws, &[("Action", "DescribeStacks")]);
        if described.contains("CREATE_COMPLETE") {
            let arn = described.split("arn:aws:kms:").nth(1).unwrap().split('<').next().unwrap();
            return format!("arn:aws:kms:{arn}");
        }
        assert!(Instant::now() < until, "{described}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn with(aws: &Ministack, start: Start) -> Start {
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let start = names.iter().fold(start, |start, name| start.env(name, "test"));
    start.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_ENDPOINT_URL", &aws.endpoint())
}

fn dynamodb(aws: &Ministack) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .endpoint_url(aws.endpoint());
    Client::from_conf(config.build())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_on_a_stack_and_doctor_says_what_it_lacks() {
    let place = Place::new();
    let aws = Ministack::start(&place.path("ministack.log"));
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // What the environment says of Doorward is not the stack's.
    let stack =
        |name: &str| with(&aws, place.command().limited()).env("DOORWARD_TABLE_PREFIX", "x").arg("--stack").arg(name);
    assert_eq!(stack("dw").arg("keys").arg("list").run().code, Some(1));
    assert!(place.log().contains("cloudformation answered 400: Stack with id dw does not exist"), "{}", place.log());

    let key = make_stack(&aws, address);
    assert_eq!(stack("dw").arg("users").arg("list").run().code, Some(1));
    assert!(place.log().contains("the stack dw has no table doorward-"), "{}", place.log());

    let server = with(&aws, place.command()).on(address).arg("--dynamodb-endpoint").arg(&aws.endpoint());
    let issuer = format!("http://{address}");
    let server = server.env("DOORWARD_KMS_KEY", &key).env("DOORWARD_ISSUER", &issuer).start();
    let look = place.looked(stack("dw").arg("doctor"));
    assert_eq!(look.code, Some(1), "{look:?}");
    for (level, check, count) in [("problem", "recovery", 5), ("problem", "protection", 5), ("warning", "hashing", 1)] {
        assert_eq!(look.found(level, check).len(), count, "{check} in {look:?}");
    }
    let late = look.found("warning", "authorizers").join("\n");
    assert!(
        late.contains("keeps of files keeps its answers: a token that was revoked passes for up to 300 s"),
        "{late}"
    );
    assert!(late.contains("verifies of reports verifies tokens itself"), "{late}");
    assert_eq!(look.said.last().unwrap(), "10 problems, 3 warnings", "{late}");
    for table in KEPT.map(|table| format!("doorward-{table}")) {
        let recovery =
            PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build().unwrap();
        let request = dynamodb(&aws).update_continuous_backups().table_name(&table);
        request.point_in_time_recovery_specification(recovery).send().await.unwrap();
        dynamodb(&aws).update_table().table_name(&table).deletion_protection_enabled(true).send().await.unwrap();
    }
    let look = place.looked(stack("dw").arg("doctor"));
    assert_eq!((look.code, look.said.last().unwrap().as_str()), (Some(0), "0 problems, 3 warnings"), "{look:?}");

    let create =
        stack("dw").arg("users").arg("create").arg("--username").arg("root").arg("--email").arg("r@example.com");
    let created = create.arg("--role").arg("admin").input(&format!("{PASSWORD}\n")).run();
    assert_eq!(created.code, Some(0), "{}", place.log());
    let login = server.client().log_in("root", PASSWORD).expect(200);
    assert_eq!(login.text("scope"), "read:stack", "the stack's default");
    let ended = stack("dw").arg("users").arg("logout").arg("root").run();
    assert_eq!(ended, done("ended all sessions of root"));
    server.client().get("/users/me", &login.text("access_token")).expect(401);
    // Sealed by the stack's key, or it would not have been made.
    let rotated = stack("dw").arg("keys").arg("rotate").run();
    assert!(rotated.code == Some(0) && rotated.said[0].starts_with("made the sign key "), "{}", place.log());
    assert!(!place.path("data").exists() && !place.path(".doorward/keys").exists(), "nothing is made here");
}
