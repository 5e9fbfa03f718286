//! The operator's commands.

mod create;
mod export;
mod import;
mod keys;
mod lines;
mod list;
mod support;
mod table;

use crate::cli::{Command, Keys, Options, Users};
use crate::dynamodb::Embedded;
use crate::folder::{self, Folder, FolderError};
use crate::setup::{Configured, Fault, Needs, configure};
use doorward_core::ids::RequestId;
use doorward_http::App;
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;

/// Does what a command says.
///
/// # Errors
/// When something is refused, or the store does not answer.
pub async fn run(options: Options, command: Command) -> Result<(), Fault> {
    // Commands issue no tokens; the issuer is needed only to be valid.
    let configured = configure(&options, "http://localhost".to_owned())?;
    let needs = match &command {
        Command::Users(Users::Import { .. }) => Needs::KeysOfItsOwn,
        Command::Users(Users::Export) => Needs::Keys,
        _ => Needs::NoKeys,
    };
    let attached = Attached::to(&options, &configured, needs).await?;
    let app = &attached.app;
    let done = match command {
        Command::Users(command) => users(app, command).await,
        Command::Keys(Keys::List) => keys::list(app).await,
        Command::Keys(Keys::Rotate(wanted)) => match configured.sealer(&options) {
            Ok(sealer) => keys::rotate(app, &sealer, wanted).await,
            Err(fault) => Err(fault),
        },
    };
    if let Some((embedded, _)) = attached.own {
        embedded.stop().await;
    }
    done
}

async fn users(app: &App, command: Users) -> Result<(), Fault> {
    match command {
        Users::Create(new) => create::run(app, &new).await,
        Users::List => list::run(app).await,
        Users::Import { file } => import::run(app, &file).await,
        Users::Export => export::run(app).await,
        Users::Password { user } => support::password(app, &user).await,
        Users::Unlock { user } => support::unlock(app, &user).await,
        Users::ResetTwoFactor { user } => support::reset_two_factor(app, &user).await,
        Users::Logout { user } => support::logout(app, &user).await,
        Users::Delete { user } => support::delete(app, &user).await,
    }
}

/// A command's app, and the embedded DynamoDB that it started where no server runs.
struct Attached {
    app: App,
    own: Option<(Embedded, Folder)>,
}

/// How long a server that holds the folder may take to say where its DynamoDB listens.
const PATIENCE: u32 = 100;

impl Attached {
    /// The store that the options name: another DynamoDB, the one of the server that runs, or the file.
    async fn to(options: &Options, configured: &Configured, needs: Needs) -> Result<Self, Fault> {
        if let Some(endpoint) = &options.dynamodb_endpoint {
            return Ok(Self { app: configured.operating(options, Some(endpoint.clone()), needs).await?, own: None });
        }
        for _ in 0..PATIENCE {
            match Folder::hold(&options.data) {
                Ok(folder) => {
                    let listener = TcpListener::bind("127.0.0.1:0").await?;
                    let embedded = Embedded::start(listener, Some(&folder.database()?))?;
                    let app = configured.operating(options, Some(embedded.endpoint()), needs).await?;
                    return Ok(Self { app, own: Some((embedded, folder)) });
                }
                Err(FolderError::InUse(_)) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(endpoint) = folder::announced(&options.data) {
                return Ok(Self { app: configured.operating(options, Some(endpoint), needs).await?, own: None });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(FolderError::InUse(options.data.display().to_string()).into())
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
    let length = line.trim_end_matches('\n').trim_end_matches('\r').len();
    line.truncate(length);
    Ok(line)
}
