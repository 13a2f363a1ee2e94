//! A project's two keys: one signs its ledger, the other turns ids into pseudonyms. Without the second nobody can tell
//! any more whom an entry is about, and the first still shows that it is genuine.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::mac::mac;
use crate::base::{hex, sha256, unhex};
use crate::error::{Error, Result};

/// Name of the file with the seed of the Ed25519 key, as 64 hexadecimal digits.
pub const SIGNING: &str = "signing.key";
/// Name of the file with the key of the pseudonyms, as 64 hexadecimal digits.
pub const PSEUDONYMS: &str = "pseudonyms.key";
/// Name of the file with the public key, to give away.
pub const PUBLIC: &str = "public.key";
/// What the key file of the pseudonyms holds once the key is destroyed.
const DESTROYED: &str = "destroyed";

/// The project's keys.
#[derive(Clone)]
pub struct Keys {
    folder: PathBuf,
    signing: SigningKey,
    pseudonyms: Option<[u8; 32]>,
}

impl std::fmt::Debug for Keys {
    /// No secret reaches a message.
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Keys({})", self.public().fingerprint())
    }
}

impl Keys {
    /// Draws both keys and writes them into a folder that only its owner can read. Keys that are there already stay,
    /// and are opened.
    ///
    /// # Errors
    /// The folder cannot be made or written to; the system has no random numbers.
    pub fn create(folder: &Path) -> Result<Keys> {
        make_private(folder)?;
        for name in [SIGNING, PSEUDONYMS] {
            if !folder.join(name).exists() {
                write_private(&folder.join(name), &hex(&random()?))?;
            }
        }
        let keys = Keys::open(folder)?;
        crate::base::write_atomic(&folder.join(PUBLIC), format!("{}\n", keys.public().hex()).as_bytes())?;
        Ok(keys)
    }

    /// Reads the keys of a folder.
    ///
    /// # Errors
    /// A file is absent, others may read it, or it holds no key.
    pub fn open(folder: &Path) -> Result<Keys> {
        let signing = SigningKey::from_bytes(
            &read_private(&folder.join(SIGNING))?
                .ok_or_else(|| Error::input(format!("{} holds no key", folder.join(SIGNING).display())))?,
        );
        Ok(Keys { folder: folder.to_owned(), signing, pseudonyms: read_private(&folder.join(PSEUDONYMS))? })
    }

    /// The key that others check signatures with.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.signing.verifying_key())
    }

    /// Ed25519 (RFC 8032) over a message, in hexadecimal.
    pub fn sign(&self, message: &[u8]) -> String {
        hex(&self.signing.sign(message).to_bytes())
    }

    /// HMAC-SHA-256 (RFC 2104) of an id, in hexadecimal: the same id has the same pseudonym as long as the key lives.
    ///
    /// # Errors
    /// The key has been destroyed.
    pub fn pseudonym(&self, id: &str) -> Result<String> {
        let key = self.pseudonyms.as_ref().ok_or_else(|| {
            let path = self.folder.join(PSEUDONYMS);
            Error::input(format!("{} was destroyed: no id can be matched with the ledger any more", path.display()))
        })?;
        mac(key, id.as_bytes())
    }

    /// Pseudonym of a request by its `request_id`: what the ledger, the store and certificates call it.
    ///
    /// # Errors
    /// As [`Keys::pseudonym`].
    pub fn request(&self, request_id: &str) -> Result<String> {
        self.pseudonym(&format!("request\0{request_id}"))
    }

    /// Whether ids still have pseudonyms.
    pub fn linkable(&self) -> bool {
        self.pseudonyms.is_some()
    }

    /// Overwrites the key of the pseudonyms where it lies. Copies of the folder, backups and what a disk keeps of
    /// blocks that were written before are beyond this.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn destroy(&mut self) -> Result<()> {
        let path = self.folder.join(PSEUDONYMS);
        // In place: a new file under the old name would leave the old one's blocks to chance.
        let overwrite = |mut file: File| {
            file.write_all(&[b'0'; 65])?;
            file.sync_all()?;
            file.set_len(0)?;
            std::io::Seek::rewind(&mut file)?;
            writeln!(file, "{DESTROYED}")?;
            file.sync_all()
        };
        OpenOptions::new().write(true).open(&path).and_then(overwrite).map_err(Error::io("overwrite", &path))?;
        self.pseudonyms = None;
        Ok(())
    }
}

