//! Forged access tokens on every route that takes a token, in whatever place: signed with the service's own key and wrong in
//! one thing, or right in everything and signed by somebody else. The verifier's own tests know more of them.

use super::routes::{Dialect, ROUTES};
use crate::support::api_keys::MadeKey;
use crate::support::state::claims;
use crate::support::{Service, Tokens, service};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_core::keyring::Purpose;
use doorward_core::signing::SigningKey;
use jsonwebtoken::crypto;
use serde_json::{Value, json};

/// Who can sign for the service, and what a good token of theirs says.
struct Forger {
    key: SigningKey,
    jwk: Value,
    header: Value,
    claims: Value,
}

#[allow(clippy::needless_pass_by_value)] // Most are made in the call.
fn b64(text: impl ToString) -> String {
    URL_SAFE_NO_PAD.encode(text.to_string())
}

fn with(object: &Value, member: &str, value: impl Into<Value>) -> Value {
    let mut object = object.clone();
    object[member] = value.into();
    object
}

fn without(object: &Value, member: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(member).unwrap();
    object
}

/// `object` with a member in front that stands there again.
fn doubled(object: &Value, member: &str, value: &Value) -> String {
    object.to_string().replacen('{', &format!("{{\"{member}\":{value},"), 1)
}

impl Service {
    async fn forger(&self, token: &str) -> Forger {
        let record = self.ring(Purpose::Sign).await.remove(0);
        let der = self.sealer().open(Purpose::Sign, &record.id, &record.sealed).await.unwrap();
        let (algorithm, public) = record.public.unwrap();
        let key = SigningKey::from_pkcs8(record.id, algorithm, &der).unwrap();
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        let header = serde_json::from_slice(&header).unwrap();
        Forger { key, jwk: json!(public), header, claims: claims(token) }
    }
}

impl Forger {
    #[allow(clippy::needless_pass_by_value)] // As above.
    fn sign(&self, header: impl ToString, claims: impl ToString) -> String {
        let signed = format!("{}.{}", b64(header), b64(claims));
        format!("{signed}.{}", self.key.sign(signed.as_bytes()).unwrap())
    }

    /// Wrong in the header alone.
    fn headers(&self) -> Vec<String> {
        let mut headers = Vec::new();
        let mut wrong = |name, values: Value| {
            headers.extend(values.as_array().unwrap().iter().map(|value| with(&self.header, name, value.clone())));
        };
        wrong("alg", json!(["none", "None", "nOnE", "", "HS256", "RS512", "PS256", "ES256", "EdDSA", null, ["RS256"]]));
        wrong("typ", json!(["JWT", "AT+JWT", "application/at+jwt", "id+jwt", "logout+jwt", "", null, ["at+jwt"]]));
        wrong("crit", json!([[], ["exp"], ["b64"], null, "exp"]));
        wrong(
            "kid",
            json!(["", "../../dev/null", "x' OR '1'='1", "unknown", "a".repeat(65), null, 1, [self.key.id.as_str()]]),
        );
        let names = self.header.as_object().unwrap();
        headers.extend(names.keys().map(|name| without(&self.header, name)));
        let mut tokens: Vec<_> = headers.iter().map(|header| self.sign(header, &self.claims)).collect();
        let twice = |(name, value): (&String, &Value)| self.sign(doubled(&self.header, name, value), &self.claims);
        tokens.extend(names.iter().map(twice));
        tokens
    }

