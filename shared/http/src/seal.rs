//! How private keys lie in the store: sealed by a key that is kept elsewhere.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use doorward_core::random::{NoRandomness, Random};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Seals and opens: AES-256-GCM, with what the secret is for bound in.
pub struct Sealer(RandomizedNonceKey);

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
    /// The operating system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Sealer {
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
        let io = |error| SealError::Io { path: path.display().to_string(), error };
        match fs::read_to_string(path) {
            Ok(text) => {
                let key = unhex(text.trim()).ok_or_else(|| SealError::Malformed(path.display().to_string()))?;
                Self::new(&key)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key: [u8; 32] = random.bytes()?;
                // Whole or not at all, and never over somebody else's: written aside, then linked to its name.
                let aside = path.with_extension(format!("new-{}", std::process::id()));
                let mut file =
                    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside).map_err(io)?;
                writeln!(file, "{}", hex(&key)).and_then(|()| file.sync_all()).map_err(io)?;
                let linked = fs::hard_link(&aside, path);
                fs::remove_file(&aside).map_err(io)?;
                match linked {
                    Ok(()) => Self::new(&key),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::from_file(path, random),
                    Err(error) => Err(io(error)),
                }
            }
            Err(error) => Err(io(error)),
        }
    }

    fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, key).map(Self).map_err(|_| SealError::DoesNotOpen)
    }

    /// Seals a secret for a purpose: a nonce of 12 bytes, then the sealed bytes and their tag.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut bytes = secret.to_vec();
        let nonce =
            self.0.seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut bytes).map_err(|_| NoRandomness)?;
        Ok([nonce.as_ref().as_slice(), &bytes].concat())
    }

    /// Opens what was sealed for that purpose.
    ///
    /// # Errors
    /// When it was sealed by another key or for another purpose, or was changed.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, bytes) = sealed.split_first_chunk::<12>().ok_or(SealError::DoesNotOpen)?;
        let mut bytes = bytes.to_vec();
        let opened = self.0.open_in_place(Nonce::from(nonce), Aad::from(purpose.as_bytes()), &mut bytes);
        let length = opened.map_err(|_| SealError::DoesNotOpen)?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
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

    #[test]
    fn only_the_same_key_and_purpose_open() {
        let sealer = Sealer::ephemeral(Random).unwrap();
        let sealed = sealer.seal("sign:k1", b"secret").unwrap();
        assert_eq!(sealer.open("sign:k1", &sealed).unwrap(), b"secret");
        assert!(sealer.open("refresh:k1", &sealed).is_err());
        assert!(Sealer::ephemeral(Random).unwrap().open("sign:k1", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open("sign:k1", &changed).is_err());
        }
        assert!(sealer.open("sign:k1", &sealed[..11]).is_err());
    }

    #[test]
    fn the_key_file_is_private_and_found_again() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let sealed = Sealer::from_file(&path, Random).unwrap().seal("p", b"secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Sealer::from_file(&path, Random).unwrap().open("p", &sealed).unwrap(), b"secret");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        fs::write(&path, "not a key").unwrap();
        assert!(matches!(Sealer::from_file(&path, Random), Err(SealError::Malformed(_))));
    }
}
