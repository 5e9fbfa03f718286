//! `doctor`: what is planted is found by its name, and nothing is changed by looking.

use crate::server::{Ended, Place, Server, Start};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use std::fs;

impl Place {
    fn doctor(&self) -> Start {
        self.server().limited().arg("doctor")
    }

    /// What is said of a check: its state, and what was found.
    pub fn looked(&self, start: Start) -> Look {
        let Ended { code, said } = start.run();
        Look { code, said, log: self.log() }
    }
}

impl Start {
    /// With the limits per address that there are when nobody says anything.
    pub fn limited(self) -> Self {
        self.env("DOORWARD_LOGIN_RATE", "").env("DOORWARD_SIGN_UP_RATE", "")
    }
}

#[derive(Debug)]
pub struct Look {
    pub code: Option<i32>,
    pub said: Vec<String>,
    log: String,
}

impl Look {
    /// The lines of a check in a state, each with the one that says what to do.
    pub fn found(&self, level: &str, check: &str) -> Vec<String> {
        let start = format!("{level:7}  {check} ");
        let lines = self.said.iter().enumerate().filter(|(_, line)| line.starts_with(&start));
        lines.map(|(at, line)| format!("{line} {}", self.said[at + 1].trim())).collect()
    }

    /// That this is the only problem, and what it says.
    #[track_caller]
    fn only_problem(&self, check: &str, about: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.log.contains("doorward: there is a problem"), "{self:?}");
        let found = self.found("problem", check);
        let [found] = &found[..] else { panic!("{check} in {self:?}") };
        assert!(found.contains(about) && found.contains(" -> "), "{about} in {found}");
        assert_eq!(self.said.iter().filter(|line| line.starts_with("problem")).count(), 1, "{self:?}");
    }

    #[track_caller]
    fn is_well(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
        let (last, findings) = self.said.split_last().unwrap();
        assert_eq!(last, "0 problems, 0 warnings");
        assert!(findings.iter().all(|line| line.starts_with("ok ")), "{self:?}");
        assert!(!findings.iter().any(|line| line.contains(" 1 keys") || line.contains(" 1 days")), "{self:?}");
    }
}

pub fn raw(server: &Server) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("raw", "raw", None, None, "tests"))
        .endpoint_url(format!("http://{}", server.dynamodb()));
    Client::from_conf(config.build())
}

async fn set_ttl(dynamodb: &Client, attribute: &str, is_on: bool) {
    let ttl = TimeToLiveSpecification::builder().enabled(is_on).attribute_name(attribute).build().unwrap();
    let request = dynamodb.update_time_to_live().table_name("doorward-sessions").time_to_live_specification(ttl);
    request.send().await.unwrap();
}

#[test]
fn a_wrong_command_line_is_2() {
    for args in [
        &["--stack", "dw"][..],
        &["--stack", "dw", "--ephemeral", "doctor"],
        &["--stack", "dw", "--dynamodb-endpoint", "http://127.0.0.1:1", "doctor"],
        &["doctor", "head"],
    ] {
        let place = Place::new();
        let start = args.iter().fold(place.command(), |start, arg| start.arg(arg));
        assert_eq!(start.run(), Ended { code: Some(2), said: Vec::new() }, "{args:?}");
    }
}

#[test]
fn who_asks_for_a_stack_says_who_and_where() {
    let place = Place::new();
    let stack = || place.command().arg("--stack").arg("dw").arg("users").arg("list");
    for (start, missing) in [
        (stack(), "AWS_REGION: is missing"),
        (stack().env("AWS_REGION", "eu-central-1"), "AWS_ACCESS_KEY_ID: is missing"),
    ] {
        assert_eq!(start.run(), Ended { code: Some(1), said: Vec::new() });
        assert!(place.log().contains(missing), "{}", place.log());
    }
}

