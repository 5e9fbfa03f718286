//! `POST /users/me/password`: another password. Every other session ends, and with it what somebody else may hold.

use crate::{TRIES, contended, transaction};
use axum::extract::State;
use axum::http::StatusCode;
use doorward_core::clock::Timestamp;
use doorward_core::grant::Credentials;
use doorward_core::password::{NewPassword, Password, PasswordHash};
use doorward_http::audit::Event;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::password::{Act, Acted, reauthenticate};
use doorward_http::{App, Caller, Error};
use doorward_store::{Changed, back_off};

pub struct ChangePasswordRequest {
    current_password: Password,
    new_password: NewPassword,
}

impl Parse for ChangePasswordRequest {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, app: &App) -> Option<Self> {
        let current_password = fields.text("current_password").map(Password::typed);
        let new_password = fields.required("new_password", |text| NewPassword::parse(text, app.config.password_min));
        Some(Self { current_password: current_password?, new_password: new_password? })
    }
}

pub async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Input(request): Input<ChangePasswordRequest>,
) -> Result<StatusCode, Error> {
    let change = ChangePassword { app: &app, caller: &caller, new: &request.new_password };
    reauthenticate(&app, &caller, &request.current_password, &change).await?;
    app.audit.record(&caller.client, Event::PasswordChanged { user: caller.user.id });
    Ok(StatusCode::NO_CONTENT)
}

struct ChangePassword<'a> {
    app: &'a App,
    caller: &'a Caller,
    new: &'a NewPassword,
}

impl Act for ChangePassword<'_> {
    type Done = ();

    /// Credentials, epoch and the caller's own session, in one transaction.
    async fn act(&self, judged: &Credentials, now: Timestamp, round: u32) -> Result<Acted<()>, Error> {
        let Self { app, caller, new } = *self;
        let hash: PasswordHash = app.hasher.hash(new.password().clone(), app.random.bytes()?).await?;
        let (users, mut read) = (&app.store.users, caller.user.clone());
        for attempt in 1..=TRIES {
            let token = transaction(&caller.client.request, round, attempt);
            match users.change_password(&read, Some(caller.session.id), judged, &hash, now, &token).await? {
                Changed::Done => return Ok(Acted::Done(())),
                Changed::CredentialsChanged(current) => return Ok(Acted::Again(current)),
                // The profile or the session is another by now. Whoever ended the session is found out here.
                Changed::Stale | Changed::NoAuthority | Changed::EmailTaken => {}
            }
            back_off(attempt).await;
            read = caller.again(app).await?;
        }
        Err(contended())
    }
}
