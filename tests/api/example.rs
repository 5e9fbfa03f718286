//! The sample resources: scopes, roles, a limit, and text made harmless.

use crate::support::admin::{Person, set};
use crate::support::{Answer, PASSWORD, Service, service};
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_core::user::Role;
use serde_json::{Value, json};

impl Service {
    fn put_item(&self, who: &Person, body: &Value) -> crate::support::request::Request {
        self.post("/items").bearer(&who.access).json(body)
    }

    async fn person_with_scope(&self, name: &str, scope: &str) -> Person {
        let form = [("username", name), ("password", PASSWORD), ("scope", scope)];
        let tokens = self.post("/token").form(&form).send().await.expect(200).tokens();
        Person { id: self.user(name).await.id.to_string(), access: tokens.access, refresh: tokens.refresh }
    }

    async fn try_limited(&self, address: &str) -> Answer {
        self.get("/limited").from(address).header("x-forwarded-for", "203.0.113.9").send().await
    }
}

const ITEMS: [(&str, &str); 2] = [("GET", "read:items"), ("POST", "write:items")];

#[tokio::test]
async fn every_refusal_of_items_names_the_scope() {
    let service = service().await;
    let ann = service.person("ann").await;
    let revoked = service.again("ann", &ann).await;
    service.post_as(&revoked.access, "/logout").await.expect(200);
    let key = service.key_of(&ann, "ci").await.key;
    for (method, scope) in ITEMS {
        let request = || service.request(method, "/items").json(&json!({"name": "lamp"}));
        let plain = format!("Bearer scope=\"{scope}\"");
        let invalid = format!("Bearer error=\"invalid_token\", scope=\"{scope}\"");
        for (request, detail, challenge) in [
            (request(), "Not authenticated", &plain),
            (request().header("x-api-key", &key), "Not authenticated", &plain),
            (request().header("authorization", "Basic YTpi"), "Not authenticated", &plain),
            (request().bearer("forged"), "Could not validate credentials", &invalid),
            (request().bearer(&key), "Could not validate credentials", &invalid),
            (request().bearer(&revoked.access), "Token has been revoked", &invalid),
        ] {
            let answer = request.send().await.expect_problem(401, detail);
            assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()));
            assert_eq!(answer.headers.get_all("www-authenticate").iter().count(), 1);
        }
    }
    service.disable("ann").await;
    for (method, _) in ITEMS {
        let answer = service.request(method, "/items").bearer(&ann.access).send().await;
        assert_eq!(answer.expect_problem(400, "Inactive user").header("www-authenticate"), None);
    }
    assert_eq!(service.raw.items("example-items").await.len(), 0);
}

