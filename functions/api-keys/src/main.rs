//! The Lambda function `api-keys`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_api_keys::routes(), doorward_api_keys::OPENS).await
}
