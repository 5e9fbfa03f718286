//! The Lambda function `two-factor`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    doorward_http::serve(doorward_two_factor::routes(), doorward_two_factor::OPENS).await
}
