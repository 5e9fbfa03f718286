//! Whether the API answers where it says it is, with the keys of the store, at the same time of day.

use super::Patient;
use super::finding::{Finding, counted, or_ok};
use crate::attached::Attached;
use crate::http::{self, Answer, NoAnswer};
use crate::setup::Configured;
use doorward_core::clock::Timestamp;
use doorward_core::keyring::{KeyRecord, Purpose};
use serde_json::Value;
use std::time::Duration;

/// Where the API is asked.
pub enum Service {
    /// At this address.
    At {
        /// Without a slash at its end.
        address: String,
        /// Whether nobody said that there is one.
        is_guess: bool,
    },
    /// Nowhere: no server runs.
    Nowhere,
}

/// Clocks may be so far apart: it is the leeway that tokens have.
const SKEW: Duration = Duration::from_secs(5);
/// A key is in the set that is published so soon after it was made.
const PUBLISHED_WITHIN: Duration = Duration::from_mins(2);

impl Service {
    /// The address that was said, or the issuer; the issuer of a server of this machine is where it listens, unless it is
    /// configured.
    pub fn of(configured: &Configured, said: Option<String>, local: &str, attached: &Attached) -> Self {
        if let Some(address) = said {
            return Self::At { address: address.trim_end_matches('/').to_owned(), is_guess: false };
        }
        let issuer = &configured.config.parties.issuer;
        if attached.runs_alone() || (issuer == local && local.ends_with(":0")) {
            return Self::Nowhere;
        }
        let is_guess = issuer == local && attached.api.is_none();
        Self::At { address: issuer.clone(), is_guess }
    }
}

/// The API is at its issuer, with the keys of the store, and nobody's clock is wrong.
pub async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut clocks = vec![("DynamoDB", patient.configured.dynamodb_address(patient.endpoint.clone()))];
    let not_asked = "issuer and key set were not asked for";
    match &patient.service {
        Service::Nowhere => {
            let found = format!("no server runs: {not_asked}");
            findings.push(Finding::warning("issuer", found, "start the server, and look again"));
        }
        Service::At { address, is_guess } => {
            let metadata = http::get(&format!("{address}/.well-known/openid-configuration")).await;
            if *is_guess && metadata.is_err() {
                let found = format!("nobody listens on {address}: {not_asked}");
                let mend = "name the server by --listen, or its address by --address";
                findings.push(Finding::warning("issuer", found, mend));
            } else {
                findings.push(issuer(patient, address, metadata));
                findings.push(key_set(patient, address).await);
                clocks.push(("the API", address.clone()));
            }
        }
    }
    findings.extend(clock(patient, &clocks).await);
    findings
}

fn issuer(patient: &Patient<'_>, address: &str, metadata: Result<Answer, NoAnswer>) -> Finding {
    let configured = &patient.configured.config.parties.issuer;
    let answer = match metadata {
        Ok(answer) => answer,
        Err(error) => {
            return Finding::problem("issuer", format!("nobody answers at {address}: {error}"), elsewhere(patient));
        }
    };
    let Some(says) = document(&answer).and_then(|document| document["issuer"].as_str().map(str::to_owned)) else {
        let found = format!("what answers at {address} is not Doorward: status {}", answer.status);
        return Finding::problem("issuer", found, elsewhere(patient));
    };
    if says != *configured {
        let found = format!("{address} says that its issuer is {says}, the configuration here that it is {configured}");
        let mend = "give both the same DOORWARD_ISSUER, the address that clients see";
        return Finding::problem("issuer", found, mend);
    }
    if says != address {
        let found = format!("asked at {address}; whether {says} leads there was not looked at");
        return Finding::warning("issuer", found, "leave --address out when the domain leads to the API");
    }
    if is_open_to_listeners(&says) {
        let found = format!("{says} answers, and everybody on the way can listen");
        return Finding::warning("issuer", found, "put TLS in front, and let DOORWARD_ISSUER begin with https://");
    }
    Finding::ok("issuer", format!("{says} answers and says so itself"))
}

