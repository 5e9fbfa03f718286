//! The Lambda function `refresh`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_refresh::routes(), doorward_refresh::OPENS).await
}
