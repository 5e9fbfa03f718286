//! A function that reads one item, strongly consistent, by the plain SDK: what a function with a table costs at least.
//!
//! `TABLE` names the table, `KEY` its key and `ID` what is read; the rest is as the SDKs read it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Error, Request, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let (table, key, id) = (variable("TABLE")?, variable("KEY")?, variable("ID")?);
    let credentials =
        Credentials::new(variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?, None, None, "environment");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variable("AWS_REGION")?))
        .endpoint_url(variable("AWS_ENDPOINT_URL_DYNAMODB")?)
        .credentials_provider(credentials)
        .build();
    let client = Client::from_conf(config);
    let answer = async |_: Request| {
        let asked = client.get_item().table_name(&table).key(&key, AttributeValue::S(id.clone()));
        let found = asked.consistent_read(true).send().await?;
        let item = found.item.ok_or("there is no such item")?;
        Ok::<_, Error>(format!("{{\"attributes\":{}}}", item.len()))
    };
    run(service_fn(answer)).await
}

#[allow(clippy::disallowed_methods)] // A function on its own reads its own environment.
fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| format!("{name}: is missing").into())
}
