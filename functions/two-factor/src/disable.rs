//! `POST /2fa/disable`: the second factor off.

use crate::with_password::{BothRequest, redeem};
use axum::extract::State;
use doorward_http::answer::{Message, Private};
use doorward_http::extract::Input;
use doorward_http::second_factor::CodePurpose;
use doorward_http::throttle::Metered;
use doorward_http::{App, Error, FactorCaller};

pub async fn disable(
    State(app): State<App>,
    caller: FactorCaller,
    request: Result<Input<BothRequest>, Error>,
) -> Result<Metered<Private<Message>>, Error> {
    let Metered { quota, outcome } = redeem(&app, &caller, request, CodePurpose::TurnOff).await?;
    Ok(Metered { quota, outcome: outcome.map(|_| Message::new("2FA disabled successfully")) })
}
