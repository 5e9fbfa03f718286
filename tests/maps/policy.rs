//! What must hold of `template.yaml` whatever else changes: who may do what, what is kept, for how long, and who is told.

use crate::parameters::variables;
use crate::{functions, read, template, text};
use serde_yaml_ng::Value;
use std::collections::BTreeSet;

/// What a stack can lose: a login makes new sessions, and the rest is of the moment or an example's.
const EXPENDABLE: [&str; 4] = ["sessions", "revoked-tokens", "limits", "example-items"];
/// The functions that hash passwords.
const HASHING: [&str; 3] = ["token", "two-factor", "users"];

/// The resources of a type, by name.
fn resources(kind: &str) -> Vec<(String, Value)> {
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap().iter();
    let of_kind = resources.filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, resource)| (text(name).to_owned(), resource.clone())).collect()
}

fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => &tagged.value,
        value => value,
    }
}

/// Looks at a value and everything in it.
fn walk(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match untagged(value) {
        Value::Sequence(values) => values.iter().for_each(|value| walk(value, look)),
        Value::Mapping(members) => members.iter().for_each(|(_, value)| walk(value, look)),
        _ => {}
    }
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    walk(value, &mut |value| texts.extend(untagged(value).as_str().map(str::to_owned)));
    texts
}

/// What a parameter is where nobody says otherwise.
fn default_of(value: &Value) -> Value {
    match value {
        Value::Tagged(tagged) if tagged.tag == "Ref" => template()["Parameters"][text(value)]["Default"].clone(),
        value => value.clone(),
    }
}

#[test]
fn no_policy_has_a_wildcard() {
    let template = template();
    for (name, resource) in template["Resources"].as_mapping().unwrap() {
        // A key without this statement is nobody's: it lets the account's own policies speak, which are what is looked at here.
        if text(name) == "SealingKey" {
            continue;
        }
        walk(resource, &mut |value| {
            if value["Effect"].is_null() {
                return;
            }
            assert_eq!(value["Effect"], "Allow", "{name:?}");
            for place in ["Action", "Resource"] {
                let texts = texts(&value[place]);
                assert!(!texts.is_empty() && texts.iter().all(|text| !text.contains('*')), "{name:?}: {texts:?}");
            }
            for opposite in ["NotAction", "NotResource", "Principal", "NotPrincipal"] {
                assert!(value[opposite].is_null(), "{name:?}: {opposite}");
            }
        });
    }
    for (name, function) in functions() {
        let policies = function["Properties"]["Policies"].as_sequence().unwrap();
        assert!(policies.iter().all(|policy| policy["Statement"].is_sequence()), "{name} has no ready-made policy");
        assert!(function["Properties"]["Role"].is_null(), "{name} has a role of its own");
    }
}

#[test]
fn a_function_is_called_by_this_api_alone_but_for_the_authorizer_of_others() {
    let permissions = resources("AWS::Lambda::Permission");
    assert!(!permissions.is_empty());
    for (name, permission) in permissions {
        let properties = &permission["Properties"];
        assert_eq!(properties["Principal"], "apigateway.amazonaws.com", "{name}");
        let source = text(&properties["SourceArn"]);
        if text(&properties["FunctionName"]) == "AuthorizerFunction" {
            assert!(source.ends_with(":${AWS::AccountId}:*/authorizers/*"), "{name}: of this account");
        } else {
            assert!(source.ends_with(":${Api}/*"), "{name}");
        }
    }
}

#[test]
fn origins_are_those_that_somebody_names() {
    assert_eq!(template()["Parameters"]["AllowedOrigins"]["Default"], "");
    for (name, api) in resources("AWS::ApiGatewayV2::Api") {
        assert!(api["Properties"]["CorsConfiguration"].is_null(), "{name}: the functions answer for themselves");
    }
}

#[test]
fn tables_are_encrypted_and_what_cannot_be_mended_is_kept() {
    let tables = resources("AWS::DynamoDB::Table");
    assert!(tables.len() > EXPENDABLE.len());
    for (name, table) in tables {
        let properties = &table["Properties"];
        assert_eq!(properties["SSESpecification"]["SSEEnabled"], true, "{name}");
        assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST", "{name}");
        let expendable = EXPENDABLE.contains(&text(&properties["TableName"]).trim_start_matches("${TablePrefix}"));
        let policy = if expendable { "Delete" } else { "Retain" };
        assert_eq!(
            (&table["DeletionPolicy"], &table["UpdateReplacePolicy"]),
            (&policy.into(), &policy.into()),
            "{name}"
        );
        let recovers = &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        let is_protected = &properties["DeletionProtectionEnabled"];
        assert_eq!((*recovers == true, *is_protected == true), (!expendable, !expendable), "{name}");
    }
    for (name, key) in resources("AWS::KMS::Key") {
        assert_eq!(
            (&key["DeletionPolicy"], &key["UpdateReplacePolicy"]),
            (&"Retain".into(), &"Retain".into()),
            "{name}"
        );
        assert_eq!(key["Properties"]["EnableKeyRotation"], true, "{name}");
    }
}

