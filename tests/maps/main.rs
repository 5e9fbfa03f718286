//! The maps that say which function answers where: API Gateway's in `template.yaml`, `cargo lambda watch`'s in
//! `CargoLambda.toml`. They agree, and what they name is there. And which function opens which private keys: its role opens
//! these and no others.

#![cfg(test)]

mod links;
mod parameters;
mod policy;

use doorward_core::keyring::Purpose;
use serde_yaml_ng::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

fn read(file: &str) -> String {
    fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn text(value: &Value) -> &str {
    match value {
        Value::Tagged(tagged) => tagged.value.as_str().unwrap(),
        value => value.as_str().unwrap(),
    }
}

fn template() -> Value {
    serde_yaml_ng::from_str(&read("template.yaml")).unwrap()
}

/// The functions of the template, by the names of their programs.
fn functions() -> BTreeMap<String, Value> {
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap().values();
    let functions = resources.filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let name = |function: &Value| function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_owned();
    functions.map(|function| (name(function), function.clone())).collect()
}

/// Path to function, as API Gateway has it; `$default` is everything else.
fn of_template() -> BTreeMap<String, String> {
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap();
    let binary = |integration: &str| {
        let function = text(&resources[integration]["Properties"]["IntegrationUri"]).trim_end_matches(".Arn");
        resources[function]["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_owned()
    };
    let routes = resources.values().filter(|resource| resource["Type"] == "AWS::ApiGatewayV2::Route");
    routes
        .map(|route| {
            let key = text(&route["Properties"]["RouteKey"]);
            let target = text(&route["Properties"]["Target"]);
            let integration = target.trim_start_matches("integrations/${").trim_end_matches('}');
            (key.trim_start_matches("ANY ").to_owned(), binary(integration))
        })
        .collect()
}

/// Path to function and methods, as `cargo lambda watch` has it.
fn of_watch() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut map = BTreeMap::<String, (String, BTreeSet<String>)>::new();
    let mut path = String::new();
    for line in read("CargoLambda.toml").lines() {
        let quoted: Vec<_> = line.split('"').skip(1).step_by(2).collect();
        match quoted[..] {
            [key] => key.clone_into(&mut path),
            [function, method] => {
                let entry = map.entry(path.clone()).or_insert_with(|| (function.to_owned(), BTreeSet::new()));
                assert_eq!(entry.0, function, "{path} is one function's");
                entry.1.insert(method.to_owned());
            }
            _ => {}
        }
    }
    map
}

#[test]
fn both_maps_are_one() {
    let methods = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"].map(str::to_owned).into();
    let mut watch = BTreeMap::new();
    for (path, (function, served)) in of_watch() {
        assert_eq!(served, methods, "{path}: the function says 405 itself");
        watch.insert(path, function);
    }
    let template = of_template();
    assert_eq!(watch.get("/{*path}"), template.get("$default"), "everything else");
    // What is everything else's anyway need not be said to API Gateway.
    watch.retain(|path, function| path != "/{*path}" && function != "metadata");
    let template: BTreeMap<_, _> = template.into_iter().filter(|(path, _)| path != "$default").collect();
    assert_eq!(watch, template);
}

#[test]
fn every_path_is_mapped_in_both_slash_forms() {
    let template = of_template();
    for (path, function) in template.iter().filter(|(path, _)| *path != "$default") {
        let other = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
        assert_eq!(template.get(&other), Some(function), "{other}");
    }
}

#[test]
fn every_function_has_a_folder_and_every_folder_a_function() {
    let folders: BTreeSet<_> = fs::read_dir(format!("{}/functions", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let functions = functions();
    assert_eq!(folders, functions.keys().cloned().collect());
    // A function is called by a path, by an event of its own, or by other people's APIs.
    let mapped: BTreeSet<_> = of_template().into_values().collect();
    for (name, function) in functions {
        let has_events = function["Properties"]["Events"].is_mapping();
        let called = [mapped.contains(&name), has_events, authorizers().contains(&name)];
        assert_eq!(called.into_iter().filter(|is| *is).count(), 1, "{name}");
    }
}

/// The functions that authorizers of any API of the account may call, and no other account's.
fn authorizers() -> BTreeSet<String> {
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap();
    let permissions = resources.values().filter(|resource| resource["Type"] == "AWS::Lambda::Permission");
    let of_any_api = permissions.filter(|permission| {
        let any = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:*/authorizers/*";
        text(&permission["Properties"]["SourceArn"]) == any
    });
    let called = of_any_api.map(|permission| text(&permission["Properties"]["FunctionName"]));
    called.map(|name| resources[name]["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_owned()).collect()
}

/// What a role may do with the sealing key: the actions, and the purposes of the keys that it may do it with.
fn kms_rights(function: &Value) -> Vec<(Vec<String>, Vec<String>)> {
    let texts =
        |value: &Value| value.as_sequence().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let policies = function["Properties"]["Policies"].as_sequence().unwrap();
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_sequence().unwrap());
    let of_kms = statements.filter(|statement| {
        let actions: Vec<String> = texts(&statement["Action"]);
        actions.iter().any(|action| action.starts_with("kms:") || action.contains('*'))
    });
    let rights = of_kms.map(|statement| {
        assert_eq!(text(&statement["Resource"]), "SealingKey.Arn");
        let condition = &statement["Condition"]["StringEquals"]["kms:EncryptionContext:purpose"];
        (texts(&statement["Action"]), texts(condition))
    });
    rights.collect()
}

#[test]
fn a_role_opens_the_keys_that_its_function_opens_and_no_others() {
    let opens: BTreeMap<&str, &[Purpose]> = BTreeMap::from([
        ("api-keys", doorward_api_keys::OPENS),
        ("authorizer", doorward_authorizer::OPENS),
        ("example", doorward_example::OPENS),
        ("logout", doorward_logout::OPENS),
        ("metadata", doorward_metadata::OPENS),
        ("oauth", doorward_oauth::OPENS),
        ("refresh", doorward_refresh::OPENS),
        ("rotate-keys", doorward_rotate_keys::OPENS),
        ("token", doorward_token::OPENS),
        ("two-factor", doorward_two_factor::OPENS),
        ("users", doorward_users::OPENS),
    ]);
    let functions = functions();
    assert_eq!(functions.keys().map(String::as_str).collect::<Vec<_>>(), opens.keys().copied().collect::<Vec<_>>());
    for (name, function) in &functions {
        let purposes: Vec<_> = opens[name.as_str()].iter().map(|purpose| purpose.as_str().to_owned()).collect();
        // One function makes keys.
        let actions = if name == "rotate-keys" { vec!["kms:Encrypt", "kms:Decrypt"] } else { vec!["kms:Decrypt"] };
        let actions = actions.into_iter().map(str::to_owned).collect();
        let expected = if purposes.is_empty() { Vec::new() } else { vec![(actions, purposes)] };
        assert_eq!(kms_rights(function), expected, "{name}");
    }
}
