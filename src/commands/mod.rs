//! The operator's commands.

mod create;
mod export;
mod import;
mod keys;
mod lines;
mod list;
mod support;
mod table;
mod tune_hash;

use crate::attached::Attached;
use crate::cli::{Command, Keys, Options, Users};
use crate::doctor;
use crate::setup::{Configured, Fault, Needs, configure, configure_stack};
use doorward_core::ids::RequestId;
use doorward_http::App;
use std::io;

/// Does what a command says.
///
/// # Errors
/// When something is refused, or the store does not answer.
pub async fn run(options: Options, command: Command) -> Result<(), Fault> {
    match command {
        Command::Doctor(wanted) => doctor::run(&options, wanted).await,
        Command::TuneHash(wanted) => tune_hash::run(configured(&options).await?.config.hash_cost, wanted).await,
        Command::Users(command) => {
            let needs = match command {
                Users::Import { .. } => Needs::KeysOfItsOwn,
                Users::Export => Needs::Keys,
                _ => Needs::NoKeys,
            };
            // Before the store is attached to: whoever types takes their time, and others are not to wait for it.
            let typed = match command {
                Users::Create(_) | Users::Password { .. } => line_of_input()?,
                _ => String::new(),
            };
            operate(&options, needs, async |app, _| users(app, command, &typed).await).await
        }
        Command::Keys(Keys::List) => operate(&options, Needs::NoKeys, async |app, _| keys::list(app).await).await,
        Command::Keys(Keys::Rotate(wanted)) => {
            let rotate = async |app: &App, configured: &Configured| {
                keys::rotate(app, &configured.sealer(&options)?, wanted).await
            };
            operate(&options, Needs::NoKeys, rotate).await
        }
    }
}

/// The configuration of the stack that the options name, or of this machine.
async fn configured(options: &Options) -> Result<Configured, Fault> {
    match &options.stack {
        Some(name) => configure_stack(name).await,
        // Commands issue no tokens; the issuer is needed only to be valid.
        None => configure(options, "http://localhost".to_owned()),
    }
}

/// Does something with the store that the options name.
async fn operate(
    options: &Options,
    needs: Needs,
    work: impl AsyncFnOnce(&App, &Configured) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let configured = configured(options).await?;
    let attached = Attached::to(options).await?;
    let done = match configured.operating(options, attached.endpoint.clone(), needs).await {
        Ok(app) => work(&app, &configured).await,
        Err(fault) => Err(fault),
    };
    attached.leave().await;
    done
}

async fn users(app: &App, command: Users, typed: &str) -> Result<(), Fault> {
    match command {
        Users::Create(new) => create::run(app, &new, typed).await,
        Users::List => list::run(app).await,
        Users::Import { file } => import::run(app, &file).await,
        Users::Export => export::run(app).await,
        Users::Password { user } => support::password(app, &user, typed).await,
        Users::Unlock { user } => support::unlock(app, &user).await,
        Users::ResetTwoFactor { user } => support::reset_two_factor(app, &user).await,
        Users::Logout { user } => support::logout(app, &user).await,
        Users::Delete { user } => support::delete(app, &user).await,
    }
}

/// An id for a command's writes.
fn request(app: &App) -> Result<RequestId, Fault> {
    Ok(RequestId::from_random(app.random.bytes()?))
}

/// A line of standard input without its end.
fn line_of_input() -> Result<String, Fault> {
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        return Err("the password is expected as one line on standard input".into());
    }
    let typed = line.strip_suffix('\n').unwrap_or(&line);
    Ok(typed.strip_suffix('\r').unwrap_or(typed).to_owned())
}
