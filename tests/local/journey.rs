//! One journey, through whatever serves: sign-up to deletion, as a client and as an administrator.

use crate::client::{Answer, Client, PASSWORD, tokens};
use crate::server::Place;
use doorward_core::clock::Clock;
use serde_json::{Value, json};
use std::io::{Cursor, Read, Seek};

use totp_rs::Totp;

#[test]
fn on_cargo_run() {
    let place = Place::new();
    let server = place.server().start();
    journey(server.client(), server.admin_password().unwrap());
}

impl Client {
    pub fn call(self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        self.try_send(method, path, &headers, &body.to_string()).unwrap()
    }
}

#[track_caller]
fn refused(answer: &Answer, status: u16, detail: &str) {
    assert_eq!((answer.status, answer.text("detail").as_str()), (status, detail));
}

/// Walks the whole way on an empty store whose `admin` has that password.
pub fn journey(client: Client, admin_password: &str) {
    comes_and_stays(client);
    minds_the_own_account(client);
    has_a_second_factor(client);
    uses_what_is_guarded(client);
    speaks_the_standards(client);
    is_administered(client, admin_password);
}

fn comes_and_stays(client: Client) {
    assert_eq!(client.get("/health", "").expect(200).body, json!({"status": "ok"}));
    refused(&client.get("/users/me", "nonsense").expect(401), 401, "Could not validate credentials");
    refused(&client.get("/nowhere", ""), 404, "Not Found");
    refused(&client.call("PUT", "/token", "", &json!({})), 405, "Method Not Allowed");

    client.sign_up("ann").expect(201);
    refused(&client.sign_up("ANN"), 409, "Username already registered");
    refused(&client.log_in("ann", "a wrong password"), 401, "Incorrect username or password");
    let first = tokens(&client.log_in("Ann@Example.com", PASSWORD).expect(200));
    assert_eq!(client.get("/users/me/", &first.access).expect(200).text("username"), "ann");

    let second = tokens(&client.refresh(&first.refresh).expect(200));
    let again = tokens(&client.refresh(&first.refresh).expect(200));
    assert_eq!(again.refresh, second.refresh, "a lost answer logs nobody out");
    refused(&client.refresh(&second.access), 401, "Invalid token type");
    let renewed = client.call("POST", "/refresh-token", &second.access, &Value::Null).expect(200);
    let renewed = renewed.text("access_token");

    client.call("POST", "/revoke-token", &renewed, &Value::Null).expect(200);
    refused(&client.get("/users/me", &renewed), 401, "Token has been revoked");
    client.get("/users/me", &second.access).expect(200);
    client.call("POST", "/logout/", &second.access, &Value::Null).expect(200);
    refused(&client.get("/users/me", &first.access), 401, "Token has been revoked");
    refused(&client.refresh(&second.refresh), 401, "Invalid refresh token");
}

fn minds_the_own_account(client: Client) {
    let here = tokens(&client.log_in("ann", PASSWORD).expect(200));
    let there = tokens(&client.log_in("ann", PASSWORD).expect(200));
    let sessions = client.get("/users/me/sessions", &here.access).expect(200);
    assert_eq!(sessions.body["items"].as_array().unwrap().len(), 2);

    let change = json!({"email": "ann@example.org", "current_password": "wrong", "full_name": "Ann A."});
    refused(&client.call("PATCH", "/users/me", &here.access, &change), 400, "Incorrect password");
    let change = json!({"email": "ann@example.org", "current_password": PASSWORD, "full_name": "Ann A."});
    client.call("PATCH", "/users/me", &here.access, &change).expect(200);

    let change = json!({"current_password": PASSWORD, "new_password": "another pass phrase"});
    client.call("POST", "/users/me/password", &here.access, &change).expect(204);
    refused(&client.get("/users/me", &there.access), 401, "Token has been revoked");
    assert_eq!(client.get("/users/me", &here.access).expect(200).text("full_name"), "Ann A.");
    client.log_in("ann", PASSWORD).expect(401);

    let elsewhere = tokens(&client.log_in("ann@example.org", "another pass phrase").expect(200));
    let sessions = client.get("/users/me/sessions", &here.access).expect(200);
    let other = sessions.body["items"].as_array().unwrap().iter().find(|item| item["current"] == false).unwrap();
    let path = format!("/users/me/sessions/{}", other["id"].as_str().unwrap());
    client.call("DELETE", &path, &here.access, &Value::Null).expect(204);
    refused(&client.get("/users/me", &elsewhere.access), 401, "Token has been revoked");
}

