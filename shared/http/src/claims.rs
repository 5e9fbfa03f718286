//! The place for claims of your own.

use doorward_core::custom_claims::{CustomClaims, InvalidClaim};

/// What the access tokens of users say besides what Doorward has in them. README.md has an example.
///
/// # Errors
/// When a claim cannot be had: then nothing starts.
pub fn of_users() -> Result<CustomClaims, InvalidClaim> {
    Ok(CustomClaims::default())
}
