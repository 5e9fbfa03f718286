//! Users as JSON lines: what `users export` writes and `users import` takes.

use crate::setup::Fault;
use doorward_core::clock::Timestamp;
use doorward_core::email::Email;
use doorward_core::grant::Credentials;
use doorward_core::ids::UserId;
use doorward_core::password::PasswordHash;
use doorward_core::portable_factor::{PortableCodes, exported};
use doorward_core::scope::ScopeSet;
use doorward_core::second_factor::{FactorSecrets, SecondFactor, WrongCodes};
use doorward_core::totp::TotpSecret;
use doorward_core::user::{DisplayName, Epoch, Role, User, check_rights};
use doorward_core::username::Username;
use doorward_http::extract::{Fields, Media, Parse};
use doorward_http::{App, Error};
use doorward_store::NewUser;
use serde::Serialize;
use serde_json::{Map, Value};

/// A user's line.
#[derive(Serialize)]
pub struct Line {
    id: String,
    username: String,
    email: Option<String>,
    email_verified: bool,
    full_name: Option<String>,
    disabled: bool,
    hashed_password: Option<String>,
    role: &'static str,
    permissions: Vec<String>,
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totp_secret: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
    created_at: String,
}

impl Line {
    /// The line of a user, with the second factor that is opened.
    pub fn of(user: &User, credentials: &Credentials, factor: Option<(&FactorSecrets, &SecondFactor)>) -> Self {
        let list = |set: &ScopeSet| set.iter().map(str::to_owned).collect();
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            email: user.email.as_ref().map(ToString::to_string),
            email_verified: user.email_verified,
            full_name: user.full_name.as_ref().map(|name| name.as_str().to_owned()),
            disabled: user.disabled,
            hashed_password: credentials.hash.as_ref().map(|hash| hash.as_str().to_owned()),
            role: user.role.as_str(),
            permissions: list(&user.permissions),
            scopes: list(&user.scopes),
            totp_secret: factor.map(|(secrets, _)| secrets.totp.reveal()),
            recovery_codes: factor
                .map(|(secrets, factor)| factor.recovery.iter().map(|hash| exported(secrets, hash)).collect())
                .unwrap_or_default(),
            created_at: user.created_at.to_string(),
        }
    }
}

/// A line that was read: somebody new, whose id may be for us to give.
pub struct Newcomer {
    id: Option<UserId>,
    username: Username,
    email: Option<Email>,
    email_verified: bool,
    full_name: Option<DisplayName>,
    disabled: bool,
    hash: Option<PasswordHash>,
    role: Role,
    permissions: ScopeSet,
    scopes: ScopeSet,
    factor: Option<(TotpSecret, PortableCodes)>,
    created_at: Option<Timestamp>,
}

impl Parse for Newcomer {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, app: &App) -> Option<Self> {
        let time = |text: &str| Timestamp::parse(text).ok_or("must be a time by RFC 3339");
        let id = fields.optional("id", reachable_id);
        let username = fields.required("username", Username::parse);
        let email = fields.optional("email", Email::parse);
        let email_verified = fields.flag_if_any("email_verified");
        let full_name = fields.optional("full_name", DisplayName::parse);
        let disabled = fields.flag_if_any("disabled");
        let hash = fields.optional("hashed_password", PasswordHash::parse);
        let role = fields.optional("role", Role::parse);
        let permissions = fields.scopes_if_any("permissions").map(Option::unwrap_or_default);
        let default_scopes = || app.config.default_scopes.clone();
        let scopes = fields.scopes_if_any("scopes").map(|given| given.unwrap_or_else(default_scopes));
        if let (Some(permissions), Some(scopes)) = (&permissions, &scopes)
            && let Err(error) = check_rights(permissions, scopes)
        {
            fields.refuse("permissions", &error.to_string());
        }
        let totp_secret = fields.optional("totp_secret", TotpSecret::parse);
        let recovery_codes = fields.list_if_any("recovery_codes", PortableCodes::parse);
        if let (Some(None), Some(Some(codes))) = (&totp_secret, &recovery_codes)
            && !matches!(codes, PortableCodes::Plain(none) if none.is_empty())
        {
            fields.refuse("recovery_codes", "are nothing without a totp_secret");
        }
        let created_at = fields.optional("created_at", time);
        Some(Self {
            id: id?,
            username: username?,
            email: email?,
            email_verified: email_verified?.unwrap_or(false),
            full_name: full_name?,
            disabled: disabled?.unwrap_or(false),
            hash: hash?,
            role: role?.unwrap_or_default(),
            permissions: permissions?,
            scopes: scopes?,
            factor: totp_secret?.zip(Some(recovery_codes?.unwrap_or(PortableCodes::Plain(Vec::new())))),
            created_at: created_at?,
        })
    }
}

