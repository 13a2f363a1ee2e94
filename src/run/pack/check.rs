//! `unlearn verify PACK`: whether a pack is as it was written, by the files alone; and if not, what was changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::certificate::{Certificate, SCHEMA};
use super::contents::Contents;
use super::found::{Finding, Found};
use super::{Anchors, CERTIFICATE, KEY, LEDGER, PAGE, SCRIPT, SIGNATURE};
use super::{cross, page, signed, write};
use crate::base::{hex, sha256, unhex};
use crate::error::{Error, Result};
use crate::ledger::{PublicKey, Start};

/// No certificate is longer; the rest of a pack's text is below it too.
const MOST_TEXT: u64 = 64 << 20;

/// What `unlearn verify PACK` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Checked {
    /// `unlearn.pack-check/1`
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The pack.
    pub pack: PathBuf,
    /// Nothing in it was changed.
    pub whole: bool,
    /// What was.
    pub findings: Vec<Finding>,
    /// What holds and what cannot be told, in sentences.
    pub notes: Vec<String>,
    /// What is certified, as it stands in the pack.
    pub certificate: Certificate,
    /// SHA-256 of the document.
    pub certificate_sha256: String,
}

/// Reads a pack and everything in it.
///
/// # Errors
/// [`Error::Input`] where it is no pack, one of another version, or one that cannot be read; nothing is written.
pub fn check(path: &Path, anchors: &Anchors) -> Result<Checked> {
    let contents = Contents::open(path)?;
    let mut found = Found::default();
    let Some(bytes) = contents.bytes(CERTIFICATE, MOST_TEXT)? else {
        return Err(Error::input(format!("{}: there is no {CERTIFICATE} in it, so it is no pack", path.display())));
    };
    let certificate = parse(path, &bytes)?;
    let hash = sha256(&bytes);
    signature(&contents, &certificate, &hash, anchors, &mut found)?;
    files(&contents, &certificate, &mut found)?;
    rendered(&contents, &certificate, &mut found)?;
    key(&contents, &certificate, &mut found)?;
    ledger(&contents, (&certificate, &hash), anchors, &mut found)?;
    cross::check(&contents, &certificate, &mut found)?;
    let Found { findings, notes } = found;
    let (schema, version) = ("unlearn.pack-check/1", env!("CARGO_PKG_VERSION"));
    let (pack, whole) = (path.to_owned(), findings.is_empty());
    Ok(Checked { schema, version, pack, whole, findings, notes, certificate, certificate_sha256: hash })
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Certificate> {
    let fail = |what: String| Error::input(format!("{} {CERTIFICATE}: {what}", path.display()));
    let changed = "the file was changed or damaged; take the pack again from where it came";
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|e| fail(format!("not JSON ({e}): {changed}")))?;
    let word = |key: &str| value.get(key).and_then(serde_json::Value::as_str);
    match word("schema") {
        Some(SCHEMA) => {}
        Some(other) if other.starts_with("unlearn.certificate/") => {
            return Err(fail(format!(
                "its layout is {other}, written by unlearn {}, and this version reads {SCHEMA}; check it with the \
                 version that wrote it",
                word("version").unwrap_or("of no known version")
            )));
        }
        _ => return Err(fail(format!("it does not say that it is {SCHEMA}, so it is no certificate"))),
    }
    serde_json::from_slice(bytes).map_err(|e| fail(format!("{e}: {changed}")))
}

/// The signature, by the key that the certificate names and by the one that is known from elsewhere.
fn signature(contents: &Contents, c: &Certificate, hash: &str, anchors: &Anchors, found: &mut Found) -> Result<()> {
    let Some(bytes) = contents.bytes(SIGNATURE, MOST_TEXT)? else {
        found.wrong(SIGNATURE, "the file is gone: nobody stands for this certificate");
        return Ok(());
    };
    let text = String::from_utf8_lossy(&bytes);
    let signature = text.trim();
    let key = match PublicKey::from_hex(&c.signer.public_key) {
        Ok(key) => key,
        Err(e) => {
            found.wrong("signer.public_key", e.to_string());
            return Ok(());
        }
    };
    if c.signer.algorithm != "Ed25519" {
        found.wrong("signer.algorithm", format!("`{}`, and packs are signed by Ed25519", c.signer.algorithm));
    }
    if c.signer.fingerprint != key.fingerprint() {
        found.wrong("signer.fingerprint", "it is not that of signer.public_key");
    }
    let well_formed = text.as_ref() == format!("{signature}\n")
        && unhex(signature).is_some_and(|b| b.len() == 64 && hex(&b) == signature);
    if !well_formed {
        found.wrong(SIGNATURE, "it is no signature: expected 128 hexadecimal digits and a line's end");
    } else if !key.verifies(&signed(hash), signature) {
        found.wrong(
            SIGNATURE,
            format!(
                "the key {} did not sign this {CERTIFICATE}: it was changed, or another key signed",
                c.signer.fingerprint
            ),
        );
    }
    match &anchors.key {
        Some(known) if *known != key => found.wrong(
            "signer",
            format!("the certificate is signed by the key {}, and --key is {}", key.fingerprint(), known.fingerprint()),
        ),
        Some(_) => found.note("signed by the key that was given"),
        None => found.note(format!(
            "signed by the key {}: compare it with what you have from its owner, or give --key",
            key.fingerprint()
        )),
    }
    Ok(())
}

