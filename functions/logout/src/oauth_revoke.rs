//! `POST /oauth2/revoke` (RFC 7009): whoever has a token may end it. A refresh token ends its session, an access token
//! itself. The hint says where to look first, which nobody here needs: a token says what it is.

use axum::extract::State;
use axum::http::StatusCode;
use doorward_core::access_token::{AccessToken, Subject};
use doorward_core::refresh_token::RefreshToken;
use doorward_http::audit::Event;
use doorward_http::client::Client;
use doorward_http::error::OAuthError;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::flow::{self, AnyToken};
use doorward_http::{App, Error};
use std::convert::Infallible;

pub struct RevokeRequest {
    token: String,
}

impl Parse for RevokeRequest {
    const MEDIA: Media = Media::Form;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        Some(Self { token: fields.required("token", |text| Ok::<_, Infallible>(text.to_owned()))? })
    }
}

pub async fn revoke(
    State(app): State<App>,
    client: Client,
    request: Result<Input<RevokeRequest>, Error>,
) -> Result<StatusCode, OAuthError> {
    let Input(RevokeRequest { token }) = request?;
    match flow::verify_any(&app, &token).await? {
        Some(AnyToken::Refresh(token)) => revoke_session(&app, &client, token).await?,
        Some(AnyToken::Access(token)) => revoke_access_token(&app, &client, token).await?,
        // As good for nothing as was asked for (RFC 7009 §2.2).
        None => {}
    }
    Ok(StatusCode::OK)
}

/// Of whatever generation the token is: a session has no others.
async fn revoke_session(app: &App, client: &Client, token: RefreshToken) -> Result<(), Error> {
    if app.store.sessions.revoke(&token.user, token.session, app.clock.now()).await? {
        app.audit.record(client, Event::SessionEnded { user: token.user, session: token.session });
    }
    Ok(())
}

async fn revoke_access_token(app: &App, client: &Client, token: AccessToken) -> Result<(), Error> {
    app.store.revoked.revoke(&token.id, token.expires_at, &client.request).await?;
    let user = match token.subject {
        Subject::User(user, _) => user,
        Subject::Client(key) => key.owner().clone(),
    };
    app.audit.record(client, Event::TokenRevoked { user, token: token.id });
    Ok(())
}
