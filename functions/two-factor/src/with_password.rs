//! What takes the password and a code: the body, and both checks as one.

use doorward_core::clock::Timestamp;
use doorward_core::grant::Credentials;
use doorward_core::password::Password;
use doorward_core::second_factor::{OneTimeCode, SecondFactor};
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::password::{Act, Acted, reauthenticate};
use doorward_http::second_factor::{CodeAttempt, CodePurpose, Given};
use doorward_http::throttle::{Metered, Quota};
use doorward_http::{App, Error, FactorCaller};
use std::convert::Infallible;

pub struct BothRequest {
    password: Password,
    code: OneTimeCode,
}

impl Parse for BothRequest {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let password = fields.text("password").map(Password::typed);
        let code = fields.required("code", |text| Ok::<_, Infallible>(OneTimeCode::typed(text)));
        Some(Self { password: password?, code: code? })
    }
}

/// Checks the password, then the code, and does what the code is for by the write that uses it up.
pub async fn redeem(
    app: &App,
    caller: &FactorCaller,
    request: Result<Input<BothRequest>, Error>,
    purpose: CodePurpose<'static>,
) -> Result<Metered<Given>, Error> {
    let Input(BothRequest { password, code }) = match request {
        Ok(request) => request,
        Err(refused) => return Ok(uncounted(app, caller, refused)),
    };
    let act = WithCode { app, caller: &caller.caller, factor: caller.factor.as_ref(), code: &code, purpose };
    match reauthenticate(app, &caller.caller, &password, &act).await {
        Err(refused @ Error::IncorrectPassword) => Ok(uncounted(app, caller, refused)),
        done => done,
    }
}

/// A refusal that is no wrong code.
pub fn uncounted<T>(app: &App, caller: &FactorCaller, refused: Error) -> Metered<T> {
    let wrong = caller.factor.as_ref().map(|factor| factor.wrong).unwrap_or_default();
    let quota = Quota::of_codes(app.config.code_rate, wrong, app.clock.now());
    Metered { quota: Some(quota), outcome: Err(refused) }
}

struct WithCode<'a> {
    app: &'a App,
    caller: &'a doorward_http::Caller,
    factor: Option<&'a SecondFactor>,
    code: &'a OneTimeCode,
    purpose: CodePurpose<'static>,
}

impl Act for WithCode<'_> {
    type Done = Metered<Given>;

    async fn act(&self, judged: &Credentials, _: Timestamp, judgement: u32) -> Result<Acted<Self::Done>, Error> {
        let attempt = CodeAttempt {
            app: self.app,
            client: &self.caller.client,
            user: &self.caller.user,
            code: self.code,
            purpose: self.purpose,
            password: Some((judged, None)),
            judgement,
        };
        attempt.redeem(self.factor.cloned()).await
    }
}
