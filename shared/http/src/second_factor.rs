//! One-time codes that are checked: every wrong one counts, on whichever route, and a right one is used up by the same write
//! that does what it is for.

use crate::audit::{CodeFailure, Event};
use crate::client::Client;
use crate::password::Acted;
use crate::throttle::{Metered, Quota};
use crate::{App, Error};
use doorward_core::mfa_token::MfaToken;
use doorward_core::second_factor::{
    CodeVerdict, FactorSecrets, OneTimeCode, Opened, RECOVERY_CODES, RecoveryCode, RecoveryHash, SealedFactor,
    SecondFactor, Spent, WrongCodes, judge_code,
};
use doorward_core::session::Session;
use doorward_core::user::User;
use doorward_store::{CodeCounted, LoginRecord, Redeemed, Redemption, RightPassword, Then};
use std::collections::BTreeSet;

/// How often a code is judged again. Each time somebody else got through with another one.
const JUDGEMENTS: u32 = 64;

/// A code that somebody says is theirs, and what it is for.
pub struct CodeAttempt<'a> {
    /// The state of the process.
    pub app: &'a App,
    /// Who says so.
    pub client: &'a Client,
    /// Whose it should be.
    pub user: &'a User,
    /// The code.
    pub code: &'a OneTimeCode,
    /// What it is for.
    pub purpose: CodePurpose<'a>,
    /// The password that came with it. That it was right is written down with the code, whatever that is worth.
    pub password: Option<RightPassword<'a>>,
    /// Which judgement of that password this is: another one makes another write.
    pub judgement: u32,
}

/// What a code is for.
#[derive(Clone, Copy)]
pub enum CodePurpose<'a> {
    /// To show that one has it; the first one of a new secret makes that the live one, with recovery codes.
    Verify,
    /// Other recovery codes.
    RecoveryCodes,
    /// No second factor any more.
    TurnOff,
    /// A session, for the password beside the code or for an `mfa_token`.
    LogIn(&'a Session, Option<&'a MfaToken>),
}

/// What a right code gave: recovery codes, where there are new ones.
pub type Given = Option<Vec<RecoveryCode>>;

