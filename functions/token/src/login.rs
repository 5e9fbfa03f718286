//! `POST /token`: a name and a password for a session and its tokens.
//!
//! Read, hash, redeem: whatever the answer is, it costs the same reads, one hash and one conditional write, so that neither
//! bytes nor time tell an unknown name from a wrong password or a closed account. (Two hashes where the one that is kept is less
//! work than new ones are.)

use crate::second_step::{self, SecondStep};
use crate::session::{BOTH_FACTORS, begin, give_tokens};
use axum::extract::State;
use doorward_core::clock::Timestamp;
use doorward_core::grant::{Credentials, Identifier, grant_login};
use doorward_core::ids::UserId;
use doorward_core::password::{Password, PasswordHash};
use doorward_core::scope::ScopeSet;
use doorward_core::second_factor::{OneTimeCode, SecondFactor};
use doorward_core::session::Amr;
use doorward_core::user::User;
use doorward_http::answer::TokenResponse;
use doorward_http::audit::{Event, LoginFailure};
use doorward_http::client::Client;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::password::{Act, Acted, Attempt};
use doorward_http::second_factor::{CodeAttempt, CodePurpose};
use doorward_http::throttle::{self, Limited, Metered};
use doorward_http::{App, Error};
use doorward_store::{LoginRecord, Recorded, RightPassword, StoreError};

/// The form of a login (the seeds' `OAuth2PasswordRequestForm`). Client credentials are ignored.
pub enum LoginRequest {
    /// A name and a password, and perhaps a code at once.
    Password(PasswordLogin),
    /// The code for a password that was right before.
    SecondStep(SecondStep),
}

pub struct PasswordLogin {
    identifier: Identifier,
    password: Password,
    scope: Option<String>,
    code: Option<OneTimeCode>,
}

impl Parse for LoginRequest {
    const MEDIA: Media = Media::Form;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let is_password = |text: &str| if text == "password" { Ok(()) } else { Err("must be 'password'") };
        let grant_type = fields.optional("grant_type", is_password);
        let scope = fields.text_if_any("scope").filter(|scope| !scope.trim().is_empty());
        let request = match fields.text_if_any("mfa_token") {
            Some(mfa_token) => SecondStep::parse(mfa_token, scope, fields).map(Self::SecondStep),
            None => PasswordLogin::parse(scope, fields).map(Self::Password),
        };
        grant_type?;
        request
    }
}

impl PasswordLogin {
    fn parse(scope: Option<String>, fields: &mut Fields) -> Option<Self> {
        let identifier = fields.required("username", |text| Ok::<_, &str>(Identifier::typed(text)));
        // An empty password is a wrong one, not an absent one.
        let password = fields.text("password").map(Password::typed);
        let code = fields.text_if_any("otp").map(|text| OneTimeCode::typed(&text));
        Some(Self { identifier: identifier?, password: password?, scope, code })
    }
}

pub async fn login(
    State(app): State<App>,
    client: Client,
    request: Result<Input<LoginRequest>, Error>,
) -> Metered<TokenResponse> {
    let request = if app.config.password_grant { request } else { Err(Error::PasswordLoginOff) };
    let request = match request {
        Ok(Input(LoginRequest::Password(request))) => request,
        Ok(Input(LoginRequest::SecondStep(step))) => return step.complete(&app, &client).await,
        Err(refused) => return Metered::uncounted(&app, Limited::Login, &client, refused).await,
    };
    if let Err(refused) = throttle::refuse_if_known_full(&app, Limited::Login, &client) {
        return Metered { quota: None, outcome: Err(refused) };
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
    request: PasswordLogin,
}

impl Login {
    async fn authenticate(&self, found: Option<Credentials>) -> Result<TokenResponse, Error> {
        let (app, client) = (&self.app, &self.client);
        let PasswordLogin { identifier, password, .. } = &self.request;
        let attempt = Attempt { app, client, identifier, password };
        // The profile of nobody is looked for too, and nobody has that id.
        let id = found.as_ref().map_or_else(|| UserId::from_random([0; 16]), |credentials| credentials.user.clone());
        let (matches, read) = tokio::join!(attempt.matches(found.as_ref()), self.read(&id));
        let (matches, (user, factor)) = (matches?, read?);

        let outcome = match (found, &user) {
            (Some(credentials), Some(user)) => {
                attempt.redeem(credentials, matches, &Admit { login: self, user, factor }).await?
            }
            _ => Err(attempt.refuse(LoginFailure::UnknownUser).await?),
        };
        match outcome {
            Ok(admitted) => admitted,
            Err(reason) => Err(self.failed(user.as_ref(), reason, Error::IncorrectLogin)),
        }
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

    /// The profile; with a code, the second factor in the same read.
    async fn read(&self, id: &UserId) -> Result<(Option<User>, Option<SecondFactor>), StoreError> {
        match &self.request.code {
            Some(_) => self.app.store.user_and_factor(id).await,
            None => Ok((self.app.store.users.get(id).await?, None)),
        }
    }

    fn failed(&self, user: Option<&User>, reason: LoginFailure, refusal: Error) -> Error {
        let event = Event::LoginFailed { user: user.map(|user| user.id.clone()), reason };
        self.app.audit.record(&self.client, event);
        refusal
    }
}

/// The right password's act: a session, or why somebody with the right password gets none.
struct Admit<'a> {
    login: &'a Login,
    user: &'a User,
    factor: Option<SecondFactor>,
}

impl Act for Admit<'_> {
    type Done = Result<TokenResponse, Error>;

    async fn act(&self, judged: &Credentials, _: Timestamp, judgement: u32) -> Result<Acted<Self::Done>, Error> {
        if judgement == 1 {
            return self.grant(judged, judgement).await;
        }
        // Who changed the password ended all sessions with it: one of the profile that was read before would be dead.
        let (Some(user), factor) = self.login.read(&judged.user).await? else { return Ok(Acted::Again(None)) };
        let again = Admit { login: self.login, user: &user, factor };
        // On the heap: it happens seldom, and every login would be as large.
        Box::pin(again.grant(judged, judgement)).await
    }
}

