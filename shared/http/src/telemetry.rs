//! Logs: one JSON object a line.

use std::io;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// Where logs go.
#[derive(Clone, Copy, Debug)]
pub enum Output {
    /// Standard output, which Lambda keeps.
    Stdout,
    /// Standard error: standard output belongs to the person.
    Stderr,
}

/// Starts logging, at the level that `RUST_LOG` says; INFO by default.
///
/// Whatever it says, targets outside Doorward are held at INFO: below it, the Lambda runtime logs whole events, and they
/// have passwords in them. Of those in `quiet` only errors are heard.
pub fn start(output: Output, quiet: &[&str]) {
    let writer = match output {
        Output::Stdout => BoxMakeWriter::new(io::stdout),
        Output::Stderr => BoxMakeWriter::new(io::stderr),
    };
    let wanted = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let held = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("doorward", LevelFilter::TRACE)
        .with_targets(quiet.iter().map(|target| (*target, LevelFilter::ERROR)));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer);
    // A second start, as in tests that share a process, finds the first one's subscriber: that one serves.
    let _ = tracing_subscriber::registry().with(wanted).with(lines.with_filter(held)).try_init();
}
