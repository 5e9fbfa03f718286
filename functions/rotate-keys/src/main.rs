//! The Lambda function `rotate-keys`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_rotate_keys::run().await
}
