//! What every route refuses alike. A route joins by a line in [`ROUTES`], and its cases are made from that.

use crate::routes::{CANARY, Dialect, Kind, Media, Member, ROUTES, Route};
use crate::support::{Answer, Service, service, service_with};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const LIMIT: usize = 64 * 1024;
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A request that is wrong in one thing.
struct Case {
    what: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    refusal: Refusal,
}

enum Refusal {
    /// Exactly these members are wrong, or the body as a whole, which is `""`.
    Invalid(Vec<String>),
    Media,
    TooLarge,
}

fn case(what: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>, refusal: Refusal) -> Case {
    let headers = vec![("content-type", content_type.to_owned())];
    Case { what: what.into(), headers, body: body.into(), refusal }
}

fn wrong(name: &str) -> Refusal {
    Refusal::Invalid(vec![format!("/{name}")])
}

fn wrong_as_a_whole() -> Refusal {
    Refusal::Invalid(vec![String::new()])
}

impl Route {
    fn takes(&self, media: Media) -> bool {
        self.media == media || self.media == Media::Either
    }

    fn json_with(&self, name: &str, value: Option<Value>) -> Value {
        let mut body: Value = self.members.iter().map(|m| (m.name.to_owned(), m.value())).collect();
        let members = body.as_object_mut().unwrap();
        members.remove(name);
        members.extend(value.map(|value| (name.to_owned(), value)));
        body
    }

    /// The good form, with one member as it is given here.
    fn form_with(&self, name: &str, written: Option<&str>) -> String {
        let others = self.members.iter().filter(|m| m.name != name).map(|m| format!("{}={}", m.name, m.good));
        others.chain(written.map(|value| format!("{name}={value}"))).collect::<Vec<_>>().join("&")
    }

    fn good_bodies(&self) -> Vec<(&'static str, String)> {
        let json = self.takes(Media::Json).then(|| (JSON, self.json_with("", None).to_string()));
        let form = self.takes(Media::Form).then(|| (FORM, self.form_with("", None)));
        json.into_iter().chain(form).collect()
    }

    fn cases(&self) -> Vec<Case> {
        let mut cases = self.media_cases();
        if self.takes(Media::Json) {
            cases.extend(self.json_cases());
        }
        if self.takes(Media::Form) {
            cases.extend(self.form_cases());
        }
        cases
    }

