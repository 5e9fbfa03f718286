//! The second step of a login: an `mfa_token`, which says that the password was right, and a one-time code.

use crate::session::{BOTH_FACTORS, begin, give_tokens};
use doorward_core::ids::TokenId;
use doorward_core::mfa_token::{InvalidMfaToken, LIFETIME, MfaToken, Unverified};
use doorward_core::scope::ScopeSet;
use doorward_core::second_factor::OneTimeCode;
use doorward_core::user::User;
use doorward_http::answer::TokenResponse;
use doorward_http::audit::Event;
use doorward_http::client::Client;
use doorward_http::extract::Fields;
use doorward_http::password::Acted;
use doorward_http::second_factor::{CodeAttempt, CodePurpose};
use doorward_http::throttle::{Limited, Metered};
use doorward_http::{App, Error};
use std::convert::Infallible;

pub struct SecondStep {
    mfa_token: String,
    code: OneTimeCode,
    scope: Option<String>,
}

/// Asks for a code: what somebody with the right password is told.
pub async fn ask(app: &App, client: &Client, user: &User, scope: Option<&str>) -> Result<Error, Error> {
    let now = app.clock.now();
    let token = MfaToken {
        id: TokenId::from_random(app.random.bytes()?),
        user: user.id.clone(),
        epoch: user.epoch,
        expires_at: now.plus(LIFETIME),
        scopes: scope.map(ScopeSet::parse).transpose().map_err(|_| Error::ScopeNotAllowed)?,
    };
    let ring = app.keys.current().await?;
    let text = token.issue(ring.seal_for_new(now)?);
    app.audit.record(client, Event::CodeRequired { user: token.user });
    Ok(Error::MfaRequired(text))
}

impl SecondStep {
    /// Takes the members of the form.
    pub fn parse(mfa_token: String, scope: Option<String>, fields: &mut Fields) -> Option<Self> {
        let code = fields.required("otp", |text| Ok::<_, Infallible>(OneTimeCode::typed(text)))?;
        Some(Self { mfa_token, code, scope })
    }

    /// A session for the code.
    pub async fn complete(&self, app: &App, client: &Client) -> Metered<TokenResponse> {
        match self.redeem(app, client).await {
            Ok(metered) => metered,
            Err(refused) => Metered::uncounted(app, Limited::Login, client, refused).await,
        }
    }

    async fn redeem(&self, app: &App, client: &Client) -> Result<Metered<TokenResponse>, Error> {
        let token = self.verify(app).await?;
        let (user, factor, used) = app.store.waiting_login(&token).await?;
        let user = &token.judge(user, used)?;
        let scopes = token.scopes(user, self.scope.as_deref())?;
        let session = begin(app, client, user, scopes, BOTH_FACTORS).await?;
        let purpose = CodePurpose::LogIn(&session, Some(&token));
        let attempt = CodeAttempt { app, client, user, code: &self.code, purpose, password: None, judgement: 0 };
        // No password came with it that would have to be judged again.
        let Acted::Done(Metered { quota, outcome }) = attempt.redeem(factor).await? else {
            return Err(Error::Internal);
        };
        let outcome = match outcome {
            Ok(_) => give_tokens(app, client, user, &session).await,
            Err(refused) => Err(refused),
        };
        Ok(Metered { quota, outcome })
    }

    /// Reads the token. A forged one is refused without a read of the store.
    async fn verify(&self, app: &App) -> Result<MfaToken, Error> {
        let invalid = |_: InvalidMfaToken| Error::InvalidMfaToken;
        let unverified = Unverified::parse(&self.mfa_token).map_err(invalid)?;
        let key = app.keys.find(|ring, now| ring.seal(unverified.key_id(), now)).await?;
        unverified.verify(&*key.ok_or(Error::InvalidMfaToken)?, app.clock.now()).map_err(invalid)
    }
}
