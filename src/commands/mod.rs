//! The operator's commands.

mod create;
mod export;
mod import;
mod keys;
mod lines;
mod list;
mod password;
mod support;
mod table;
mod tune_hash;

use crate::attached::Attached;
use crate::cli::{Command, Keys, Options, Users};
use crate::doctor;
use crate::setup::{Configured, Fault, Needs, configure, configure_stack};
use doorward_core::ids::RequestId;
use doorward_http::App;

/// Does what a command says.
///
/// # Errors
/// When something is refused, or the store does not answer.
pub async fn run(options: Options, command: Command) -> Result<(), Fault> {
    match command {
        Command::Doctor(wanted) => doctor::run(&options, wanted).await,
        Command::TuneHash(wanted) => tune_hash::run(configured(&options).await?.config.hash_cost, wanted).await,
        Command::Users(command) => users(&options, command).await,
        Command::Keys(command) => {
            let configured = configured(&options).await?;
            let work = async |app: &App| match command {
                Keys::List => keys::list(app).await,
                Keys::Rotate(wanted) => {
                    keys::rotate(app, &configured.sealer(&options, &app.store).await?, wanted).await
                }
            };
            operate(&options, &configured, Needs::NoKeys, work).await
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
    configured: &Configured,
    needs: Needs,
    work: impl AsyncFnOnce(&App) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let attached = Attached::to(options).await?;
    let done = match configured.operating(options, attached.endpoint.clone(), needs).await {
        Ok(app) => work(&app).await,
        Err(fault) => Err(fault),
    };
    attached.leave().await;
    done
}

/// Who types a password takes their time: they are asked when nothing else can be wrong any more, and before the store is attached
/// to, which others are not to wait for.
async fn users(options: &Options, command: Users) -> Result<(), Fault> {
    let configured = configured(options).await?;
    let (o, c) = (options, &configured);
    match command {
        Users::Create(new) => {
            let user = create::user(&new, &configured.config)?;
            let typed = password::typed()?;
            operate(o, c, Needs::NoKeys, async |app| create::run(app, user, &typed).await).await
        }
        Users::Password { user } => {
            let typed = password::typed()?;
            operate(o, c, Needs::NoKeys, async |app| support::password(app, &user, &typed).await).await
        }
        Users::List => operate(o, c, Needs::NoKeys, async |app| list::run(app).await).await,
        Users::Import { file } => operate(o, c, Needs::KeysOfItsOwn, async |app| import::run(app, &file).await).await,
        Users::Export => operate(o, c, Needs::Keys, async |app| export::run(app).await).await,
        Users::Unlock { user } => operate(o, c, Needs::NoKeys, async |app| support::unlock(app, &user).await).await,
        Users::ResetTwoFactor { user } => {
            operate(o, c, Needs::NoKeys, async |app| support::reset_two_factor(app, &user).await).await
        }
        Users::Logout { user } => operate(o, c, Needs::NoKeys, async |app| support::logout(app, &user).await).await,
        Users::Delete { user } => operate(o, c, Needs::NoKeys, async |app| support::delete(app, &user).await).await,
    }
}

/// An id for a command's writes.
fn request(app: &App) -> Result<RequestId, Fault> {
    Ok(RequestId::from_random(app.random.bytes()?))
}