    fn media_cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for (content_type, good) in self.good_bodies() {
            let other = if content_type == JSON { FORM } else { JSON };
            let multipart = "multipart/form-data; boundary=x";
            let mut bad = vec!["", multipart, "text/plain", "application/vnd.api+json", "application/json5", "é", ";"];
            bad.extend((self.media != Media::Either).then_some(other));
            for bad in bad {
                cases.push(case(format!("type {bad:?}"), bad, good.clone(), Refusal::Media));
            }
            for encoding in ["gzip", "br", "identity, gzip"] {
                let mut encoded = case(encoding, content_type, good.clone(), Refusal::Media);
                encoded.headers.push(("content-encoding", encoding.to_owned()));
                cases.push(encoded);
            }
            let mut twice = case("two types", content_type, good.clone(), Refusal::Media);
            twice.headers.push(("content-type", content_type.to_owned()));
            cases.push(twice);

            let long = format!("{good}{}", " ".repeat(LIMIT + 1 - good.len()));
            cases.push(case("a byte too long, undeclared", content_type, long.clone(), Refusal::TooLarge));
            let mut declared = case("a byte too long, declared", content_type, long, Refusal::TooLarge);
            declared.headers.push(("content-length", (LIMIT + 1).to_string()));
            cases.push(declared);
        }
        let every: Vec<_> = self.members.iter().filter(|m| m.is_required).map(|m| format!("/{}", m.name)).collect();
        if !every.is_empty() {
            cases.push(case("nothing", "", "", Refusal::Invalid(every.clone())));
            for (kind, media) in [(JSON, Media::Json), (FORM, Media::Form)] {
                let refusal = if self.takes(media) { Refusal::Invalid(every.clone()) } else { Refusal::Media };
                cases.push(case("nothing", kind, "", refusal));
            }
            cases.push(case("nothing of another type", "text/plain", "", Refusal::Media));
        }
        cases
    }

    fn json_cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for member @ Member { name, is_required, kind, .. } in self.members {
            let value = member.value();
            let mut add = |what: &str, value: Option<Value>, refusal| {
                let body = self.json_with(name, value).to_string();
                cases.push(case(format!("{name}: {what}"), JSON, body, refusal));
            };
            let is_json = matches!(kind, Kind::Json);
            let others = [is_json.then(|| json!("1")), (!value.is_number()).then(|| json!(1)), Some(json!(true))];
            for value in others.into_iter().flatten().chain([json!([value]), json!({ "": value })]) {
                add("of another type", Some(value), wrong(name));
            }
            if *is_required {
                add("missing", None, wrong(name));
                add("null", Some(Value::Null), wrong(name));
            }
            let malformed = member.malformed();
            if *is_required && !malformed.is_empty() {
                add("empty", Some(json!("")), wrong(name));
            }
            for text in malformed {
                add(&format!("{text:.20?}"), Some(json!(text)), wrong(name));
            }
            let body = self.json_with("", None).to_string();
            let again = format!("{},{}}}", body.strip_suffix('}').unwrap(), format_args!("\"{name}\":{value}"));
            cases.push(case(format!("{name}: twice"), JSON, again, wrong(name)));
            for surrogate in [r"\ud800", r"\udc00\ud800", r"\ud800a"] {
                let marked = self.json_with(name, Some(json!("MARK"))).to_string();
                let broken = marked.replace("MARK", surrogate);
                cases.push(case(format!("{name}: {surrogate}"), JSON, broken, wrong_as_a_whole()));
            }
            let marked = self.json_with(name, Some(json!("MARK"))).to_string();
            let at = marked.find("MARK").unwrap();
            let bytes = [&marked.as_bytes()[..at], b"\xff", &marked.as_bytes()[at + 4..]].concat();
            cases.push(case(format!("{name}: no UTF-8"), JSON, bytes, wrong_as_a_whole()));
        }
        for (unknown, pointer) in [("note~/", "/note~0~1"), ("", "/")] {
            let body = self.json_with(unknown, Some(json!(CANARY))).to_string();
            cases.push(case("unknown member", JSON, body, Refusal::Invalid(vec![pointer.to_owned()])));
        }
        let good = self.json_with("", None).to_string();
        let deep = "[".repeat(10_000);
        for body in [" ", "{", "[]", "1", "null", "\"canary\"", "{}{}", "{\"a\":1,}", "{'a':1}", "NaN", &deep] {
            cases.push(case(format!("{body:.20}"), JSON, body, wrong_as_a_whole()));
        }
        cases.push(case("something behind it", JSON, format!("{good}x"), wrong_as_a_whole()));
        cases.push(case("a byte order mark", JSON, format!("\u{feff}{good}"), wrong_as_a_whole()));
        cases
    }

    fn form_cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for member @ Member { name, good, is_required, kind } in self.members {
            let mut add = |what: &str, written: Option<&str>, refusal| {
                let body = self.form_with(name, written);
                cases.push(case(format!("{name}: {what}"), FORM, body, refusal));
            };
            if *is_required {
                add("missing", None, wrong(name));
                if !matches!(kind, Kind::Password) {
                    add("empty", Some(""), wrong(name));
                }
            }
            add("repeated", Some(&format!("{good}&{name}={good}")), wrong(name));
            add("repeated, once empty", Some(&format!("{good}&{name}=")), wrong(name));
            for broken in ["%FF", "%ED%A0%80", "a%C3", "%C0%80"] {
                add(broken, Some(broken), wrong(name));
            }
            for text in member.malformed() {
                let written = text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"));
                add(&format!("{text:.20?}"), Some(&written), wrong(name));
            }
        }
        let raw = [self.form_with("", None).as_bytes(), b"&note=\xff"].concat();
        cases.push(case("no UTF-8", FORM, raw, wrong_as_a_whole()));
        let name = self.form_with("%FF", Some("1"));
        cases.push(case("a name that is no UTF-8", FORM, name, wrong_as_a_whole()));
        cases
    }
}

async fn send(service: &Service, route: &Route, case: &Case, token: Option<&str>) -> Answer {
    let mut request = service.request(route.method, route.path).body("", &case.body);
    for (name, value) in case.headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(name, value);
    }
    match token {
        Some(token) => request.bearer(token).send().await,
        None => request.send().await,
    }
}

