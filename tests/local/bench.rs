//! A store that outlives its servers, and a forwarder between them.

use crate::client::{Client, PASSWORD};
use crate::forwarder::Forwarder;
use crate::invariants::Tables;
use crate::server::{Place, Server, Start};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use doorward::background::Background;
use doorward::dynamodb;
use doorward_core::ids::UserId;
use doorward_store::{AwsCredentials, Patience, Settings, Store, StoreError};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The store, and a folder for the key file of its servers.
pub struct Bench {
    place: Place,
    runtime: Runtime,
    store: Background,
    pub forwarder: Forwarder,
}

impl Bench {
    pub fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let store = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            dynamodb::start(listener, None).unwrap()
        });
        let forwarder = Forwarder::to(store.address);
        Self { place: Place::new(), runtime, store, forwarder }
    }

    /// Where the store itself is.
    #[cfg(feature = "tools")]
    pub fn store(&self) -> std::net::SocketAddr {
        self.store.address
    }

    #[cfg(feature = "tools")]
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path(name)
    }

    /// What its servers logged.
    #[cfg(feature = "tools")]
    pub fn log(&self) -> String {
        self.place.log()
    }

    /// A server that finds the store there. Its tokens are good at the next one too.
    pub fn at(&self, endpoint: &str) -> Start {
        let start = self.place.command().arg("--dynamodb-endpoint").arg(endpoint).arg("--data").arg("data");
        start
            .env("DOORWARD_ISSUER", "http://doorward.test")
            // A repetition after a restart is one within the grace time, on a busy machine too.
            .env("DOORWARD_REFRESH_GRACE", "60")
            .env("DOORWARD_DEFAULT_SCOPES", "read:items write:items introspect:tokens")
    }

    /// A server behind the forwarder.
    pub fn server(&self) -> Server {
        self.at(&self.forwarder.endpoint()).start()
    }

    /// Makes `root`, an admin, and logs them in: their access token.
    pub fn admin(&self, client: Client) -> String {
        let create = self.at(&self.forwarder.endpoint()).arg("users").arg("create").arg("--username").arg("root");
        let create = create.arg("--email").arg("root@example.com").arg("--role").arg("admin");
        let created = create.input(&format!("{PASSWORD}\n")).run();
        assert_eq!(created.code, Some(0), "{}", self.place.log());
        client.patient().log_in("root", PASSWORD).expect(200).text("access_token")
    }

    /// Clears away what is left of a user, by way of the forwarder.
    pub fn forget(&self, user: &str) -> Result<(), StoreError> {
        let store = Store::new(&Settings {
            endpoint: Some(self.forwarder.endpoint()),
            region: "us-east-1".to_owned(),
            credentials: AwsCredentials::anything(),
            table_prefix: "doorward-".to_owned(),
            patience: Patience::Request,
            interceptor: None,
        });
        self.runtime.block_on(store.forget(&UserId::parse(user).unwrap()))
    }

    /// Everything that is in the store.
    pub fn tables(&self) -> Tables {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("tests", "tests", None, None, "tests"))
            .endpoint_url(self.store.endpoint());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        self.runtime.block_on(Tables::of(&client, "doorward-"))
    }

    /// Expects that the tables agree with each other, whatever was broken off.
    #[track_caller]
    pub fn expect_sound(&self, after: &str) {
        let found = self.tables().contradictions();
        assert!(found.is_empty(), "{after}: {found:#?}");
    }
}
