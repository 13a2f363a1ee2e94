//! `unlearn pack`: everything about a run that forgot, written once it was computed from the run's files.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::certificate::{Asked, Certificate, FileFact, Replay, SCHEMA, Signer, Slice};
use super::selection::{SELECTION, Veil};
use super::spoken::{publishes, received, texts};
use super::{CERTIFICATE, CONFIG, KEY, LEDGER, MODEL, PAGE, SCRIPT, SIGNATURE};
use super::{facts, page, selection, settings, signed, words, written};
use crate::base::{quoted, sha256, utc_now};
use crate::error::{Error, Result};
use crate::ledger::{Entry, Keys};
use crate::methods::Tier;
use crate::run::config::Loaded;
use crate::run::ensemble::members_of;
use crate::run::evidence;
use crate::run::folder::{Opened, RunFolder};
use crate::run::info::{ForgetInfo, Origin};
use crate::run::lineage::note_own;

/// A run to be packed.
pub struct PackJob<'a> {
    /// Its folder.
    pub run: &'a Path,
    /// The folder to be made; the zip goes beside it.
    pub out: &'a Path,
    /// Who signs, and under which key the ledger has its requests.
    pub keys: &'a Keys,
    /// The whole ledger; empty where the run belongs to none.
    pub ledger: &'a [Entry],
}

/// A pack that was written.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What it says.
    pub certificate: Certificate,
    /// SHA-256 of the document.
    pub sha256: String,
}

/// `replay.key`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    /// `unlearn.replay-key/1`
    pub schema: String,
    /// The key of the pack's HMACs.
    pub key: String,
    /// Seed of the training's configuration.
    pub seed: u64,
    /// Seeds of the steps.
    pub seeds: Vec<u64>,
}

/// What a pack is called among the files that a run's weights went to.
const PACKED: &str = "pack";

pub(super) const KEY_SCHEMA: &str = "unlearn.replay-key/1";

/// A pack has copies of the weights, which a later forgetting must know of: they are noted beside the run, once.
///
/// # Errors
/// As [`note_own`].
pub(in crate::run) fn note_weights(run: &Path, out: &Path, certificate: &Certificate) -> Result<()> {
    let weights = certificate.files.keys().filter(|name| name.ends_with(".safetensors"));
    let files: Vec<_> = weights.map(|name| out.join(name)).chain([written::zip_of(out)]).collect();
    note_own(run, &files, PACKED, &certificate.model.after_sha256)
}

/// What the ledger says of a pack that was issued: the kind of entry, and its body.
pub fn issued(pack: &Issued) -> (&'static str, Value) {
    let certificate = &pack.certificate;
    let requests: Vec<&str> = certificate.requests.iter().map(|asked| asked.pseudonym.as_str()).collect();
    let body = json!({
        "certificate_sha256": pack.sha256, "model_sha256": certificate.model.after_sha256,
        "run_sha256": certificate.done.run_sha256, "requests": requests,
    });
    ("pack.issued", body)
}

impl PackJob<'_> {
    /// Reads the run and everything beside it, computes what can be computed, and writes folder and zip, whole or not
    /// at all. The caller tells the ledger ([`issued`]).
    ///
    /// # Errors
    /// A run that forgot nothing, or that claims more than it did; files that were changed; a place that is taken; a
    /// key of pseudonyms that was destroyed.
    pub fn write(&self) -> Result<Issued> {
        written::check_free(self.out)?;
        let run = RunFolder::new(self.run).open()?;
        let forget = facts::forgetting(&run)?;
        let requests = run.requests.as_deref().unwrap_or_default();
        // One key for each run: the same pack can be written again, and no two packs have a pseudonym in common.
        let key = self.keys.pseudonym(&format!("unlearn.pack/1 {}", run.run_sha256))?;
        let veil = Veil::of(&key)?;
        let asked = facts::asked(requests, &run.forgotten, &|name| self.keys.request(name))?;
        let hidden = selection::text(&selection::veiled(requests, &veil)?)?;
        let (slice, lines) = self.slice(&asked, &run.info.model_sha256)?;
        let secret = facts::secret_seed(forget);
        let (config, needs_data) = settings::portable(&trained_by(&run)?.config, secret)?;
        let (replay, key_file) = replay(&run, forget, (key, needs_data))?;
        let mut files: Vec<(String, Vec<u8>)> = weights(&run)?;
        files.push((CONFIG.into(), config.into_bytes()));
        files.push((SELECTION.into(), hidden.into_bytes()));
        if let Some(lines) = lines {
            files.push((LEDGER.into(), lines));
        }
        let tests = facts::tests(&run, forget)?;
        let (data, model) = facts::hashes(&run, forget);
        let mut certificate = Certificate {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            issued_at: utc_now(),
            signer: self.signer(),
            requests: received(asked, self.ledger),
            records: facts::records(&run, &veil)?,
            done: facts::done(&run, forget),
            data,
            model,
            guarantee: facts::promise(forget),
            recomputed: facts::recomputed(&run, &tests, !replay.steps.is_empty()),
            tests,
            holders: facts::holders(&run)?,
            limits: Vec::new(),
            ledger: slice,
            replay,
            files: BTreeMap::new(),
        };
        certificate.limits = words::limits(&certificate);
        files.push((SCRIPT.into(), script(&certificate).into_bytes()));
        certificate.files = files.iter().map(|(name, bytes)| (name.clone(), fact(bytes))).collect();
        let page = page::render(&certificate).into_bytes();
        certificate.files.insert(PAGE.into(), fact(&page));
        let text = certificate.text()?.into_bytes();
        let hash = sha256(&text);
        let signature = self.keys.sign(&signed(&hash)) + "\n";
        files.extend([
            (PAGE.into(), page),
            (CERTIFICATE.into(), text),
            (SIGNATURE.into(), signature.into_bytes()),
            (KEY.into(), key_file),
        ]);
        written::write(self.out, &files)?;
        note_weights(self.run, self.out, &certificate)?;
        Ok(Issued { certificate, sha256: hash })
    }

    fn signer(&self) -> Signer {
        let public = self.keys.public();
        Signer { algorithm: "Ed25519".into(), public_key: public.hex(), fingerprint: public.fingerprint() }
    }

    /// The ledger from the first entry that speaks of these requests to its end: without a gap, so that the chain can
    /// be followed.
    fn slice(&self, asked: &[Asked], model: &str) -> Result<(Option<Slice>, Option<Vec<u8>>)> {
        let Some(last) = self.ledger.last() else { return Ok((None, None)) };
        let names: HashSet<&str> = asked.iter().map(|asked| asked.pseudonym.as_str()).collect();
        let first = self.ledger.iter().position(|entry| texts(entry).iter().any(|text| names.contains(text)));
        let from = first.unwrap_or(self.ledger.len() - 1);
        let entries = &self.ledger[from..];
        let mut text = Vec::new();
        for entry in entries {
            text.extend(entry.line()?);
            text.push(b'\n');
        }
        let after = from.checked_sub(1).map(|at| self.ledger[at].head().into());
        let published = entries.iter().any(|entry| publishes(entry, model));
        Ok((Some(Slice { entries: entries.len(), after, head: last.head().into(), published }), Some(text)))
    }
}

