//! Passwords that are checked: every check counts, on whichever route, and none costs less than another.
//!
//! Read, hash, redeem: after the hash comes exactly one conditional write of the credentials, or a transaction that has it
//! within. When somebody changed them in between, the password is judged again by what the write found.

use crate::audit::{Event, LoginFailure};
use crate::client::Client;
use crate::{App, Caller, Error};
use doorward_core::clock::Timestamp;
use doorward_core::grant::{Credentials, Failures, Identifier, PasswordVerdict, judge_password};
use doorward_core::password::Password;
use doorward_store::{LoginRecord, Recorded};

/// How often a password is judged again. Each time somebody else got through, and after five of them that were wrong the
/// account is closed.
const JUDGEMENTS: u32 = 64;

/// A password that somebody says is theirs.
pub struct Attempt<'a> {
    /// The state of the process.
    pub app: &'a App,
    /// Who says so.
    pub client: &'a Client,
    /// Whom they say they are.
    pub identifier: &'a Identifier,
    /// The password.
    pub password: &'a Password,
}

/// What a right password is asked for.
pub trait Act: Sync {
    /// What comes of it.
    type Done: Send;

    /// Does it, with a write that holds only if the credentials still are those by which the password was judged. `round`
    /// counts the judgements: another one makes another write.
    ///
    /// # Errors
    /// When the store is unavailable, or it is not to be done for another reason.
    fn act(
        &self,
        judged: &Credentials,
        now: Timestamp,
        round: u32,
    ) -> impl Future<Output = Result<Acted<Self::Done>, Error>> + Send;
}

/// What came of an [`Act`].
pub enum Acted<T> {
    /// It was done, and with it the failures were forgotten.
    Done(T),
    /// The credentials are others by now; the password is to be judged again. `None` when they are gone.
    Again(Option<Credentials>),
}

impl<T> Acted<T> {
    /// What a record of a login comes to.
    pub fn of(recorded: Recorded, done: T) -> Self {
        match recorded {
            Recorded::Kept => Self::Done(done),
            Recorded::Changed(current) => Self::Again(Some(current)),
            Recorded::Gone => Self::Again(None),
        }
    }
}

impl Attempt<'_> {
    /// Whether the password is that of the credentials; nobody's takes as long, and somebody's no less.
    ///
    /// # Errors
    /// When too many are waiting.
    pub async fn matches(&self, credentials: Option<&Credentials>) -> Result<bool, Error> {
        let hash = credentials.and_then(|credentials| credentials.hash.clone());
        Ok(self.app.hasher.verify(self.password.clone(), hash).await?)
    }

    /// Writes down what the password was worth; if it is the right one, by way of `act`. The inner refusal is for the log:
    /// nobody else is told.
    ///
    /// # Errors
    /// When the store is unavailable, or `act` fails.
    pub async fn redeem<A: Act>(
        &self,
        mut read: Credentials,
        mut matches: bool,
        act: &A,
    ) -> Result<Result<A::Done, LoginFailure>, Error> {
        for round in 1..=JUDGEMENTS {
            let now = self.app.clock.now();
            let changed = match judge_password(read.failures, matches, now) {
                PasswordVerdict::Closed => return self.refuse(LoginFailure::AccountClosed).await.map(Err),
                PasswordVerdict::Wrong(count) => {
                    let wrong = LoginRecord::Wrong { read: &read, count, now, request: &self.client.request };
                    match Acted::of(self.app.store.credentials.record(wrong).await?, ()) {
                        Acted::Done(()) => {
                            self.tell_of_closing(&read, count);
                            return Ok(Err(LoginFailure::WrongPassword));
                        }
                        Acted::Again(current) => current,
                    }
                }
                PasswordVerdict::Right => match act.act(&read, now, round).await? {
                    Acted::Done(done) => return Ok(Ok(done)),
                    Acted::Again(current) => current,
                },
            };
            let Some(current) = changed else { return Ok(Err(LoginFailure::UnknownUser)) };
            if current.password_set_at != read.password_set_at {
                matches = self.matches(Some(&current)).await?;
            }
            read = current;
        }
        Err(Error::Unavailable("the credentials were changed again and again".into()))
    }

    fn tell_of_closing(&self, credentials: &Credentials, count: u32) {
        if count >= Failures::TOLERATED {
            self.app.audit.record(self.client, Event::AccountClosed { user: credentials.user.clone() });
        }
    }

    /// Refuses without counting, at the cost of counting.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn refuse(&self, reason: LoginFailure) -> Result<LoginFailure, Error> {
        self.app.store.credentials.record(LoginRecord::Nothing(self.identifier)).await?;
        Ok(reason)
    }
}

/// Asks the caller's own password again before `act`, which has to write down with its own write that it was right.
///
/// # Errors
/// When it is not the right one, or `act` fails.
pub async fn reauthenticate<A: Act>(
    app: &App,
    caller: &Caller,
    password: &Password,
    act: &A,
) -> Result<A::Done, Error> {
    let identifier = Identifier::Username(caller.user.username.canonical().clone());
    let attempt = Attempt { app, client: &caller.client, identifier: &identifier, password };
    let found = app.store.credentials.find(&identifier).await?;
    let matches = attempt.matches(found.as_ref()).await?;
    let outcome = match found {
        Some(credentials) => attempt.redeem(credentials, matches, act).await?,
        None => Err(attempt.refuse(LoginFailure::UnknownUser).await?),
    };
    match outcome {
        Ok(done) => Ok(done),
        Err(reason) => {
            if matches!(reason, LoginFailure::UnknownUser) {
                // Deleted meanwhile: it is not the password that is wrong.
                caller.again(app).await?;
            }
            app.audit.record(&caller.client, Event::PasswordRefused { user: caller.user.id.clone(), reason });
            Err(Error::IncorrectPassword)
        }
    }
}
