//! `POST /2fa/setup`: a new secret for an authenticator app. It waits for its first code; the live one is not touched.

use crate::qr_code::png_of;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use doorward_core::clock::Timestamp;
use doorward_core::grant::Credentials;
use doorward_core::password::Password;
use doorward_core::second_factor::{FactorSecrets, PENDING_FOR, SealedFactor};
use doorward_core::totp::TotpSecret;
use doorward_core::user::User;
use doorward_http::answer::Private;
use doorward_http::error::Defect;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::password::{Act, Acted, reauthenticate};
use doorward_http::preference::weight;
use doorward_http::{App, Caller, Error};
use doorward_store::{Pended, back_off};
use serde::Serialize;
use utoipa::ToSchema;

/// How often it is tried while the user turns the second factor on or off beside it.
const TRIES: u32 = 16;

pub struct SetupRequest {
    password: Option<Password>,
}

impl Parse for SetupRequest {
    const MEDIA: Media = Media::Json;
    const MAY_BE_ABSENT: bool = true;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        Some(Self { password: fields.text_if_any("password").map(Password::typed) })
    }
}

#[derive(Serialize, ToSchema)]
pub struct NewSecret {
    secret: String,
    otpauth_uri: String,
}

pub async fn setup(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Input(request): Input<SetupRequest>,
) -> Result<Response, Error> {
    let secrets =
        FactorSecrets { totp: TotpSecret::from_random(app.random.bytes()?), recovery_key: app.random.bytes()? };
    let ring = app.keys.current().await?;
    let key = ring.seal_for_new(app.clock.now())?;
    let pending = key.seal(&caller.user.id, &secrets, app.random.bytes()?)?;
    Setup { app: &app, caller: &caller, pending }.keep(request.password.as_ref()).await?;

    let account = caller.user.email.as_ref().map_or_else(|| caller.user.username.to_string(), ToString::to_string);
    let otpauth_uri = secrets.totp.otpauth_uri(&app.config.name, &account);
    if wants_json(&headers) {
        return Ok(Private(NewSecret { secret: secrets.totp.reveal(), otpauth_uri }).into_response());
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/png")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, png_of(&otpauth_uri)?).into_response())
}

/// The picture is what is given; JSON is for who asks for it, and would not rather have a picture or anything.
fn wants_json(request: &HeaderMap) -> bool {
    let weight = |range| weight(request, &header::ACCEPT, range);
    let Some(json) = weight("application/json").filter(|json| *json > 0.0) else { return false };
    match weight("image/png").or_else(|| weight("image/*")) {
        Some(picture) => json > picture,
        None => json >= weight("*/*").unwrap_or(0.0),
    }
}

struct Setup<'a> {
    app: &'a App,
    caller: &'a Caller,
    pending: SealedFactor,
}

impl Setup<'_> {
    /// Keeps the new secret; where there is a live one, for the password.
    async fn keep(&self, password: Option<&Password>) -> Result<(), Error> {
        let mut user = self.caller.user.clone();
        for round in 1..=TRIES {
            let pended = if user.two_factor_enabled {
                let Some(password) = password else { return Err(password_is_missing()) };
                let act = Replace { setup: self, user: &user, round };
                reauthenticate(self.app, self.caller, password, &act).await?
            } else {
                self.pend(&user, None, round, 0).await?
            };
            if matches!(pended, Pended::Done) {
                return Ok(());
            }
            back_off(round).await;
            user = self.caller.again(self.app).await?;
        }
        Err(Error::Unavailable("the second factor was turned on and off again and again".into()))
    }

    async fn pend(&self, user: &User, judged: Option<&Credentials>, round: u32, attempt: u32) -> Result<Pended, Error> {
        let until = self.app.clock.now().plus(PENDING_FOR);
        let token = format!("{}{round:02}{attempt:02}", self.caller.client.request);
        Ok(self.app.store.second_factors.pend(user, &self.pending, until, judged, &token).await?)
    }
}

fn password_is_missing() -> Error {
    Error::Invalid(vec![Defect { pointer: "/password".to_owned(), detail: "is required".to_owned() }])
}

/// A new secret beside a live one: the right password's act.
struct Replace<'a> {
    setup: &'a Setup<'a>,
    user: &'a User,
    round: u32,
}

impl Act for Replace<'_> {
    type Done = Pended;

    async fn act(&self, judged: &Credentials, _: Timestamp, attempt: u32) -> Result<Acted<Pended>, Error> {
        Ok(match self.setup.pend(self.user, Some(judged), self.round, attempt).await? {
            Pended::CredentialsChanged(current) => Acted::Again(current),
            pended => Acted::Done(pended),
        })
    }
}
