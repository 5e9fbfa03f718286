//! `POST /2fa/verify`: a code of the authenticator app. The first one of a new secret turns the second factor on.

use crate::with_password::uncounted;
use axum::extract::State;
use doorward_core::second_factor::{OneTimeCode, RecoveryCode};
use doorward_http::answer::Private;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::password::Acted;
use doorward_http::second_factor::{CodeAttempt, CodePurpose};
use doorward_http::throttle::Metered;
use doorward_http::{App, Error, FactorCaller};
use serde::Serialize;
use std::convert::Infallible;
use utoipa::ToSchema;

pub struct VerifyRequest {
    code: OneTimeCode,
}

impl Parse for VerifyRequest {
    const MEDIA: Media = Media::JsonOrForm;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        Some(Self { code: fields.required("code", |text| Ok::<_, Infallible>(OneTimeCode::typed(text)))? })
    }
}

/// That a code was right, and what came with it.
#[derive(Serialize, ToSchema)]
pub struct Verified {
    message: &'static str,
    /// Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<Vec<String>>,
}

impl Verified {
    pub fn new(message: &'static str, codes: Option<Vec<RecoveryCode>>) -> Private<Self> {
        let recovery_codes = codes.map(|codes| codes.iter().map(RecoveryCode::reveal).collect());
        Private(Self { message, recovery_codes })
    }
}

pub async fn verify(
    State(app): State<App>,
    caller: FactorCaller,
    request: Result<Input<VerifyRequest>, Error>,
) -> Result<Metered<Private<Verified>>, Error> {
    let Input(request) = match request {
        Ok(request) => request,
        Err(refused) => return Ok(uncounted(&app, &caller, refused)),
    };
    let FactorCaller { caller, factor } = caller;
    let attempt = CodeAttempt {
        app: &app,
        client: &caller.client,
        user: &caller.user,
        code: &request.code,
        purpose: CodePurpose::Verify,
        password: None,
        judgement: 0,
    };
    // No password came with it that would have to be judged again.
    let Acted::Done(Metered { quota, outcome }) = attempt.redeem(factor).await? else { return Err(Error::Internal) };
    Ok(Metered { quota, outcome: outcome.map(|codes| Verified::new("2FA verified successfully", codes)) })
}
