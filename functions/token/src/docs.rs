//! What the routes take and give, for the OpenAPI document.

use doorward_http::Error;
use doorward_http::answer::TokenResponse;
use doorward_http::error::OAuthError;
use doorward_http::openapi::schema::{constant, one_of, optional, password, required, scope, text};
use doorward_http::openapi::{Operation, Section, tokens};
use serde_json::json;

/// The routes of the function.
#[must_use]
pub fn docs() -> Section {
    Section { name: "Logging in", about: "A name and a password for tokens.", operations: vec![login(), oauth_token()] }
}

fn login() -> Operation {
    let members = [
        optional("username", text()),
        optional("password", password()),
        optional("scope", scope()),
        optional("otp", text()),
        optional("mfa_token", text()),
        optional("grant_type", constant("password")),
    ];
    Operation::post("/token", "login", "Log in")
        .about(
            "`username` is a name or an e-mail address. Without `scope` the token has all scopes of the user. An \
             `Authorization` header, `client_id` and `client_secret` are ignored. With the second factor on, `otp` is \
             needed too: beside the password, or beside the `mfa_token` of a refusal, which takes the place of name and \
             password.",
        )
        .form(&members, json!({"username": "ann", "password": "correct horse battery staple"}))
        .gives::<TokenResponse>("A session and its tokens", tokens())
        .refuses([Error::IncorrectLogin, Error::InactiveUser, Error::ScopeNotAllowed, Error::PasswordLoginOff])
        .refuses([Error::MfaRequired("dwm_AQIDBAUGBwgJCgsMDQ4PEA".to_owned()), Error::InvalidCode])
        .refuses([Error::InvalidMfaToken])
        .limited()
}

fn oauth_token() -> Operation {
    let members = [
        required("grant_type", one_of(["refresh_token", "client_credentials"])),
        optional("refresh_token", text()),
        optional("scope", scope()),
        optional("client_id", text()),
        optional("client_secret", text()),
    ];
    Operation::post("/oauth2/token", "oauth2_token", "Token endpoint (RFC 6749)")
        .about("Serves the grants `refresh_token` (§6) and `client_credentials` (§4.4); a client is an API key.")
        .client_or_nobody()
        .form(&members, json!({"grant_type": "refresh_token", "refresh_token": "dwr_AQIDBAUGBwgJCgsMDQ4PEA"}))
        .gives::<TokenResponse>("The successor of the refresh token, and an access token", tokens())
        .refuses([Error::InvalidRefreshToken, Error::ScopeNotAllowed])
        .refuses_in_oauth([OAuthError::UnsupportedGrantType])
}
