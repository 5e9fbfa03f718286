//! Events of API Gateway, as a deployed function gets them: whatever is in one, it is answered.

use crate::support::{Service, Tokens, service, service_with};
use doorward_http::gateway::answer;
use serde_json::{Value, json};

impl Service {
    /// What an event is answered, as API Gateway gets it.
    async fn event(&self, event: &Value) -> Value {
        let event = serde_json::from_value(event.clone()).unwrap();
        serde_json::to_value(answer(self.app(), event).await.unwrap()).unwrap()
    }

    async fn expect_event(&self, event: &Value, status: u16) -> Value {
        let answer = self.event(event).await;
        assert_eq!(answer["statusCode"], status, "{event}: {answer}");
        assert_eq!(answer["headers"]["x-content-type-options"], "nosniff");
        answer
    }
}

fn event(method: &str, path: &str, headers: &Value) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "domainName": "doorward.test",
            "stage": "$default",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": ""},
        },
        "isBase64Encoded": false,
    })
}

/// Headers of somebody who is logged in.
fn of(tokens: &Tokens) -> Value {
    json!({"authorization": format!("Bearer {}", tokens.access)})
}

#[tokio::test]
async fn no_query_breaks_anything() {
    let service = service().await;
    let root = service.admin("root").await;
    for query in ["a=\"", "a=<b>", "a b", "\t", "\u{1}\u{7f}", "é=ü", "a=%", "#", "limit=1&x={}|\\^`", "\r\nHost: evil"]
    {
        let mut event = event("GET", "/users", &json!({"authorization": format!("Bearer {}", root.access)}));
        event["rawQueryString"] = query.into();
        service.expect_event(&event, 200).await;
    }
    let mut wrong = event("GET", "/users", &json!({"authorization": format!("Bearer {}", root.access)}));
    wrong["rawQueryString"] = "limit=1 1".into();
    service.expect_event(&wrong, 422).await;
}

#[tokio::test]
async fn a_path_is_matched_as_it_was_sent() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    service.expect_event(&event("GET", "/users/me", &of(&ann)), 200).await;
    service.expect_event(&event("GET", "/users/me/", &of(&ann)), 200).await;
    for path in
        ["/users/x/../me", "/users/%2e%2e/users/me", "/./users/me", "/users/./me", "/users\\me", "//users/me", ""]
    {
        for method in ["GET", "DELETE"] {
            let answer = service.event(&event(method, path, &of(&ann))).await;
            assert!([307, 404, 405].contains(&answer["statusCode"].as_u64().unwrap()), "{path}: {answer}");
        }
    }
    // An id that nobody has.
    for path in ["/users/me\n", "/users/me\t", "/users/me?", "/users/me#", "/users/me ", "/users/mé"] {
        service.expect_event(&event("GET", path, &of(&ann)), 403).await;
    }
    service.expect_event(&event("GET", &format!("/{}", "a".repeat(70_000)), &of(&ann)), 404).await;
    service.expect_alive(&ann.access).await;
}

#[tokio::test]
async fn what_headers_say_of_scheme_and_host_chooses_nothing() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    for (name, value) in [
        ("x-forwarded-proto", "http://evil/users/me/sessions#"),
        ("x-forwarded-proto", "ht tp"),
        ("x-forwarded-proto", ""),
        ("host", "h:99999"),
        ("host", "a b"),
        ("host", "[x"),
        ("host", "xn--"),
        ("host", "evil.example/users/me/sessions?"),
    ] {
        let mut headers = of(&ann);
        headers[name] = value.into();
        let answer = service.expect_event(&event("GET", "/users/me", &headers), 200).await;
        assert!(answer["body"].as_str().unwrap().starts_with("{\"username\":\"ann\""), "{name}: {value}: {answer}");
    }
}

#[tokio::test]
async fn only_the_names_that_are_ours_are_answered() {
    let service = service_with(&[("DOORWARD_ALLOWED_HOSTS", "auth.example.com:443, doorward.test")]).await;
    for host in ["h:99999", "a b", "evil.example", "evil.example:auth.example.com", "auth.example.com"] {
        let refused = service.expect_event(&event("GET", "/health", &json!({"host": host})), 400).await;
        assert!(refused["body"].as_str().unwrap().contains("Invalid host header"), "{host}: {refused}");
    }
    for headers in [json!({"host": "auth.example.com:443"}), json!({"Host": "doorward.test"}), json!({})] {
        service.expect_event(&event("GET", "/health", &headers), 200).await;
    }
}

#[tokio::test]
async fn bodies_come_and_go_as_text_or_in_base64() {
    let service = service().await;
    let form = "username=ann&password=correct+horse+battery+staple";
    service.sign_up("ann").await.expect(201);
    let kind = json!({"content-type": "application/x-www-form-urlencoded"});
    let mut tokens = String::new();
    for (body, is_base64, status) in [
        (json!(form), false, 200),
        (json!("dXNlcm5hbWU9YW5uJnBhc3N3b3JkPWNvcnJlY3QraG9yc2UrYmF0dGVyeStzdGFwbGU="), true, 200),
        (json!("no base64!"), true, 422),
        (json!(""), true, 422),
        (Value::Null, false, 422),
    ] {
        let mut event = event("POST", "/token", &kind);
        (event["body"], event["isBase64Encoded"]) = (body, is_base64.into());
        let answer = service.expect_event(&event, status).await;
        assert_eq!(answer["isBase64Encoded"], false);
        if status == 200 {
            let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            tokens = body["access_token"].as_str().unwrap().to_owned();
        }
    }
    let headers = json!({"authorization": format!("Bearer {tokens}")});
    let answer = service.expect_event(&event("POST", "/2fa/setup", &headers), 200).await;
    assert_eq!((&answer["isBase64Encoded"], &answer["headers"]["content-type"]), (&json!(true), &json!("image/png")));
    assert!(answer["body"].as_str().unwrap().starts_with("iVBORw0KGgo"), "a PNG");
}

#[tokio::test]
async fn an_answer_has_each_header_once_and_limits_count_by_the_gateways_address() {
    let limited = [("DOORWARD_ALLOWED_ORIGINS", "https://app.example.com"), ("DOORWARD_LOGIN_RATE", "off")];
    let service = service_with(&limited).await;
    let headers = json!({"origin": "https://app.example.com", "accept-encoding": "gzip"});
    let answer = service.expect_event(&event("GET", "/docs", &headers), 200).await;
    assert_eq!(answer["headers"]["vary"], "Accept-Encoding, Origin");
    for n in 0..7 {
        let mut event = event("GET", "/limited", &json!({"x-forwarded-for": format!("198.51.100.{n}")}));
        service.expect_event(&event, if n < 5 { 200 } else { 429 }).await;
        event["requestContext"]["http"]["sourceIp"] = format!("203.0.113.{n}").into();
        service.expect_event(&event, 200).await;
    }
}
