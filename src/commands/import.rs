//! `users import`

use super::lines::Newcomer;
use super::request;
use crate::setup::Fault;
use doorward_http::App;
use doorward_store::SignedUp;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use tokio::task::JoinSet;

/// So many lines are on their way to the store at a time.
const AT_ONCE: usize = 32;
/// Progress is shown every so many lines.
const REPORT: usize = 1000;
/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

pub async fn run(app: &App, file: &Path) -> Result<(), Fault> {
    let input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Box::new(BufReader::new(opened))
    };
    let mut import = Import::new(app);
    let done = import.take_all(input).await;
    let Tally { imported, kept, refused } = import.tally;
    println!("imported {imported}, kept {kept}, refused {refused}");
    done?;
    if refused == 0 { Ok(()) } else { Err(format!("{refused} lines were refused; nothing of them is kept").into()) }
}

struct Import {
    app: App,
    underway: JoinSet<(usize, Result<SignedUp, Fault>)>,
    /// Names, addresses and ids that are on their way.
    keys: HashSet<String>,
    /// What was refused while earlier lines were on their way, by its line: said in the lines' order.
    refusals: Vec<(usize, String)>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    imported: usize,
    kept: usize,
    refused: usize,
}

impl Tally {
    /// Adds a line, and shows progress.
    fn count(&mut self, of: impl FnOnce(&mut Self) -> &mut usize) {
        *of(self) += 1;
        let Self { imported, kept, refused } = self;
        if (*imported + *kept + *refused).is_multiple_of(REPORT) {
            eprintln!("imported {imported}, kept {kept}, refused {refused} so far");
        }
    }
}

impl Import {
    fn new(app: &App) -> Self {
        let (underway, keys) = (JoinSet::new(), HashSet::new());
        Self { app: app.clone(), underway, keys, refusals: Vec::new(), tally: Tally::default() }
    }

    /// Takes lines until there are no more, or one cannot be read or stored. Those that are on their way are counted.
    async fn take_all(&mut self, input: impl BufRead) -> Result<(), Fault> {
        let mut taken = Ok(());
        for (at, line) in input.split(b'\n').enumerate() {
            taken = match &line {
                Ok(line) if at == 0 => self.take(1, line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)).await,
                Ok(line) => self.take(at + 1, line).await,
                Err(error) => Err(error.to_string().into()),
            };
            if taken.is_err() {
                break;
            }
        }
        let waited = self.wait().await;
        taken.and(waited)
    }

    async fn take(&mut self, number: usize, line: &[u8]) -> Result<(), Fault> {
        let text = match std::str::from_utf8(line) {
            Ok(text) if text.trim().is_empty() => return Ok(()),
            Ok(text) => text,
            Err(_) => return self.refuse(number, "is not UTF-8").await,
        };
        let newcomer = match Newcomer::read(&self.app, text) {
            Ok(newcomer) => newcomer,
            Err(problem) => return self.refuse(number, &problem).await,
        };
        // Of two lines that have something alike, the first one is to win.
        let keys = newcomer.keys();
        if self.is_full() || keys.iter().any(|key| self.keys.contains(key)) {
            self.wait().await?;
        }
        self.keys.extend(keys);
        let app = self.app.clone();
        self.underway.spawn(async move { (number, put_in(&app, newcomer).await) });
        Ok(())
    }

    /// Refuses a line before it is on its way.
    async fn refuse(&mut self, number: usize, problem: &str) -> Result<(), Fault> {
        self.refusals.push((number, problem.to_owned()));
        if self.underway.is_empty() || self.is_full() { self.wait().await } else { Ok(()) }
    }

    fn is_full(&self) -> bool {
        self.underway.len() + self.refusals.len() >= AT_ONCE
    }

    /// Waits until nothing is on its way, and says what was refused.
    ///
    /// # Errors
    /// The first line that could not be stored.
    async fn wait(&mut self) -> Result<(), Fault> {
        let mut faults = Vec::new();
        while let Some(done) = self.underway.join_next().await {
            let (number, outcome) = done?;
            match outcome {
                Ok(SignedUp::Created) => self.tally.count(|tally| &mut tally.imported),
                Ok(SignedUp::UsernameTaken) => self.tally.count(|tally| &mut tally.kept),
                Ok(SignedUp::EmailTaken) => self.refusals.push((number, "email is somebody else's".to_owned())),
                Ok(SignedUp::IdTaken) => self.refusals.push((number, "id is somebody else's".to_owned())),
                Err(fault) => faults.push((number, fault)),
            }
        }
        self.keys.clear();
        self.refusals.sort_unstable();
        for (number, problem) in self.refusals.drain(..) {
            eprintln!("line {number}: {problem}");
            self.tally.count(|tally| &mut tally.refused);
        }
        let first = faults.into_iter().min_by_key(|(number, _)| *number);
        first.map_or(Ok(()), |(number, fault)| Err(format!("line {number}: {fault}").into()))
    }
}

async fn put_in(app: &App, newcomer: Newcomer) -> Result<SignedUp, Fault> {
    // What somebody left who was deleted under that id would be this one's.
    if let Some(id) = newcomer.id()
        && app.store.users.get(id).await?.is_none()
    {
        app.store.forget(id).await?;
    }
    let new = newcomer.into_new(app, app.clock.now()).await?;
    Ok(app.store.users.create(&new, &request(app)?).await?)
}
