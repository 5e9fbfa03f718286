//! Everything that Doorward keeps, in DynamoDB.
//!
//! A verb takes and returns domain types: absence is `None`, a condition that did not hold is a value, and the driver's
//! error is opaque. Every read is strongly consistent. Every write can be told from somebody else's when its answer was
//! lost and it is sent again.

mod api_keys;
mod bearer;
mod connect;
mod credentials;
mod error;
mod example_items;
mod expression;
mod forget;
mod item;
mod keys;
mod limits;
mod revoked;
mod second_factors;
mod sessions;
mod signing_keys;
mod tables;
mod user_changes;
mod users;
mod write;

pub use api_keys::{ApiKeyStore, KeyCreated};
pub use bearer::{ClientStanding, Standing};
pub use connect::{AwsCredentials, Patience, Settings};
pub use credentials::{CredentialStore, LoginRecord, Recorded};
pub use error::{StoreError, in_words};
pub use example_items::{ExampleItem, ExampleItemStore};
pub use limits::{LimitStore, Taken};
pub use revoked::RevokedStore;
pub use second_factors::{CodeCounted, Pended, Redeemed, Redemption, RightPassword, SecondFactorStore, Then};
pub use sessions::SessionStore;
pub use signing_keys::SigningKeyStore;
pub use tables::{KeyAttribute, KeyType, TableDefinition, TableState};
pub use user_changes::{Authority, Changed};
pub use users::{NewUser, SignedUp, UserStore};
pub use write::{ATTEMPTS, back_off};

/// The seam between a client and the wire, for counting calls and injecting faults.
pub use aws_sdk_dynamodb::config::{Intercept, SharedInterceptor};

use aws_sdk_dynamodb::Client;

/// The store: a table each.
#[derive(Clone, Debug)]
pub struct Store {
    /// Names, e-mail addresses, passwords and their failures.
    pub credentials: CredentialStore,
    /// Profiles and rights.
    pub users: UserStore,
    /// Logins.
    pub sessions: SessionStore,
    /// Access tokens that were revoked before their end.
    pub revoked: RevokedStore,
    /// Authenticator apps and recovery codes.
    pub second_factors: SecondFactorStore,
    /// API keys, of which only hashes are kept.
    pub api_keys: ApiKeyStore,
    /// The sample resource.
    pub example_items: ExampleItemStore,
    /// Counters.
    pub limits: LimitStore,
    /// Keys, their private parts sealed.
    pub signing_keys: SigningKeyStore,
    db: Db,
}

impl Store {
    /// A store for those settings. Nothing is sent yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let db = Db { client: settings.client(), prefix: settings.table_prefix.clone() };
        Self {
            credentials: CredentialStore(db.clone()),
            users: UserStore(db.clone()),
            sessions: SessionStore(db.clone()),
            revoked: RevokedStore(db.clone()),
            second_factors: SecondFactorStore(db.clone()),
            api_keys: ApiKeyStore(db.clone()),
            example_items: ExampleItemStore(db.clone()),
            limits: LimitStore(db.clone()),
            signing_keys: SigningKeyStore(db.clone()),
            db,
        }
    }
}

/// The client and the names of its tables.
#[derive(Clone, Debug)]
struct Db {
    client: Client,
    prefix: String,
}

impl Db {
    fn table(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}
