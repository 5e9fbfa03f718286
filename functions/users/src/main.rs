//! The Lambda function `users`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_users::routes(), doorward_users::OPENS).await
}
