use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedInterceptor, StalledStreamProtectionConfig,
};
use std::fmt;
use std::time::Duration;

/// Where DynamoDB is and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Another address than AWS's own.
    pub endpoint: Option<String>,
    /// The AWS region.
    pub region: String,
    /// Who asks.
    pub credentials: AwsCredentials,
    /// What stands before the names of the tables.
    pub table_prefix: String,
    /// How long an answer is waited for.
    pub patience: Patience,
    /// Sees every call, if there is one.
    pub interceptor: Option<SharedInterceptor>,
}

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As somebody's request can wait, beside the tables or on the same machine.
    Request,
    /// As an operator can, who may be half the world away from the tables.
    Operator,
}

/// An AWS access key, as a function finds it in its environment.
#[derive(Clone)]
pub struct AwsCredentials {
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`
    pub session_token: Option<String>,
}

impl AwsCredentials {
    /// Credentials for a DynamoDB that takes any.
    #[must_use]
    pub fn anything() -> Self {
        Self { access_key_id: "local".to_owned(), secret_access_key: "local".to_owned(), session_token: None }
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsCredentials({}, …)", self.access_key_id)
    }
}

impl Settings {
    pub(crate) fn client(&self) -> Client {
        let AwsCredentials { access_key_id, secret_access_key, session_token } = self.credentials.clone();
        // DynamoDB answers in milliseconds. Four attempts of at most a second, in four seconds at most, the body of the answer
        // included. What several calls come to is bounded for the whole request, where requests are answered.
        let retries = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(25));
        // The SDK would have all requests of a process share a quota of further attempts, which calls that fail side by side
        // use up for good: then a request whose fault is over at once would be refused.
        let unshared = RetryPartition::custom("doorward").token_bucket(TokenBucket::unlimited()).build();
        let (connect, attempt, all) = match self.patience {
            Patience::Request => (500, 1_000, 4_000),
            Patience::Operator => (5_000, 10_000, 40_000),
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(connect))
            .operation_attempt_timeout(Duration::from_millis(attempt))
            .operation_timeout(Duration::from_millis(all))
            .build();
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(Credentials::new(access_key_id, secret_access_key, session_token, None, "doorward"))
            .retry_config(retries)
            .retry_partition(unshared)
            .timeout_config(timeouts)
            // It watches bodies, which an attempt's time bounds too.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(self.endpoint.clone());
        config.set_interceptors(self.interceptor.clone());
        Client::from_conf(config.build())
    }
}
