//! `PATCH /users/me`: one's own name, and with the password one's e-mail address.

use crate::{TRIES, contended, transaction};
use axum::extract::State;
use doorward_core::clock::Timestamp;
use doorward_core::email::Email;
use doorward_core::grant::Credentials;
use doorward_core::password::Password;
use doorward_core::user::{DisplayName, User};
use doorward_http::answer::{Private, UserView};
use doorward_http::audit::Event;
use doorward_http::extract::{Fields, Input, Media, Parse, Patch};
use doorward_http::password::{Act, Acted, reauthenticate};
use doorward_http::{App, Caller, Error};
use doorward_store::{Authority, Changed, back_off};

pub struct ChangeMeRequest {
    full_name: Patch<DisplayName>,
    email: Option<Email>,
    current_password: Option<Password>,
}

impl Parse for ChangeMeRequest {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let full_name = fields.patch("full_name", DisplayName::parse);
        let email = email(fields);
        let current_password = fields.text_if_any("current_password").map(Password::typed);
        if matches!(email, Some(Some(_))) && current_password.is_none() {
            fields.refuse("current_password", "is required to change the e-mail address");
        }
        Some(Self { full_name: full_name?, email: email?, current_password })
    }
}

/// An e-mail address can be changed and not be taken away.
#[allow(clippy::option_option)] // Wrong, absent, and there are three things.
pub(crate) fn email(fields: &mut Fields) -> Option<Option<Email>> {
    match fields.patch("email", Email::parse)? {
        Patch::Keep => Some(None),
        Patch::Set(email) => Some(Some(email)),
        Patch::Clear => {
            fields.refuse("email", "must be an e-mail address");
            None
        }
    }
}

/// The profile with another name and address. Nobody has vouched for a new address.
pub(crate) fn with_profile(read: &User, full_name: &Patch<DisplayName>, email: Option<&Email>) -> User {
    let mut wanted = read.clone();
    match full_name {
        Patch::Keep => {}
        Patch::Clear => wanted.full_name = None,
        Patch::Set(name) => wanted.full_name = Some(name.clone()),
    }
    if let Some(email) = email {
        let same = read.email.as_ref().is_some_and(|old| old.canonical() == email.canonical());
        wanted.email_verified &= same;
        wanted.email = Some(email.clone());
    }
    wanted
}

pub async fn change_me(
    State(app): State<App>,
    caller: Caller,
    Input(request): Input<ChangeMeRequest>,
) -> Result<Private<UserView>, Error> {
    let change = ChangeMe { app: &app, caller: &caller, request: &request };
    let changed = match &request.current_password {
        Some(password) => reauthenticate(&app, &caller, password, &change).await??,
        None => match change.make(Authority::Checked, 0).await? {
            Acted::Done(changed) => changed?,
            Acted::Again(_) => return Err(contended()),
        },
    };
    let id = &caller.user.id;
    app.audit.record(&caller.client, Event::UserChanged { user: id.clone(), by: id.clone() });
    Ok(Private(UserView::of(&changed)))
}

struct ChangeMe<'a> {
    app: &'a App,
    caller: &'a Caller,
    request: &'a ChangeMeRequest,
}

impl Act for ChangeMe<'_> {
    type Done = Result<User, Error>;

    async fn act(&self, judged: &Credentials, _: Timestamp, round: u32) -> Result<Acted<Self::Done>, Error> {
        self.make(Authority::Password(judged), round).await
    }
}

impl ChangeMe<'_> {
    async fn make(&self, authority: Authority<'_>, round: u32) -> Result<Acted<Result<User, Error>>, Error> {
        let store = &self.app.store;
        let mut read = self.caller.user.clone();
        for attempt in 1..=TRIES {
            let wanted = with_profile(&read, &self.request.full_name, self.request.email.as_ref());
            let token = transaction(&self.caller.client.request, round, attempt);
            match store.users.change(&read, &wanted, authority, &token).await? {
                Changed::Done => return Ok(Acted::Done(Ok(wanted))),
                Changed::EmailTaken => return Ok(Acted::Done(Err(Error::EmailTaken))),
                Changed::CredentialsChanged(current) => return Ok(Acted::Again(current)),
                Changed::Stale | Changed::NoAuthority => {}
            }
            back_off(attempt).await;
            read = self.caller.again(self.app).await?;
        }
        Err(contended())
    }
}
