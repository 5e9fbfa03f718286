//! The names of tables, keys and attributes. `template.yaml` defines the tables.

pub(crate) const CREDENTIALS: &str = "credentials";
pub(crate) const USERS: &str = "users";
pub(crate) const SESSIONS: &str = "sessions";
pub(crate) const REVOKED_TOKENS: &str = "revoked-tokens";
pub(crate) const LIMITS: &str = "limits";
pub(crate) const SIGNING_KEYS: &str = "signing-keys";
pub(crate) const SECOND_FACTORS: &str = "second-factors";
pub(crate) const API_KEYS: &str = "api-keys";
pub(crate) const EXAMPLE_ITEMS: &str = "example-items";

pub(crate) const ID: &str = "id";
pub(crate) const USER_ID: &str = "user_id";
pub(crate) const SESSION_ID: &str = "session_id";
pub(crate) const ITEM_ID: &str = "item_id";
pub(crate) const JTI: &str = "jti";
pub(crate) const PURPOSE: &str = "purpose";
pub(crate) const SERIAL: &str = "serial";

/// When DynamoDB may delete the item, in epoch seconds; every other time is in milliseconds.
pub(crate) const EXPIRES_AT: &str = "expires_at";

pub(crate) const USERNAME: &str = "username";
pub(crate) const PASSWORD_HASH: &str = "password_hash";
pub(crate) const PASSWORD_SET_AT: &str = "password_set_at";
pub(crate) const FAILURES: &str = "failures";
pub(crate) const FAILED_AT: &str = "failed_at";
/// The request that counted the last failure.
pub(crate) const FAILED_BY: &str = "failed_by";

pub(crate) const EMAIL: &str = "email";
pub(crate) const EMAIL_VERIFIED: &str = "email_verified";
pub(crate) const FULL_NAME: &str = "full_name";
pub(crate) const DISABLED: &str = "disabled";
pub(crate) const ROLE: &str = "role";
pub(crate) const PERMISSIONS: &str = "permissions";
pub(crate) const SCOPES: &str = "scopes";
pub(crate) const TWO_FACTOR_ENABLED: &str = "two_factor_enabled";
pub(crate) const EPOCH: &str = "epoch";
pub(crate) const CREATED_AT: &str = "created_at";

pub(crate) const GENERATION: &str = "generation";
pub(crate) const ROTATED_AT: &str = "rotated_at";
/// The request that refreshed the session last.
pub(crate) const ROTATED_BY: &str = "rotated_by";
pub(crate) const AUTH_TIME: &str = "auth_time";
pub(crate) const AMR: &str = "amr";
pub(crate) const KEY_ID: &str = "key_id";
pub(crate) const ENDS_AT: &str = "ends_at";
pub(crate) const REVOKED_AT: &str = "revoked_at";
pub(crate) const ADDRESS: &str = "address";
pub(crate) const USER_AGENT: &str = "user_agent";

pub(crate) const REVOKED_BY: &str = "revoked_by";

pub(crate) const NAME: &str = "name";
pub(crate) const DESCRIPTION: &str = "description";
pub(crate) const SECRET_HASH: &str = "secret_hash";
pub(crate) const PREVIOUS_HASH: &str = "previous_hash";
pub(crate) const PREVIOUS_UNTIL: &str = "previous_until";
pub(crate) const LAST_USED_AT: &str = "last_used_at";

/// The key that sealed the live factor is `KEY_ID`, the sealed factor `SEALED`.
pub(crate) const PENDING_SEALED: &str = "pending_sealed";
pub(crate) const PENDING_KEY_ID: &str = "pending_key_id";
pub(crate) const PENDING_UNTIL: &str = "pending_until";
pub(crate) const LAST_STEP: &str = "last_step";
pub(crate) const RECOVERY_CODES: &str = "recovery_codes";
pub(crate) const FAILURES_UNTIL: &str = "failures_until";

pub(crate) const COUNT: &str = "taken";
/// The request that counted last.
pub(crate) const COUNTED_BY: &str = "taken_by";

pub(crate) const KID: &str = "kid";
pub(crate) const ALG: &str = "alg";
pub(crate) const PUBLIC_JWK: &str = "public_jwk";
pub(crate) const SEALED: &str = "sealed";
pub(crate) const SIGNS_FROM: &str = "signs_from";
pub(crate) const SIGNS_UNTIL: &str = "signs_until";
pub(crate) const VERIFIES_UNTIL: &str = "verifies_until";

/// The credentials of a name.
pub(crate) fn name_id(canonical: &str) -> String {
    format!("name#{canonical}")
}

/// The marker that makes an e-mail address unique.
pub(crate) fn mail_id(canonical: &str) -> String {
    format!("mail#{canonical}")
}