/// An authenticator app.
pub struct Authenticator {
    totp: Totp,
    last: u64,
}

impl Authenticator {
    /// One that took in a QR code.
    pub fn of(uri: &str) -> Self {
        Self { totp: Totp::from_url(uri).unwrap(), last: 0 }
    }

    /// A code that it has not shown before, of this step or the next one.
    pub fn code(&mut self) -> String {
        let now = u64::try_from(Clock::System.now().seconds()).unwrap();
        self.last = (now / 30).max(self.last + 1);
        self.totp.generate(self.last * 30).to_string()
    }
}

/// What stands in the QR code of a picture, if it is there whole.
pub fn qr_code_in(png: impl Read + Seek) -> Option<String> {
    let mut decoder = png::Decoder::new(std::io::BufReader::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut pixels).ok()?;
    let (width, height) = (info.width as usize, info.height as usize);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x]);
    let grids = image.detect_grids();
    Some(grids.first()?.decode().ok()?.1)
}

fn has_a_second_factor(client: Client) {
    let password = "another pass phrase";
    let ann = tokens(&client.log_in("ann", password).expect(200)).access;
    let headers = format!("authorization: Bearer {ann}\r\naccept: application/json\r\n");
    let made = client.try_send("POST", "/2fa/setup", &headers, "").unwrap().expect(200);
    // The picture is for another secret: the one that waits is replaced.
    let headers = format!("authorization: Bearer {ann}\r\n");
    let picture = client.try_bytes("POST", "/2fa/setup", &headers).unwrap();
    let uri = qr_code_in(Cursor::new(picture)).unwrap();
    assert_ne!(uri, made.text("otpauth_uri"));
    let mut app = Authenticator::of(&uri);
    let first = app.code();

    refused(&client.call("POST", "/2fa/verify", &ann, &json!({"code": "nonsense"})), 400, "Invalid 2FA code");
    let on = client.call("POST", "/2fa/verify", &ann, &json!({"code": first})).expect(200);
    let recovery = on.body["recovery_codes"][0].as_str().unwrap().to_owned();
    let waiting = client.log_in("ann", password);
    refused(&waiting, 403, "Two-factor code required");
    let second = |code: &str| client.form("/token", &format!("mfa_token={}&otp={code}", waiting.text("mfa_token")));
    refused(&second(&first), 400, "Invalid 2FA code");
    second(&app.code()).expect(200);
    refused(&second(&recovery), 401, "Invalid mfa token");
    let form = format!("username=ann&password=another+pass+phrase&otp={recovery}");
    client.form("/token", &form).expect(200);
    refused(&client.form("/token", &form), 400, "Invalid 2FA code");

    let other = on.body["recovery_codes"][1].as_str().unwrap();
    let body = json!({"password": password, "code": other});
    assert_eq!(
        client.call("POST", "/2fa/disable", &ann, &body).expect(200).text("message"),
        "2FA disabled successfully"
    );
    client.log_in("ann", password).expect(200);
}

fn uses_what_is_guarded(client: Client) {
    let ann = tokens(&client.log_in("ann", "another pass phrase").expect(200)).access;
    let knock = |key: &str| client.try_send("GET", "/protected", &format!("x-api-key: {key}\r\n"), "").unwrap();
    refused(&client.get("/protected", &ann), 403, "API key required");
    let made = client.call("POST", "/api-keys", &ann, &json!({"name": "ci"})).expect(201);
    let expected = json!({"message": "Access granted", "key_name": "ci"});
    assert_eq!(knock(&made.text("key")).expect(200).body, expected);
    let path = format!("/api-keys/{}", made.text("id"));
    let rotated = client.call("POST", &format!("{path}/rotate"), &ann, &json!({"overlap": 0})).expect(200);
    refused(&knock(&made.text("key")), 403, "Invalid API key");
    knock(&rotated.text("key")).expect(200);
    let listed = client.get("/api-keys", &ann).expect(200);
    assert!(listed.body["items"][0]["last_used_at"].is_string(), "{}", listed.body);
    client.call("DELETE", &path, &ann, &Value::Null).expect(204);
    refused(&knock(&rotated.text("key")), 403, "Invalid API key");

    let form = "username=ann&password=another+pass+phrase&scope=read:items";
    let form_type = "content-type: application/x-www-form-urlencoded\r\n";
    let reader = tokens(&client.try_send("POST", "/token", form_type, form).unwrap().expect(200)).access;
    refused(&client.get("/items", ""), 401, "Could not validate credentials");
    refused(&client.call("POST", "/items", &reader, &json!({"name": "lamp"})), 403, "Not enough permissions");
    let item = client.call("POST", "/items", &ann, &json!({"name": "lamp"})).expect(200);
    assert_eq!(client.get("/items", &reader).expect(200).body["items"], json!([item.body["item"]]));
    assert_eq!(client.get("/users/me/items/", &ann).expect(200).body, json!([{"item_id": "Foo", "owner": "ann"}]));
    refused(&client.call("POST", "/moderate", &ann, &Value::Null), 403, "Access denied. Required role: moderator");
    let comment = client.call("POST", "/comments", &ann, &json!({"content": "<b>1 < 2</b>"})).expect(200);
    assert_eq!(comment.text("content"), "1 &lt; 2");
    assert_eq!(client.get("/limited", "").expect(200).text("message"), "This endpoint is rate limited");
}