impl CodeAttempt<'_> {
    /// Writes down what the code was worth; if it is right, with what it is for. [`Acted::Again`] where the password has to
    /// be judged again.
    ///
    /// # Errors
    /// When the store is unavailable, or an `mfa_token` was used meanwhile.
    pub async fn redeem(&self, factor: Option<SecondFactor>) -> Result<Acted<Metered<Given>>, Error> {
        let (rate, mut password) = (self.app.config.code_rate, self.password);
        let mut read = factor;
        for round in 1..=JUDGEMENTS {
            let now = self.app.clock.now();
            let Some(factor) = &read else { return self.refuse(password, None).await };
            let opened = self.open(factor).await?;
            if opened.live.is_none() && opened.pending.is_none() {
                // There is nothing to guess at.
                return self.refuse(password, None).await;
            }
            let changed = match judge_code(factor, &opened, self.code, rate, now) {
                CodeVerdict::Right(spent) => {
                    let token = format!("{}{:02}{round:02}", self.client.request, self.judgement);
                    match self.spend(factor, &opened, &spent, password, &token).await? {
                        Acted::Done(Ok(given)) => {
                            let quota = Some(Quota::of_codes(rate, factor.wrong, now));
                            return Ok(Acted::Done(Metered { quota, outcome: Ok(given) }));
                        }
                        Acted::Done(Err(current)) => current,
                        Acted::Again(credentials) => return Ok(Acted::Again(credentials)),
                    }
                }
                CodeVerdict::Blocked(_) => return self.refuse(password, Some(factor.wrong)).await,
                CodeVerdict::Wrong(wrong) => {
                    // The password first: should it have to be judged again, the code is not counted twice.
                    if let Some(again) = self.record(password.take()).await? {
                        return Ok(again);
                    }
                    match self.app.store.second_factors.count(factor, wrong, &self.client.request).await? {
                        CodeCounted::Kept => return Ok(Acted::Done(self.wrong(Some(wrong)))),
                        CodeCounted::Changed(current) => current,
                    }
                }
            };
            read = changed;
        }
        Err(Error::Unavailable("the second factor was changed again and again".into()))
    }

    /// Uses a right code up for what it is for. The inner `Err` is the factor as it is by now.
    async fn spend(
        &self,
        read: &SecondFactor,
        opened: &Opened,
        spent: &Spent,
        password: Option<RightPassword<'_>>,
        token: &str,
    ) -> Result<Acted<Result<Given, Option<SecondFactor>>>, Error> {
        let secrets = match (self.purpose, spent) {
            (_, Spent::First(_)) => opened.pending.as_ref(),
            (CodePurpose::RecoveryCodes, _) => opened.live.as_ref(),
            _ => None,
        };
        let given = secrets.map(|secrets| self.recovery_codes(secrets)).transpose()?;
        let (codes, hashes) = given.unzip();
        let then = match (&hashes, self.purpose) {
            (Some(hashes), _) => Then::Has(hashes),
            (None, CodePurpose::TurnOff) => Then::Off,
            (None, _) => Then::Stays,
        };
        let login = match self.purpose {
            CodePurpose::LogIn(session, token) => Some((session, token)),
            _ => None,
        };
        let redemption = Redemption { read, spent, then, password, login };
        match self.app.store.second_factors.redeem(&redemption, token).await? {
            Redeemed::Done => {
                self.tell_of(spent);
                Ok(Acted::Done(Ok(codes)))
            }
            Redeemed::FactorChanged(current) => Ok(Acted::Done(Err(current))),
            Redeemed::CredentialsChanged(current) => Ok(Acted::Again(current)),
            Redeemed::TokenUsed => Err(Error::InvalidMfaToken),
            Redeemed::UserGone => Err(Error::InvalidToken),
        }
    }

    /// Tells what became of the factor. What a login comes to is told with its tokens.
    fn tell_of(&self, spent: &Spent) {
        let user = self.user.id.clone();
        let event = match (self.purpose, spent) {
            (_, Spent::First(_)) => Event::SecondFactorEnabled { user },
            (CodePurpose::RecoveryCodes, _) => Event::RecoveryCodesReplaced { user },
            (CodePurpose::TurnOff, _) => Event::SecondFactorDisabled { user },
            (CodePurpose::Verify | CodePurpose::LogIn(..), _) => return,
        };
        self.app.audit.record(self.client, event);
    }

    fn recovery_codes(&self, secrets: &FactorSecrets) -> Result<(Vec<RecoveryCode>, BTreeSet<RecoveryHash>), Error> {
        let one = |_| self.app.random.bytes().map(RecoveryCode::from_random);
        let codes = (0..RECOVERY_CODES).map(one).collect::<Result<Vec<_>, _>>()?;
        let hashes = codes.iter().map(|code| secrets.hash(code)).collect();
        Ok((codes, hashes))
    }

    /// Refuses without counting: blocked by `wrong` codes, or with no factor there is.
    async fn refuse(
        &self,
        password: Option<RightPassword<'_>>,
        wrong: Option<WrongCodes>,
    ) -> Result<Acted<Metered<Given>>, Error> {
        if let Some(again) = self.record(password).await? {
            return Ok(again);
        }
        let Some(wrong) = wrong else { return Ok(Acted::Done(self.wrong(None))) };
        self.told(CodeFailure::Blocked);
        let quota = Quota::of_codes(self.app.config.code_rate, wrong, self.app.clock.now());
        Ok(Acted::Done(Metered { quota: None, outcome: Err(Error::TooManyRequests(quota)) }))
    }

    fn wrong(&self, wrong: Option<WrongCodes>) -> Metered<Given> {
        self.told(CodeFailure::Wrong);
        let quota = Quota::of_codes(self.app.config.code_rate, wrong.unwrap_or_default(), self.app.clock.now());
        Metered { quota: Some(quota), outcome: Err(Error::InvalidCode) }
    }

    fn told(&self, reason: CodeFailure) {
        self.app.audit.record(self.client, Event::CodeRefused { user: self.user.id.clone(), reason });
    }

    /// Writes down that the password was right, though the code is not. `Some` where it has to be judged again.
    async fn record(&self, password: Option<RightPassword<'_>>) -> Result<Option<Acted<Metered<Given>>>, Error> {
        let Some((read, rehash)) = password else { return Ok(None) };
        let recorded = self.app.store.credentials.record(LoginRecord::Right { read, rehash }).await?;
        Ok(match Acted::of(recorded, ()) {
            Acted::Done(()) => None,
            Acted::Again(current) => Some(Acted::Again(current)),
        })
    }

    async fn open(&self, factor: &SecondFactor) -> Result<Opened, Error> {
        let now = self.app.clock.now();
        let waiting = match self.purpose {
            CodePurpose::Verify => factor.waiting(now),
            _ => None,
        };
        let open = async |sealed: Option<&SealedFactor>| match sealed {
            Some(sealed) => open(self.app, self.user, sealed).await.map(Some),
            None => Ok(None),
        };
        Ok(Opened { live: open(factor.live.as_ref()).await?, pending: open(waiting).await? })
    }
}

/// Opens a user's factor.
///
/// # Errors
/// When the key is missing or does not fit.
pub async fn open(app: &App, user: &User, sealed: &SealedFactor) -> Result<FactorSecrets, Error> {
    let key = app.keys.find(|ring, now| ring.seal(&sealed.key, now)).await?;
    let key = key.ok_or_else(|| Error::Unavailable("a seal key is missing".into()))?;
    Ok(key.open(&user.id, sealed)?)
}