#[test]
fn what_expires_expires_by_the_attribute_that_the_code_writes() {
    let keys = read("shared/store/src/keys.rs");
    let line = keys.lines().find(|line| line.contains("const EXPIRES_AT:")).unwrap();
    let attribute = line.split('"').nth(1).unwrap();
    let mut expiring = BTreeSet::new();
    for (name, table) in resources("AWS::DynamoDB::Table") {
        let ttl = &table["Properties"]["TimeToLiveSpecification"];
        if !ttl.is_null() {
            assert_eq!((&ttl["AttributeName"], &ttl["Enabled"]), (&attribute.into(), &true.into()), "{name}");
            expiring.insert(text(&table["Properties"]["TableName"]).trim_start_matches("${TablePrefix}").to_owned());
        }
    }
    assert_eq!(
        expiring.iter().map(String::as_str).collect::<Vec<_>>(),
        ["api-keys", "limits", "revoked-tokens", "sessions"]
    );
}

#[test]
fn every_log_ends_some_day_and_is_one_functions() {
    let mut groups: BTreeSet<_> = resources("AWS::Logs::LogGroup")
        .into_iter()
        .map(|(name, group)| {
            let days = &group["Properties"]["RetentionInDays"];
            assert!(matches!(days, Value::Tagged(days) if days.tag == "Ref" && days.value == "LogDays"), "{name}");
            assert!(default_of(days).as_u64().is_some_and(|days| days >= 30), "{name}: an incident is noticed late");
            name
        })
        .collect();
    for (name, function) in functions() {
        let group = text(&function["Properties"]["LoggingConfig"]["LogGroup"]).to_owned();
        assert!(groups.remove(&group), "{name} has a log of its own");
        let written = &template()["Resources"][group.as_str()]["Properties"]["LogGroupName"];
        assert!(text(written).ends_with(&format!("-{name}")), "{name}");
    }
    assert_eq!(groups, BTreeSet::from(["ApiLogs".to_owned()]));
    // Query strings and headers may carry credentials.
    let stage = &template()["Resources"]["Stage"]["Properties"];
    let format = text(&stage["AccessLogSettings"]["Format"]);
    for part in ["query", "header", "authorizer", "$context.path", "userAgent"] {
        assert!(!format.contains(part), "{format}");
    }
    assert!(default_of(&stage["DefaultRouteSettings"]["ThrottlingRateLimit"]).as_u64().is_some());
}

#[test]
fn a_function_has_the_time_and_the_memory_that_it_needs() {
    let globals = &template()["Globals"]["Function"];
    assert_eq!(globals["Runtime"], "provided.al2023");
    for (name, function) in functions() {
        let property = |name: &str| {
            let own = &function["Properties"][name];
            default_of(if own.is_null() { &globals[name] } else { own }).as_u64().unwrap()
        };
        // API Gateway waits for 30 seconds; the keys wait for nobody.
        let most = if name == "rotate-keys" { 300 } else { 29 };
        assert!((5..=most).contains(&property("Timeout")), "{name}");
        let memory = if HASHING.contains(&name.as_str()) { 1769 } else { 256 };
        assert_eq!(property("MemorySize"), memory, "{name}");
    }
}

#[test]
fn a_parameter_is_described_bounded_and_used() {
    let template = template();
    let used: BTreeSet<_> = texts(&template["Globals"])
        .into_iter()
        .chain(texts(&template["Resources"]))
        .chain(texts(&template["Conditions"]))
        .collect();
    let readme = read("README.md");
    for (name, parameter) in template["Parameters"].as_mapping().unwrap() {
        let name = text(name);
        assert!(readme.contains(&format!("`{name}`")), "{name} is in the README");
        assert!(text(&parameter["Description"]).ends_with('.'), "{name}");
        assert!(!parameter["Default"].is_null(), "{name}: a stack needs no answers");
        let values = parameter["AllowedValues"].as_sequence();
        let pattern = &parameter["AllowedPattern"];
        assert!(values.is_some() || pattern.is_string() || parameter["MaxValue"].is_number(), "{name} may be anything");
        assert!(values.is_none_or(|values| values.contains(&parameter["Default"])), "{name}");
        assert_eq!(
            pattern.is_string(),
            parameter["ConstraintDescription"].is_string(),
            "{name}: nobody reads patterns"
        );
        assert!(used.iter().any(|text| text == name || text.contains(&format!("${{{name}}}"))), "{name} is used");
    }
}

#[test]
fn a_variable_is_one_that_the_code_reads() {
    let config = read("shared/http/src/config.rs");
    for name in variables().keys().map(text) {
        assert!(config.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn every_alarm_tells_somebody_about_something_that_is_measured() {
    let events = read("shared/http/src/events.rs");
    let alarms = resources("AWS::CloudWatch::Alarm");
    assert!(!alarms.is_empty());
    for (name, alarm) in alarms {
        let properties = &alarm["Properties"];
        assert_eq!(texts(&properties["AlarmActions"]), ["AlarmTopic"], "{name}");
        assert!(properties["AlarmDescription"].is_string(), "{name}");
        assert_eq!(properties["TreatMissingData"], "notBreaching", "{name}: a quiet night is no alarm");
        if properties["Namespace"] == "Doorward" {
            let event = text(&properties["MetricName"]);
            assert!(events.contains(&format!("\"{event}\"")), "{name}: no event is called {event}");
            assert_eq!(properties["Dimensions"][0]["Name"], "log_group", "{name}");
        }
    }
}
