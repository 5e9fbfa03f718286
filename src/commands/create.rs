//! `users create`

use super::request;
use crate::cli;
use crate::setup::Fault;
use doorward_core::clock::Clock;
use doorward_core::email::Email;
use doorward_core::ids::UserId;
use doorward_core::password::NewPassword;
use doorward_core::random::Random;
use doorward_core::scope::ScopeSet;
use doorward_core::user::{DisplayName, Epoch, User, check_rights};
use doorward_core::username::Username;
use doorward_http::App;
use doorward_http::config::Config;
use doorward_store::{NewUser, SignedUp};
use std::fmt::Display;

/// The user that the command line describes.
pub fn user(new: &cli::NewUser, config: &Config) -> Result<User, Fault> {
    let now = Clock::System.now();
    let scopes = || ScopeSet::from_tokens(new.scopes.iter().map(String::as_str));
    let permissions = ScopeSet::from_tokens(new.permissions.iter().map(String::as_str));
    let user = User {
        id: UserId::from_random(Random.bytes()?),
        username: named("--username", Username::parse(&new.username))?,
        email: Some(named("--email", Email::parse(&new.email))?),
        email_verified: false,
        full_name: new
            .full_name
            .as_deref()
            .map(DisplayName::parse)
            .map(|name| named("--full-name", name))
            .transpose()?,
        disabled: new.disabled,
        role: new.role,
        permissions: named("--permission", permissions)?,
        scopes: if new.scopes.is_empty() { config.default_scopes.clone() } else { named("--scope", scopes())? },
        two_factor_enabled: false,
        epoch: Epoch::first(now),
        created_at: now,
    };
    named("--permission and --scope", check_rights(&user.permissions, &user.scopes))?;
    Ok(user)
}

pub async fn run(app: &App, user: User, typed: &str) -> Result<(), Fault> {
    let password = named("the password", NewPassword::parse(typed, app.config.password_min))?;
    let hash = app.hasher.hash(password.password().clone(), app.random.bytes()?).await?;
    let new = NewUser::new(user, Some(hash), app.clock.now());
    match app.store.users.create(&new, &request(app)?).await? {
        SignedUp::Created => {
            println!("created user {} with id {}", new.user.username, new.user.id);
            Ok(())
        }
        SignedUp::UsernameTaken => Err(format!("a user {} exists already", new.user.username).into()),
        SignedUp::EmailTaken => Err("a user with that e-mail address exists already".into()),
        SignedUp::IdTaken => Err("a user with that id exists already".into()),
    }
}

fn named<T, E: Display>(what: &str, parsed: Result<T, E>) -> Result<T, Fault> {
    parsed.map_err(|error| format!("{what} {error}").into())
}
