//! What tests are written in: a service like the real one, on a store of its own, with a clock that is turned and a probe
//! between it and the store.

pub mod admin;
pub mod answer;
pub mod api_keys;
pub mod authorizer;
pub mod history;
pub mod invariants;
pub mod key_turns;
pub mod oauth;
pub mod probe;
pub mod raw;
pub mod request;
pub mod roles;
pub mod second_factor;
pub mod session;
pub mod state;
pub mod successor;

use axum::Router;
use axum::middleware::from_fn;
use doorward::background::Background;
use doorward::{OPENS, routes, tables};
use doorward_core::clock::{Clock, Timestamp};
use doorward_core::custom_claims::CustomClaims;
use doorward_core::random::Random;
use doorward_http::app::{App, Seams};
use doorward_http::audit::{Audit, Event};
use doorward_http::config::{Config, Surroundings, Variables};
use doorward_http::edge;
use doorward_http::rotate::Rotator;
use doorward_http::seal::Sealer;
use doorward_store::{AwsCredentials, Patience, Settings, SharedInterceptor, Store};
use probe::Probe;
use raw::Raw;
use request::Request;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub use answer::Answer;

/// The issuer of every service under test.
pub const ISSUER: &str = "http://doorward.test";
/// A password that may be set.
pub const PASSWORD: &str = "correct horse battery staple";
/// When every service under test starts: in the first second of a minute, so that windows are whole.
pub const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A service under test.
pub struct Service {
    pub clock: Clock,
    pub probe: Probe,
    pub store: Store,
    pub raw: Raw,
    config: Config,
    app: Router,
    audit: Audit,
    dynamodb: Arc<Background>,
    /// Where the key lies that seals the others.
    folder: Arc<TempDir>,
}

/// Starts a service with no limits per address and cheap hashes.
pub async fn service() -> Service {
    service_with(&[]).await
}

/// Starts a service with those variables besides.
pub async fn service_with(variables: &[(&str, &str)]) -> Service {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dynamodb = Arc::new(doorward::dynamodb::start(listener, None).unwrap());
    let folder = Arc::new(tempfile::tempdir().unwrap());
    start(dynamodb, folder, Clock::manual(START), variables, CustomClaims::default()).await
}

async fn start(
    dynamodb: Arc<Background>,
    folder: Arc<TempDir>,
    clock: Clock,
    variables: &[(&str, &str)],
    claims: CustomClaims,
) -> Service {
    let defaults =
        [("DOORWARD_LOGIN_RATE", "off"), ("DOORWARD_SIGN_UP_RATE", "off"), ("DOORWARD_ARGON2", "m=8,t=1,p=1")];
    let owned = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    let variables: Variables = owned(&defaults).into_iter().chain(owned(variables)).collect();
    let surroundings = Surroundings { issuer: Some(ISSUER.to_owned()), ephemeral: true };
    let config = Config::read(&variables, &surroundings).unwrap();

    let probe = Probe::default();
    let settings = Settings {
        endpoint: Some(dynamodb.endpoint()),
        region: "us-east-1".to_owned(),
        credentials: AwsCredentials::anything(),
        table_prefix: config.table_prefix.clone(),
        patience: Patience::Request,
        interceptor: Some(SharedInterceptor::new(probe.clone())),
    };
    let store = Store::new(&settings);
    store.create_missing(&tables::of_template().unwrap()).await.unwrap();
    let audit = Audit::keeping();
    let sealer = Sealer::from_file(&folder.path().join("keys"), Random).unwrap();
    let (signing_keys, rules) = (&store.signing_keys, &config);
    let (clock_of_keys, unheard) = (&clock, &Audit::default());
    let rotator = Rotator {
        store: signing_keys,
        sealer: &sealer,
        config: rules,
        clock: clock_of_keys,
        random: Random,
        audit: unheard,
    };
    rotator.make_first().await.unwrap();
    let given = (store.clone(), clock.clone(), audit.clone());
    let seams = Seams { store: given.0, sealer: Some(sealer), opens: OPENS, clock: given.1, audit: given.2, claims };
    let app = App::new(config.clone(), seams);
    app.keys.current().await.unwrap();
    probe.forget();
    let raw = Raw::new(&dynamodb.endpoint());
    Service {
        clock,
        probe,
        store,
        raw,
        config,
        app: edge(routes().layer(from_fn(roles::as_routed)), app),
        audit,
        dynamodb,
        folder,
    }
}

impl Service {
    /// Everything that is served.
    pub fn app(&self) -> Router {
        self.app.clone()
    }

    /// Another service on the same store, with the same keys and the same clock, and those variables.
    pub async fn another(&self, variables: &[(&str, &str)]) -> Self {
        let (dynamodb, folder, clock) = (Arc::clone(&self.dynamodb), Arc::clone(&self.folder), self.clock.clone());
        start(dynamodb, folder, clock, variables, CustomClaims::default()).await
    }

    /// Another service on the same store, with the same keys and the same clock, whose tokens say more.
    pub async fn another_claiming(&self, claims: CustomClaims) -> Self {
        let (dynamodb, folder, clock) = (Arc::clone(&self.dynamodb), Arc::clone(&self.folder), self.clock.clone());
        start(dynamodb, folder, clock, &[], claims).await
    }

    /// Another service on the same store, with the same keys, whose clock is ahead and is turned by itself.
    pub async fn another_ahead(&self, seconds: u64) -> Self {
        let clock = Clock::manual(self.clock.now().plus(Duration::from_secs(seconds)));
        start(Arc::clone(&self.dynamodb), Arc::clone(&self.folder), clock, &[], CustomClaims::default()).await
    }

    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.app.clone(), method, path)
    }

    /// A client on the store that the probe sees.
    pub fn seen_client(&self) -> aws_sdk_dynamodb::Client {
        Raw::seen_by(&self.probe, &self.dynamodb.endpoint())
    }

    /// What the audit sink was told.
    pub fn events(&self) -> Vec<Event> {
        self.audit.events()
    }

    /// Turns the clock on.
    pub fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Signs somebody up with [`PASSWORD`].
    pub async fn sign_up(&self, name: &str) -> Answer {
        let body = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
        self.post("/users").json(&body).send().await
    }

    /// The answer to a login.
    pub async fn try_login(&self, name: &str, password: &str) -> Answer {
        self.post("/token").form(&[("username", name), ("password", password)]).send().await
    }

    /// Logs somebody in who signed up here.
    pub async fn login(&self, name: &str) -> Tokens {
        self.try_login(name, PASSWORD).await.expect(200).tokens()
    }

    /// Signs somebody up and logs them in.
    pub async fn newcomer(&self, name: &str) -> Tokens {
        self.sign_up(name).await.expect(201);
        self.login(name).await
    }

    /// The answer to a refresh.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/token/refresh").json(&json!({"refresh_token": refresh_token})).send().await
    }

    /// The answer to `GET /users/me`.
    pub async fn me(&self, access_token: &str) -> Answer {
        self.get("/users/me").bearer(access_token).send().await
    }
}

/// What a login gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}
