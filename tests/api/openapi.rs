//! The OpenAPI document: it says what the routers do, all of it, and nothing else.

use super::routes::{Media, ROUTES, Route};
use crate::support::{Service, service};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

fn document() -> Value {
    serde_json::from_str(&doorward::openapi::text().unwrap()).unwrap()
}

/// Every method of every path, in upper case, and what is said of it.
fn operations(document: &Value) -> BTreeMap<(String, String), Value> {
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.insert((method.to_uppercase(), path.clone()), operation.clone());
        }
    }
    operations
}

/// What a path of the document is called in [`ROUTES`].
fn concrete(path: &str) -> String {
    let place = if path == "/users/{id}" { "anybody" } else { "anything" };
    path.replace("{id}", place)
}

#[test]
fn what_is_checked_in_is_what_the_code_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/functions/metadata/openapi.json");
    let is_current = fs::read_to_string(file).unwrap() == doorward::openapi::text().unwrap();
    assert!(is_current, "functions/metadata/openapi.json is not what the code says: write it anew with `just openapi`");
}

async fn status(service: &Service, method: &str, path: &str) -> u16 {
    service.request(method, &concrete(path)).send().await.status
}

#[tokio::test]
async fn what_is_in_the_document_is_answered_and_no_other_method_is() {
    let service = service().await;
    let document = document();
    let operations = operations(&document);
    for path in document["paths"].as_object().unwrap().keys() {
        for method in METHODS {
            let status = status(&service, method, path).await;
            if operations.contains_key(&(method.to_owned(), path.clone())) {
                assert!(![404, 405].contains(&status), "{method} {path} is {status}");
            } else {
                assert_eq!(status, 405, "{method} {path} is not in the document");
            }
        }
    }
}

#[test]
fn every_route_is_in_the_document() {
    let known: BTreeSet<_> =
        operations(&document()).into_keys().map(|(method, path)| (method, concrete(&path))).collect();
    for Route { method, path, .. } in ROUTES {
        assert!(known.contains(&((*method).to_owned(), (*path).to_owned())), "{method} {path}");
    }
}

#[test]
fn every_path_of_the_gateway_is_in_the_document() {
    let document = document();
    let template = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/template.yaml")).unwrap();
    let paths: Vec<_> = template.lines().filter_map(|line| line.trim().strip_prefix("RouteKey: ANY ")).collect();
    assert!(!paths.is_empty());
    for path in paths {
        assert!(document["paths"].get(path.trim_end_matches('/')).is_some(), "{path}");
    }
}

/// The members of a body by media type: all of them, and those that must be there.
fn members(operation: &Value) -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let Some(content) = operation["requestBody"]["content"].as_object() else { return BTreeMap::new() };
    let of = |schema: &Value| {
        let all = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let required = schema["required"].as_array().into_iter().flatten();
        (all, required.map(|name| name.as_str().unwrap().to_owned()).collect())
    };
    content.iter().map(|(media, content)| (media.clone(), of(&content["schema"]))).collect()
}

#[test]
fn bodies_have_the_members_that_the_routes_take() {
    let operations = operations(&document());
    for ((method, path), operation) in &operations {
        let Some(route) = ROUTES.iter().find(|route| route.method == method && route.path == concrete(path)) else {
            continue;
        };
        let wanted: &[&str] = match route.media {
            Media::Json => &["application/json"],
            Media::Form => &["application/x-www-form-urlencoded"],
            Media::Either => &["application/json", "application/x-www-form-urlencoded"],
            // Bodies that the table does not speak of.
            Media::None => continue,
        };
        let told = members(operation);
        assert_eq!(told.keys().collect::<Vec<_>>(), wanted, "{method} {path}");
        for (all, required) in told.values() {
            let names = |only: bool| {
                let wanted = route.members.iter().filter(move |member| !only || member.is_required);
                wanted.map(|member| member.name.to_owned()).collect::<BTreeSet<_>>()
            };
            let mut all = all.clone();
            match path.as_str() {
                // A client may prove itself instead of a token's bearer, whom the table has there.
                "/oauth2/introspect" => all.retain(|name| !name.starts_with("client_")),
                // It takes the place of name and password, which the table has there.
                "/token" => all.retain(|name| name != "mfa_token"),
                _ => {}
            }
            assert_eq!(all, names(false), "{method} {path}");
            // What else is needed there depends on what is presented.
            let depends = ["/token", "/oauth2/token"].contains(&path.as_str());
            assert!(required.is_subset(&names(true)), "{method} {path}");
            assert!(depends || *required == names(true), "{method} {path}");
        }
        let mut schemes = operation["security"].as_array().into_iter().flatten();
        let is_bearers = schemes.any(|scheme| scheme.get("OAuth2PasswordBearer").is_some());
        assert_eq!(is_bearers, route.needs_bearer, "{method} {path}");
    }
}