impl Admit<'_> {
    async fn grant(&self, judged: &Credentials, judgement: u32) -> Result<Acted<Result<TokenResponse, Error>>, Error> {
        let Self { login, user, .. } = *self;
        let rehash = login.rehash(judged).await?;
        let right = LoginRecord::Right { read: judged, rehash: rehash.as_ref() };
        match (grant_login(user, login.request.scope.as_deref()), &login.request.code) {
            (Err(refusal), _) => {
                let recorded = login.app.store.credentials.record(right).await?;
                Ok(match Acted::of(recorded, ()) {
                    Acted::Done(()) => Acted::Done(Err(login.failed(Some(user), refusal.into(), refusal.into()))),
                    Acted::Again(current) => Acted::Again(current),
                })
            }
            (Ok(scopes), _) if !user.two_factor_enabled => self.admit(right, scopes).await,
            (Ok(scopes), Some(code)) => self.admit_by_code((judged, rehash.as_ref()), judgement, code, scopes).await,
            (Ok(_), None) => self.ask_for_code(right).await,
        }
    }

    /// The session and the record of the password, side by side. A session without its record is withdrawn.
    async fn admit(
        &self,
        right: LoginRecord<'_>,
        scopes: ScopeSet,
    ) -> Result<Acted<Result<TokenResponse, Error>>, Error> {
        let Login { app, client, .. } = self.login;
        let session = begin(app, client, self.user, scopes, &[Amr::Pwd]).await?;
        let store = &app.store;
        let (created, recorded) = tokio::join!(store.sessions.create(&session), store.credentials.record(right));
        if created.is_err() || !matches!(recorded, Ok(Recorded::Kept)) {
            // Nobody has its tokens; that it cannot be taken back now is no reason for another answer.
            let _ = store.sessions.withdraw(&session).await;
            created?;
            return Ok(Acted::of(recorded?, Err(Error::IncorrectLogin)));
        }
        Ok(Acted::Done(Ok(give_tokens(app, client, self.user, &session).await?)))
    }

    /// The session, the code and the record of the password at once.
    async fn admit_by_code(
        &self,
        password: RightPassword<'_>,
        judgement: u32,
        code: &OneTimeCode,
        scopes: ScopeSet,
    ) -> Result<Acted<Result<TokenResponse, Error>>, Error> {
        let Login { app, client, .. } = self.login;
        let session = begin(app, client, self.user, scopes, BOTH_FACTORS).await?;
        let purpose = CodePurpose::LogIn(&session, None);
        let attempt = CodeAttempt { app, client, user: self.user, code, purpose, password: Some(password), judgement };
        Ok(match attempt.redeem(self.factor.clone()).await? {
            Acted::Done(Metered { outcome: Ok(_), .. }) => {
                Acted::Done(Ok(give_tokens(app, client, self.user, &session).await?))
            }
            Acted::Done(Metered { outcome: Err(refused), .. }) => Acted::Done(Err(refused)),
            Acted::Again(current) => Acted::Again(current),
        })
    }

    async fn ask_for_code(&self, right: LoginRecord<'_>) -> Result<Acted<Result<TokenResponse, Error>>, Error> {
        let Login { app, client, request } = self.login;
        Ok(match Acted::of(app.store.credentials.record(right).await?, ()) {
            Acted::Done(()) => {
                Acted::Done(Err(second_step::ask(app, client, self.user, request.scope.as_deref()).await?))
            }
            Acted::Again(current) => Acted::Again(current),
        })
    }
}