    /// Wrong in the claims alone.
    fn claims(&self) -> Vec<String> {
        let (all, now) = (&self.claims, self.claims["iat"].as_i64().unwrap());
        let mut wrong: Vec<Value> = all.as_object().unwrap().keys().map(|name| without(all, name)).collect();
        for (name, value) in all.as_object().unwrap() {
            wrong.extend([json!(null), json!([value]), json!({"a": value})].map(|value| with(all, name, value)));
        }
        let (issuer, audience) = (&all["iss"], &all["aud"]);
        wrong.push(with(all, "iss", json!([issuer, "https://evil.example"])));
        wrong.push(with(all, "iss", "https://evil.example"));
        wrong.push(with(all, "aud", json!([audience, "https://evil.example"])));
        wrong.push(with(all, "aud", format!("{} https://evil.example", audience.as_str().unwrap())));
        wrong.extend(
            [("exp", 0), ("exp", -1), ("nbf", 60), ("iat", 60), ("auth_time", 60)]
                .map(|(name, seconds)| with(all, name, now + seconds)),
        );
        wrong.extend(["exp", "nbf", "iat"].map(|name| with(all, name, now.to_string())));
        wrong.push(with(all, "scope", json!(["read:items"])));
        wrong.push(with(all, "amr", json!(["root"])));
        // Half a client.
        let client = format!("{}.0123456789abcdef", all["sub"].as_str().unwrap());
        wrong.push(with(all, "client_id", client.as_str()));
        wrong.push(with(all, "sub", client.as_str()));
        wrong.push(with(&with(all, "sub", client.as_str()), "client_id", client.as_str()));
        let mut tokens: Vec<_> = wrong.iter().map(|claims| self.sign(&self.header, claims)).collect();
        let twice = |(name, value): (&String, &Value)| self.sign(&self.header, doubled(all, name, value));
        tokens.extend(all.as_object().unwrap().iter().map(twice));
        tokens.extend(
            [json!([all]).to_string(), "{}".to_owned(), String::new()].map(|claims| self.sign(&self.header, claims)),
        );
        tokens
    }

    /// Right in everything but who signed them: nobody, the public key as a secret, or a key that comes along.
    fn signatures(&self, stranger: &SigningKey) -> Vec<String> {
        let mut tokens = Vec::new();
        let public = self.jwk.to_string();
        let modulus = self.jwk["n"].as_str().unwrap();
        for secret in [public.as_bytes(), modulus.as_bytes(), &URL_SAFE_NO_PAD.decode(modulus).unwrap(), b""] {
            for alg in ["HS256", "RS256"] {
                let signed = format!("{}.{}", b64(with(&self.header, "alg", alg)), b64(&self.claims));
                let key = jsonwebtoken::EncodingKey::from_secret(secret);
                let tag = crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
                tokens.push(format!("{signed}.{tag}"));
            }
        }
        let x5c = json!([STANDARD.encode("certificate")]);
        let jwk = json!(stranger.public());
        for (name, value) in [
            ("jwk", jwk),
            ("jku", json!("https://evil.example/jwks")),
            ("x5u", json!("https://evil.example/c")),
            ("x5c", x5c),
        ] {
            for kid in [self.key.id.as_str(), stranger.id.as_str()] {
                let header = with(&with(&self.header, name, value.clone()), "kid", kid);
                let signed = format!("{}.{}", b64(header), b64(&self.claims));
                tokens.push(format!("{signed}.{}", stranger.sign(signed.as_bytes()).unwrap()));
            }
        }
        tokens
    }

    /// A good one, mangled.
    fn mangled(&self, good: &str) -> Vec<String> {
        let parts: Vec<&str> = good.split('.').collect();
        let (h, c, s) = (parts[0], parts[1], parts[2]);
        let other = self.sign(&self.header, with(&self.claims, "sub", "somebody-else"));
        let others: Vec<&str> = other.split('.').collect();
        let mut tokens = vec![
            format!("{h}.{c}"),
            format!("{h}.{c}."),
            format!("{h}.{c}.{s}."),
            format!("{h}.{c}.{s}=="),
            format!("{h}=.{c}.{s}"),
            format!("{h}.{c}.{}", others[2]),
            format!("{h}.{}.{s}", others[1]),
            format!("{h}.{c}.{}", &s[..s.len() - 2]),
            format!("{h}.{c}.{}", &s[2..]),
            format!("{h}.{c}.{}", "A".repeat(s.len())),
            format!("{c}.{h}.{s}"),
            format!("{h}.{c}.{c}.{c}.{s}"),
        ];
        tokens.retain(|token| token != good);
        tokens
    }
}

/// Ann, her good token, and many that only look like it.
async fn forgeries(service: &Service) -> (Tokens, Vec<String>) {
    let ann = service.newcomer("ann").await;
    let forger = service.forger(&ann.access).await;
    // What the forger signs as it is passes: what is refused below is refused for what is wrong with it.
    service.expect_alive(&forger.sign(&forger.header, &forger.claims)).await;
    let elsewhere = crate::support::service().await;
    let stranger = elsewhere.forger(&elsewhere.newcomer("ann").await.access).await.key;
    let mut all =
        [forger.headers(), forger.claims(), forger.signatures(&stranger), forger.mangled(&ann.access)].concat();
    all.sort();
    all.dedup();
    assert!(all.len() > 150, "{}", all.len());
    (ann, all)
}

