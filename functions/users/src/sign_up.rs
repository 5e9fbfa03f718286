//! `POST /users`: somebody new.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use doorward_core::email::Email;
use doorward_core::ids::UserId;
use doorward_core::password::NewPassword;
use doorward_core::scope::ScopeSet;
use doorward_core::user::{DisplayName, Epoch, Role, User};
use doorward_core::username::Username;
use doorward_http::answer::{Private, UserView};
use doorward_http::audit::Event;
use doorward_http::client::Client;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::throttle::{self, Limited, Metered};
use doorward_http::{App, Error};
use doorward_store::{NewUser, SignedUp};

pub struct SignUpRequest {
    username: Username,
    email: Email,
    password: NewPassword,
    full_name: Option<DisplayName>,
}

impl Parse for SignUpRequest {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, app: &App) -> Option<Self> {
        let username = fields.required("username", Username::parse);
        let email = fields.required("email", Email::parse);
        let password = fields.required("password", |text| NewPassword::parse(text, app.config.password_min));
        let full_name = fields.optional("full_name", DisplayName::parse);
        Some(Self { username: username?, email: email?, password: password?, full_name: full_name? })
    }
}

/// Somebody new, and where they are found.
pub struct Created(User);

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        let location = HeaderValue::try_from(format!("/users/{}", self.0.id));
        let mut response = (StatusCode::CREATED, Private(UserView::of(&self.0))).into_response();
        if let Ok(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

pub async fn sign_up(
    State(app): State<App>,
    client: Client,
    request: Result<Input<SignUpRequest>, Error>,
) -> Metered<Created> {
    let request = if app.config.sign_up { request } else { Err(Error::SignUpClosed) };
    let request = match request {
        Ok(Input(request)) => request,
        Err(refused) => return Metered::uncounted(&app, Limited::SignUp, &client, refused).await,
    };
    match throttle::take(&app, Limited::SignUp, &client).await {
        Ok(quota) => Metered { quota, outcome: create(&app, &client, request).await },
        Err(refused) => Metered { quota: None, outcome: Err(refused) },
    }
}

async fn create(app: &App, client: &Client, request: SignUpRequest) -> Result<Created, Error> {
    let hash = app.hasher.hash(request.password.password().clone(), app.random.bytes()?).await?;
    let now = app.clock.now();
    let user = User {
        id: UserId::from_random(app.random.bytes()?),
        username: request.username,
        email: Some(request.email),
        email_verified: false,
        full_name: request.full_name,
        disabled: false,
        role: Role::User,
        permissions: ScopeSet::default(),
        scopes: app.config.default_scopes.clone(),
        two_factor_enabled: false,
        epoch: Epoch::first(now),
        created_at: now,
    };
    let new = NewUser::new(user, Some(hash), now);
    match app.store.users.create(&new, &client.request).await? {
        SignedUp::Created => {
            app.audit.record(client, Event::SignedUp { user: new.user.id.clone() });
            Ok(Created(new.user))
        }
        SignedUp::UsernameTaken => Err(Error::UsernameTaken),
        SignedUp::EmailTaken => Err(Error::EmailTaken),
        // 128 random bits that somebody has already: the randomness is none.
        SignedUp::IdTaken => Err(Error::Internal),
    }
}
