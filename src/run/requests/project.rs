//! The folder of a project: opened to read, or by one writer at a time.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::desk::{Desk, find};
use super::inbox;
use crate::base::{sweep_folder, sync_folder, write_atomic};
use crate::error::{Error, Result};
use crate::ledger::{self, Chain, Keys, LEDGER, STORE, Standing, State, Store};
use crate::run::folder::{RunFolder, State as Whole};

const SETTINGS: &str = "project.toml";
const KEYS: &str = "keys";
const CURRENT: &str = "current";
/// Folder of the batches.
pub(super) const BATCHES: &str = "batches";

/// Requests of a plan that is being made, in that folder.
pub(super) const DRAFT: &str = "draft.jsonl";

/// The file that a batch's requests are read from while it is done.
pub(super) fn request_file(folder: &Path) -> PathBuf {
    folder.join("request.jsonl")
}

/// `project.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The run that the project began with.
    run: PathBuf,
    /// Whether a plan is done only once somebody approved it.
    #[serde(default)]
    approval: bool,
}

/// A project; `said` hears what is worth a word.
pub struct Project<'a> {
    /// Its folder.
    pub folder: PathBuf,
    settings: Settings,
    said: &'a dyn Fn(&str),
}

/// What a reader has.
pub struct View {
    /// Where requests stand.
    pub store: Store,
    keys: Option<Keys>,
}

