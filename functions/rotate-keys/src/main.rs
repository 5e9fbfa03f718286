//! The Lambda function `rotate-keys`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_rotate_keys::run().await
}
