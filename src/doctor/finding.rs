//! What a check finds.

use std::io::{self, Write as _};

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works; somebody should look at it.
    Warning,
    /// It does not work, or what it keeps may be lost.
    Problem,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One line of a check-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub level: Level,
    check: &'static str,
    found: String,
    /// What to do about it, in one sentence.
    mend: Option<String>,
}

impl Finding {
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, found: found.into(), mend: None }
    }

    pub fn warning(check: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Warning, check, found: found.into(), mend: Some(mend.into()) }
    }

    pub fn problem(check: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Problem, check, found: found.into(), mend: Some(mend.into()) }
    }
}

/// What is wrong, or, when nothing is, that all is well.
pub fn or_ok(check: &'static str, wrong: Vec<Finding>, well: impl Into<String>) -> Vec<Finding> {
    if wrong.is_empty() { vec![Finding::ok(check, well)] } else { wrong }
}

/// So many of something, as people say it.
pub fn counted(number: usize, name: &str) -> String {
    if number == 1 { format!("1 {name}") } else { format!("{number} {name}s") }
}

/// Prints findings as people read them: what to do stands below what is wrong.
pub fn print(findings: &[Finding]) -> io::Result<()> {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let mut out = io::BufWriter::new(io::stdout().lock());
    for Finding { level, check, found, mend } in findings {
        writeln!(out, "{:7}  {check:width$}  {found}", level.as_str())?;
        if let Some(mend) = mend {
            writeln!(out, "{:7}  {:width$}  -> {mend}", "", "")?;
        }
    }
    let count = |level, name| {
        let found = findings.iter().filter(|finding| finding.level == level);
        counted(found.count(), name)
    };
    writeln!(out, "{}, {}", count(Level::Problem, "problem"), count(Level::Warning, "warning"))?;
    out.flush()
}
