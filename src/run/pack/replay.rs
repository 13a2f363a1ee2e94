//! `unlearn replay PACK`: the training and every forgetting again, from the data, and the bytes of the model beside
//! those of the pack.

mod again;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::certificate::Certificate;
use super::contents::Contents;
use super::selection::{self, SELECTION, Veil};
use super::write::{KEY_SCHEMA, KeyFile};
use super::{Anchors, CONFIG, KEY, check};
use crate::base::sha256;
use crate::data::{Absent, Dataset, FitOn, Kind, Request, read_requests};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::config::Loaded;
use crate::run::results::AdapterSummary;

/// A pack to be done again.
pub struct ReplayJob<'a> {
    /// The pack.
    pub pack: &'a Path,
    /// The folder that the data lie in.
    pub data: Option<&'a Path>,
    /// The requests as they came, where the pack has no `replay.key`.
    pub request: Option<&'a Path>,
    /// `replay.key`, where it is not in the pack.
    pub key: Option<&'a Path>,
    /// A run to begin with, in the place of the training.
    pub base: Option<&'a Path>,
    /// Where runs are made; the caller removes it.
    pub work: &'a Path,
    /// Set by Ctrl-C.
    pub interrupted: &'a AtomicBool,
}

/// A hash that was wanted, and the one that came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Pair {
    /// Of what.
    pub what: String,
    /// As the pack has it.
    pub wanted: String,
    /// As it is now.
    pub got: String,
}

/// What `unlearn replay` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Replayed {
    /// `unlearn.replay/1`
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The pack.
    pub pack: PathBuf,
    /// From what: all the data, or what is left of them.
    pub from: &'static str,
    /// Every hash is the one that was wanted.
    pub same: bool,
    /// Data and models in the order in which they were come by.
    pub pairs: Vec<Pair>,
}

impl Replayed {
    /// The first hash that is another.
    pub fn first_other(&self) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.wanted != pair.got)
    }
}

/// What is needed besides the certificate.
struct Ready {
    certificate: Certificate,
    config: String,
    lines: Vec<selection::Veiled>,
    key: Option<KeyFile>,
}

