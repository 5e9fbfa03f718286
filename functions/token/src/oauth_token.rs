//! `POST /oauth2/token` (RFC 6749 §3.2): the grants of the standards dialect. The password grant is none of them
//! (RFC 9700 §2.4).

use axum::extract::State;
use doorward_http::answer::TokenResponse;
use doorward_http::client::Client;
use doorward_http::error::OAuthError;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::{App, Error, flow};
use std::convert::Infallible;

/// The body, by its `grant_type`.
pub enum TokenRequest {
    /// RFC 6749 §6
    RefreshToken {
        refresh_token: String,
        scope: Option<String>,
    },
    Unsupported,
}

impl Parse for TokenRequest {
    const MEDIA: Media = Media::Form;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let text = |text: &str| Ok::<_, Infallible>(text.to_owned());
        match fields.required("grant_type", text)?.as_str() {
            "refresh_token" => Some(Self::RefreshToken {
                refresh_token: fields.required("refresh_token", text)?,
                scope: fields.text_if_any("scope"),
            }),
            _ => Some(Self::Unsupported),
        }
    }
}

pub async fn token(
    State(app): State<App>,
    client: Client,
    request: Result<Input<TokenRequest>, Error>,
) -> Result<TokenResponse, OAuthError> {
    match request?.0 {
        TokenRequest::RefreshToken { refresh_token, scope } => {
            Ok(flow::refresh(&app, &client, &refresh_token, scope.as_deref()).await?)
        }
        TokenRequest::Unsupported => Err(Error::UnsupportedGrantType.into()),
    }
}
