use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{emit, emit_json, shown};
use super::requests::ProjectArgs;
use super::{Context, Run};
use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::ledger::{self, Chain, Head, Keys, PublicKey, Start, Store, Verdict, check, keys};

/// The signed chain of what happened in a project: check it, make the store from it, take a head or a copy along
///
/// Each entry has the hash of the one before and a signature, so that a changed, missing or added line is found. An
/// older chain in the place of a newer is found by whoever kept a head.
#[derive(Args, Debug)]
pub struct Ledger {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    Verify(Verify),
    Rebuild(Rebuild),
    Head(HeadArgs),
    Export(Export),
    Key(Key),
}

/// Check every line, hash and signature, and that the store is what follows from them; the exit code is 4 where
/// something is wrong
#[derive(Args, Debug)]
struct Verify {
    /// File with the public key that must have signed; the project's own `keys/public.key` if absent
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A head that somebody kept, as `unlearn ledger head` printed it: it must be in the chain
    #[arg(long, value_name = "HEAD")]
    head: Option<Head>,
    /// A chain elsewhere, such as `export` wrote; nothing is then said of a store
    #[arg(long, value_name = "LEDGER", requires = "key")]
    file: Option<PathBuf>,
    #[command(flatten)]
    on: ProjectArgs,
}

/// Make the store of requests anew from the chain
#[derive(Args, Debug)]
struct Rebuild {
    #[command(flatten)]
    on: ProjectArgs,
}

/// Print the number and the hash of the last entry, to be kept elsewhere
#[derive(Args, Debug)]
struct HeadArgs {
    #[command(flatten)]
    on: ProjectArgs,
}

/// Copy the chain, whole lines alone
#[derive(Args, Debug)]
struct Export {
    /// File for the copy
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    on: ProjectArgs,
}

/// Show the public key, or destroy the key of the pseudonyms
#[derive(Args, Debug)]
struct Key {
    #[command(subcommand)]
    action: KeyAction,
}

#[derive(Subcommand, Debug)]
enum KeyAction {
    Show(KeyShow),
    Destroy(KeyDestroy),
}

/// Print the public key and its fingerprint
#[derive(Args, Debug)]
struct KeyShow {
    #[command(flatten)]
    on: ProjectArgs,
}

/// Overwrite the key of the pseudonyms: from then on nobody can tell whom an entry is about, and no request can be
/// added
///
/// The keys of the packs of its batches go too. Copies of the folder and backups have them still, and runs that forgot
/// name whom they forgot; those are yours to find. Ledger and packs can be checked as before.
#[derive(Args, Debug)]
struct KeyDestroy {
    /// Do it; there is no way back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    on: ProjectArgs,
}

impl Run for Ledger {
    fn run(self, cx: &Context) -> Result<()> {
        match self.action {
            Action::Verify(action) => action.run(cx),
            Action::Rebuild(action) => action.run(cx),
            Action::Head(action) => action.run(cx),
            Action::Export(action) => action.run(cx),
            Action::Key(Key { action: KeyAction::Show(action) }) => action.run(cx),
            Action::Key(Key { action: KeyAction::Destroy(action) }) => action.run(cx),
        }
    }
}

impl Verify {
    fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = if self.file.is_some() { None } else { Some(self.on.open(&said)?) };
        let path = self.file.clone().or_else(|| project.as_ref().map(|project| project.ledger())).unwrap_or_default();
        let own = project.as_ref().map(|project| project.keys().join(keys::PUBLIC));
        let key = PublicKey::read(&self.key.clone().or(own).unwrap_or_default())?;
        let text = fs::read(&path).map_err(Error::io("read", &path))?;
        let start = self.head.clone().map_or(Start::Whole, Start::Known);
        let mut verdict = check(&text, &[key], &start);
        if let Some(project) = project.filter(|_| verdict.holds()) {
            verdict.faults.extend(store_faults(&project.ledger(), &project.store())?);
        }
        self.tell(cx, &path, &verdict, &key)
    }

    fn tell(&self, cx: &Context, path: &std::path::Path, verdict: &Verdict, key: &PublicKey) -> Result<()> {
        let head = verdict.head.as_ref().map(Head::to_string);
        let Verdict { entries, faults, notes, .. } = verdict;
        match cx.json {
            true => emit_json(&json!({
                "schema": "unlearn.ledger_verdict/1", "version": env!("CARGO_PKG_VERSION"), "ledger": shown(path),
                "key": key.fingerprint(), "entries": entries, "head": head, "faults": faults, "notes": notes,
            }))?,
            false => {
                let lines =
                    |word: &str, all: &[String]| all.iter().map(|one| format!("{word}: {one}\n")).collect::<String>();
                let whole = if faults.is_empty() { "chain whole, signatures by" } else { "checked with" };
                let key = &key.fingerprint()[..16];
                let head = head.as_deref().unwrap_or("none");
                let (faults, notes) = (lines("wrong", faults), lines("note", notes));
                emit(&format!("{faults}{notes}{entries} entries, {whole} key {key}, head {head}\n"))?;
            }
        }
        match faults.len() {
            0 => Ok(()),
            some => Err(Error::CheckFailed(format!("{}: {some} faults", path.display()))),
        }
    }
}

