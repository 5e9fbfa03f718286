//! Whether there are keys of every purpose, whether they are turned over, and whether they open.

use super::Patient;
use super::finding::{Finding, counted, or_ok};
use doorward_core::keyring::{KeyRecord, Purpose};
use doorward_core::rotation::is_due;
use doorward_http::seal::Sealer;
use std::time::Duration;

/// The rotation of a stack runs daily, and Lambda repeats what failed.
const LATE: Duration = Duration::from_hours(48);

/// One makes what is new, none is overdue, and all of them open.
pub async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let (mut findings, mut all) = (Vec::new(), Vec::new());
    for purpose in Purpose::ALL {
        match patient.store.signing_keys.list(purpose).await {
            Ok(keys) => {
                findings.push(standing(patient, purpose, &keys));
                all.extend(keys);
            }
            Err(error) => {
                let found = format!("those of {} cannot be read: {error}", purpose.as_str());
                findings.push(Finding::problem("keys", found, "mend the table signing-keys first"));
            }
        }
    }
    findings.extend(sealing(patient, &all).await);
    findings
}

fn standing(patient: &Patient<'_>, purpose: Purpose, keys: &[KeyRecord]) -> Finding {
    let (now, name, options) = (patient.clock.now(), purpose.as_str(), patient.named());
    let rotate = format!("run `doorward{options} keys rotate --purpose {name}`");
    let Some(current) = keys.iter().rev().find(|key| key.term.signs(now)) else {
        let found = format!("there is no {name} key in use");
        let lost = "if there were keys, restore the table signing-keys from a backup";
        return Finding::problem("keys", found, format!("{rotate}; {lost}"));
    };
    let days = now.since(current.term.signs_from).as_secs() / 86_400;
    let (days, of) = (counted(usize::try_from(days).unwrap_or(usize::MAX), "day"), counted(keys.len(), "key"));
    let found = format!("{name}: {} is in use for {days}, of {of}", current.id);
    let Some(youngest) = keys.last() else { return Finding::ok("keys", found) };
    match patient.is_stack() {
        true if is_due(youngest, now.minus(LATE)) => {
            let mend = "look into the logs of the function rotate-keys, which should run daily";
            Finding::problem("keys", format!("{found}; its successor is overdue"), mend)
        }
        false if is_due(youngest, now) => Finding::warning("keys", format!("{found}; a successor is due"), rotate),
        _ => Finding::ok("keys", found),
    }
}

/// Whatever is of use opens by what seals here.
async fn sealing(patient: &Patient<'_>, keys: &[KeyRecord]) -> Vec<Finding> {
    if let Some(file) = patient.configured.key_file(patient.options).filter(|file| !file.exists()) {
        let found = format!("the key file {} is missing", file.display());
        return vec![Finding::problem("sealing", found, "put it back from a backup: without it no key opens")];
    }
    let sealer = match patient.configured.sealer(patient.options, &patient.store).await {
        Ok(sealer) => sealer,
        Err(error) => return vec![Finding::problem("sealing", error.to_string(), "set what seals the private keys")],
    };
    let now = patient.clock.now();
    let (mut wrong, mut tried) = (Vec::new(), 0_usize);
    for key in keys.iter().filter(|key| key.term.verifies(now)) {
        wrong.extend(does_not_open(patient, &sealer, key).await);
        tried += 1;
    }
    or_ok("sealing", wrong, format!("opened {}", counted(tried, "private key")))
}

async fn does_not_open(patient: &Patient<'_>, sealer: &Sealer, key: &KeyRecord) -> Option<Finding> {
    let error = sealer.open(key.purpose, &key.id, &key.sealed).await.err()?;
    let found = format!("the {} key {} does not open: {error}", key.purpose.as_str(), key.id);
    let mend = if patient.configured.config.kms_key.is_some() {
        "check that DOORWARD_KMS_KEY is the key that sealed it, is enabled, and that you may call kms:Decrypt"
    } else {
        "put the key file back that the store was made with, or name it by DOORWARD_KEY_FILE"
    };
    Some(Finding::problem("sealing", found, mend))
}
