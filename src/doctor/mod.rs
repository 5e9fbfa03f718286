//! `doctor`: checks an installation and says what is wrong and how to mend it. It changes nothing.

mod authorizers;
mod finding;
mod hashing;
mod keys;
mod service;
mod switches;
mod tables;

use crate::attached::Attached;
use crate::cli::{Doctor, Options};
use crate::folder;
use crate::setup::{Configured, Fault, configure, configure_stack};
use crate::tables::of_template;
use doorward_core::clock::Clock;
use doorward_store::{Store, TableDefinition};
use finding::{Level, print};
use service::Service;

/// What is looked at.
struct Patient<'a> {
    options: &'a Options,
    configured: Configured,
    /// Where DynamoDB is, if not where the environment says.
    endpoint: Option<String>,
    store: Store,
    tables: Vec<TableDefinition>,
    service: Service,
    clock: Clock,
}

impl Patient<'_> {
    /// The options that name it to another command.
    fn named(&self) -> String {
        let Options { stack, dynamodb_endpoint, data, .. } = self.options;
        match (stack, dynamodb_endpoint) {
            (Some(stack), _) => format!(" --stack {stack}"),
            (_, Some(endpoint)) => format!(" --dynamodb-endpoint {endpoint}"),
            _ if data.as_os_str() == ".doorward" => String::new(),
            _ => format!(" --data {}", data.display()),
        }
    }

    fn is_stack(&self) -> bool {
        self.configured.stack.is_some()
    }
}

/// Looks, and prints what there is to say.
///
/// # Errors
/// When something is wrong, or there is nothing to look at.
pub async fn run(options: &Options, wanted: Doctor) -> Result<(), Fault> {
    let is_embedded = options.stack.is_none() && options.dynamodb_endpoint.is_none();
    if is_embedded && !folder::is_used(&options.data) {
        let data = options.data.display();
        return Err(format!("there is nothing in {data} yet: the first start of the server makes it").into());
    }
    let attached = Attached::to(options).await?;
    let found = look(options, wanted, &attached).await;
    attached.leave().await;
    match found? {
        0 => Ok(()),
        1 => Err("there is a problem".into()),
        problems => Err(format!("there are {problems} problems").into()),
    }
}

/// The number of problems.
async fn look(options: &Options, wanted: Doctor, attached: &Attached) -> Result<usize, Fault> {
    let local = attached.api.clone().unwrap_or_else(|| format!("http://{}", options.listen));
    let configured = match &options.stack {
        Some(name) => configure_stack(name).await?,
        None => configure(options, local.clone())?,
    };
    let (endpoint, clock) = (attached.endpoint.clone(), Clock::System);
    let patient = Patient {
        service: Service::of(&configured, wanted.address, &local, attached),
        store: configured.store(endpoint.clone()),
        tables: of_template()?,
        options,
        configured,
        endpoint,
        clock,
    };
    let (mut findings, states) = tables::check(&patient).await;
    // Of tables that nobody could look at, nothing more is known.
    if !states.is_empty() {
        findings.extend(tables::expiry(&states));
        if patient.is_stack() {
            findings.extend(tables::recovery(&patient, &states).await);
            findings.extend(tables::protection(&states));
        }
    }
    findings.extend(keys::check(&patient).await);
    findings.extend(service::check(&patient).await);
    findings.extend(switches::check(&patient));
    findings.push(hashing::check(&patient).await?);
    if patient.is_stack() {
        findings.extend(authorizers::check(&patient).await);
    }
    print(&findings)?;
    Ok(findings.iter().filter(|finding| finding.level == Level::Problem).count())
}