impl Newcomer {
    /// Reads a line.
    ///
    /// # Errors
    /// Everything that is wrong with it, in one sentence.
    pub fn read(app: &App, line: &str) -> Result<Self, String> {
        let mut fields = Fields::of_json(line.as_bytes());
        forget_nulls(&mut fields, line);
        let parsed = Self::parse(&mut fields, app);
        fields.finish(parsed).map_err(|error| match error {
            Error::Invalid(defects) => {
                let said = defects
                    .iter()
                    .map(|defect| format!("{} {}", defect.pointer.trim_start_matches('/'), defect.detail));
                said.collect::<Vec<_>>().join("; ").trim_start().to_owned()
            }
            _ => "is malformed".to_owned(),
        })
    }

    /// The id that the line brings.
    pub fn id(&self) -> Option<&UserId> {
        self.id.as_ref()
    }

    /// What no two lines may have alike.
    pub fn keys(&self) -> Vec<String> {
        let id = self.id.as_ref().map(|id| format!("id {id}"));
        let email = self.email.as_ref().map(|email| format!("mail {}", email.canonical().as_str()));
        [Some(format!("name {}", self.username.canonical().as_str())), id, email].into_iter().flatten().collect()
    }

    /// The user of the line, from `now` on where it says nothing else.
    ///
    /// # Errors
    /// When there is no randomness, or no key to seal a second factor with.
    pub async fn into_new(self, app: &App, now: Timestamp) -> Result<NewUser, Fault> {
        let user = User {
            id: match self.id {
                Some(id) => id,
                None => UserId::from_random(app.random.bytes()?),
            },
            username: self.username,
            email: self.email,
            email_verified: self.email_verified,
            full_name: self.full_name,
            disabled: self.disabled,
            role: self.role,
            permissions: self.permissions,
            scopes: self.scopes,
            two_factor_enabled: self.factor.is_some(),
            epoch: Epoch::first(now),
            created_at: self.created_at.unwrap_or(now),
        };
        let factor = match self.factor {
            Some((totp, codes)) => Some(seal(app, &user.id, totp, codes, now).await?),
            None => None,
        };
        Ok(NewUser { factor, ..NewUser::new(user, self.hash, now) })
    }
}

/// An id that a path can name: `/users/me` is whoever asks.
fn reachable_id(text: &str) -> Result<UserId, String> {
    match UserId::parse(text) {
        Ok(id) if id.as_str() == "me" => Err("must not be 'me', which is whoever asks".to_owned()),
        id => id.map_err(|error| error.to_string()),
    }
}

/// In a line, every optional member that is `null` is as good as absent. Those of the API that are no texts may not be.
fn forget_nulls(fields: &mut Fields, line: &str) {
    let given: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
    for name in ["email_verified", "disabled", "permissions", "scopes"] {
        if given.get(name).is_some_and(Value::is_null) {
            fields.text_if_any(name);
        }
    }
}

async fn seal(
    app: &App,
    user: &UserId,
    totp: TotpSecret,
    codes: PortableCodes,
    now: Timestamp,
) -> Result<SecondFactor, Fault> {
    let (secrets, recovery) = codes.into_factor(totp, app.random.bytes()?);
    let ring = app.keys.current().await?;
    let live = ring.seal_for_new(now)?.seal(user, &secrets, app.random.bytes()?)?;
    let (user, wrong) = (user.clone(), WrongCodes::default());
    Ok(SecondFactor { user, live: Some(live), pending: None, last_step: None, recovery, wrong })
}
