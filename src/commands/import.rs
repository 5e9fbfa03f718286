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

pub async fn run(app: &App, file: &Path) -> Result<(), Fault> {
    let input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Box::new(BufReader::new(opened))
    };
    let mut import =
        Import { app: app.clone(), underway: JoinSet::new(), keys: HashSet::new(), tally: Tally::default() };
    for (at, line) in input.split(b'\n').enumerate() {
        import.take(at + 1, &line?).await?;
    }
    import.wait().await?;
    let Tally { imported, kept, refused } = import.tally;
    println!("imported {imported}, kept {kept}, refused {refused}");
    if refused == 0 { Ok(()) } else { Err(format!("{refused} lines were refused; nothing of them is kept").into()) }
}

struct Import {
    app: App,
    underway: JoinSet<(usize, Result<SignedUp, Fault>)>,
    /// Names, addresses and ids that are on their way.
    keys: HashSet<String>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    imported: usize,
    kept: usize,
    refused: usize,
}

impl Import {
    async fn take(&mut self, number: usize, line: &[u8]) -> Result<(), Fault> {
        let text = match std::str::from_utf8(line) {
            Ok(text) if text.trim().is_empty() => return Ok(()),
            Ok(text) => text,
            Err(_) => {
                self.refuse(number, "is not UTF-8");
                return Ok(());
            }
        };
        let newcomer = match Newcomer::read(&self.app, text) {
            Ok(newcomer) => newcomer,
            Err(problem) => {
                self.refuse(number, &problem);
                return Ok(());
            }
        };
        // Of two lines that have something alike, the first one is to win.
        let keys = newcomer.keys();
        if self.underway.len() >= AT_ONCE || keys.iter().any(|key| self.keys.contains(key)) {
            self.wait().await?;
        }
        self.keys.extend(keys);
        let app = self.app.clone();
        self.underway.spawn(async move { (number, put_in(&app, newcomer).await) });
        Ok(())
    }

    /// Waits until nothing is on its way.
    async fn wait(&mut self) -> Result<(), Fault> {
        while let Some(done) = self.underway.join_next().await {
            let (number, outcome) = done?;
            match outcome? {
                SignedUp::Created => self.tally.imported += 1,
                SignedUp::UsernameTaken => self.tally.kept += 1,
                SignedUp::EmailTaken => self.refuse(number, "email is somebody else's"),
                SignedUp::IdTaken => self.refuse(number, "id is somebody else's"),
            }
            let Tally { imported, kept, refused } = self.tally;
            if (imported + kept + refused).is_multiple_of(REPORT) {
                eprintln!("imported {imported}, kept {kept}, refused {refused} so far");
            }
        }
        self.keys.clear();
        Ok(())
    }

    fn refuse(&mut self, number: usize, problem: &str) {
        eprintln!("line {number}: {problem}");
        self.tally.refused += 1;
    }
}

async fn put_in(app: &App, newcomer: Newcomer) -> Result<SignedUp, Fault> {
    let new = newcomer.into_new(app, app.clock.now()).await?;
    Ok(app.store.users.create(&new, &request(app)?).await?)
}
