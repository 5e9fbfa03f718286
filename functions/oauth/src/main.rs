//! The Lambda function `oauth`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_oauth::routes(), doorward_oauth::OPENS).await
}