#[tokio::test]
async fn no_route_takes_one_as_a_bearer() {
    let service = service().await;
    let (ann, forged) = forgeries(&service).await;
    service.probe.forget();
    for route in ROUTES.iter().filter(|route| route.needs_bearer) {
        for token in &forged {
            let what = format!("{} {} {token}", route.method, route.path);
            let answer = service.request(route.method, route.path).bearer(token).send().await;
            assert_eq!(answer.status, 401, "{what}");
            assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{what}");
            if route.dialect == Dialect::FirstParty {
                answer.expect_problem(401, "Could not validate credentials");
            }
        }
    }
    // An unknown key may be a new one, which is asked for now and then; nothing else is read for a forged token.
    let calls = service.probe.calls();
    assert!(calls.iter().all(|call| call == "Query signing-keys") && calls.len() < 4, "{calls:?}");
    service.expect_alive(&ann.access).await;
}

#[tokio::test]
async fn none_is_worth_anything_to_those_who_ask_and_nothing_is_revoked_by_it() {
    let service = service().await;
    let (ann, forged) = forgeries(&service).await;
    let inquirer = service.inquirer().await;
    let (sessions, revoked) = (service.raw.items("sessions").await, service.raw.items("revoked-tokens").await);
    for token in &forged {
        service.expect_inactive(&inquirer, token).await;
        assert_eq!(service.revoke(token).send().await.status, 200, "{token}");
    }
    assert_eq!(service.raw.items("sessions").await, sessions);
    assert_eq!(service.raw.items("revoked-tokens").await, revoked);
    service.expect_alive(&ann.access).await;
    service.refresh(&ann.refresh).await.expect(200);
}

#[tokio::test]
async fn none_is_another_kind_of_credential() {
    let service = service().await;
    let (ann, mut forged) = forgeries(&service).await;
    // Nor is a good one.
    forged.push(ann.access.clone());
    for token in &forged {
        let is_jwt = token.split('.').count() == 3 && !token.contains('=');
        let detail = if is_jwt { "Invalid token type" } else { "Invalid refresh token" };
        service.refresh(token).await.expect_problem(401, detail);
        let grant = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        service.post("/oauth2/token").form(&grant).send().await.expect_oauth_error(400, "invalid_grant");
        service.second_step(token, "000000").send().await.expect_problem(401, "Invalid mfa token");
        service.knock(token).await.expect_problem(403, "Invalid API key");
        let posted = [("grant_type", "client_credentials"), ("client_id", "x"), ("client_secret", token.as_str())];
        service.post("/oauth2/token").form(&posted).send().await.expect_oauth_error(401, "invalid_client");
    }
    assert_eq!(service.thefts(), 0);
    service.expect_alive(&ann.access).await;
    service.refresh(&ann.refresh).await.expect(200);
}

#[tokio::test]
async fn no_other_credential_is_a_bearer() {
    let service = service().await;
    let bob = service.person("bob").await;
    let MadeKey { id, key, .. } = service.client_of(&bob, "read:items").await;
    let ann = service.with_second_factor("ann").await;
    let mfa_token = service.first_step("ann").await;
    let inquirer = service.inquirer().await;
    for token in [&bob.refresh, &key, &id, &mfa_token, &format!("{}.{}", bob.refresh, bob.access)] {
        for route in ROUTES.iter().filter(|route| route.needs_bearer) {
            let answer = service.request(route.method, route.path).bearer(token).send().await;
            assert_eq!(answer.status, 401, "{} {} {token}", route.method, route.path);
        }
        if token != &bob.refresh {
            service.expect_inactive(&inquirer, token).await;
            service.revoke(token).send().await.expect(200);
            service.refresh(token).await.expect_problem(401, "Invalid refresh token");
        }
        if token != &mfa_token {
            service.second_step(token, "000000").send().await.expect_problem(401, "Invalid mfa token");
        }
        if token != &key {
            service.knock(token).await.expect_problem(403, "Invalid API key");
        }
    }
    // Each is good still for what it is.
    service.second_step(&mfa_token, &service.next_code(&ann.app)).send().await.expect(200);
    service.knock(&key).await.expect(200);
    service.refresh(&bob.refresh).await.expect(200);
}
