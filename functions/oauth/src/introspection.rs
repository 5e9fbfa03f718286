//! The answer of an introspection (RFC 7662 §2.2).

use doorward_core::access_token::{AccessToken, FIRST_PARTY, Parties};
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_core::session::Session;
use doorward_core::user::User;
use doorward_http::guard::{Origin, Standing};
use serde::Serialize;

/// What is told of a token: everything, or that it is worth nothing and not why.
#[derive(Serialize)]
pub struct Introspection {
    active: bool,
    #[serde(flatten)]
    live: Option<Box<Live>>,
}

impl Introspection {
    /// Of a token that is worth nothing.
    pub const DEAD: Self = Self { active: false, live: None };
}

impl From<Live> for Introspection {
    fn from(live: Live) -> Self {
        Self { active: true, live: Some(Box::new(live)) }
    }
}

/// What is told of a live token. Roles and permissions are the user's by now, not those that the token has copies of.
#[derive(Serialize)]
pub struct Live {
    scope: String,
    client_id: String,
    sub: String,
    iss: String,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    access: Option<OfAccessToken>,
    #[serde(flatten)]
    login: Option<OfLogin>,
}

/// What an access token has and a refresh token has not, so that none is taken for the other.
#[derive(Serialize)]
struct OfAccessToken {
    token_type: &'static str,
    aud: String,
    nbf: i64,
    jti: String,
}

/// What a login has, and a client's token has not: nobody should take a client for a user.
#[derive(Serialize)]
struct OfLogin {
    username: String,
    sid: String,
    roles: [&'static str; 1],
    permissions: Vec<String>,
    amr: Vec<&'static str>,
    auth_time: i64,
}

impl Live {
    pub fn of_access_token(token: &AccessToken, standing: Standing, parties: &Parties) -> Self {
        let Standing { user, scopes, origin } = standing;
        let (sub, client_id, login) = match &origin {
            Origin::Login(session) => (user.id.to_string(), FIRST_PARTY.to_owned(), Some(OfLogin::of(&user, session))),
            Origin::Key(key) => (key.id.to_string(), key.id.to_string(), None),
        };
        Self {
            scope: scopes.to_string(),
            client_id,
            sub,
            iss: parties.issuer.clone(),
            iat: token.issued_at.seconds(),
            exp: token.expires_at.seconds(),
            access: Some(OfAccessToken {
                token_type: "bearer",
                aud: parties.audience.clone(),
                nbf: token.issued_at.seconds(),
                jti: token.id.to_string(),
            }),
            login,
        }
    }

    pub fn of_refresh_token(user: &User, session: &Session, ends_at: Timestamp, issuer: &str) -> Self {
        Self {
            // What a refresh would give: never more than the user has by now.
            scope: session.scopes.intersection(&user.scopes).to_string(),
            client_id: FIRST_PARTY.to_owned(),
            sub: user.id.to_string(),
            iss: issuer.to_owned(),
            iat: session.rotated_at.seconds(),
            exp: ends_at.seconds(),
            access: None,
            login: Some(OfLogin::of(user, session)),
        }
    }
}

impl OfLogin {
    fn of(user: &User, session: &Session) -> Self {
        let list = |set: &ScopeSet| set.iter().map(str::to_owned).collect();
        Self {
            username: user.username.to_string(),
            sid: session.id.to_string(),
            roles: [user.role.as_str()],
            permissions: list(&user.permissions),
            amr: session.amr.iter().map(|amr| amr.as_str()).collect(),
            auth_time: session.auth_time.seconds(),
        }
    }
}
