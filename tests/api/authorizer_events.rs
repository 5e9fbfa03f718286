//! What the authorizer of other people's APIs is called with, and the answers, to the letter.

use crate::support::authorizer::{APIS, Api, METHOD};
use crate::support::service;
use doorward_authorizer::Event;
use serde_json::{Value, json};

fn refused(event: &Value) -> String {
    serde_json::from_value::<Event>(event.clone()).expect_err(&event.to_string()).to_string()
}

/// An event of a REST API with this in place of that member.
fn with(name: &str, value: Value) -> Value {
    let mut event = Api::Rest.event(&[("Authorization", "Bearer secret")]);
    event[name] = value;
    event
}

#[test]
fn an_event_of_something_else_is_an_error_that_repeats_nothing_of_it() {
    let token_authorizer = json!({"type": "TOKEN", "methodArn": METHOD, "authorizationToken": "Bearer secret"});
    let request = json!({"version": "2.0", "routeKey": "GET /", "headers": {"authorization": "Bearer secret"}});
    for (event, problem) in [
        (json!({}), "type"),
        (json!("Bearer secret"), "type"),
        (json!(["Bearer secret"]), "type"),
        (Value::Null, "type"),
        (token_authorizer, "type"),
        (request, "type"),
        (with("version", json!("3.0")), "version"),
        (with("version", json!(2.0)), "version"),
        (with("version", json!("")), "version"),
        (with("methodArn", Value::Null), "methodArn"),
        (with("methodArn", json!("")), "methodArn"),
        (with("methodArn", json!("*")), "methodArn"),
        (with("methodArn", json!(METHOD.split('/').next())), "methodArn"),
        (with("methodArn", json!("arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/prod")), "methodArn"),
        (with("methodArn", json!(METHOD.replace("execute-api", "lambda"))), "methodArn"),
        (with("headers", json!("Bearer secret")), "headers"),
        (with("headers", json!(["Bearer secret"])), "headers"),
        (with("headers", json!({"Authorization": ["Bearer secret"]})), "headers"),
        (with("headers", json!({"authorization": null})), "headers"),
        (with("headers", json!({"authorization": "Bearer secret\n"})), "headers"),
        (with("multiValueHeaders", json!({"Authorization": "Bearer secret"})), "headers"),
        (with("multiValueHeaders", json!({"Authorization": [1]})), "headers"),
    ] {
        let told = refused(&event);
        assert!(told.starts_with(problem) && !told.contains("secret"), "{told} for {event}");
    }
}

#[test]
fn nothing_shows_the_credentials() {
    for api in APIS {
        let headers = [("Authorization", "Bearer secret"), ("X-API-Key", "secret"), ("Cookie", "secret")];
        let event: Event = serde_json::from_value(api.event(&headers)).unwrap();
        assert!(!format!("{event:?}").contains("secret"), "{event:?}");
    }
}

#[tokio::test]
async fn headers_are_found_in_any_case_and_counted_as_they_were_sent() {
    let service = service().await;
    let access = service.newcomer("ann").await.access;
    let authorizer = service.authorizer().await;
    let good = format!("Bearer {access}");
    let (none, is_in) = (json!({}), true);
    for (headers, listed, expected) in [
        (json!({"Authorization": good}), Value::Null, is_in),
        (json!({"authorization": good}), none.clone(), is_in),
        (json!({"AUTHORIZATION": good}), json!({"AUTHORIZATION": [good]}), is_in),
        (json!({"authorization": good}), json!({"Authorization": [good]}), is_in),
        (Value::Null, json!({"Authorization": [good]}), is_in),
        (json!({"authorization": good}), json!({"Accept": ["*/*", "text/html"]}), is_in),
        (Value::Null, Value::Null, false),
        (none.clone(), json!({"Authorization": []}), false),
        (json!({"Authorization": good, "authorization": good}), Value::Null, false),
        (json!({"Authorization": good, "authorization": "Bearer x"}), none.clone(), false),
        (json!({"Authorization": good}), json!({"Authorization": [good, good]}), false),
        (json!({"Authorization": good}), json!({"Authorization": ["Bearer x", good]}), false),
        (json!({"Authorization": good}), json!({"Authorization": [good], "authorization": [good]}), false),
        (json!({"Authorization": good}), json!({"authorization": ["Bearer x"]}), false),
    ] {
        for api in [Api::HttpByPolicy, Api::Rest] {
            let mut event = api.event(&[]);
            event["headers"] = headers.clone();
            event["multiValueHeaders"] = listed.clone();
            let answer = authorizer.call(event).await;
            assert_eq!(answer != api.refusal(), expected, "{api:?} {headers} {listed}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_policy_is_for_the_whole_stage_and_no_other() {
    let service = service().await;
    let access = service.newcomer("ann").await.access;
    let authorizer = service.authorizer().await;
    let api = "execute-api:eu-central-1:123456789012:abcdef1234";
    for (method, stage) in [
        (format!("arn:aws:{api}/prod/GET/"), format!("arn:aws:{api}/prod/*")),
        (format!("arn:aws:{api}/prod/DELETE/a/b:c/*/prod2"), format!("arn:aws:{api}/prod/*")),
        (format!("arn:aws-cn:{api}/$default/GET/reports"), format!("arn:aws-cn:{api}/$default/*")),
        (format!("arn:aws:{api}/chat/$connect"), format!("arn:aws:{api}/chat/*")),
    ] {
        for (asks, refusal) in [(Api::HttpByPolicy, "Deny"), (Api::Rest, "Unauthorized")] {
            for (headers, effect) in [(&[("Authorization", &*format!("Bearer {access}"))][..], "Allow"), (&[], refusal)]
            {
                let mut event = asks.event(headers);
                event["methodArn"] = json!(method);
                match authorizer.call(event).await {
                    Ok(answer) => {
                        let statement = &answer["policyDocument"]["Statement"];
                        assert_eq!(
                            statement[0],
                            json!({"Action": "execute-api:Invoke", "Effect": effect, "Resource": stage})
                        );
                        assert_eq!(statement.as_array().unwrap().len(), 1);
                    }
                    Err(failure) => assert_eq!(failure.to_string(), effect),
                }
            }
        }
    }
}
