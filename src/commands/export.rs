//! `users export`

use super::lines::Line;
use crate::setup::Fault;
use doorward_core::grant::Identifier;
use doorward_core::ids::UserId;
use doorward_core::user::User;
use doorward_http::{App, Error, second_factor};
use std::io::{self, Write as _};

pub async fn run(app: &App) -> Result<(), Fault> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut pages = all_users(app);
    while let Some(users) = pages.next().await? {
        for user in users {
            let identifier = Identifier::Username(user.username.canonical().clone());
            // A user without credentials is being deleted at this moment.
            let Some(credentials) = app.store.credentials.find(&identifier).await? else { continue };
            let factor = if user.two_factor_enabled { app.store.second_factors.get(&user.id).await? } else { None };
            let secrets = match factor.as_ref().and_then(|factor| factor.live.as_ref()) {
                Some(sealed) => Some(second_factor::open(app, &user, sealed).await.map_err(cause)?),
                None => None,
            };
            serde_json::to_writer(&mut out, &Line::of(&user, &credentials, secrets.as_ref().zip(factor.as_ref())))?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(())
}

fn cause(error: Error) -> Fault {
    match error {
        Error::Unavailable(cause) => cause,
        _ => "a second factor cannot be opened".into(),
    }
}

/// All users, page by page.
pub fn all_users(app: &App) -> Pages<'_> {
    Pages { app, last: None, done: false }
}

pub struct Pages<'a> {
    app: &'a App,
    last: Option<UserId>,
    done: bool,
}

impl Pages<'_> {
    pub async fn next(&mut self) -> Result<Option<Vec<User>>, Fault> {
        if self.done {
            return Ok(None);
        }
        let (users, last) = self.app.store.users.list(100, self.last.as_ref()).await?;
        self.done = last.is_none();
        self.last = last;
        Ok(Some(users))
    }
}