fn assert_refused(route: &Route, case: &Case, answer: &Answer) {
    let name = format!("{} {} with {}", route.method, route.path, case.what);
    let shown = format!("{name}: {answer:?}");
    assert!(!format!("{:?}", answer.headers).contains("canary"), "{shown}");
    assert!(!String::from_utf8_lossy(&answer.body).contains("canary"), "{shown}");
    let status = match (&case.refusal, route.dialect) {
        (Refusal::TooLarge, _) => 413,
        (_, Dialect::OAuth) => 400,
        (Refusal::Media, _) => 415,
        (Refusal::Invalid(_), _) => 422,
    };
    assert_eq!(answer.status, status, "{shown}");
    if status == 400 {
        assert_eq!(answer.text("error"), "invalid_request", "{shown}");
        return;
    }
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{shown}");
    if let Refusal::Invalid(expected) = &case.refusal {
        let body = answer.json();
        let errors = body["errors"].as_array().unwrap();
        assert!(
            errors.iter().all(|error| error["detail"].as_str().is_some_and(|detail| !detail.is_empty())),
            "{shown}"
        );
        let found: BTreeSet<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        let expected: BTreeSet<_> = expected.iter().map(String::as_str).collect();
        // Of a body that cannot be read nothing else need be right.
        let whole = expected.contains("") && found.contains("");
        assert!(whole || found == expected, "{name}: {found:?} instead of {expected:?}");
    }
}

#[tokio::test]
async fn every_route_refuses_what_is_wrong_and_keeps_nothing() {
    let service = service_with(&[("DOORWARD_DEFAULT_SCOPES", "read:items write:items introspect:tokens")]).await;
    let token = service.newcomer("ann").await.access;
    let (events, mut count) = (service.events(), 0);
    for route in ROUTES {
        for case in route.cases() {
            service.probe.forget();
            let answer = send(&service, route, &case, route.needs_bearer.then_some(&token)).await;
            assert_refused(route, &case, &answer);
            let read = if route.needs_bearer { vec![route.check()] } else { Vec::new() };
            assert_eq!(service.probe.calls(), read, "{} with {}", route.path, case.what);
            count += 1;
        }
    }
    assert_eq!(service.events(), events, "nothing happened");
    assert!(count > 200, "{count} cases");
}

#[tokio::test]
async fn who_is_asking_is_judged_before_the_body() {
    let service = service_with(&[("DOORWARD_DEFAULT_SCOPES", "read:items write:items introspect:tokens")]).await;
    // Who lacks nothing: a missing right is said before the body too.
    let token = service.admin("ann").await.access;
    for route in ROUTES.iter().filter(|route| route.needs_bearer) {
        let long = Case {
            what: "a body too long".to_owned(),
            headers: vec![("content-type", "text/plain".to_owned()), ("content-length", (LIMIT + 1).to_string())],
            body: vec![b'a'; LIMIT + 1],
            refusal: Refusal::TooLarge,
        };
        let garbage = case("garbage", "text/plain", "{", Refusal::Media);
        for case in route.cases().into_iter().chain([long, garbage]) {
            let forged = send(&service, route, &case, Some("forged")).await;
            if route.dialect == Dialect::OAuth {
                forged.expect_oauth_error(401, "invalid_token");
                continue;
            }
            forged.expect_problem(401, "Could not validate credentials");
            let unknown = send(&service, route, &case, None).await.expect_problem(401, "Not authenticated");
            assert_eq!(unknown.header("www-authenticate"), Some(route.challenge()));
            if matches!(case.refusal, Refusal::TooLarge) {
                assert_refused(route, &case, &send(&service, route, &case, Some(&token)).await);
            }
        }
    }
    service.me(&token).await.expect(200);
}

#[tokio::test]
async fn no_route_takes_a_body_that_is_too_long() {
    let service = service().await;
    for route in ROUTES.iter().filter(|route| !route.needs_bearer) {
        let request = service.request(route.method, route.path).header("content-length", &(LIMIT + 1).to_string());
        let answer = request.send().await;
        // Who has to show an API key is told so first.
        let (status, title) = match route.path {
            "/protected" => (403, "API key required"),
            _ => (413, "Request body too large"),
        };
        assert_eq!((answer.status, answer.text("detail").as_str()), (status, title), "{}", route.path);
    }
}

