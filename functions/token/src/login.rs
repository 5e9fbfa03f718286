//! `POST /token`: a name and a password for a session and its tokens.
//!
//! Read, hash, redeem: whatever the answer is, it costs the same reads, one hash and one conditional write, so that neither
//! bytes nor time tell an unknown name from a wrong password or a closed account.

use axum::extract::State;
use doorward_core::clock::Timestamp;
use doorward_core::grant::{Credentials, Identifier, PasswordVerdict, grant_login, judge_password};
use doorward_core::ids::{SessionId, UserId};
use doorward_core::password::{Password, PasswordHash};
use doorward_core::refresh_token::Generation;
use doorward_core::scope::ScopeSet;
use doorward_core::session::{Amr, Session};
use doorward_core::user::User;
use doorward_http::answer::TokenResponse;
use doorward_http::audit::{Event, LoginFailure};
use doorward_http::client::Client;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::throttle::{self, Limited, Metered};
use doorward_http::{App, Error, flow};
use doorward_store::{LoginRecord, Recorded};

/// How often a login is judged again because another one changed the credentials in between. Each time somebody else got
/// through, and after five of them that were wrong the account is closed.
const JUDGEMENTS: usize = 64;

/// The form of a login (the seeds' `OAuth2PasswordRequestForm`). Client credentials are ignored.
pub struct LoginRequest {
    identifier: Identifier,
    password: Password,
    scope: Option<String>,
}

impl Parse for LoginRequest {
    const MEDIA: Media = Media::Form;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let is_password = |text: &str| if text == "password" { Ok(()) } else { Err("must be 'password'") };
        let grant_type = fields.optional("grant_type", is_password);
        let identifier = fields.required("username", |text| Ok::<_, &str>(Identifier::typed(text)));
        // An empty password is a wrong one, not an absent one.
        let password = fields.text("password").map(Password::typed);
        let scope = fields.text_if_any("scope").filter(|scope| !scope.trim().is_empty());
        grant_type?;
        Some(Self { identifier: identifier?, password: password?, scope })
    }
}

pub async fn login(
    State(app): State<App>,
    client: Client,
    Input(request): Input<LoginRequest>,
) -> Metered<TokenResponse> {
    if !app.config.password_grant {
        return Metered { quota: None, outcome: Err(Error::PasswordLoginOff) };
    }
    let (counted, found) =
        tokio::join!(throttle::take(&app, Limited::Login, &client), app.store.credentials.find(&request.identifier));
    let quota = match counted {
        Ok(quota) => quota,
        Err(refused) => return Metered { quota: None, outcome: Err(refused) },
    };
    let login = Login { app, client, request };
    let outcome = match found {
        Ok(found) => login.authenticate(found).await,
        Err(fault) => Err(fault.into()),
    };
    Metered { quota, outcome }
}

struct Login {
    app: App,
    client: Client,
    request: LoginRequest,
}

impl Login {
    async fn authenticate(&self, found: Option<Credentials>) -> Result<TokenResponse, Error> {
        // The profile of nobody is looked for too, and nobody has that id.
        let id = found.as_ref().map_or_else(|| UserId::from_random([0; 16]), |credentials| credentials.user.clone());
        let (matches, user) = tokio::join!(self.matches(found.as_ref()), self.app.store.users.get(&id));
        match (found, matches?, user?) {
            (Some(credentials), matches, Some(user)) => self.redeem(credentials, matches, &user).await,
            _ => self.refuse(None, LoginFailure::UnknownUser).await,
        }
    }

    async fn matches(&self, credentials: Option<&Credentials>) -> Result<bool, Error> {
        let hash = credentials.and_then(|credentials| credentials.hash.as_ref()).unwrap_or(&self.app.nobody);
        Ok(self.app.hasher.verify(self.request.password.clone(), hash.clone()).await?)
    }

