//! Packs the files of the docs page: the ones here, and those of Swagger UI that the page needs.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::{Cursor, Read as _, Write as _};
use std::path::PathBuf;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// Where it is served, what it is, and where it lies.
const OURS: [(&str, &str, &str); 3] = [
    ("/docs", "text/html; charset=utf-8", "assets/docs.html"),
    ("/docs/start.js", "text/javascript; charset=utf-8", "assets/start.js"),
    ("/openapi.json", "application/json", "openapi.json"),
];

/// Where it is served, what it is, and what Swagger UI calls it.
const SWAGGER_UI: [(&str, &str, &str); 3] = [
    ("/docs/favicon.png", "image/png", "/dist/favicon-32x32.png"),
    ("/docs/swagger-ui.css", "text/css; charset=utf-8", "/dist/swagger-ui.css"),
    ("/docs/swagger-ui.js", "text/javascript; charset=utf-8", "/dist/swagger-ui-bundle.js"),
];

#[allow(clippy::disallowed_methods)] // It is how Cargo says where things go.
fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("Cargo sets OUT_DIR")?);
    let mut table = String::from("const FILES: &[File] = &[\n");
    let mut pack = |path: &str, media: &str, bytes: &[u8]| -> Result<(), Box<dyn Error>> {
        let name = format!("{}.gz", path.trim_start_matches('/').replace('/', "-"));
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(bytes)?;
        fs::write(out.join(&name), packed.finish()?)?;
        let mut hash = DefaultHasher::new();
        bytes.hash(&mut hash);
        let tag = format!("{:016x}", hash.finish());
        writeln!(
            table,
            "File {{ path: {path:?}, media: {media:?}, tag: {tag:?}, \
             gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\")) }},"
        )?;
        Ok(())
    };

    for (path, media, file) in OURS {
        println!("cargo::rerun-if-changed={file}");
        pack(path, media, &fs::read(file)?)?;
    }
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for (path, media, ending) in SWAGGER_UI {
        let name = archive.file_names().flatten().find(|name| name.ends_with(ending)).ok_or(ending)?.into_owned();
        let mut bytes = Vec::new();
        archive.by_name(&name)?.read_to_end(&mut bytes)?;
        pack(path, media, &bytes)?;
    }

    table.push_str("];\n");
    fs::write(out.join("files.rs"), table)?;
    Ok(())
}
