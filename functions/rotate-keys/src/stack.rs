//! What CloudFormation is told: it waits for one PUT to an address that it has signed, and fails the deploy without it.

use crate::StackEvent;
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use lambda_http::Error;
use serde_json::json;
use std::time::Duration;

/// For connecting, and for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl StackEvent {
    /// Whether the stack is deleted.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        self.request_type == "Delete"
    }

    /// Tells CloudFormation that all was done.
    ///
    /// A failure is not told: Lambda repeats the run that failed, twice, while CloudFormation waits.
    ///
    /// # Errors
    /// When it could not be told.
    pub async fn succeed(&self) -> Result<(), Error> {
        let body = json!({
            "Status": "SUCCESS",
            // The same for ever: another id would mean that the resource was replaced. What could not be made and goes has one
            // of CloudFormation's.
            "PhysicalResourceId": self.physical_resource_id.as_deref().unwrap_or("keys"),
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_resource_id,
        });
        let mut request = HttpRequest::new(SdkBody::from(body.to_string()));
        request.set_method("PUT")?;
        request.set_uri(self.response_url.as_str())?;
        let settings = HttpConnectorSettings::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).build();
        // The connector of the AWS SDK, which is there anyway. What it sends has no Content-Type, as the signature wants it.
        let connector = default_connector(&settings, None).ok_or("no HTTPS in this build")?;
        let response = connector.call(request).await?;
        match response.status().as_u16() {
            200..=299 => Ok(()),
            status => Err(format!("CloudFormation's address answered {status}").into()),
        }
    }
}