/// The key that signatures are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// Other text, or no point of the curve.
    pub fn from_hex(text: &str) -> Result<PublicKey> {
        let bytes = unhex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        key.map(PublicKey).ok_or_else(|| {
            Error::input(format!(
                "`{}` is no public key; one is 64 hexadecimal digits, as `unlearn ledger key` prints it",
                text.trim()
            ))
        })
    }

    /// Reads the file that [`Keys::create`] wrote.
    ///
    /// # Errors
    /// The file cannot be read, or holds no public key.
    pub fn read(path: &Path) -> Result<PublicKey> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        PublicKey::from_hex(&text).map_err(|e| Error::input(format!("{}: {e}", path.display())))
    }

    /// The key's 32 bytes in hexadecimal.
    pub fn hex(&self) -> String {
        hex(self.0.as_bytes())
    }

    /// SHA-256 of its 32 bytes, in hexadecimal: what people compare.
    pub fn fingerprint(&self) -> String {
        sha256(self.0.as_bytes())
    }

    /// Whether the key's owner signed the message. Strict: a signature has one form.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let bytes = unhex(signature).and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        bytes.is_some_and(|bytes| self.0.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok())
    }
}

fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| Error::internal(format!("no random numbers from the system: {e}")))?;
    Ok(bytes)
}

fn make_private(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(Error::io("close to others", folder))?;
    }
    Ok(())
}

/// Writes a new file that only its owner reads, whole or not at all.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let temporary = path.with_extension("new");
    let write = |mut file: File| writeln!(file, "{text}").and_then(|()| file.sync_all());
    let written = options.open(&temporary).and_then(write).and_then(|()| fs::rename(&temporary, path));
    written.map_err(Error::io("write", path))
}

/// A key; none where it was destroyed.
fn read_private(path: &Path) -> Result<Option<[u8; 32]>> {
    let text = fs::read_to_string(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => {
            Error::input(format!("{} is absent; put it back from where you keep a copy", path.display()))
        }
        _ => Error::io("read", path)(e),
    })?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_err(Error::io("read", path))?.permissions().mode();
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(Error::input(format!("{path} can be read by others; run `chmod 600 {path}`")));
        }
    }
    if text.trim() == DESTROYED {
        return Ok(None);
    }
    let key = unhex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.map(Some).ok_or_else(|| Error::input(format!("{} holds no key of 64 hexadecimal digits", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_owners_alone_and_are_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("keys");
        let keys = Keys::create(&folder).unwrap();
        let again = Keys::create(&folder).unwrap();
        assert_eq!((keys.public(), keys.pseudonym("a").unwrap()), (again.public(), again.pseudonym("a").unwrap()));
        assert_eq!(PublicKey::read(&folder.join(PUBLIC)).unwrap(), keys.public());
        assert_ne!(keys.pseudonym("a").unwrap(), keys.pseudonym("b").unwrap());
        assert!(!format!("{keys:?}").contains(&fs::read_to_string(folder.join(SIGNING)).unwrap()[..8]));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(SIGNING), mode(PSEUDONYMS), mode(".")), (0o600, 0o600, 0o700));
            fs::set_permissions(folder.join(SIGNING), fs::Permissions::from_mode(0o644)).unwrap();
            assert!(Keys::open(&folder).unwrap_err().to_string().contains("chmod 600"));
        }
    }

    #[test]
    fn a_signature_is_of_one_key_and_one_message() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Keys::create(&dir.path().join("a")).unwrap(), Keys::create(&dir.path().join("b")).unwrap());
        let signature = one.sign(b"said");
        assert!(one.public().verifies(b"said", &signature));
        assert!(!one.public().verifies(b"else", &signature) && !other.public().verifies(b"said", &signature));
        assert!(!one.public().verifies(b"said", &signature[2..]) && !one.public().verifies(b"said", "é"));
        assert_eq!(PublicKey::from_hex(&one.public().hex()).unwrap(), one.public());
        assert_eq!(PublicKey::from_hex("12").unwrap_err().exit_code(), 2);
    }

    /// Test 1 of RFC 8032, section 7.1, and test case 2 of RFC 4231 with its key filled up to a block, which HMAC does.
    #[test]
    fn signatures_and_pseudonyms_are_the_standards() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| write_private(&dir.path().join(name), text).unwrap();
        write(SIGNING, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        write(PSEUDONYMS, &format!("{:0<64}", "4a656665"));
        let keys = Keys::open(dir.path()).unwrap();
        assert_eq!(keys.public().hex(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert!(keys.sign(b"").starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"));
        let want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(keys.pseudonym("what do ya want for nothing?").unwrap(), want);
    }

    #[test]
    fn a_destroyed_key_makes_no_pseudonym_and_still_signs() {
        let dir = tempfile::tempdir().unwrap();
        let mut keys = Keys::create(dir.path()).unwrap();
        let secret = fs::read_to_string(dir.path().join(PSEUDONYMS)).unwrap();
        keys.destroy().unwrap();
        let mut again = Keys::create(dir.path()).unwrap();
        for keys in [&keys, &again] {
            assert!(!keys.linkable() && keys.pseudonym("a").unwrap_err().to_string().contains("destroyed"));
            assert!(keys.public().verifies(b"x", &keys.sign(b"x")));
        }
        again.destroy().unwrap();
        for entry in fs::read_dir(dir.path()).unwrap() {
            assert!(!fs::read_to_string(entry.unwrap().path()).unwrap().contains(secret.trim()));
        }
    }
}
