//! `POST /token/refresh`: a refresh token for its successor and a new access token.

use axum::extract::State;
use doorward_http::answer::TokenResponse;
use doorward_http::client::Client;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::{App, Error, flow};
use std::convert::Infallible;

pub struct RefreshRequest {
    refresh_token: String,
    scope: Option<String>,
}

impl Parse for RefreshRequest {
    const MEDIA: Media = Media::JsonOrForm;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let refresh_token = fields.required("refresh_token", |text| Ok::<_, Infallible>(text.to_owned()));
        let scope = fields.text_if_any("scope");
        Some(Self { refresh_token: refresh_token?, scope })
    }
}

pub async fn refresh(
    State(app): State<App>,
    client: Client,
    Input(request): Input<RefreshRequest>,
) -> Result<TokenResponse, Error> {
    flow::refresh(&app, &client, &request.refresh_token, request.scope.as_deref()).await
}
