//! What API Gateway is told.

use crate::event::{Api, Stage};
use doorward_http::guard::{Origin, Standing};
use lambda_http::lambda_runtime::Diagnostic;
use serde::Serialize;
use std::collections::BTreeMap;

/// Who makes the request, for the function behind the API. Texts only: of a list, a REST API would make nothing.
type Context = BTreeMap<&'static str, String>;

/// Who it is, and whether they are let in. By whom they are let in is for the API to say: it knows its scopes and roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To payload 2.0, of an authorizer with `EnableSimpleResponses`.
    #[serde(rename_all = "camelCase")]
    Simple {
        /// Yes or no.
        is_authorized: bool,
        /// Who it is; empty where nobody is let in.
        context: Context,
    },
    /// To everything else.
    #[serde(rename_all = "camelCase")]
    Policy {
        /// Who it is, for logs.
        principal_id: String,
        /// What they may call.
        policy_document: Policy,
        /// Who it is; empty where nobody is let in.
        context: Context,
    },
}

/// A policy of IAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    action: &'static str,
    effect: Effect,
    resource: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Effect {
    Allow,
    Deny,
}

/// Why there is no answer, in the texts that API Gateway reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nobody is let in: a REST API answers this text, and no other, with 401. Lambda counts it among the function's errors.
    #[error("Unauthorized")]
    Unauthorized,
    /// Nobody can say who it is: every API answers 500, and nothing is kept.
    #[error("Service unavailable")]
    Unavailable,
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: format!("{failure:?}"), error_message: failure.to_string() }
    }
}

impl Api {
    /// Lets a caller in.
    pub(crate) fn admit(&self, caller: &Standing) -> Answer {
        let context = describe(caller);
        match self {
            Self::Http => Answer::Simple { is_authorized: true, context },
            Self::HttpByPolicy(stage) | Self::Rest(stage) => {
                let principal_id = subject(caller);
                Answer::Policy { principal_id, policy_document: Policy::of(stage, Effect::Allow), context }
            }
        }
    }

    /// Lets nobody in.
    ///
    /// # Errors
    /// For a REST API that is an error. An HTTP API would answer an error with 500; it answers 403.
    pub(crate) fn refuse(&self) -> Result<Answer, Failure> {
        let context = Context::new();
        match self {
            Self::Http => Ok(Answer::Simple { is_authorized: false, context }),
            Self::HttpByPolicy(stage) => {
                let principal_id = "anonymous".to_owned();
                Ok(Answer::Policy { principal_id, policy_document: Policy::of(stage, Effect::Deny), context })
            }
            Self::Rest(_) => Err(Failure::Unauthorized),
        }
    }
}

impl Policy {
    /// For the whole stage: the answer may be kept, and is then the answer for its other methods too.
    fn of(stage: &Stage, effect: Effect) -> Self {
        let statement = Statement { action: "execute-api:Invoke", effect, resource: stage.0.clone() };
        Self { version: "2012-10-17", statement: [statement] }
    }
}

/// `sub`, as the access tokens of users and of clients have it.
fn subject(caller: &Standing) -> String {
    match &caller.origin {
        Origin::Login(_) => caller.user.id.to_string(),
        Origin::Key(key) => key.id.to_string(),
    }
}

/// Roles and permissions are the user's by now. A client has none of its own: nobody should take it for its owner.
fn describe(caller: &Standing) -> Context {
    let Standing { user, scopes, origin } = caller;
    let mut context =
        Context::from([("sub", subject(caller)), ("owner", user.id.to_string()), ("scope", scopes.to_string())]);
    if let Origin::Login(session) = origin {
        let amr: Vec<_> = session.amr.iter().map(|amr| amr.as_str()).collect();
        context.extend([
            ("username", user.username.to_string()),
            ("roles", user.role.to_string()),
            ("permissions", user.permissions.to_string()),
            ("amr", amr.join(" ")),
        ]);
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_gateway_reads_the_very_word() {
        assert_eq!(Diagnostic::from(Failure::Unauthorized).error_message, "Unauthorized");
        assert_ne!(Diagnostic::from(Failure::Unavailable).error_message, "Unauthorized");
    }
}
