//! Whether API Gateway goes on to let in who was logged out: an authorizer's answer that is kept knows of no revocation.

use super::Patient;
use super::finding::{Finding, or_ok};
use crate::authorizers::{Authorizer, Kind, all};
use crate::setup::Fault;

/// The authorizers of the account that ask this stack, or verify its tokens.
pub async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(stack) = &patient.configured.stack else { return Vec::new() };
    let found = match found(patient).await {
        Ok(found) => found,
        Err(error) => {
            let mend = "let the one who asks call apigateway:GET";
            return vec![Finding::warning("authorizers", format!("could not be looked at: {error}"), mend)];
        }
    };
    let verifies = Kind::Jwt(patient.configured.config.parties.issuer.clone());
    let ours: Vec<_> = found.iter().filter(|found| found.asks(stack) || found.kind == verifies).collect();
    let wrong = ours.iter().filter_map(|authorizer| late(patient, authorizer));
    let well = format!("{} in this account and region; those of others cannot be seen", ours.len());
    or_ok("authorizers", wrong.collect(), well)
}

async fn found(patient: &Patient<'_>) -> Result<Vec<Authorizer>, Fault> {
    all(&patient.configured.aws()?).await
}

/// For how long a token passes that was revoked.
fn late(patient: &Patient<'_>, authorizer: &Authorizer) -> Option<Finding> {
    let (does, seconds, mend) = match authorizer.kind {
        Kind::Jwt(_) => (
            "verifies tokens itself",
            patient.configured.config.access_ttl.as_secs(),
            "where that is too long, use a Lambda authorizer that asks Doorward, or a shorter DOORWARD_ACCESS_TTL",
        ),
        Kind::Lambda { kept_for, .. } if kept_for > 0 => {
            ("keeps its answers", u64::from(kept_for), "set its AuthorizerResultTtlInSeconds to 0")
        }
        _ => return None,
    };
    let Authorizer { api, name, .. } = authorizer;
    let found = format!("{name} of {api} {does}: a token that was revoked passes for up to {seconds} s");
    Some(Finding::warning("authorizers", found, mend))
}
