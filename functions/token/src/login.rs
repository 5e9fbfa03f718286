//! `POST /token`: a name and a password for a session and its tokens.
//!
//! Read, hash, redeem: whatever the answer is, it costs the same reads, one hash and one conditional write, so that neither
//! bytes nor time tell an unknown name from a wrong password or a closed account.

use axum::extract::State;
use doorward_core::clock::Timestamp;
use doorward_core::grant::{Credentials, Identifier, grant_login};
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
use doorward_http::password::{Act, Acted, Attempt};
use doorward_http::throttle::{self, Limited, Metered};
use doorward_http::{App, Error, flow};
use doorward_store::{LoginRecord, Recorded};

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
    request: LoginRequest,
}

impl Login {
    async fn authenticate(&self, found: Option<Credentials>) -> Result<TokenResponse, Error> {
        let (app, client) = (&self.app, &self.client);
        let LoginRequest { identifier, password, .. } = &self.request;
        let attempt = Attempt { app, client, identifier, password };
        // The profile of nobody is looked for too, and nobody has that id.
        let id = found.as_ref().map_or_else(|| UserId::from_random([0; 16]), |credentials| credentials.user.clone());
        let (matches, user) = tokio::join!(attempt.matches(found.as_ref()), app.store.users.get(&id));
        let (matches, user) = (matches?, user?);

        let outcome = match (found, &user) {
            (Some(credentials), Some(user)) => {
                attempt.redeem(credentials, matches, &Admit { login: self, user }).await?
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
}

impl Act for Admit<'_> {
    type Done = Result<TokenResponse, Error>;

    /// The session and the record of the password, side by side. A session without its record is withdrawn.
    async fn act(&self, judged: &Credentials, now: Timestamp, _: u32) -> Result<Acted<Self::Done>, Error> {
        let Self { login, user } = *self;
        let store = &login.app.store;
        let rehash = login.rehash(judged).await?;
        let right = LoginRecord::Right { read: judged, rehash: rehash.as_ref() };
        let scopes = match grant_login(user, login.request.scope.as_deref()) {
            Ok(scopes) => scopes,
            Err(refusal) => {
                return Ok(match Acted::of(store.credentials.record(right).await?, ()) {
                    Acted::Done(()) => Acted::Done(Err(login.failed(Some(user), refusal.into(), refusal.into()))),
                    Acted::Again(current) => Acted::Again(current),
                });
            }
        };
        let session = login.session(user, scopes, now).await?;
        let (created, recorded) = tokio::join!(store.sessions.create(&session), store.credentials.record(right));
        if created.is_err() || !matches!(recorded, Ok(Recorded::Kept)) {
            // Nobody has its tokens; that it cannot be taken back now is no reason for another answer.
            let _ = store.sessions.withdraw(&session).await;
            created?;
            return Ok(Acted::of(recorded?, Err(Error::IncorrectLogin)));
        }
        let response = flow::mint_pair(&login.app, user, &session, session.scopes.clone()).await?;
        let event = Event::LoggedIn { user: user.id.clone(), session: session.id };
        login.app.audit.record(&login.client, event);
        Ok(Acted::Done(Ok(response)))
    }
}
