//! Whether the tables are as `template.yaml` defines them.

use super::Patient;
use super::finding::{Finding, or_ok};
use doorward_store::{TableDefinition, TableState};

/// The tables that are there.
pub type States<'a> = Vec<(&'a TableDefinition, TableState)>;

/// Every table is there, with its keys.
pub async fn check<'a>(patient: &'a Patient<'_>) -> (Vec<Finding>, States<'a>) {
    let (mut wrong, mut states) = (Vec::new(), Vec::new());
    for table in &patient.tables {
        let name = patient.store.table_name(table);
        match patient.store.inspect(table).await {
            Ok(Some(state)) => {
                if !state.keys_fit {
                    let mend = "move what is in it to a table with the keys of template.yaml, under the same name";
                    wrong.push(Finding::problem("tables", format!("{name} has other keys than it should"), mend));
                }
                states.push((table, state));
            }
            Ok(None) => wrong.push(Finding::problem("tables", format!("{name} is missing"), make(patient))),
            Err(error) => {
                // The others will say the same.
                let mend = "check the address, the region, the credentials and their rights";
                wrong.push(Finding::problem("tables", format!("{name}: {error}"), mend));
                break;
            }
        }
    }
    (or_ok("tables", wrong, format!("{} tables with their keys", patient.tables.len())), states)
}

fn make(patient: &Patient<'_>) -> &'static str {
    if patient.is_stack() {
        "restore it from a backup, or deploy the stack anew"
    } else {
        "start the server anew: it makes the tables that are missing, empty"
    }
}

/// What is expired is deleted, by the attribute that the code writes.
pub fn expiry(states: &States<'_>) -> Vec<Finding> {
    let wrong = states.iter().filter_map(|(table, state)| expires_wrongly(table, state)).collect();
    let expiring = states.iter().filter(|(table, _)| table.ttl.is_some()).count();
    or_ok("expiry", wrong, format!("{expiring} tables delete what is expired"))
}

fn expires_wrongly(table: &TableDefinition, TableState { name, ttl, .. }: &TableState) -> Option<Finding> {
    if *ttl == table.ttl {
        return None;
    }
    let update = |on: bool, attribute: &str| {
        format!(
            "aws dynamodb update-time-to-live --table-name {name} \
             --time-to-live-specification Enabled={on},AttributeName={attribute}"
        )
    };
    let on = table.ttl.as_ref().map(|right| update(true, right));
    Some(match ttl {
        None => {
            let found = format!("{name} keeps what is expired: its time to live is off");
            Finding::problem("expiry", found, format!("run: {}", on.unwrap_or_default()))
        }
        Some(other) => {
            let found = format!("{name} deletes by the attribute {other}, which is not its time to live");
            // AWS takes another change of the same table an hour later.
            let then = on.map(|on| format!("; and an hour later: {on}")).unwrap_or_default();
            Finding::problem("expiry", found, format!("run: {}{then}", update(false, other)))
        }
    })
}

/// What cannot be made anew can be set back.
pub async fn recovery(patient: &Patient<'_>, states: &States<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    for (table, TableState { name, .. }) in states.iter().filter(|(table, _)| table.recoverable) {
        let mend = format!(
            "run: aws dynamodb update-continuous-backups --table-name {name} \
             --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        );
        match patient.store.is_recoverable(table).await {
            Ok(true) => {}
            Ok(false) => wrong.push(Finding::problem("recovery", format!("{name} is not backed up"), mend)),
            Err(error) => {
                let mend = "check that you may call dynamodb:DescribeContinuousBackups";
                wrong.push(Finding::problem("recovery", format!("{name}: {error}"), mend));
            }
        }
    }
    or_ok("recovery", wrong, "what cannot be made anew is backed up continuously")
}

/// What cannot be made anew is not deleted by mistake.
pub fn protection(states: &States<'_>) -> Vec<Finding> {
    let off = states.iter().filter(|(table, state)| table.protected && !state.protected);
    let wrong = off.map(|(_, TableState { name, .. })| {
        let mend = format!("run: aws dynamodb update-table --table-name {name} --deletion-protection-enabled");
        Finding::problem("protection", format!("{name} can be deleted by mistake"), mend)
    });
    or_ok("protection", wrong.collect(), "what cannot be made anew is protected from deletion")
}
