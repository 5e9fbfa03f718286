//! The Lambda function `logout`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_logout::routes(), doorward_logout::OPENS).await
}
