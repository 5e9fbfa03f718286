//! The Lambda function `logout`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_logout::routes(), doorward_logout::OPENS).await
}
