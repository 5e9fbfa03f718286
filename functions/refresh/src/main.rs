//! The Lambda function `refresh`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_refresh::routes(), doorward_refresh::OPENS).await
}
