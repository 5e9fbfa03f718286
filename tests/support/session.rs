//! Ann and a session of hers, for what decides about the two without a store.

use doorward_core::clock::Timestamp;
use doorward_core::ids::{KeyId, RequestId, SessionId, UserId};
use doorward_core::refresh_token::Generation;
use doorward_core::scope::ScopeSet;
use doorward_core::session::{Amr, Session};
use doorward_core::user::{Epoch, Role, User};
use doorward_core::username::Username;
use std::time::Duration;

/// Somebody who has nothing but a name, in their first epoch.
pub fn ann(now: Timestamp) -> User {
    User {
        id: UserId::parse("ann").unwrap(),
        username: Username::parse("ann").unwrap(),
        email: None,
        email_verified: false,
        full_name: None,
        disabled: false,
        role: Role::User,
        permissions: ScopeSet::default(),
        scopes: ScopeSet::default(),
        two_factor_enabled: false,
        epoch: Epoch(0),
        created_at: now,
    }
}

/// A session that began with its user, was never refreshed, and lasts so long.
pub fn session_of(user: &User, lifetime: Duration) -> Session {
    let now = user.created_at;
    Session {
        id: SessionId::new(now, [1; 10]),
        user: user.id.clone(),
        generation: Generation(0),
        rotated_at: now,
        rotated_by: RequestId::parse("before").unwrap(),
        epoch: user.epoch,
        auth_time: now,
        amr: vec![Amr::Pwd],
        scopes: user.scopes.clone(),
        key: KeyId::parse("k1").unwrap(),
        created_at: now,
        ends_at: now.plus(lifetime),
        revoked_at: None,
        address: String::new(),
        user_agent: String::new(),
    }
}
