//! `POST /oauth2/token` (RFC 6749 §3.2): the grants of the standards dialect. The password grant is none of them
//! (RFC 9700 §2.4).

use axum::extract::State;
use axum::http::HeaderMap;
use doorward_core::scope::ScopeSet;
use doorward_http::answer::TokenResponse;
use doorward_http::audit::Event;
use doorward_http::client::Client;
use doorward_http::error::OAuthError;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::oauth_client::{ClientCredentials, PostedClient};
use doorward_http::{App, Error, flow};
use std::convert::Infallible;

/// The body.
pub struct TokenRequest {
    grant: Grant,
    client: PostedClient,
}

/// What is presented, by its `grant_type`.
enum Grant {
    /// RFC 6749 §6
    RefreshToken {
        refresh_token: String,
        scope: Option<String>,
    },
    /// RFC 6749 §4.4
    ClientCredentials {
        scope: Option<String>,
    },
    Unsupported,
}

impl Parse for TokenRequest {
    const MEDIA: Media = Media::Form;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let text = |text: &str| Ok::<_, Infallible>(text.to_owned());
        let grant = match fields.required("grant_type", text)?.as_str() {
            "refresh_token" => Grant::RefreshToken {
                refresh_token: fields.required("refresh_token", text)?,
                scope: fields.text_if_any("scope"),
            },
            "client_credentials" => Grant::ClientCredentials { scope: fields.text_if_any("scope") },
            _ => Grant::Unsupported,
        };
        Some(Self { grant, client: PostedClient::take(fields) })
    }
}

pub async fn token(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    request: Result<Input<TokenRequest>, Error>,
) -> Result<TokenResponse, OAuthError> {
    let TokenRequest { grant, client: posted } = request?.0;
    match grant {
        Grant::RefreshToken { refresh_token, scope } => {
            if let Some(credentials) = ClientCredentials::of(&headers, posted)? {
                // Refresh tokens are a public client's, and not this one's (RFC 6749 §6).
                credentials.authenticate(&app).await?;
                return Err(OAuthError::InvalidGrant);
            }
            Ok(flow::refresh(&app, &client, &refresh_token, scope.as_deref()).await?)
        }
        Grant::ClientCredentials { scope } => {
            let credentials = ClientCredentials::of(&headers, posted)?;
            grant_client(&app, &client, credentials, scope.as_deref()).await
        }
        Grant::Unsupported => Err(OAuthError::UnsupportedGrantType),
    }
}

/// An access token for a client, with what its key and its owner share, or what of that it asks for.
async fn grant_client(
    app: &App,
    client: &Client,
    credentials: Option<ClientCredentials>,
    scope: Option<&str>,
) -> Result<TokenResponse, OAuthError> {
    let credentials = credentials.ok_or(OAuthError::InvalidClient { challenge: true })?;
    let proven = credentials.authenticate(app).await?;
    let asked = scope.map(ScopeSet::parse).transpose().map_err(|_| OAuthError::InvalidScope)?;
    let scopes = match asked.filter(|asked| !asked.is_empty()) {
        Some(asked) if asked.is_subset(&proven.scopes) => asked,
        Some(_) => return Err(OAuthError::InvalidScope),
        None => proven.scopes,
    };
    let response = flow::mint_for_client(app, &proven.key, scopes).await?;
    app.audit.record(client, Event::ClientGranted { user: proven.owner.id, key: proven.key.id });
    Ok(response)
}