/// What the store says and the chain does not. One that is behind is caught up by the next writer.
fn store_faults(path: &std::path::Path, store: &std::path::Path) -> Result<Vec<String>> {
    let entries = ledger::read(path)?.entries;
    let told = |e: Error| vec![e.to_string()];
    let made = match Store::of(&entries) {
        Ok(made) => made,
        Err(e) => return Ok(told(e)),
    };
    let there = match Store::read(store) {
        Ok(Some(there)) => there,
        Ok(None) => return Ok(Vec::new()),
        Err(e) => return Ok(told(e)),
    };
    let head = there.head()?;
    let upto = head.as_ref().and_then(|head| entries.iter().position(|entry| entry.head() == *head));
    let made = match (head, upto) {
        (None, _) => return Ok(Vec::new()),
        (Some(head), None) => {
            return Ok(vec![format!(
                "the store has seen entry {}, and the chain has another or none: an older chain was put in its place",
                head.seq
            )]);
        }
        (Some(_), Some(upto)) if upto + 1 == entries.len() => made,
        (Some(_), Some(upto)) => Store::of(&entries[..=upto])?,
    };
    match made.dump()? == there.dump()? {
        true => Ok(Vec::new()),
        false => {
            Ok(vec!["the store is not what follows from the chain; `unlearn ledger rebuild` makes it anew".into()])
        }
    }
}

impl Rebuild {
    fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        let keys = Keys::open(&project.keys())?;
        // Its lock keeps writers away.
        let chain = Chain::open(&project.ledger(), &keys)?;
        let verdict = chain.verify(&[keys.public()])?;
        if !verdict.holds() {
            return Err(Error::CheckFailed(format!("{}: {}", project.ledger().display(), verdict.faults.join("; "))));
        }
        let store = Store::rebuild(&project.store(), chain.entries())?;
        let requests = store.requests()?.len();
        match cx.json {
            true => emit_json(&json!({
                "schema": "unlearn.rebuilt/1", "version": env!("CARGO_PKG_VERSION"), "entries": chain.entries().len(),
                "requests": requests,
            })),
            false => emit(&format!(
                "{}: {requests} requests, from {} entries\n",
                project.store().display(),
                chain.entries().len()
            )),
        }
    }
}

impl HeadArgs {
    fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let entries = ledger::read(&self.on.open(&said)?.ledger())?.entries;
        let last = entries.last().ok_or_else(|| Error::input("the ledger has no entry"))?;
        match cx.json {
            true => emit_json(&json!({
                "schema": "unlearn.ledger_head/1", "version": env!("CARGO_PKG_VERSION"), "seq": last.seq,
                "hash": last.hash, "at": last.at,
            })),
            false => emit(&format!("{}\n", last.head())),
        }
    }
}

impl Export {
    fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        cx.outputs()
            .reads([project.ledger(), project.store(), project.keys()])
            .file("--out", Some(&self.out))
            .check()?;
        let entries = ledger::read(&project.ledger())?.entries;
        let mut text = Vec::new();
        for entry in &entries {
            text.extend(entry.line()?);
            text.push(b'\n');
        }
        write_atomic(&self.out, &text)?;
        match cx.json {
            true => emit_json(&json!({
                "schema": "unlearn.ledger_export/1", "version": env!("CARGO_PKG_VERSION"), "entries": entries.len(),
                "out": shown(&self.out),
            })),
            false => emit(&format!("{}: {} entries\n", self.out.display(), entries.len())),
        }
    }
}

impl KeyShow {
    fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        let keys = Keys::open(&project.keys())?;
        let (key, linkable) = (keys.public(), keys.linkable());
        match cx.json {
            true => emit_json(&json!({
                "schema": "unlearn.ledger_key/1", "version": env!("CARGO_PKG_VERSION"), "public_key": key.hex(),
                "fingerprint": key.fingerprint(), "pseudonyms": linkable,
            })),
            false => emit(&format!(
                "public key {}\nfingerprint {}\nthe key of the pseudonyms {}\n",
                key.hex(),
                key.fingerprint(),
                if linkable { "is there" } else { "was destroyed" }
            )),
        }
    }
}

impl KeyDestroy {
    fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        if !self.yes {
            return Err(Error::input("there is no way back from a destroyed key; say --yes to destroy it"));
        }
        crate::run::requests::destroy_key(&project, &self.on.actor)?;
        match cx.json {
            true => emit_json(
                &json!({"schema": "unlearn.ledger_key/1", "version": env!("CARGO_PKG_VERSION"), "pseudonyms": false}),
            ),
            false => {
                emit("the key of the pseudonyms is destroyed; nobody can tell any more whom the ledger is about\n")
            }
        }
    }
}
