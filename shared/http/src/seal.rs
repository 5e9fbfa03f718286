//! How private keys lie in the store: sealed by a key that is kept elsewhere.

use crate::kms::{Kms, Settings};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use doorward_core::ids::KeyId;
use doorward_core::keyring::Purpose;
use doorward_core::random::{NoRandomness, Random};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// Seals and opens private keys, with what each is for and its id bound in: opened for another purpose or under another id,
/// it does not open.
pub struct Sealer(By);

enum By {
    /// AES-256-GCM with a key that this process holds.
    File(Box<RandomizedNonceKey>),
    /// A key that never leaves KMS.
    Kms(Kms),
}

/// A secret was not sealed, or what was sealed does not open.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key does not fit, or the sealed bytes are not what was sealed for that purpose.
    #[error("the sealing key does not open what is sealed: it belongs to another store")]
    DoesNotOpen,
    /// The key file is not what it should be.
    #[error("the key file {0} does not hold 64 hexadecimal digits")]
    Malformed(String),
    /// The key file could not be read or written.
    #[error("the key file {path}: {error}")]
    Io {
        /// Which file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// KMS does not answer, or refuses.
    #[error("KMS does not seal or open by the key of DOORWARD_KMS_KEY: {0}")]
    Kms(String),
    /// The operating system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Sealer {
    /// A sealer by a key of KMS. Nothing is sent yet.
    #[must_use]
    pub fn of_kms(settings: Settings) -> Self {
        Self(By::Kms(Kms::new(settings)))
    }

    /// A sealer that is gone with the process.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn ephemeral(random: Random) -> Result<Self, SealError> {
        Self::new(&random.bytes()?)
    }

    /// A sealer by the key in a file of mode 0600, which is made when it is missing.
    ///
    /// # Errors
    /// When the file cannot be read or made, or holds something else.
    pub fn from_file(path: &Path, random: Random) -> Result<Self, SealError> {
        make_file(path, random)?;
        Self::of_file(path)
    }

    /// A sealer by the key in a file that is there. If others may read it, they may no longer.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn of_file(path: &Path) -> Result<Self, SealError> {
        let io = |error| SealError::Io { path: path.display().to_string(), error };
        let mut file = File::open(path).map_err(io)?;
        let mut text = Zeroizing::new(Vec::new());
        file.read_to_end(&mut text).map_err(io)?;
        let key = std::str::from_utf8(&text).ok().and_then(|text| unhex(text.trim()));
        let key = key.ok_or_else(|| SealError::Malformed(path.display().to_string()))?;
        // Not before it is known to be a key file: another file's mode is its owner's affair.
        let mode = file.metadata().map_err(io)?.permissions().mode();
        if mode & 0o077 != 0
            && let Err(error) = file.set_permissions(Permissions::from_mode(0o600))
        {
            tracing::warn!(path = %path.display(), %error, "others may read the key file");
        }
        Self::new(&key)
    }

    fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealError::DoesNotOpen)?;
        Ok(Self(By::File(Box::new(key))))
    }

    /// Seals a key's private part.
    ///
    /// # Errors
    /// When there is no randomness, or KMS does not do it.
    pub async fn seal(&self, purpose: Purpose, id: &KeyId, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        match &self.0 {
            By::File(key) => {
                // A nonce of 12 bytes, then the sealed bytes and their tag.
                let mut bytes = secret.to_vec();
                let nonce = key.seal_in_place_append_tag(bound(purpose, id), &mut bytes).map_err(|_| NoRandomness)?;
                Ok([nonce.as_ref().as_slice(), &bytes].concat())
            }
            By::Kms(kms) => kms.seal(purpose, id, secret).await,
        }
    }

    /// Opens a key's private part.
    ///
    /// # Errors
    /// When it was sealed by another key, for another purpose or under another id, or was changed, or KMS does not answer.
    pub async fn open(&self, purpose: Purpose, id: &KeyId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match &self.0 {
            By::File(key) => {
                let (nonce, bytes) = sealed.split_first_chunk::<12>().ok_or(SealError::DoesNotOpen)?;
                let mut bytes = Zeroizing::new(bytes.to_vec());
                let opened = key.open_in_place(Nonce::from(nonce), bound(purpose, id), &mut bytes);
                let length = opened.map_err(|_| SealError::DoesNotOpen)?.len();
                bytes.truncate(length);
                Ok(bytes)
            }
            By::Kms(kms) => kms.open(purpose, id, sealed).await,
        }
    }
}

/// Makes a key file where none is.
///
/// # Errors
/// When it cannot be made.
fn make_file(path: &Path, random: Random) -> Result<(), SealError> {
    if path.exists() {
        return Ok(());
    }
    let io = |error| SealError::Io { path: path.display().to_string(), error };
    let key: [u8; 32] = random.bytes()?;
    // Whole or not at all, and never over somebody else's: written aside, then linked to its name.
    let aside = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside).map_err(io)?;
    writeln!(file, "{}", hex(&key)).and_then(|()| file.sync_all()).map_err(io)?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside).map_err(io)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io(error)),
        _ => Ok(()),
    }
}

fn bound(purpose: Purpose, id: &KeyId) -> Aad<String> {
    Aad::from(format!("{}:{id}", purpose.as_str()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> KeyId {
        KeyId::parse(text).unwrap()
    }

    #[tokio::test]
    async fn only_the_same_key_purpose_and_id_open() {
        let (sealer, k1) = (Sealer::ephemeral(Random).unwrap(), id("k1"));
        let sealed = sealer.seal(Purpose::Sign, &k1, b"secret").await.unwrap();
        assert_eq!(**sealer.open(Purpose::Sign, &k1, &sealed).await.unwrap(), *b"secret");
        assert!(sealer.open(Purpose::Refresh, &k1, &sealed).await.is_err());
        assert!(sealer.open(Purpose::Sign, &id("k2"), &sealed).await.is_err());
        assert!(Sealer::ephemeral(Random).unwrap().open(Purpose::Sign, &k1, &sealed).await.is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(Purpose::Sign, &k1, &changed).await.is_err());
        }
        assert!(sealer.open(Purpose::Sign, &k1, &sealed[..11]).await.is_err());
    }

    #[tokio::test]
    async fn the_key_file_is_private_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, k1) = (folder.path().join("keys"), id("k1"));
        let sealer = || Sealer::from_file(&path, Random).unwrap();
        let sealed = sealer().seal(Purpose::Seal, &k1, b"secret").await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(**sealer().open(Purpose::Seal, &k1, &sealed).await.unwrap(), *b"secret");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(**sealer().open(Purpose::Seal, &k1, &sealed).await.unwrap(), *b"secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "it is made so again");

        fs::write(&path, "not a key").unwrap();
        assert!(matches!(Sealer::from_file(&path, Random), Err(SealError::Malformed(_))));
    }
}
