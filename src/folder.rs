//! The data folder: the embedded DynamoDB's file, the key file, and the lock of the server that uses them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A data folder, held for as long as this lives.
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made or written.
    #[error("the folder {path}: {error}")]
    Io {
        /// Which.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// A server or a command uses it.
    #[error("the folder {0} is in use by another server or command")]
    InUse(String),
}

/// The key file's name in the folder.
pub const KEY_FILE: &str = "keys";

/// The database's.
const DATABASE: &str = "dynamodb.sqlite";

/// That of the file that is locked.
const LOCK: &str = "lock";

/// That of the file that says where the server listens, and of what becomes it.
const ENDPOINT: &str = "endpoint";
const ENDPOINT_ASIDE: &str = "endpoint.new";

/// So many times a folder is tried that somebody holds, and so long after each.
const TRIES: (u32, Duration) = (50, Duration::from_millis(100));

impl Folder {
    /// Makes the folder when it is missing, for its owner alone, and holds it.
    ///
    /// # Errors
    /// When it cannot be made, or somebody else holds it.
    pub fn hold(path: &Path) -> Result<Self, FolderError> {
        let fault = |error| FolderError::Io { path: path.display().to_string(), error };
        make(path)?;
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(path.join(LOCK)).map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {
                // What an earlier holder announced is true no longer.
                match fs::remove_file(path.join(ENDPOINT)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault(error)),
                    _ => Ok(Self { path: path.to_owned(), _lock: lock }),
                }
            }
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse(path.display().to_string())),
            Err(TryLockError::Error(error)) => Err(fault(error)),
        }
    }

    /// Holds it as [`Folder::hold`] does, after waiting for whoever needs it for a moment: a command, or a server that ends.
    ///
    /// # Errors
    /// When it cannot be made, or somebody holds it for longer.
    pub async fn wait_for(path: &Path) -> Result<Self, FolderError> {
        let (tries, pause) = TRIES;
        for _ in 0..tries {
            match Self::hold(path) {
                Err(FolderError::InUse(_)) => tokio::time::sleep(pause).await,
                done => return done,
            }
        }
        Self::hold(path)
    }

    /// Tells other programs where the server of this folder listens. True for as long as the folder is held.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn announce(&self, server: &Announced) -> Result<(), FolderError> {
        let fault = |error| FolderError::Io { path: self.path.display().to_string(), error };
        // Whole or not at all: somebody may be reading.
        let aside = self.path.join(ENDPOINT_ASIDE);
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
            // One that an earlier server left half-way has whatever mode it had.
            file.set_permissions(Permissions::from_mode(0o600))?;
            write!(file, "{}\n{}", server.dynamodb, server.api)?;
            fs::rename(&aside, self.path.join(ENDPOINT))
        };
        write().map_err(fault)
    }

    /// The embedded DynamoDB's file, for its owner alone whatever the folder is; what SQLite puts beside it is as private.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn database(&self) -> Result<PathBuf, FolderError> {
        let path = self.path.join(DATABASE);
        match OpenOptions::new().append(true).create(true).mode(0o600).open(&path) {
            Ok(_) => Ok(path),
            Err(error) => Err(FolderError::Io { path: path.display().to_string(), error }),
        }
    }
}

/// Whether a server has ever kept something in the folder.
#[must_use]
pub fn is_used(path: &Path) -> bool {
    path.join(DATABASE).is_file()
}

/// Where the server that holds a folder listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its embedded DynamoDB, as a URL.
    pub dynamodb: String,
    /// The API, as a URL.
    pub api: String,
}

/// What the server that holds a folder says; `None` while it is starting.
#[must_use]
pub fn announced(path: &Path) -> Option<Announced> {
    let text = fs::read_to_string(path.join(ENDPOINT)).ok()?;
    let (dynamodb, api) = text.split_once('\n')?;
    Some(Announced { dynamodb: dynamodb.to_owned(), api: api.to_owned() })
}

/// Makes the folder when it is missing, for its owner alone. One that is there is made so if nothing is in it but ours.
///
/// # Errors
/// When it cannot be made.
pub fn make(path: &Path) -> Result<(), FolderError> {
    let made = match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parents = path.parent().map_or(Ok(()), fs::create_dir_all);
            parents.and_then(|()| DirBuilder::new().mode(0o700).create(path))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => tighten(path),
        made => made,
    };
    made.map_err(|error| FolderError::Io { path: path.display().to_string(), error })
}

fn tighten(path: &Path) -> io::Result<()> {
    let is_open = fs::metadata(path)?.permissions().mode() & 0o077 != 0;
    if is_open
        && has_nothing_of_others(path)?
        && let Err(error) = fs::set_permissions(path, Permissions::from_mode(0o700))
    {
        tracing::warn!(path = %path.display(), %error, "others may look into the folder");
    }
    Ok(())
}

fn has_nothing_of_others(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        // SQLite puts files beside the database, by its name.
        if ![LOCK, ENDPOINT, ENDPOINT_ASIDE, KEY_FILE].contains(&&*name) && !name.starts_with(DATABASE) {
            return Ok(false);
        }
    }
    Ok(true)
}
