//! The first administrator of an empty store: somebody must be able to let others in.

use doorward_core::ids::{RequestId, TokenId, UserId};
use doorward_core::password::Password;
use doorward_core::scope::ScopeSet;
use doorward_core::user::{Epoch, Role, User};
use doorward_core::username::Username;
use doorward_http::App;
use doorward_store::{NewUser, SignedUp};
use std::error::Error;

/// Makes `admin` when there is nobody, and returns the password: nobody else learns it.
///
/// # Errors
/// When the store or another part does not answer.
pub async fn make(app: &App) -> Result<Option<String>, Box<dyn Error + Send + Sync>> {
    let (somebody, _) = app.store.users.list(1, None).await?;
    if !somebody.is_empty() {
        return Ok(None);
    }
    // 128 random bits in 22 letters and digits.
    let password = TokenId::from_random(app.random.bytes()?).to_string();
    let now = app.clock.now();
    let user = User {
        id: UserId::from_random(app.random.bytes()?),
        username: Username::parse("admin")?,
        email: None,
        email_verified: false,
        full_name: None,
        disabled: false,
        role: Role::Admin,
        permissions: ScopeSet::default(),
        scopes: app.config.default_scopes.clone(),
        two_factor_enabled: false,
        epoch: Epoch::first(now),
        created_at: now,
    };
    let hash = app.hasher.hash(Password::typed(password.clone()), app.random.bytes()?).await?;
    let request = RequestId::from_random(app.random.bytes()?);
    match app.store.users.create(&NewUser::new(user, Some(hash), now), &request).await? {
        SignedUp::Created => Ok(Some(password)),
        // Another server on the same store was faster.
        SignedUp::UsernameTaken | SignedUp::EmailTaken | SignedUp::IdTaken => Ok(None),
    }
}