fn elsewhere(patient: &Patient<'_>) -> &'static str {
    if patient.is_stack() {
        "let the domain lead to the stack's output ApiAddress, or deploy with the parameter Issuer that clients see; \
         --address asks elsewhere"
    } else {
        "set DOORWARD_ISSUER to the address that clients see; --address asks elsewhere"
    }
}

/// Whether an address is plain HTTP, and not that of this machine.
fn is_open_to_listeners(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else { return false };
    let is_loopback = ["localhost", "127.", "[::1]"].iter().any(|host| rest.starts_with(host));
    !is_loopback && !rest.split(':').next().is_some_and(|host| host.ends_with(".localhost"))
}

fn document(answer: &Answer) -> Option<Value> {
    (answer.status == 200).then(|| serde_json::from_slice(&answer.body).ok()).flatten()
}

async fn key_set(patient: &Patient<'_>, address: &str) -> Finding {
    let url = format!("{address}/.well-known/jwks.json");
    let answer = match http::get(&url).await {
        Ok(answer) => answer,
        Err(error) => return Finding::problem("key set", format!("{url}: {error}"), elsewhere(patient)),
    };
    let Some(published) = document(&answer).and_then(|document| document["keys"].as_array().cloned()) else {
        let found = format!("{url} answers {} without keys", answer.status);
        return Finding::problem("key set", found, "look into the logs of the function metadata, or of the server");
    };
    let Ok(kept) = patient.store.signing_keys.list(Purpose::Sign).await else {
        return Finding::problem("key set", "there is nothing to hold it against", "mend the table signing-keys first");
    };
    let now = patient.clock.now();
    let jwk = |key: &KeyRecord| key.public.as_ref().and_then(|(_, public)| serde_json::to_value(public).ok());
    let is_settled = |key: &&KeyRecord| now.since(key.made_at) > PUBLISHED_WITHIN;
    let live = || kept.iter().filter(|key| key.term.verifies(now));
    let lacks = live().filter(is_settled).any(|key| !jwk(key).is_some_and(|key| published.contains(&key)));
    // One that died a moment ago is in the set until it is read again.
    let has_others = published.iter().any(|key| !kept.iter().any(|kept| jwk(kept).as_ref() == Some(key)));
    if lacks || has_others {
        let found = format!("{url} does not have the keys of the store");
        return Finding::problem("key set", found, "let the API use the same tables: compare DOORWARD_TABLE_PREFIX");
    }
    Finding::ok("key set", format!("{}, as in the store", counted(published.len(), "key")))
}

/// Nobody is more than a few seconds apart.
async fn clock(patient: &Patient<'_>, others: &[(&str, String)]) -> Vec<Finding> {
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    for (name, address) in others {
        let before = patient.clock.now();
        let Ok(Answer { date: Some(date), .. }) = http::get(address).await else { continue };
        seen.push(*name);
        if let Some(apart) = apart(before, date, patient.clock.now()) {
            let found = format!("{name} is {} seconds {} this machine", apart.as_secs(), direction(before, date));
            wrong.push(Finding::problem("clock", found, "set the clocks of both by NTP: tokens go by them"));
        }
    }
    if seen.is_empty() {
        let mend = "look again when DynamoDB or the API can be reached";
        return vec![Finding::warning("clock", "nobody said what time it is", mend)];
    }
    or_ok("clock", wrong, format!("within 5 seconds of {}", seen.join(" and ")))
}

/// How far a date is from the time in which it was asked for, if it is too far. Dates are in whole seconds.
fn apart(before: Timestamp, date: Timestamp, after: Timestamp) -> Option<Duration> {
    let apart = before.since(date.plus(Duration::from_secs(1))).max(date.since(after));
    (apart > SKEW).then_some(apart)
}

fn direction(before: Timestamp, date: Timestamp) -> &'static str {
    if date < before { "behind" } else { "ahead of" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_five_seconds_and_by_what_an_answer_takes() {
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
        for (date, after, expected) in [
            (0, 10, None),
            (-5_999, 10, None),
            (-7_000, 10, Some(6)),
            (5_000, 10, None),
            (12_000, 9_000, None),
            (20_000, 10, Some(19)),
        ] {
            let found = apart(at(0), at(date), at(after)).map(|apart| apart.as_secs());
            assert_eq!(found, expected, "{date}");
        }
        assert_eq!(direction(at(0), at(-7_000)), "behind");
    }

    #[test]
    fn http_is_for_this_machine() {
        for open in ["http://auth.example.com", "http://192.168.0.1:9000", "http://doorward.test"] {
            assert!(is_open_to_listeners(open), "{open}");
        }
        for closed in ["https://auth.example.com", "http://127.0.0.1:9000", "http://localhost:1", "http://[::1]:1"] {
            assert!(!is_open_to_listeners(closed), "{closed}");
        }
    }
}
