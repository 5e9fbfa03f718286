//! A deployed stack, as an operator's command finds it: CloudFormation says which functions it has, and these have the
//! configuration.
//!
//! Three services are read from, an answer or two each. Their SDKs would take longer to compile than everything else here.

use crate::http::{self, Answer};
use crate::setup::Fault;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_types::body::SdkBody;
use axum::http::Request;
use doorward_core::clock::Clock;
use doorward_http::config::Variables;
use doorward_store::AwsCredentials;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use roxmltree::{Document, Node};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

/// A stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Those of its functions that are looked at.
    pub functions: Vec<Function>,
}

/// A function, as Lambda describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Function {
    /// Its name.
    #[serde(rename = "FunctionName")]
    pub name: String,
    /// Its memory in MB, by which its share of a processor goes.
    #[serde(rename = "MemorySize")]
    pub memory: u32,
    #[serde(default)]
    environment: Environment,
    /// Whether it hashes passwords.
    #[serde(skip)]
    pub hashes: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

/// The outputs that name functions, and whether these hash passwords.
const FUNCTIONS: [(&str, bool); 5] = [
    ("RotateKeys", false),
    ("TokenFunction", true),
    ("UsersFunction", true),
    ("TwoFactorFunction", true),
    ("MetadataFunction", false),
];

impl Stack {
    /// Finds a stack by its name.
    ///
    /// # Errors
    /// When there is none, or AWS does not say.
    pub async fn find(aws: &Aws, name: &str) -> Result<Self, Fault> {
        let named = utf8_percent_encode(name, NON_ALPHANUMERIC);
        let query = format!("Action=DescribeStacks&Version=2010-05-15&StackName={named}");
        let answer = aws.ask(&CLOUDFORMATION, "", Some(query)).await?;
        let outputs = outputs(&String::from_utf8_lossy(&answer.body))?;
        let mut functions = Vec::new();
        for (output, hashes) in FUNCTIONS {
            let function = outputs.get(output).ok_or_else(|| {
                format!(
                    "the stack {name} has no output {output}: deploy it anew from the template.yaml of this version"
                )
            })?;
            let path = format!("/2015-03-31/functions/{function}/configuration");
            functions.push(Function { hashes, ..json(&aws.ask(&LAMBDA, &path, None).await?)? });
        }
        Ok(Self { name: name.to_owned(), functions })
    }

    /// The variables of its functions. What one of them says, all do, or they do not care.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.functions.iter().flat_map(|function| function.environment.variables.clone())
    }

    /// The variables that functions do not agree about.
    #[must_use]
    pub fn disagreements(&self) -> Vec<String> {
        let said: BTreeMap<_, _> = self.variables().collect();
        let differs = |(name, value): &(String, String)| name.starts_with("DOORWARD_") && said.get(name) != Some(value);
        let mut names: Vec<_> = self.variables().filter(differs).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// What AWS answered.
///
/// # Errors
/// When it is not what was asked for.
pub(crate) fn json<T: DeserializeOwned>(answer: &Answer) -> Result<T, Fault> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| format!("AWS answered with something unexpected: {error}").into())
}

/// The outputs of the stack in an answer to `DescribeStacks`.
fn outputs(xml: &str) -> Result<BTreeMap<String, String>, Fault> {
    let document = Document::parse(xml).map_err(|error| format!("CloudFormation: {error}"))?;
    let text = |node: Node<'_, '_>, name: &str| {
        let child = node.children().find(|child| child.tag_name().name() == name)?;
        child.text().map(|text| text.trim().to_owned())
    };
    let pair = |node: Node<'_, '_>| Some((text(node, "OutputKey")?, text(node, "OutputValue")?));
    Ok(document.descendants().filter_map(pair).collect())
}

/// A service of AWS.
pub(crate) struct Service {
    /// Its name in addresses and signatures.
    pub(crate) name: &'static str,
    /// The variable that says that it is elsewhere.
    pub(crate) endpoint: &'static str,
}

const CLOUDFORMATION: Service = Service { name: "cloudformation", endpoint: "AWS_ENDPOINT_URL_CLOUDFORMATION" };
const LAMBDA: Service = Service { name: "lambda", endpoint: "AWS_ENDPOINT_URL_LAMBDA" };

/// AWS, for whoever the environment says.
#[derive(Clone, Debug)]
pub struct Aws {
    region: String,
    credentials: AwsCredentials,
    variables: Variables,
}

