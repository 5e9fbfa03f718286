//! What a stack can be told.

use crate::{functions, template};
use serde_yaml_ng::Mapping;

/// The variables of all functions.
pub fn variables() -> Mapping {
    let globals = template()["Globals"]["Function"]["Environment"]["Variables"].as_mapping().unwrap().clone();
    let own = functions()
        .into_values()
        .filter_map(|function| function["Properties"]["Environment"]["Variables"].as_mapping().cloned());
    own.flatten().chain(globals).collect()
}

#[test]
fn a_stack_can_be_told_everything() {
    let told = variables();
    let page = crate::read("docs/configuration.md");
    let names: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(names.len() >= told.len());
    // A file of a function's own would be nobody else's.
    for name in names.into_iter().filter(|name| *name != "DOORWARD_KEY_FILE") {
        assert!(told.contains_key(name), "{name}");
    }
}
