//! What a parameter of the template takes, the code takes too: what it refuses would end every function at its start.

use crate::{functions, template, text};
use doorward_http::config::{Config, Surroundings};
use proptest::prelude::*;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use regex_lite::Regex;
use serde_yaml_ng::{Mapping, Value};
use std::collections::BTreeMap;

/// The variables of all functions.
pub fn variables() -> Mapping {
    let globals = template()["Globals"]["Function"]["Environment"]["Variables"].as_mapping().unwrap().clone();
    let own = functions()
        .into_values()
        .filter_map(|function| function["Properties"]["Environment"]["Variables"].as_mapping().cloned());
    own.flatten().chain(globals).collect()
}

/// A parameter that becomes a variable.
struct Parameter {
    name: String,
    variable: String,
    listed: Vec<String>,
    pattern: Option<Regex>,
    most: usize,
}

/// All of these.
fn parameters() -> Vec<Parameter> {
    let (template, variables) = (template(), variables());
    let of_issuer = ["Issuer", "DomainName"].map(|name| (name, "DOORWARD_ISSUER"));
    let refs = variables.iter().filter(|(_, value)| matches!(value, Value::Tagged(value) if value.tag == "Ref"));
    let names = refs.map(|(variable, name)| (text(name), text(variable))).chain(of_issuer);
    let parameters = names.map(|(name, variable)| {
        let parameter = &template["Parameters"][name];
        let listed = parameter["AllowedValues"].as_sequence().into_iter().flatten();
        Parameter {
            name: name.to_owned(),
            variable: variable.to_owned(),
            listed: listed.map(|value| text(value).to_owned()).collect(),
            pattern: parameter["AllowedPattern"].as_str().map(|pattern| Regex::new(pattern).unwrap()),
            most: parameter["MaxLength"].as_u64().map_or(usize::MAX, |most| usize::try_from(most).unwrap()),
        }
    });
    parameters.collect()
}

impl Parameter {
    fn takes(&self, value: &str) -> bool {
        let fits = self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(value));
        (fits || self.listed.iter().any(|listed| listed == value)) && value.chars().count() <= self.most
    }

    /// Whether a function starts with that value. An empty one is an absent one.
    fn starts_with(&self, value: &str) -> bool {
        let scheme = if self.name == "DomainName" && !value.is_empty() { "https://" } else { "" };
        let variables = [(self.variable.clone(), format!("{scheme}{value}"))].into_iter().collect();
        let surroundings = Surroundings { issuer: Some("https://auth.example.com".to_owned()), ephemeral: false };
        Config::read(&variables, &surroundings).is_ok()
    }
}

#[test]
fn what_would_stop_a_start_is_no_value_of_a_parameter() {
    let long = |length: usize| "a".repeat(length);
    let bad: BTreeMap<&str, Vec<String>> = [
        (
            "Issuer",
            &["https://Auth.Example.com", "https://a..b", "https://-a", "https://a:0", "https://a:65536", "https://a/"]
                [..],
        ),
        ("DomainName", &["-a.b", "a-.b", "a..b", "A.b", ".a.b"]),
        ("Audience", &[" "]),
        ("AppName", &[" ", "\u{3000}", "\u{a0}", "a:b", "a\tb", "a\u{85}", &long(65)]),
        ("TablePrefix", &["a/b", &long(65), &long(100)]),
        (
            "AllowedOrigins",
            &[
                "https://App.Example.com",
                "https://app.example.com?x",
                "https://app.example.com/",
                "https://*.example.com",
                "https://a,https://b..c",
                "https://a,",
                "*",
                "null",
            ],
        ),
        ("AllowedHosts", &["a b", "*", "https://a", "a,,b", "a/b", "*.*.a"]),
        ("DefaultScopes", &["a\"b", "a\\b", "ä", &long(65), &scopes(33)]),
        ("PasswordMin", &["0", "7", "257", "8.0", "ten", "-8"]),
        ("AccessTtl", &["0", "15m", "-1", "+5", "999999999"]),
        ("RefreshTtl", &["0", "1e3", "999999999"]),
        ("SessionTtl", &["0", "99999999999"]),
        ("RefreshGrace", &["61", "-1", "100"]),
        ("LoginRate", &["5", "0/60", "5/0", "on", "5/60/1"]),
        ("SignUpRate", &["5", "0/60", "5/0", "on", "5/60/1"]),
        ("OtpRate", &["off", "5", "0/60", "5/0"]),
        (
            "HashingCost",
            &[
                "m=12288,t=3,p=1",
                "m=19455,t=2,p=1",
                "m=65537,t=2,p=1",
                "m=99999,t=2,p=1",
                "m=19456,t=99,p=1",
                "m=19456,t=11,p=1",
                "m=19456,t=1,p=1",
                "m=19456,t=0,p=1",
                "m=19456,t=2,p=0",
                "m=19456,t=2,p=5",
            ],
        ),
    ]
    .map(|(name, values)| (name, values.iter().map(|value| (*value).to_owned()).collect()))
    .into();
    for parameter in parameters().iter().filter(|parameter| parameter.pattern.is_some()) {
        let name = parameter.name.as_str();
        for value in bad.get(name).unwrap() {
            assert!(!parameter.starts_with(value), "{name}: {value:?} stops nothing");
            assert!(!parameter.takes(value), "{name}: {value:?}");
        }
    }
}