#[tokio::test]
async fn every_route_says_which_methods_it_has() {
    let service = service().await;
    for path in ROUTES.iter().map(|route| route.path).collect::<BTreeSet<_>>() {
        let mut methods: BTreeSet<_> = ROUTES.iter().filter(|r| r.path == path).map(|r| r.method).collect();
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] {
            if methods.contains(method) {
                continue;
            }
            let answer = service.request(method, path).send().await;
            let answer =
                if method == "HEAD" { answer.expect(405) } else { answer.expect_problem(405, "Method Not Allowed") };
            let allowed: BTreeSet<_> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
            assert_eq!(allowed, methods, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn one_slash_more_is_the_same_route_and_two_are_none() {
    let service = service().await;
    for Route { method, path, .. } in ROUTES {
        let plain = service.request(method, path).send().await;
        let slashed = service.request(method, &format!("{path}/")).send().await;
        assert_ne!(plain.status, 404, "{method} {path}");
        assert_eq!((plain.status, &plain.body), (slashed.status, &slashed.body), "{method} {path}/");
        for other in [format!("{path}//"), format!("/{path}"), format!("{path}/x/y"), path.to_uppercase()] {
            service.request(method, &other).send().await.expect_problem(404, "Not Found");
        }
    }
}

#[tokio::test]
async fn a_route_that_needs_no_body_takes_none_and_an_empty_one() {
    let service = service().await;
    let token = service.newcomer("ann").await.access;
    let send =
        |content_type, body: &str| service.post("/2fa/setup").bearer(&token).body(content_type, body.as_bytes()).send();
    for (content_type, body) in [("", ""), (JSON, "{}"), (JSON, "{\"password\":null}"), (JSON, ""), (FORM, "")] {
        send(content_type, body).await.expect(200);
    }
    send(FORM, "password=").await.expect(415);
    send("", "{}").await.expect(415);
}

#[tokio::test]
async fn nothing_is_no_object_and_no_form_is_json() {
    let service = service().await;
    let token = service.newcomer("ann").await.access;
    for content_type in ["", JSON] {
        let empty = service.patch("/users/me").bearer(&token).body(content_type, b"").send().await.expect(422);
        assert_eq!(empty.json()["errors"], json!([{"pointer": "", "detail": "must be a JSON object"}]));
    }
    service.patch("/users/me").bearer(&token).body(FORM, b"").send().await.expect(415);
    for path in ["/users", "/users/me/password"] {
        service.post(path).bearer(&token).body(FORM, b"").send().await.expect(415);
        let missing = service.post(path).bearer(&token).body(JSON, b"").send().await.expect(422);
        assert_eq!(missing.json()["errors"][0]["detail"], "is required");
    }
    service.post("/token").body(JSON, b"").send().await.expect(415);
    service.post("/token").body("", b"").send().await.expect(422);
}

#[tokio::test]
async fn what_is_wrong_with_a_member_is_told_once() {
    let service = service().await;
    let answer = service.post("/token").body(FORM, b"username=%ff&password=x").send().await.expect(422);
    assert_eq!(answer.json()["errors"], json!([{"pointer": "/username", "detail": "is not UTF-8"}]));
}

#[tokio::test]
async fn what_is_unknown_in_a_form_is_ignored_and_types_may_be_written_in_other_ways() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    let form = "username=ann&password=correct+horse+battery%20staple&client_id=x&client_secret=&note=a&&scope=";
    for content_type in [FORM, "Application/X-WWW-Form-URLEncoded", "application/x-www-form-urlencoded; charset=utf-8"]
    {
        service.post("/token").body(content_type, form.as_bytes()).send().await.expect(200);
    }
    let json = br#"{"username":"bob","email":"bob@example.com","password":"correct horse battery","full_name":null}"#;
    service.post("/users").body("application/json;charset=UTF-8", json).send().await.expect(201);
    // To the last byte of the limit.
    let full = format!("{form}&pad={}", "a".repeat(LIMIT - form.len() - 5));
    assert_eq!(full.len(), LIMIT);
    service.post("/token").body(FORM, full.as_bytes()).send().await.expect(200);
}
