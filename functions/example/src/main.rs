//! The Lambda function `example`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_example::routes(), doorward_example::OPENS).await
}