    /// Writes down what the password was worth, and judges it again when the credentials were changed in between.
    async fn redeem(&self, mut read: Credentials, mut matches: bool, user: &User) -> Result<TokenResponse, Error> {
        for _ in 0..JUDGEMENTS {
            let now = self.app.clock.now();
            let recorded = match judge_password(read.failures, matches, now) {
                PasswordVerdict::Closed => return self.refuse(Some(user), LoginFailure::AccountClosed).await,
                PasswordVerdict::Wrong(count) => {
                    let request = &self.client.request;
                    let wrong = LoginRecord::Wrong { read: &read, count, now, request };
                    match self.app.store.credentials.record(wrong).await? {
                        Recorded::Kept => return Err(self.failed(Some(user), LoginFailure::WrongPassword)),
                        recorded => recorded,
                    }
                }
                PasswordVerdict::Right => match self.admit(&read, user, now).await? {
                    Admission::In(response) => return Ok(response),
                    Admission::Again(recorded) => recorded,
                },
            };
            let Recorded::Changed(current) = recorded else {
                return Err(self.failed(None, LoginFailure::UnknownUser));
            };
            if current.password_set_at != read.password_set_at {
                matches = self.matches(Some(&current)).await?;
            }
            read = current;
        }
        Err(Error::Unavailable("the credentials were changed again and again".into()))
    }

    /// The right password: the session and the record of it, side by side. A session without its record is withdrawn.
    async fn admit(&self, read: &Credentials, user: &User, now: Timestamp) -> Result<Admission, Error> {
        let credentials = &self.app.store.credentials;
        let rehash = self.rehash(read).await?;
        let right = LoginRecord::Right { read, rehash: rehash.as_ref() };
        let scopes = match grant_login(user, self.request.scope.as_deref()) {
            Ok(scopes) => scopes,
            Err(refusal) => {
                return match credentials.record(right).await? {
                    Recorded::Kept => {
                        let refusal = Error::from(refusal);
                        let inactive = matches!(refusal, Error::InactiveUser);
                        let reason = if inactive { LoginFailure::Inactive } else { LoginFailure::ScopeNotAllowed };
                        self.failed(Some(user), reason);
                        Err(refusal)
                    }
                    recorded => Ok(Admission::Again(recorded)),
                };
            }
        };
        let session = self.session(user, scopes, now).await?;
        let (created, recorded) = tokio::join!(self.app.store.sessions.create(&session), credentials.record(right));
        if created.is_err() || !matches!(recorded, Ok(Recorded::Kept)) {
            // Nobody has its tokens; that it cannot be taken back now is no reason for another answer.
            let _ = self.app.store.sessions.withdraw(&session).await;
            created?;
            return Ok(Admission::Again(recorded?));
        }
        let response = flow::mint_pair(&self.app, user, &session, session.scopes.clone()).await?;
        let event = Event::LoggedIn { user: user.id.clone(), session: session.id };
        self.app.audit.record(&self.client, event);
        Ok(Admission::In(response))
    }

    /// A hash of today's kind and cost for a password whose hash is of another.
    async fn rehash(&self, read: &Credentials) -> Result<Option<PasswordHash>, Error> {
        let hasher = &self.app.hasher;
        if !read.hash.as_ref().is_some_and(|hash| hash.is_outdated(hasher.cost())) {
            return Ok(None);
        }
        let salt = self.app.random.bytes()?;
        Ok(Some(hasher.hash(self.request.password.clone(), salt).await?))
    }

    async fn session(&self, user: &User, scopes: ScopeSet, now: Timestamp) -> Result<Session, Error> {
        let ring = self.app.keys.current().await?;
        Ok(Session {
            id: SessionId::new(now, self.app.random.bytes()?),
            user: user.id.clone(),
            generation: Generation::default(),
            rotated_at: now,
            rotated_by: self.client.request.clone(),
            epoch: user.epoch,
            auth_time: now,
            amr: vec![Amr::Pwd],
            scopes,
            key: ring.refresh_for_new(now)?.id.clone(),
            created_at: now,
            ends_at: now.plus(self.app.config.sessions.lifetime),
            revoked_at: None,
            address: self.client.address.to_string(),
            user_agent: self.client.user_agent.clone(),
        })
    }

    /// Refuses without counting, at the cost of counting.
    async fn refuse(&self, user: Option<&User>, reason: LoginFailure) -> Result<TokenResponse, Error> {
        self.app.store.credentials.record(LoginRecord::Nothing(&self.request.identifier)).await?;
        Err(self.failed(user, reason))
    }

    fn failed(&self, user: Option<&User>, reason: LoginFailure) -> Error {
        let event = Event::LoginFailed { user: user.map(|user| user.id.clone()), reason };
        self.app.audit.record(&self.client, event);
        Error::IncorrectLogin
    }
}

/// What became of a right password.
enum Admission {
    In(TokenResponse),
    Again(Recorded),
}