#[test]
fn a_server_that_is_well_is_found_so() {
    let place = Place::new();
    let server = place.server().start();
    place.looked(place.doctor()).is_well();
    // By the address of its DynamoDB too, and then the API is where it is said to be.
    let dynamodb = format!("http://{}", server.dynamodb());
    let elsewhere =
        || place.command().limited().arg("--data").arg("data").arg("--dynamodb-endpoint").arg(&dynamodb).arg("doctor");
    place.looked(elsewhere().on(server.address())).is_well();
    let look = place.looked(elsewhere());
    assert_eq!((look.code, look.found("warning", "issuer").len()), (Some(0), 1), "{look:?}");
}

#[test]
fn without_a_server_the_rest_is_looked_at_and_nothing_is_made() {
    let place = Place::new();
    assert_eq!(place.doctor().run(), Ended { code: Some(1), said: Vec::new() });
    assert!(place.log().contains("there is nothing in data yet"), "{}", place.log());
    assert!(!place.path("data").exists());
    fs::create_dir(place.path("data")).unwrap();
    assert_eq!(place.doctor().run(), Ended { code: Some(1), said: Vec::new() });
    assert_eq!(place.log().matches("there is nothing in data yet").count(), 2, "{}", place.log());
    assert_eq!(fs::read_dir(place.path("data")).unwrap().count(), 0);

    drop(place.server().start());
    let look = place.looked(place.doctor());
    assert_eq!(look.code, Some(0), "{look:?}");
    let found = look.found("warning", "issuer");
    assert!(found[0].contains("no server runs: issuer and key set were not asked for"), "{look:?}");
    assert_eq!(look.said.last().unwrap(), "0 problems, 1 warning");

    fs::remove_file(place.path("data/keys")).unwrap();
    place.looked(place.doctor()).only_problem("sealing", "the key file data/keys is missing");
    assert!(!place.path("data/keys").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_does_not_expire_by_the_right_attribute_is_found() {
    let place = Place::new();
    let server = place.server().start();
    let dynamodb = raw(&server);
    set_ttl(&dynamodb, "expires_at", false).await;
    let look = place.looked(place.doctor());
    look.only_problem("expiry", "doorward-sessions keeps what is expired");
    assert!(look.found("problem", "expiry")[0].contains("Enabled=true,AttributeName=expires_at"), "{look:?}");

    set_ttl(&dynamodb, "ttl", true).await;
    place.looked(place.doctor()).only_problem("expiry", "doorward-sessions deletes by the attribute ttl");
    set_ttl(&dynamodb, "ttl", false).await;
    set_ttl(&dynamodb, "expires_at", true).await;
    place.looked(place.doctor()).is_well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_gone_or_has_other_keys_is_found_and_not_made() {
    let place = Place::new();
    let server = place.server().start();
    let dynamodb = raw(&server);
    dynamodb.delete_table().table_name("doorward-limits").send().await.unwrap();
    for _ in 0..2 {
        place.looked(place.doctor()).only_problem("tables", "doorward-limits is missing");
    }
    make_with_other_keys(&dynamodb, "doorward-limits").await;
    let look = place.looked(place.doctor());
    assert!(look.found("problem", "tables")[0].contains("doorward-limits has other keys"), "{look:?}");
}

/// A table that nothing of Doorward's fits into.
pub async fn remake_with_other_keys(dynamodb: &Client, table: &str) {
    dynamodb.delete_table().table_name(table).send().await.unwrap();
    make_with_other_keys(dynamodb, table).await;
}

async fn make_with_other_keys(dynamodb: &Client, table: &str) {
    let request = dynamodb.create_table().table_name(table);
    let request = request.set_key_schema(Some(key("name"))).set_attribute_definitions(Some(attribute("name")));
    request.billing_mode(aws_sdk_dynamodb::types::BillingMode::PayPerRequest).send().await.unwrap();
}

fn key(name: &str) -> Vec<aws_sdk_dynamodb::types::KeySchemaElement> {
    let key = aws_sdk_dynamodb::types::KeySchemaElement::builder().attribute_name(name);
    vec![key.key_type(aws_sdk_dynamodb::types::KeyType::Hash).build().unwrap()]
}

fn attribute(name: &str) -> Vec<aws_sdk_dynamodb::types::AttributeDefinition> {
    let attribute = aws_sdk_dynamodb::types::AttributeDefinition::builder().attribute_name(name);
    vec![attribute.attribute_type(aws_sdk_dynamodb::types::ScalarAttributeType::S).build().unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_gone_are_found() {
    let place = Place::new();
    let server = place.server().start();
    let dynamodb = raw(&server);
    let keys = dynamodb.scan().table_name("doorward-signing-keys").send().await.unwrap().items.unwrap_or_default();
    assert_eq!(keys.len(), 3);
    for item in keys {
        let key = item.into_iter().filter(|(name, _)| name == "purpose" || name == "serial").collect();
        dynamodb.delete_item().table_name("doorward-signing-keys").set_key(Some(key)).send().await.unwrap();
    }
    let look = place.looked(place.doctor());
    assert_eq!(look.code, Some(1), "{look:?}");
    let found = look.found("problem", "keys");
    for (line, purpose) in found.iter().zip(["sign", "refresh", "seal"]) {
        assert!(line.contains(&format!("there is no {purpose} key")), "{line}");
        assert!(line.contains(&format!("doorward --data data keys rotate --purpose {purpose}")), "{line}");
    }
    // The server goes on with the keys that it read.
    assert_eq!((found.len(), look.found("problem", "key set").len()), (3, 1), "{look:?}");
    assert!(look.log.contains("doorward: there are 4 problems"), "{look:?}");
}

#[test]
fn a_store_that_does_not_answer_is_not_praised() {
    let place = Place::new();
    drop(place.server().start());
    let look = place.looked(place.command().arg("--dynamodb-endpoint").arg("http://127.0.0.1:1").arg("doctor"));
    assert_eq!((look.code, look.found("problem", "tables").len()), (Some(1), 1), "{look:?}");
    assert!(!look.said.iter().any(|line| line.contains(" expiry ")), "{look:?}");
}

#[test]
fn another_key_file_is_found() {
    let place = Place::new();
    let _server = place.server().start();
    fs::write(place.path("other"), "00".repeat(32)).unwrap();
    let look = place.looked(place.doctor().env("DOORWARD_KEY_FILE", "other"));
    assert_eq!((look.code, look.found("problem", "sealing").len()), (Some(1), 3), "{look:?}");
    assert!(look.found("problem", "sealing")[0].contains("it belongs to another store"), "{look:?}");
    place.looked(place.doctor()).is_well();
}

#[test]
fn an_issuer_that_is_not_the_address_is_found() {
    let place = Place::new();
    let server = place.server().env("DOORWARD_ISSUER", "http://localhost:1").start();
    place.looked(place.doctor()).only_problem("issuer", "says that its issuer is http://localhost:1");
    // Nobody listens there, whoever knows of it.
    let look = place.looked(place.doctor().env("DOORWARD_ISSUER", "http://localhost:1"));
    assert_eq!((look.code, look.found("problem", "issuer").len()), (Some(1), 1), "{look:?}");
    assert!(look.found("problem", "issuer")[0].contains("nobody answers at http://localhost:1"), "{look:?}");
    let address = format!("http://{}/", server.address());
    let asked = place.doctor().env("DOORWARD_ISSUER", "http://localhost:1").arg("--address").arg(&address);
    let look = place.looked(asked);
    assert_eq!((look.code, look.found("warning", "issuer").len()), (Some(0), 1), "{look:?}");
    // What answers there is something else.
    let dynamodb = format!("http://{}", server.dynamodb());
    let look = place.looked(place.doctor().arg("--address").arg(&dynamodb));
    assert!(look.found("problem", "issuer")[0].contains("is not Doorward"), "{look:?}");
}

#[test]
fn risky_switches_are_warned_of() {
    let place = Place::new();
    let _server = place.server().start();
    let open = place.server().arg("doctor");
    let look = place.looked(open.env("DOORWARD_ALLOWED_ORIGINS", "http://app.example.com"));
    assert_eq!(look.code, Some(0), "{look:?}");
    for check in ["sign-up", "passwords", "origins"] {
        assert_eq!(look.found("warning", check).len(), 1, "{check} in {look:?}");
    }
}
