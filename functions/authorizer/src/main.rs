//! The Lambda function `authorizer`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_authorizer::run().await
}