/// So many scopes of 64 bytes.
fn scopes(count: u8) -> String {
    let scopes: Vec<_> = (0..count).map(|number| format!("{number:064}")).collect();
    scopes.join(" ")
}

#[test]
fn what_a_person_would_say_is_a_value() {
    let parameters = parameters();
    for (name, values) in [
        (
            "Issuer",
            &["", "https://auth.example.com", "https://xn--bcher-kva.example:8443", "https://a.b-c.d:65535"][..],
        ),
        ("DomainName", &["", "auth.example.com", "a--b.c"]),
        ("Audience", &["", "https://api.example.com/v1", "urn:example:api"]),
        ("AppName", &["", "Bücher & more", "Ähre (test)", "登录", "x"]),
        ("TablePrefix", &["doorward-", "a_b.c"]),
        ("AllowedOrigins", &["", "https://app.example.com,http://localhost:3000,http://127.0.0.1:60000"]),
        ("AllowedHosts", &["", "auth.example.com,*.example.com", "localhost"]),
        ("DefaultScopes", &["", "read:items", "read:items write:items https://a.example/b[1]", &scopes(31)]),
        ("PasswordMin", &["", "8", "12", "100", "256"]),
        ("AccessTtl", &["", "1", "900", "99999999"]),
        ("RefreshTtl", &["", "604800"]),
        ("SessionTtl", &["", "2592000"]),
        ("RefreshGrace", &["", "0", "10", "60"]),
        ("LoginRate", &["off", "5/60"]),
        ("SignUpRate", &["off", "10/3600"]),
        ("OtpRate", &["", "5/900"]),
        ("HashingCost", &["m=19456,t=2,p=1", "m=19999,t=3,p=4", "m=65536,t=10,p=4", "m=47104,t=2,p=1"]),
    ] {
        let parameter = parameters.iter().find(|parameter| parameter.name == name).unwrap();
        for value in values {
            assert!(parameter.takes(value) && parameter.starts_with(value), "{name}: {value:?}");
        }
    }
}

#[test]
fn whatever_a_parameter_takes_the_code_takes() {
    for parameter in parameters() {
        for value in &parameter.listed {
            assert!(parameter.starts_with(value), "{}: {value:?}", parameter.name);
        }
        let Some(pattern) = &parameter.pattern else { continue };
        // A generator makes whole values, and has no word for their ends.
        let pattern = pattern.as_str().strip_prefix('^').and_then(|rest| rest.strip_suffix('$')).unwrap();
        let values = string_regex(pattern).unwrap().prop_filter("too long", |value| parameter.takes(value));
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() });
        let outcome = runner.run(&values, |value| {
            prop_assert!(parameter.starts_with(&value), "{}: {value:?}", parameter.name);
            Ok(())
        });
        outcome.unwrap();
    }
}

#[test]
fn a_stack_can_be_told_everything() {
    let told = variables();
    let page = crate::read("docs/configuration.md");
    let names: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(names.len() >= told.len());
    // A file of a function's own would be nobody else's.
    for name in names.into_iter().filter(|name| *name != "DOORWARD_KEY_FILE") {
        assert!(told.contains_key(name), "{name}");
    }
}
