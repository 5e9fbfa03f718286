//! What support needs at night: `users password`, `users unlock`, `users reset-2fa`, `users logout`, `users delete`.

use super::request;
use crate::setup::Fault;
use doorward_core::grant::{Credentials, Identifier};
use doorward_core::ids::UserId;
use doorward_core::password::NewPassword;
use doorward_core::user::User;
use doorward_http::App;
use doorward_store::{Authority, Changed, LoginRecord, Recorded};

/// How often something is tried that others change at the same time.
const TRIES: u32 = 20;

pub async fn password(app: &App, name: &str, typed: &str) -> Result<(), Fault> {
    find(app, name).await?;
    let password = NewPassword::parse(typed, app.config.password_min);
    let password = password.map_err(|error| format!("the password {error}"))?;
    let hash = app.hasher.hash(password.password().clone(), app.random.bytes()?).await?;
    for _ in 0..TRIES {
        let (user, credentials) = find(app, name).await?;
        let token = request(app)?;
        let users = &app.store.users;
        let changed = users.change_password(&user, None, &credentials, &hash, app.clock.now(), token.as_str()).await?;
        if matches!(changed, Changed::Done) {
            println!("set another password for {}; all sessions are ended", user.username);
            return Ok(());
        }
    }
    Err(contended())
}

pub async fn unlock(app: &App, name: &str) -> Result<(), Fault> {
    let (user, mut read) = find(app, name).await?;
    for _ in 0..TRIES {
        match app.store.credentials.record(LoginRecord::Right { read: &read, rehash: None }).await? {
            Recorded::Kept => {
                app.store.second_factors.forget_wrong(&user.id).await?;
                println!("forgot the wrong passwords and codes of {}", user.username);
                return Ok(());
            }
            Recorded::Changed(current) => read = current,
            Recorded::Gone => return Err(nobody(name)),
        }
    }
    Err(contended())
}

pub async fn reset_two_factor(app: &App, name: &str) -> Result<(), Fault> {
    let (user, _) = find(app, name).await?;
    if !app.store.second_factors.reset(&user.id, request(app)?.as_str()).await? {
        return Err(nobody(name));
    }
    println!("turned the second factor of {} off", user.username);
    Ok(())
}

pub async fn logout(app: &App, name: &str) -> Result<(), Fault> {
    let (user, _) = find(app, name).await?;
    if !app.store.users.raise_epoch(&user.id, user.epoch).await? {
        return Err(nobody(name));
    }
    println!("ended all sessions of {}", user.username);
    Ok(())
}

pub async fn delete(app: &App, name: &str) -> Result<(), Fault> {
    for _ in 0..TRIES {
        let (user, _) = find(app, name).await?;
        if let Changed::Done = app.store.users.delete(&user, Authority::Checked, request(app)?.as_str()).await? {
            app.store.forget(&user.id).await?;
            println!("deleted user {}", user.username);
            return Ok(());
        }
    }
    Err(contended())
}

/// A user by name, e-mail address or id.
async fn find(app: &App, name: &str) -> Result<(User, Credentials), Fault> {
    let mut credentials = app.store.credentials.find(&Identifier::typed(name)).await?;
    if credentials.is_none()
        && let Ok(id) = UserId::parse(name)
        && let Some(user) = app.store.users.get(&id).await?
    {
        let by_name = Identifier::Username(user.username.canonical().clone());
        credentials = app.store.credentials.find(&by_name).await?;
    }
    let credentials = credentials.ok_or_else(|| nobody(name))?;
    let user = app.store.users.get(&credentials.user).await?.ok_or_else(|| nobody(name))?;
    Ok((user, credentials))
}

fn nobody(name: &str) -> Fault {
    format!("there is no user {name}").into()
}

fn contended() -> Fault {
    "the user was changed again and again; try once more".into()
}
