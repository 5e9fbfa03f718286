//! `POST /oauth2/introspect` (RFC 7662): what a token is worth at this moment, for callers with the scope
//! `introspect:tokens`. Asking is no use of the token, and no theft.

use crate::introspection::{Introspection, Live};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use doorward_core::access_token::AccessToken;
use doorward_core::refresh_token::RefreshToken;
use doorward_core::session::refresh_token_ends_at;
use doorward_http::audit::{Event, Needed};
use doorward_http::client::Client;
use doorward_http::error::{OAuthError, ScopedError};
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::flow::{self, AnyToken};
use doorward_http::guard::{self, IntrospectTokens, Scope};
use doorward_http::oauth_client::{ClientCredentials, PostedClient, ambiguous};
use doorward_http::{ApiKeyCaller, App, Bearer, Error, RequireScope};

/// The body. Who asks is judged before what is asked, so a missing token is no defect of its own.
pub struct IntrospectRequest {
    token: Option<String>,
    client: PostedClient,
}

impl Parse for IntrospectRequest {
    const MEDIA: Media = Media::Form;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        // The hint says where to look first, which nobody here needs: a token says what it is.
        Some(Self { token: fields.text_if_any("token"), client: PostedClient::take(fields) })
    }
}

pub async fn introspect(
    State(app): State<App>,
    client: Client,
    bearer: Result<RequireScope<IntrospectTokens>, ScopedError>,
    headers: HeaderMap,
    request: Result<Input<IntrospectRequest>, Error>,
) -> Result<Json<Introspection>, OAuthError> {
    let bearer = match bearer {
        Ok(RequireScope(bearer, _)) => Some(bearer),
        Err(ScopedError { error: Error::NotAuthenticated, .. }) => None,
        Err(refused) => return Err(OAuthError::of_scoped(refused)),
    };
    let Input(IntrospectRequest { token, client: posted }) = request?;
    authorise(&app, &client, bearer, &headers, posted).await?;
    let token = token.ok_or(OAuthError::InvalidRequest("The parameter token is missing"))?;
    Ok(Json(match flow::verify_any(&app, &token).await? {
        Some(AnyToken::Access(token)) => access_token(&app, &token).await?,
        Some(AnyToken::Refresh(token)) => refresh_token(&app, &token).await?,
        None => Introspection::DEAD,
    }))
}

/// Lets a caller through who proves themselves in one way, by an API key or by the access token that was judged before.
async fn authorise(
    app: &App,
    client: &Client,
    bearer: Option<Bearer>,
    headers: &HeaderMap,
    posted: PostedClient,
) -> Result<(), OAuthError> {
    let nobody = OAuthError::InvalidClient { challenge: true };
    let credentials = ClientCredentials::of(headers, posted)?;
    let key = match guard::presented_key(headers) {
        Err(Error::InvalidApiKey) => return Err(nobody),
        presented => presented?,
    };
    let caller = match (bearer, key, credentials) {
        (Some(_), None, None) => return Ok(()),
        (None, Some(key), None) => match ApiKeyCaller::authenticate(app, &key).await {
            Err(Error::InvalidApiKey) => return Err(nobody),
            caller => caller?,
        },
        (None, None, Some(credentials)) => credentials.authenticate(app).await?,
        (None, None, None) => return Err(nobody),
        _ => return Err(ambiguous().into()),
    };
    if caller.scopes.contains(IntrospectTokens::VALUE) {
        return Ok(());
    }
    let (user, key, needed) = (caller.owner.id, Some(caller.key.id), Needed::Scope(IntrospectTokens::VALUE));
    app.audit.record(client, Event::AccessRefused { user, key, needed });
    Err(OAuthError::InsufficientScope(Some(IntrospectTokens::VALUE)))
}

async fn access_token(app: &App, token: &AccessToken) -> Result<Introspection, Error> {
    match guard::judge(app, token).await {
        Ok(standing) => Ok(Live::of_access_token(token, standing, &app.config.parties).into()),
        Err(Error::InvalidToken | Error::TokenRevoked | Error::InactiveUser) => Ok(Introspection::DEAD),
        Err(error) => Err(error),
    }
}

async fn refresh_token(app: &App, token: &RefreshToken) -> Result<Introspection, Error> {
    let (Some(user), Some(session)) = app.store.login(&token.user, token.session).await? else {
        return Ok(Introspection::DEAD);
    };
    let ends_at = refresh_token_ends_at(token, &user, &session, app.clock.now(), &app.config.sessions);
    Ok(ends_at.map_or(Introspection::DEAD, |end| {
        Live::of_refresh_token(&user, &session, end, &app.config.parties.issuer).into()
    }))
}