impl ReplayJob<'_> {
    /// Trains and forgets again; `said` hears what is done.
    ///
    /// # Errors
    /// A pack that was changed ([`Error::CheckFailed`]); another adapter or driver than the pack's
    /// ([`Error::Unsupported`], which names it); another version; data that are not the pack's; what training refuses.
    pub fn replay(&self, engine: &mut dyn FnMut() -> Result<Engine>, said: &mut dyn FnMut(&str)) -> Result<Replayed> {
        let ready = self.ready()?;
        let certificate = &ready.certificate;
        let loaded = self.loaded(&ready)?;
        let data = loaded.load(FitOn::Training, &Absent::default())?;
        let mut engine = engine()?;
        same_place(certificate, &AdapterSummary::of(&engine))?;
        let mut pairs = Vec::new();
        let from = match self.has_all(&ready, &loaded, &data) {
            true => {
                let requests = self.requests(&ready, &data)?;
                drop(data);
                self.every_step(&mut engine, (&ready, loaded), &requests, &mut pairs, said)?;
                "all the data"
            }
            false => {
                self.on_what_is_left(&mut engine, (&ready, loaded), &data, &mut pairs, said)?;
                "the data without the removed records"
            }
        };
        let same = pairs.iter().all(|pair| pair.wanted == pair.got);
        let (schema, version) = ("unlearn.replay/1", env!("CARGO_PKG_VERSION"));
        Ok(Replayed { schema, version, pack: self.pack.to_owned(), from, same, pairs })
    }

    /// Reads the pack, which must be whole.
    fn ready(&self) -> Result<Ready> {
        let checked = check(self.pack, &Anchors::default())?;
        let path = self.pack.display();
        if let Some(first) = checked.findings.first() {
            return Err(Error::CheckFailed(format!(
                "{path}: the pack was changed ({}: {}); `unlearn verify {path}` lists everything",
                first.what, first.says
            )));
        }
        let certificate = checked.certificate;
        if certificate.done.version != env!("CARGO_PKG_VERSION") {
            return Err(Error::Inconclusive(format!(
                "{path}: the model was made by unlearn {}, and this is {}: one version alone gives equal bytes",
                certificate.done.version,
                env!("CARGO_PKG_VERSION")
            )));
        }
        let contents = Contents::open(self.pack)?;
        let text = |name: &str| -> Result<String> {
            let most = certificate.files.get(name).map_or(0, |file| file.bytes);
            let bytes = contents.bytes(name, most)?.unwrap_or_default();
            String::from_utf8(bytes).map_err(|_| Error::input(format!("{path} {name}: not UTF-8 text")))
        };
        let (config, lines) = (text(CONFIG)?, selection::read(&text(SELECTION)?)?);
        let key = match self.key {
            Some(file) => Some(fs::read(file).map_err(Error::io("read", file))?),
            None => contents.bytes(KEY, 1 << 20)?,
        };
        let key = key.map(|bytes| key_of(&bytes, &certificate)).transpose()?;
        Ok(Ready { certificate, config, lines, key })
    }

    /// The configuration, its paths from the folder of the data.
    fn loaded(&self, ready: &Ready) -> Result<Loaded> {
        if ready.certificate.replay.needs_data && self.data.is_none() {
            return Err(Error::input("the data are not in the pack: give their folder by --data"));
        }
        let file = self.pack.join(CONFIG).display().to_string();
        let base = self.data.unwrap_or(Path::new(""));
        let mut loaded = Loaded::parse(&ready.config, &file, base, &[], None)?;
        if ready.certificate.done.seed.is_none() {
            let key = ready.key.as_ref().ok_or_else(|| {
                Error::input(format!(
                    "{}: the seed is in replay.key, which is not in this pack: give it by --key",
                    self.pack.display()
                ))
            })?;
            loaded.config.seed = key.seed;
        }
        Ok(loaded)
    }

    /// Whether these are the data of before. What several networks are given is known once they are trained, since
    /// nothing is fitted for all of them; they are told by the records that are asked for.
    fn has_all(&self, ready: &Ready, loaded: &Loaded, data: &Dataset) -> bool {
        match loaded.config.whole_ensemble() {
            Some(_) => {
                let can = ready.certificate.replay.from_what_is_left;
                !can || self.requests(ready, data).is_ok_and(|asked| {
                    let ids = || asked.iter().filter(|one| one.kind == Kind::Sample).flat_map(|one| &one.ids);
                    ids().all(|id| data.find(id).is_some())
                })
            }
            None => data.sha256() == ready.certificate.data.before_sha256,
        }
    }

    /// The requests by name, from the file that was given or from the pack, its key and the data.
    fn requests(&self, ready: &Ready, data: &Dataset) -> Result<Vec<Request>> {
        match (self.request, &ready.key) {
            (Some(file), _) => read_requests(file),
            (None, Some(key)) => selection::unveiled(&ready.lines, &Veil::of(&key.key)?, data),
            (None, None) => Err(Error::input(format!(
                "{}: whom the requests mean is not in this pack: give replay.key by --key, the request file by \
                 --request, or the data without the removed records",
                self.pack.display()
            ))),
        }
    }
}

/// The key of this pack and of no other.
fn key_of(bytes: &[u8], certificate: &Certificate) -> Result<KeyFile> {
    if sha256(bytes) != certificate.replay.key_sha256 {
        return Err(Error::input(
            "--key: it is not the key of this pack: its hash is another than the certificate has",
        ));
    }
    let key: KeyFile = serde_json::from_slice(bytes).map_err(|e| Error::input(format!("{KEY}: {e}")))?;
    match key.schema == KEY_SCHEMA {
        true => Ok(key),
        false => Err(Error::input(format!("{KEY}: its layout is {}, and this version reads {KEY_SCHEMA}", key.schema))),
    }
}

/// Refuses another adapter than the pack's, whose bytes differ whatever is done.
fn same_place(certificate: &Certificate, here: &AdapterSummary) -> Result<()> {
    let there = &certificate.done.adapter;
    if there == here {
        return Ok(());
    }
    let say = |a: &AdapterSummary| format!("{} ({}, driver {}, {})", a.name, a.backend, a.driver, a.precision.word());
    Err(Error::Unsupported(format!(
        "the pack was made on {}, and this is {}: equal bytes are promised for one adapter and driver alone; replay it \
         there",
        say(there),
        say(here)
    )))
}
