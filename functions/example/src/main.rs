//! The Lambda function `example`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_example::routes(), doorward_example::OPENS).await
}