fn speaks_the_standards(client: Client) {
    let form = |path: &str, body: &str| {
        client.try_send("POST", path, "content-type: application/x-www-form-urlencoded\r\n", body).unwrap()
    };
    let metadata = client.get("/.well-known/oauth-authorization-server", "").expect(200);
    assert_eq!(metadata.text("token_endpoint"), format!("{}/oauth2/token", metadata.text("issuer")));
    let ann = tokens(&client.log_in("ann", "another pass phrase").expect(200));
    assert_eq!(client.get("/oauth2/userinfo", &ann.access).expect(200).text("preferred_username"), "ann");

    let key = json!({"name": "ci", "scopes": ["read:items"]});
    let made = client.call("POST", "/api-keys", &ann.access, &key).expect(201);
    let (id, secret) = (made.text("id"), made.text("key"));
    let credentials = format!("client_id={id}&client_secret={secret}");
    let granted = form("/oauth2/token", &format!("grant_type=client_credentials&{credentials}")).expect(200);
    client.get("/items", &granted.text("access_token")).expect(200);
    refused(&client.get("/users/me", &granted.text("access_token")), 403, "Insufficient permissions");
    let asked = form("/oauth2/introspect", &format!("token={}&{credentials}", ann.access)).expect(403);
    assert_eq!(asked.text("error"), "insufficient_scope");

    form("/oauth2/revoke", &format!("token={}", ann.refresh)).expect(200);
    refused(&client.get("/users/me", &ann.access), 401, "Token has been revoked");
    let dead = form("/oauth2/token", &format!("grant_type=refresh_token&refresh_token={}", ann.refresh)).expect(400);
    assert_eq!(dead.text("error"), "invalid_grant");
    let ann = tokens(&client.log_in("ann", "another pass phrase").expect(200)).access;
    client.call("DELETE", &format!("/api-keys/{id}"), &ann, &Value::Null).expect(204);
}

fn is_administered(client: Client, admin_password: &str) {
    let ann = tokens(&client.log_in("ann", "another pass phrase").expect(200)).access;
    let admin = tokens(&client.log_in("admin", admin_password).expect(200)).access;
    refused(&client.get("/users", &ann), 403, "Insufficient permissions");
    client.call("POST", "/moderate", &admin, &Value::Null).expect(200);
    let page = client.get("/users?limit=1", &admin).expect(200);
    let rest = client.get(&format!("/users?cursor={}", page.text("next_cursor")), &admin).expect(200);
    assert_eq!(rest.body["items"].as_array().unwrap().len(), 1);

    let found = client.get("/users?username=ann", &admin).expect(200);
    let path = format!("/users/{}", found.body["items"][0]["id"].as_str().unwrap());
    client.get(&path, &ann).expect(200);
    client.call("PATCH", &path, &admin, &json!({"permissions": ["read:users"]})).expect(200);
    assert_eq!(client.get("/users", &ann).expect(200).body["items"].as_array().unwrap().len(), 2);
    client.call("PATCH", &path, &admin, &json!({"disabled": true})).expect(200);
    refused(&client.get("/users/me", &ann), 400, "Inactive user");
    client.call("PATCH", &path, &admin, &json!({"disabled": false})).expect(200);
    refused(&client.get("/users/me", &ann), 401, "Token has been revoked");
    refused(
        &client.call("DELETE", "/users/me", &admin, &json!({"current_password": admin_password})),
        409,
        "Another admin must do this",
    );
    client.call("DELETE", &path, &admin, &Value::Null).expect(200);
    client.log_in("ann", "another pass phrase").expect(401);
}