/// Every file by its hash, and no others.
fn files(contents: &Contents, c: &Certificate, found: &mut Found) -> Result<()> {
    for (name, then) in &c.files {
        if !contents.has(name) {
            found.wrong(name, "the file is gone, and the certificate lists it");
            continue;
        }
        // A pack's own promise bounds what is read of a file.
        let now = match contents.bytes(name, then.bytes) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(e) => {
                found.wrong(name, e.to_string());
                continue;
            }
        };
        if now.len() as u64 != then.bytes || sha256(&now) != then.sha256 {
            found.wrong(
                name,
                format!(
                    "it has the SHA-256 {} and {} bytes, and the certificate has {} and {}: it was changed",
                    sha256(&now),
                    now.len(),
                    then.sha256,
                    then.bytes
                ),
            );
        }
    }
    let known: BTreeSet<&str> = c.files.keys().map(String::as_str).chain([CERTIFICATE, SIGNATURE, KEY]).collect();
    for (name, _) in contents.files() {
        if !known.contains(name) {
            found.wrong(name, "the certificate does not list this file: it was added or renamed");
        }
    }
    Ok(())
}

/// Page and script say what the certificate says.
fn rendered(contents: &Contents, c: &Certificate, found: &mut Found) -> Result<()> {
    if c.version != env!("CARGO_PKG_VERSION") {
        found.note(format!(
            "{PAGE} and {SCRIPT} were written by unlearn {}, and are checked by their hashes alone",
            c.version
        ));
        return Ok(());
    }
    for (name, wanted) in [(PAGE, page::render(c)), (SCRIPT, write::script(c))] {
        let now = contents.bytes(name, MOST_TEXT).unwrap_or_default();
        if now.is_some_and(|now| now != wanted.as_bytes()) {
            found.wrong(name, format!("it says something else than {CERTIFICATE}"));
        }
    }
    Ok(())
}

fn key(contents: &Contents, c: &Certificate, found: &mut Found) -> Result<()> {
    match contents.bytes(KEY, MOST_TEXT)? {
        None => {
            found.note(format!("{KEY} is not here: whom the requests mean cannot be told from this pack and the data"))
        }
        Some(bytes) if sha256(&bytes) == c.replay.key_sha256 => {}
        Some(_) => found.wrong(KEY, "it is not the key of this pack: its hash is another than the certificate has"),
    }
    Ok(())
}

/// The slice of the chain: whole in itself, signed by the same key, up to the head that the certificate names, and
/// about these requests and this model.
fn ledger(contents: &Contents, (c, hash): (&Certificate, &str), anchors: &Anchors, found: &mut Found) -> Result<()> {
    let Some(slice) = &c.ledger else {
        if contents.has(LEDGER) {
            found.wrong(LEDGER, "the certificate speaks of no ledger, and here is one");
        }
        found.note("the run belongs to no ledger");
        return Ok(());
    };
    let Ok(Some(text)) = contents.bytes(LEDGER, c.files.get(LEDGER).map_or(MOST_TEXT, |file| file.bytes)) else {
        return Ok(());
    };
    let keys: Vec<PublicKey> = PublicKey::from_hex(&c.signer.public_key).into_iter().collect();
    let verdict = crate::ledger::check(&text, &keys, &Start::Slice);
    verdict.faults.iter().for_each(|fault| found.wrong(LEDGER, fault.clone()));
    verdict.notes.iter().for_each(|note| found.note(format!("{LEDGER}: {note}")));
    cross::slice(&text, c, slice, found);
    for head in &anchors.heads {
        cross::head(&text, slice, head, found);
    }
    if let Some(path) = &anchors.ledger {
        cross::whole_ledger(path, (&text, hash), slice, &keys, found)?;
    }
    Ok(())
}
