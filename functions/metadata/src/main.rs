//! The Lambda function `metadata`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_metadata::routes(), doorward_metadata::OPENS).await
}
