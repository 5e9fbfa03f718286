//! `GET /limited`: 5 a minute from one address.

use axum::extract::State;
use doorward_http::answer::{Message, Private};
use doorward_http::client::Client;
use doorward_http::extract::NoBody;
use doorward_http::throttle::{self, Limited, Metered};
use doorward_http::{App, Error};

pub async fn limited(State(app): State<App>, client: Client, body: Result<NoBody, Error>) -> Metered<Private<Message>> {
    if let Err(refused) = body {
        return Metered::uncounted(&app, Limited::Sample, &client, refused).await;
    }
    match throttle::take(&app, Limited::Sample, &client).await {
        Ok(quota) => Metered { quota, outcome: Ok(Message::new("This endpoint is rate limited")) },
        Err(refused) => Metered { quota: None, outcome: Err(refused) },
    }
}
