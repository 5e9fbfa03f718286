//! The Lambda function `oauth`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_oauth::routes(), doorward_oauth::OPENS).await
}
