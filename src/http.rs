//! Requests to others: an API that is asked how it is, and AWS. By the HTTPS of the AWS SDK, which is there anyway.

use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use axum::http::Request;
use doorward_core::clock::Timestamp;
use std::error::Error;
use std::time::Duration;

/// For connecting, and for the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer, whatever it says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// When it was answered, by the clock of whoever did.
    pub date: Option<Timestamp>,
    /// The body.
    pub body: Vec<u8>,
}

/// There was no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(String);

impl NoAnswer {
    /// The last cause says most, and those before it say it again.
    fn because(error: impl Error + 'static) -> Self {
        let mut cause: &dyn Error = &error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        Self(cause.to_string())
    }
}

/// Asks with GET.
///
/// # Errors
/// When nobody answers.
pub async fn get(url: &str) -> Result<Answer, NoAnswer> {
    send(Request::get(url).body(SdkBody::empty()).map_err(NoAnswer::because)?).await
}

/// Sends a request.
///
/// # Errors
/// When nobody answers.
pub async fn send(request: Request<SdkBody>) -> Result<Answer, NoAnswer> {
    let request = HttpRequest::try_from(request).map_err(NoAnswer::because)?;
    let settings = HttpConnectorSettings::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).build();
    let connector = default_connector(&settings, None).ok_or_else(|| NoAnswer("no HTTPS in this build".to_owned()))?;
    let mut response = connector.call(request).await.map_err(NoAnswer::because)?;
    let date = response.headers().get("date").and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
    let body = ByteStream::new(response.take_body()).collect().await.map_err(NoAnswer::because)?;
    Ok(Answer {
        status: response.status().as_u16(),
        date: date.map(|date| Timestamp::from_seconds(date.secs())),
        body: body.to_vec(),
    })
}
