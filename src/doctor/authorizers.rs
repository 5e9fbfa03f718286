//! Whether API Gateway goes on to let in who was logged out: an authorizer's answer that is kept knows of no revocation.

use super::Patient;
use super::finding::{Finding, or_ok};
use crate::setup::Fault;
use crate::stack::{Authorizer, Stack, authorizers};

/// The authorizers of the account that ask this stack, or verify its tokens.
pub async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(stack) = &patient.configured.stack else { return Vec::new() };
    let found = match all(patient).await {
        Ok(found) => found,
        Err(error) => {
            let mend = "let the one who asks call apigateway:GET";
            return vec![Finding::warning("authorizers", format!("could not be looked at: {error}"), mend)];
        }
    };
    let ours: Vec<_> = found.iter().filter(|(_, authorizer)| concerns(patient, stack, authorizer)).collect();
    let wrong = ours.iter().filter_map(|(api, authorizer)| late(patient, api, authorizer));
    let well = format!("{} in this account and region; those of others cannot be seen", ours.len());
    or_ok("authorizers", wrong.collect(), well)
}

async fn all(patient: &Patient<'_>) -> Result<Vec<(String, Authorizer)>, Fault> {
    authorizers(&patient.configured.aws()?).await
}

fn concerns(patient: &Patient<'_>, stack: &Stack, authorizer: &Authorizer) -> bool {
    stack.has(authorizer) || issuer(authorizer) == Some(&patient.configured.config.parties.issuer)
}

fn issuer(authorizer: &Authorizer) -> Option<&String> {
    authorizer.jwt_configuration.as_ref()?.issuer.as_ref()
}

fn late(patient: &Patient<'_>, api: &str, authorizer: &Authorizer) -> Option<Finding> {
    let name = &authorizer.name;
    if issuer(authorizer).is_some() {
        let seconds = patient.configured.config.access_ttl.as_secs();
        let found =
            format!("{name} of {api} verifies tokens itself: one that was revoked passes for up to {seconds} s");
        let mend =
            "where that is too long, use a Lambda authorizer that asks Doorward, or a shorter DOORWARD_ACCESS_TTL";
        return Some(Finding::warning("authorizers", found, mend));
    }
    match authorizer.kept_for {
        None | Some(0) => None,
        Some(seconds) => {
            let found =
                format!("{name} of {api} keeps its answers: a token that was revoked passes for up to {seconds} s");
            Some(Finding::warning("authorizers", found, "set its AuthorizerResultTtlInSeconds to 0"))
        }
    }
}
