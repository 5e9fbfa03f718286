//! `DELETE /users/me`: one leaves.

use crate::delete_user::clear_away;
use crate::{TRIES, contended, transaction};
use axum::extract::State;
use doorward_core::clock::Timestamp;
use doorward_core::grant::Credentials;
use doorward_core::password::Password;
use doorward_http::answer::{Message, Private};
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::password::{Act, Acted, reauthenticate};
use doorward_http::{App, Caller, Error};
use doorward_store::{Authority, Changed, back_off};

pub struct DeleteMeRequest {
    current_password: Password,
}

impl Parse for DeleteMeRequest {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        Some(Self { current_password: Password::typed(fields.text("current_password")?) })
    }
}

pub async fn delete_me(
    State(app): State<App>,
    caller: Caller,
    Input(request): Input<DeleteMeRequest>,
) -> Result<Private<Message>, Error> {
    if caller.user.is_admin() {
        return Err(Error::AnotherAdmin);
    }
    reauthenticate(&app, &caller, &request.current_password, &DeleteMe { app: &app, caller: &caller }).await?;
    clear_away(&app, &caller, &caller.user.id).await;
    Ok(Message::new("User deleted"))
}

struct DeleteMe<'a> {
    app: &'a App,
    caller: &'a Caller,
}

impl Act for DeleteMe<'_> {
    type Done = ();

    async fn act(&self, judged: &Credentials, _: Timestamp, round: u32) -> Result<Acted<()>, Error> {
        let store = &self.app.store;
        let mut read = self.caller.user.clone();
        for attempt in 1..=TRIES {
            let token = transaction(&self.caller.client.request, round, attempt);
            match store.users.delete(&read, Authority::Password(judged), &token).await? {
                Changed::Done => return Ok(Acted::Done(())),
                Changed::CredentialsChanged(current) => return Ok(Acted::Again(current)),
                Changed::Stale | Changed::NoAuthority | Changed::EmailTaken => {}
            }
            back_off(attempt).await;
            read = self.caller.again(self.app).await?;
            if read.is_admin() {
                return Err(Error::AnotherAdmin);
            }
        }
        Err(contended())
    }
}
