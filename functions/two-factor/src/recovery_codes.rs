//! `POST /2fa/recovery-codes`: ten new recovery codes; the old ones are void.

use crate::verify::Verified;
use crate::with_password::{BothRequest, redeem};
use axum::extract::State;
use doorward_http::answer::Private;
use doorward_http::extract::Input;
use doorward_http::second_factor::CodePurpose;
use doorward_http::throttle::Metered;
use doorward_http::{App, Error, FactorCaller};

pub async fn recovery_codes(
    State(app): State<App>,
    caller: FactorCaller,
    request: Result<Input<BothRequest>, Error>,
) -> Result<Metered<Private<Verified>>, Error> {
    let Metered { quota, outcome } = redeem(&app, &caller, request, CodePurpose::RecoveryCodes).await?;
    Ok(Metered { quota, outcome: outcome.map(|codes| Verified::new("Recovery codes replaced", codes)) })
}
