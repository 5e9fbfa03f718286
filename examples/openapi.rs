//! Writes `functions/metadata/openapi.json` anew: `just openapi`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/functions/metadata/openapi.json");
    Ok(std::fs::write(file, doorward::openapi::text()?)?)
}
