//! Whom other people's APIs let in: a REQUEST authorizer of API Gateway, for HTTP and for REST APIs.
//!
//! A caller shows an access token or an API key, and is judged as on Doorward's own routes, anew at every call: what was
//! ended is refused on the next request, unless API Gateway was told to keep the answers.

mod answer;
mod caller;
mod event;

pub use answer::{Answer, Failure};
pub use event::{Event, InvalidEvent};

use caller::{Rejection, identify};
use doorward_core::keyring::Purpose;
use doorward_http::{ANSWERED_WITHIN, App, serve};
use lambda_http::lambda_runtime;
use lambda_http::{Error, LambdaEvent, service_fn};
use tokio::time::timeout;

/// The private keys that the function opens: none.
pub const OPENS: &[Purpose] = &[];

/// Runs the function.
///
/// # Errors
/// When a variable cannot be used, the keys cannot be read, or the runtime ends.
pub async fn run() -> Result<(), Error> {
    let app: &App = Box::leak(Box::new(serve::start(OPENS).await?));
    // Boxed: futures nested any deeper are beyond what the compiler lays out.
    let function = service_fn(move |event: LambdaEvent<Event>| Box::pin(authorize(app, event.payload)));
    // A task of its own, as in `serve::serve`.
    tokio::spawn(lambda_runtime::run(function)).await?
}

/// Judges who makes a request, and says so in the words of the API that asks.
///
/// # Errors
/// When a REST API is to answer 401, or nobody can say at this moment who it is.
pub async fn authorize(app: &App, event: Event) -> Result<Answer, Failure> {
    let Event { api, headers } = event;
    let identified = timeout(ANSWERED_WITHIN, identify(app, headers)).await;
    match identified.unwrap_or_else(|elapsed| Err(Rejection::Unavailable(elapsed.into()))) {
        Ok(caller) => Ok(api.admit(&caller)),
        Err(Rejection::Refused(reason)) => {
            tracing::info!(reason, "refused");
            api.refuse()
        }
        Err(Rejection::Unavailable(cause)) => {
            tracing::error!(%cause, "unavailable");
            Err(Failure::Unavailable)
        }
    }
}