#[tokio::test]
async fn a_token_without_the_scope_is_refused_whatever_its_user_may() {
    let service = service().await;
    service.admin("ann").await;
    for (method, scope) in ITEMS {
        let others = if method == "GET" { "write:items" } else { "read:items" };
        let narrow = service.person_with_scope("ann", others).await;
        // Before the body is looked at.
        for body in [r#"{"name":"lamp"}"#, "no JSON"] {
            let request = service.request(method, "/items").bearer(&narrow.access);
            let answer = request.body("application/json", body.as_bytes()).send().await;
            let answer = answer.expect_problem(403, "Not enough permissions");
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        // Nor does a refresh bring it.
        let next = service.refresh(&narrow.refresh).await.expect(200).tokens();
        service.request(method, "/items").bearer(&next.access).send().await.expect(403);
        let other = if method == "GET" { service.post("/items") } else { service.get("/items") };
        other.bearer(&narrow.access).json(&json!({"name": "lamp"})).send().await.expect(200);
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_item_is_told_by_its_pointer() {
    let service = service().await;
    let ann = service.person("ann").await;
    for (body, pointers) in [
        (json!({}), &["/name"][..]),
        (json!({"name": ""}), &["/name"]),
        (json!({"name": "a".repeat(201)}), &["/name"]),
        (json!({"name": "lamp", "description": 1}), &["/description"]),
        (json!({"name": "lamp", "description": "\u{0}"}), &["/description"]),
        (json!({"name": "lamp", "id": "mine", "owner": "bob"}), &["/id", "/owner"]),
    ] {
        service.put_item(&ann, &body).send().await.expect_invalid(pointers);
    }
    assert_eq!(service.see(&ann, "/items").await.expect(200).json(), json!({"items": []}));
}

#[tokio::test]
async fn everybody_has_items_of_their_own() {
    let service = service().await;
    let (ann, bob) = (service.person("Ann").await, service.person("bob").await);
    let mut made = Vec::new();
    for (body, description) in [
        (json!({"name": "lamp"}), Value::Null),
        (json!({"name": "lamp", "description": null}), Value::Null),
        (json!({"name": "lamp", "description": ""}), json!("")),
        (json!({"name": "Öl & <b>", "description": "a\nb <i>"}), json!("a\nb <i>")),
    ] {
        let answer = service.put_item(&ann, &body).send().await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let whole = answer.json();
        let id = whole["item"]["id"].as_str().unwrap();
        let item = json!({"id": id, "name": body["name"], "description": description, "owner": "Ann"});
        assert_eq!(whole, json!({"item": item}));
        made.push(item);
        service.wait(1);
    }
    assert_eq!(service.see(&ann, "/items/").await.expect(200).json(), json!({"items": made}), "the oldest first");
    assert_eq!(service.see(&bob, "/items").await.expect(200).json(), json!({"items": []}));
    // Scopes are the token's.
    service.alter(&ann, |user| user.scopes = set("")).await;
    service.see(&ann, "/items").await.expect(200);
}

#[tokio::test]
async fn a_thousand_items_are_listed_and_no_more() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.put_item(&ann, &json!({"name": "lamp"})).send().await.expect(200);
    let mut item = service.raw.items("example-items").await.remove(0);
    let mut ids = 1_u64..;
    for (n, listed) in [(998, 999), (1, 1000), (1, 1000)] {
        for id in ids.by_ref().take(n) {
            item.insert("item_id".to_owned(), AttributeValue::S(id.to_string()));
            service.raw.put("example-items", item.clone()).await;
        }
        service.probe.forget();
        let items = service.see(&ann, "/items").await.expect(200).json();
        assert_eq!(items["items"].as_array().unwrap().len(), listed);
        assert_eq!(service.probe.calls().iter().filter(|call| *call == "Query example-items").count(), 1);
    }
}

#[tokio::test]
async fn the_second_seeds_item_is_of_who_asks() {
    let service = service().await;
    let ann = service.person("Ann").await;
    service.get("/users/me/items/").send().await.expect_problem(401, "Not authenticated");
    for path in ["/users/me/items", "/users/me/items/"] {
        let answer = service.see(&ann, path).await.expect(200);
        assert_eq!(answer.json(), json!([{"item_id": "Foo", "owner": "Ann"}]));
    }
}

#[tokio::test]
async fn only_moderators_and_admins_moderate_and_a_change_holds_at_once() {
    let service = service().await;
    let (user, root) = (service.person("user").await, service.admin("root").await);
    let writer = service.person_who_may("writer", "moderator admin write:users moderate").await;
    for who in [&user, &writer] {
        let refused = service.post_as(&who.access, "/moderate").await;
        let refused = refused.expect_problem(403, "Access denied. Required role: moderator");
        assert_eq!(refused.header("www-authenticate"), None);
    }
    let moderator = service.person_of("moderator", Role::Moderator).await;
    for who in [&moderator, &root] {
        let answer = service.post_as(&who.access, "/moderate").await.expect(200);
        assert_eq!(answer.json(), json!({"message": "Content moderated"}));
    }
    for (role, status) in [("moderator", 200), ("user", 403), ("admin", 200), ("user", 403)] {
        service.change(&root, &user, &json!({"role": role})).send().await.expect(200);
        service.post_as(&user.access, "/moderate").await.expect(status);
    }
}

#[tokio::test]
async fn hostile_comments_take_no_longer_than_others() {
    let service = service().await;
    let ann = service.person("ann").await;
    let open = |left: usize| format!("{}b=\">", "<a ".repeat(left / 3));
    for hostile in ["<", ">", "&", "<!--", "</", "<a ", "<a b=\"", "<a b='\"", "<!--><!--", "&#", "&a"] {
        let content = hostile.repeat(50_000 / hostile.len().max(2));
        let answer = service.post("/comments").bearer(&ann.access).json(&json!({"content": content})).send().await;
        assert!(!answer.expect(200).text("content").contains(['<', '>']));
    }
    let answer = service.post("/comments").bearer(&ann.access).json(&json!({"content": open(60_000)})).send().await;
    assert_eq!(answer.expect(200).text("content"), open(60_000).replace('<', "&lt;").replace('>', "&gt;"));
}

#[tokio::test]
async fn comments_lose_their_tags_and_nothing_else() {
    let service = service().await;
    let ann = service.person("ann").await;
    let comment = |body: Value| service.post("/comments").bearer(&ann.access).json(&body).send();
    comment(json!({})).await.expect_invalid(&["/content"]);
    comment(json!({"content": ["a"]})).await.expect_invalid(&["/content"]);
    for (content, harmless) in [
        ("", ""),
        ("plain, \"quoted\" and 'so'", "plain, \"quoted\" and 'so'"),
        ("<b onclick=\"x()\">bold</b>", "bold"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("<img src=x onerror=alert(1)>a", "a"),
        ("<a href=\"javascript:x()\">link</a>", "link"),
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("if a <b then AT&T", "if a &lt;b then AT&amp;T"),
        ("<table><tr><td>cell</td></tr>text</table>", "celltext"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("é 😀\nline", "é 😀\nline"),
    ] {
        let answer = comment(json!({"content": content})).await.expect(200);
        assert_eq!(answer.json(), json!({"content": harmless}), "{content}");
    }
}

#[tokio::test]
async fn the_sixth_of_a_minute_is_refused() {
    let service = service().await;
    for left in [4, 3, 2, 1, 0] {
        let answer = service.try_limited("192.0.2.1").await.expect(200);
        assert_eq!(answer.json(), json!({"message": "This endpoint is rate limited"}));
        assert_eq!(answer.header("ratelimit"), Some(format!("\"sample\";r={left};t=60").as_str()));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"sample\";q=5;w=60"));
        assert_eq!(answer.header("retry-after"), None);
    }
    for (after, reset) in [(0, "60"), (59, "1")] {
        service.wait(after);
        let answer = service.try_limited("192.0.2.1").await.expect_problem(429, "Too many requests");
        assert_eq!(answer.json()["error"], "Too many requests");
        assert_eq!(answer.header("retry-after"), Some(reset));
        assert_eq!(answer.header("ratelimit"), Some(format!("\"sample\";r=0;t={reset}").as_str()));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"sample\";q=5;w=60"));
    }
    // Another address has its own, and the next minute is another.
    service.try_limited("192.0.2.2").await.expect(200);
    service.wait(1);
    let answer = service.try_limited("192.0.2.1").await.expect(200);
    assert_eq!(answer.header("ratelimit"), Some("\"sample\";r=4;t=60"));
}

#[tokio::test]
async fn addresses_of_one_network_of_ipv6_are_one() {
    let service = service().await;
    for n in 1..=5 {
        service.try_limited(&format!("2001:db8:1:2:{n}::{n}")).await.expect(200);
    }
    service.try_limited("2001:db8:1:2:ffff::").await.expect_problem(429, "Too many requests");
    service.try_limited("2001:db8:1:3::1").await.expect(200);
}