#[test]
fn every_operation_says_what_it_is_gives_an_example_and_its_errors() {
    let document = document();
    let mut ids = BTreeSet::new();
    for ((method, path), operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
        for content in operation["requestBody"]["content"].as_object().into_iter().flat_map(|map| map.values()) {
            assert!(content["example"].is_object(), "{name}");
        }
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status < &"400".to_owned()), "{name}");
        assert!(answers.keys().any(|status| status >= &"400".to_owned()), "{name}");
        for (status, answer) in answers {
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{name} {status}");
            let contents: Vec<_> = answer["content"].as_object().into_iter().flat_map(|map| map.values()).collect();
            assert!(!contents.is_empty() || status.as_str() < "400", "{name} {status}");
            for content in contents {
                for example in content["examples"].as_object().unwrap().values() {
                    fits(&document, &content["schema"], value(&document, example), &format!("{name} {status}"));
                }
            }
        }
        let needs_token = operation["security"] != Value::Null && path != "/protected";
        assert_eq!(answers.contains_key("401"), needs_token || path.starts_with("/token"), "{name}");
    }
}

#[tokio::test]
async fn what_a_clients_token_is_answered_is_in_the_document() {
    let service = service().await;
    let ann = service.person("ann").await;
    let client = service.client_of(&ann, "read:items write:items").await;
    let token = service.client_token(&client).await;
    for ((method, path), operation) in operations(&document()) {
        let status = service.request(&method, &concrete(&path)).bearer(&token).send().await.status;
        assert!(operation["responses"].get(status.to_string()).is_some(), "{method} {path}: {status}");
    }
}

#[tokio::test]
async fn null_is_taken_where_the_document_has_it_and_nowhere_else() {
    let service = service().await;
    let root = service.admin("root").await;
    for ((method, path), operation) in operations(&document()) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let request = service.request(&method, &path.replace("{id}", &root.id)).bearer(&root.access);
            let refusal = request.json(&json!({name: null, "unknown": 1})).send().await.expect(422).json();
            let is_refused = |defect: &Value| defect["pointer"] == format!("/{name}");
            let is_taken = !refusal["errors"].as_array().unwrap().iter().any(is_refused);
            let is_told = member["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
            assert_eq!(is_taken, is_told, "{method} {path}: {name}");
        }
    }
}

fn target<'a>(document: &'a Value, reference: &'a Value) -> &'a Value {
    match reference["$ref"].as_str() {
        Some(pointer) => document.pointer(pointer.trim_start_matches('#')).unwrap(),
        None => reference,
    }
}

fn value<'a>(document: &'a Value, example: &'a Value) -> &'a Value {
    &target(document, example)["value"]
}

/// An example has the members that its schema has, of the types that it says.
fn fits(document: &Value, schema: &Value, example: &Value, name: &str) {
    let schema = target(document, schema);
    let kind = match example {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_of_type =
        schema["type"] == kind || schema["type"].as_array().is_some_and(|types| types.contains(&json!(kind)));
    assert!(is_of_type, "{name}: {example} is not of {schema}");
    for item in example.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item, name);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    for (member, value) in example.as_object().unwrap() {
        fits(document, properties.get(member).unwrap_or_else(|| panic!("{name}: {member}")), value, name);
    }
    for member in schema["required"].as_array().into_iter().flatten() {
        assert!(example.get(member.as_str().unwrap()).is_some(), "{name}: {member}");
    }
}

#[test]
fn the_authorize_button_has_what_it_needs() {
    let document = document();
    let schemes = &document["components"]["securitySchemes"];
    let bearer = &schemes["OAuth2PasswordBearer"];
    assert_eq!(bearer["type"], "oauth2");
    assert_eq!(bearer["flows"]["password"]["tokenUrl"], "token", "relative: right under every name of the service");
    let key = json!({"type": "apiKey", "in": "header", "name": "X-API-Key"});
    assert_eq!(schemes["APIKeyHeader"], key);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document.get("servers"), None, "the server is the one that serves the document");
    let operations = operations(&document);
    let items = &operations[&("GET".to_owned(), "/items".to_owned())];
    assert_eq!(items["security"], json!([{"OAuth2PasswordBearer": ["read:items"]}]));
    for (name, operation) in &operations {
        for needed in
            operation["security"].as_array().into_iter().flatten().flat_map(|scheme| scheme.as_object().unwrap())
        {
            assert!(schemes.get(needed.0).is_some(), "{name:?}");
            for scope in needed.1.as_array().unwrap() {
                assert!(bearer["flows"]["password"]["scopes"].get(scope.as_str().unwrap()).is_some(), "{name:?}");
            }
        }
    }
}