fn fact(bytes: &[u8]) -> FileFact {
    FileFact { sha256: sha256(bytes), bytes: bytes.len() as u64 }
}

/// The configuration of the training at the beginning; the run's own where that one is gone.
fn trained_by(run: &Opened) -> Result<Loaded> {
    let root = run.info.evidence.parents.last().map(|root| (RunFolder::new(&root.path), &root.run_sha256));
    let same = |(folder, then): &(RunFolder, &String)| evidence::hash_of(&folder.info()).is_ok_and(|now| now == **then);
    let folder = root.filter(same).map_or_else(|| run.folder.clone(), |(folder, _)| folder);
    let mut loaded = Loaded::read(&folder.config(), &[], None)?;
    loaded.config.no_recipe = !loaded.has_recipe;
    Ok(loaded)
}

/// What doing it again takes, and the key for it.
fn replay(run: &Opened, forget: &ForgetInfo, (key, needs_data): (String, bool)) -> Result<(Replay, Vec<u8>)> {
    let steps = facts::steps(run, forget)?;
    let imported = run.info.origin == Origin::Imported;
    let needs_base = match (&steps, imported, &run.config.init) {
        (_, true, _) => Some("the weights were imported: the run that `unlearn import` made is needed".to_owned()),
        (None, ..) => Some("a run between the training and this one is gone: the run before it is needed".to_owned()),
        (_, _, Some(_)) => Some("training began with weights from elsewhere, which are needed".to_owned()),
        _ => None,
    };
    let secret = facts::secret_seed(forget);
    let (mut all, seeds): (Vec<_>, Vec<_>) = steps.unwrap_or_default().into_iter().unzip();
    if !secret {
        all.iter_mut().zip(&seeds).for_each(|(step, seed): (&mut super::Step, &u64)| step.seed = Some(*seed));
    }
    let file = KeyFile { schema: KEY_SCHEMA.into(), key, seed: run.config.seed, seeds };
    let file = evidence::json(&file, KEY)?.into_bytes();
    let from_what_is_left = forget.tier == Tier::Exact && run.info.evidence.retained.is_some();
    let key_sha256 = sha256(&file);
    Ok((Replay { key_sha256, steps: all, from_what_is_left, needs_data, needs_base }, file))
}

/// The weights of the model, of each network where there are several.
fn weights(run: &Opened) -> Result<Vec<(String, Vec<u8>)>> {
    let read = |path: &Path| fs::read(path).map_err(Error::io("read", path));
    if run.info.ensemble.is_none() {
        return Ok(vec![(MODEL.into(), read(&run.folder.model())?)]);
    }
    let mut all = Vec::new();
    for (at, (folder, info)) in members_of(run)?.iter().enumerate() {
        folder.check(info)?;
        all.push((format!("members/{at:03}/{MODEL}"), read(&folder.model())?));
    }
    let aggregator = run.folder.aggregator();
    if aggregator.exists() {
        all.push(("aggregator.safetensors".into(), read(&aggregator)?));
    }
    Ok(all)
}

/// `replay.sh`.
pub(super) fn script(certificate: &Certificate) -> String {
    let Certificate { done, replay, .. } = certificate;
    let line = |text: &str| text.replace(|c: char| c.is_control(), " ");
    let (usage, data) = match replay.needs_data {
        true => ("sh replay.sh DATA [option of `unlearn replay`]…", " --data \"$@\""),
        false => ("sh replay.sh [option of `unlearn replay`]…", " \"$@\""),
    };
    let check = match replay.needs_data {
        true => format!("[ $# -gt 0 ] || {{ echo {} >&2; exit 2; }}\n", quoted(&format!("usage: {usage}"))),
        false => String::new(),
    };
    format!(
        "#!/bin/sh\n# Trains and forgets again, and compares the bytes of the model with\n# {}.\n# usage: {usage}\n# \
         Made by unlearn {} on {} ({}), {}: the same are needed for the same bytes.\nset -eu\n{check}\
         here=\"$(cd \"$(dirname \"$0\")\" && pwd)\"\nexec \"${{UNLEARN:-unlearn}}\" replay \"$here\"{data}\n",
        certificate.model.after_sha256,
        line(&done.version),
        line(&done.adapter.name),
        line(&done.adapter.backend),
        line(&done.adapter.driver),
    )
}