impl Aws {
    /// Takes who asks and where from the environment.
    ///
    /// # Errors
    /// When it does not say.
    pub fn of(variables: &Variables) -> Result<Self, Fault> {
        let (region, credentials) = (variables.aws_region()?, variables.aws_credentials()?);
        Ok(Self { region, credentials, variables: variables.clone() })
    }

    /// Reads, with GET, or by a form that says what.
    pub(crate) async fn ask(&self, service: &Service, path: &str, form: Option<String>) -> Result<Answer, Fault> {
        let suffix = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let base = self.variables.endpoint(service.endpoint);
        let base = base.unwrap_or_else(|| format!("https://{}.{}.{suffix}", service.name, self.region));
        let request = match form {
            Some(_) => Request::post(format!("{}/", base.trim_end_matches('/')))
                .header("content-type", "application/x-www-form-urlencoded"),
            // API Gateway wraps what it says of REST APIs otherwise.
            None => Request::get(format!("{}{path}", base.trim_end_matches('/'))).header("accept", "application/json"),
        };
        let request = self.signed(service, request.body(form.unwrap_or_default())?)?;
        let answer = http::send(request).await.map_err(|error| format!("{}: {error}", service.name))?;
        match answer.status {
            200 => Ok(answer),
            status => {
                let said = String::from_utf8_lossy(&answer.body);
                Err(format!("{} answered {status}: {}", service.name, message(&said)).into())
            }
        }
    }

    fn signed(&self, service: &Service, request: Request<String>) -> Result<Request<SdkBody>, Fault> {
        let AwsCredentials { access_key_id, secret_access_key, session_token } = self.credentials.clone();
        let identity = Credentials::new(access_key_id, secret_access_key, session_token, None, "doorward").into();
        let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(Clock::System.now().millis())?);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service.name)
            .time(now)
            .settings(SigningSettings::default())
            .build()?;
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let uri = request.uri().to_string();
        let body = SignableBody::Bytes(request.body().as_bytes());
        let signable = SignableRequest::new(request.method().as_str(), &uri, headers, body)?;
        let (instructions, _) = sign(signable, &parameters.into())?.into_parts();
        let mut request = request.map(SdkBody::from);
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// What a refusal says, be it XML or JSON.
fn message(body: &str) -> String {
    let of_xml = Document::parse(body).ok().and_then(|document| {
        let node = document.descendants().find(|node| node.tag_name().name() == "Message")?;
        node.text().map(str::to_owned)
    });
    let of_json = || {
        let value: serde_json::Value = serde_json::from_str(body).ok()?;
        ["message", "Message"].iter().find_map(|name| value[name].as_str().map(str::to_owned))
    };
    of_xml.or_else(of_json).unwrap_or_else(|| body.chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
        <DescribeStacksResult><Stacks><member><StackName>dw</StackName><Outputs>
          <member><OutputKey>RotateKeys</OutputKey><OutputValue>dw-RotateKeysFunction-1</OutputValue>
            <Description>a &amp; b</Description></member>
          <member><OutputValue>https://a.example</OutputValue><OutputKey>ApiAddress</OutputKey></member>
        </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"#;

    #[test]
    fn outputs_are_read_in_any_order() {
        let outputs = outputs(DESCRIBED).unwrap();
        let outputs: Vec<_> = outputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(outputs, [("ApiAddress", "https://a.example"), ("RotateKeys", "dw-RotateKeysFunction-1")]);
    }

    #[test]
    fn a_refusal_is_said_in_its_own_words() {
        let xml = "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id x does not exist</Message></Error></ErrorResponse>";
        assert_eq!(message(xml), "Stack with id x does not exist");
        assert_eq!(message(r#"{"Message":"no"}"#), "no");
        assert_eq!(message("<html"), "<html");
    }

    #[test]
    fn functions_that_disagree_are_noticed_by_the_variable() {
        let function = |value: &str| Function {
            name: "f".to_owned(),
            memory: 256,
            environment: Environment {
                variables: [("DOORWARD_SIGN_UP".to_owned(), value.to_owned()), ("OTHER".to_owned(), value.to_owned())]
                    .into(),
            },
            hashes: false,
        };
        let stack = |functions| Stack { name: "dw".to_owned(), functions };
        assert!(stack(vec![function("open"), function("open")]).disagreements().is_empty());
        assert_eq!(stack(vec![function("open"), function("closed")]).disagreements(), ["DOORWARD_SIGN_UP"]);
    }
}