impl<'a> Project<'a> {
    /// Makes a folder the project of a run. One that was killed at it is finished.
    ///
    /// # Errors
    /// The run cannot be read; the folder is a project already.
    pub fn create(
        folder: &Path,
        run: &Path,
        approval: bool,
        actor: &str,
        said: &'a dyn Fn(&str),
    ) -> Result<Project<'a>> {
        let opened = RunFolder::new(run).open()?;
        let run = fs::canonicalize(run).map_err(Error::io("find", run))?;
        let ledger = folder.join(LEDGER);
        let begun = match ledger.exists() {
            false => false,
            true => match ledger::read(&ledger)?.entries.len() {
                // Killed before its first entry was whole.
                0 => fs::remove_file(&ledger).map(|()| false).map_err(Error::io("remove", &ledger))?,
                1 => true,
                _ => {
                    let folder = folder.display();
                    return Err(Error::input(format!("{folder} is a project already; use another folder")));
                }
            },
        };
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let settings = Settings { run, approval };
        let text = toml::to_string(&settings).map_err(|e| Error::internal(format!("{SETTINGS}: {e}")))?;
        write_atomic(&folder.join(SETTINGS), text.as_bytes())?;
        let keys = Keys::create(&folder.join(KEYS))?;
        let version = env!("CARGO_PKG_VERSION");
        if !begun {
            drop(Chain::create(&ledger, &keys, json!({"actor": actor, "program": version}))?);
        }
        let project = Project { folder: folder.to_owned(), settings, said };
        let mut desk = project.open_desk()?;
        let (run_sha256, model_sha256) = (&opened.run_sha256, opened.model_sha256());
        let first = json!({"actor": actor, "run_sha256": run_sha256, "model_sha256": model_sha256});
        desk.record([("model.published".to_owned(), first)])?;
        project.settle(&mut desk)?;
        Ok(project)
    }

    /// Opens a project.
    ///
    /// # Errors
    /// The folder is none.
    pub fn open(folder: &Path, said: &'a dyn Fn(&str)) -> Result<Project<'a>> {
        let path = folder.join(SETTINGS);
        let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::input(format!(
                "{} is no project: there is no {SETTINGS} in it; make one with `unlearn requests init RUN \
                 --project {}`",
                folder.display(),
                folder.display()
            )),
            _ => Error::io("read", &path)(e),
        })?;
        let settings = toml::from_str(&text).map_err(|e| Error::input(format!("{}: {e}", path.display())))?;
        Ok(Project { folder: folder.to_owned(), settings, said })
    }

    /// Whether plans need somebody's approval.
    pub fn needs_approval(&self) -> bool {
        self.settings.approval
    }

    /// A word for whoever listens.
    pub(super) fn say(&self, what: &str) {
        (self.said)(what);
    }

    /// The chain's file.
    pub fn ledger(&self) -> PathBuf {
        self.folder.join(LEDGER)
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.folder.join(STORE)
    }

    /// Folder of the keys.
    pub fn keys(&self) -> PathBuf {
        self.folder.join(KEYS)
    }

    /// Folder of a batch.
    pub fn batch(&self, batch: &str) -> PathBuf {
        self.folder.join(BATCHES).join(batch)
    }

    /// The run that a published batch, or none, stands for.
    pub(super) fn run_of(&self, batch: Option<&str>) -> PathBuf {
        batch.map_or_else(|| self.settings.run.clone(), |batch| self.batch(batch).join("run"))
    }

    /// The run that serves, as the ledger says, which the file `current` follows.
    ///
    /// # Errors
    /// The store cannot be read; the run is gone.
    pub fn current(&self, store: &Store) -> Result<PathBuf> {
        let published = store.published()?.ok_or_else(|| {
            Error::input(format!(
                "{}: no model was published yet; run `unlearn requests init` again",
                self.folder.display()
            ))
        })?;
        let run = self.run_of(published.batch.as_deref());
        let run = fs::canonicalize(&run).unwrap_or(run);
        let folder = RunFolder::new(&run);
        if folder.state() != Whole::Finished {
            return Err(Error::input(format!("{}: the run that serves is not there; bring it back", run.display())));
        }
        let now = folder.read_info()?;
        match now.model_sha256 == published.model_sha256 {
            true => Ok(run),
            false => Err(Error::CheckFailed(format!(
                "{} has model {}, and entry {} of the ledger published {}: bring that back",
                run.display(),
                now.model_sha256,
                published.seq,
                published.model_sha256
            ))),
        }
    }

    /// Takes the right to write; what the store lacks of the ledger it takes over, and a switch of the model that was
    /// broken off is finished.
    pub(super) fn write<T>(&self, work: impl FnOnce(&mut Desk) -> Result<T>) -> Result<T> {
        let mut desk = self.open_desk()?;
        self.settle(&mut desk)?;
        work(&mut desk)
    }

    fn open_desk(&self) -> Result<Desk> {
        let keys = Keys::open(&self.keys())?;
        let chain = Chain::open(&self.ledger(), &keys)?;
        if chain.cut() > 0 {
            self.say(&format!("{LEDGER}: an entry that a killed process began was cut off, {} bytes", chain.cut()));
        }
        let store = Store::open(&self.store())?;
        store.follow(chain.entries())?;
        Ok(Desk { chain, store, keys })
    }

    /// Lets `current` name what the ledger says. That requests of a published batch have an end is for whoever goes on
    /// with the batch, once its evidence is there.
    pub(super) fn settle(&self, desk: &mut Desk) -> Result<()> {
        let Some(published) = desk.store.published()? else { return Ok(()) };
        self.switch(&self.run_of(published.batch.as_deref()))?;
        self.clear(desk)
    }

    /// Lets `current` name a run, in one rename.
    fn switch(&self, run: &Path) -> Result<()> {
        let path = self.folder.join(CURRENT);
        let run = fs::canonicalize(run).unwrap_or_else(|_| run.to_owned());
        let text = format!("{}\n", run.display());
        if fs::read_to_string(&path).is_ok_and(|now| now == text) {
            return Ok(());
        }
        write_atomic(&path, text.as_bytes())?;
        sync_folder(&path)
    }

    /// Drops what ended requests said.
    fn clear(&self, desk: &Desk) -> Result<()> {
        // A plan that was killed while it was made.
        fs::remove_file(self.folder.join(BATCHES).join(DRAFT)).unwrap_or_default();
        for batch in desk.store.batches()? {
            sweep_folder(&self.batch(&batch));
            let file = request_file(&self.batch(&batch));
            let waits =
                |one: &Standing| State::of(&one.state).is_some_and(|s| s >= State::Planned && s <= State::Verified);
            if file.exists() && !desk.of_batch(&batch)?.iter().any(waits) {
                fs::remove_file(&file).map_err(Error::io("remove", &file))?;
            }
        }
        inbox::keep(&self.folder, &|request| {
            let state = desk.store.find(request)?.and_then(|standing| State::of(&standing.state));
            Ok(state.is_some_and(|state| !state.is_end()))
        })
    }

    /// Drops what ended requests said, where some may have ended.
    pub(super) fn tidy(&self, desk: &Desk) -> Result<()> {
        self.clear(desk)
    }

    /// What a reader may ask; nothing is written. Where the store is behind the ledger or absent, one is made in
    /// memory.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn view(&self) -> Result<View> {
        let entries = ledger::read(&self.ledger())?.entries;
        let head = entries.last().map(ledger::Entry::head);
        let there = Store::read(&self.store()).and_then(|there| match there {
            Some(store) => Ok((store.head()? == head).then_some(store)),
            None => Ok(None),
        });
        // One that a full disk left in the middle of a change is mended by the next writer; the chain has all of it.
        let store = match there {
            Ok(Some(store)) => store,
            _ => Store::of(&entries)?,
        };
        // Whoever may not read the keys may still ask by pseudonym.
        Ok(View { store, keys: Keys::open(&self.keys()).ok() })
    }
}

impl View {
    /// The request of this id, or whose pseudonym begins so.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn find(&self, asked: &str) -> Result<Standing> {
        find(&self.store, self.keys.as_ref(), asked)
    }
}
