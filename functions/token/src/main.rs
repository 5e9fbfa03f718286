//! The Lambda function `token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_token::routes(), doorward_token::OPENS).await
}
