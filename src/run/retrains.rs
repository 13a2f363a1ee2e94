//! The retrains of a request, made once and kept: `ROOT/references/KEY/seed-N`, where ROOT is the run that was trained
//! and KEY a hash of data, recipe and request.

use std::fs;
use std::path::{Path, PathBuf};

use super::ensemble::EnsembleForget;
use super::evidence::Marks;
use super::folder::{Opened, RunFolder, State};
use super::forget_run::ForgetJob;
use super::hold::Hold;
use super::info::{Origin, RunInfo};
use super::references;
use crate::base::{Digest, at_once};
use crate::data::{free_memory, read_requests};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::methods;

/// The retrains that are wanted, and those of them that are there.
pub struct Retrains {
    /// The run that was trained.
    root: PathBuf,
    request: PathBuf,
    /// The run that forgot, where the source has lost what it forgot.
    lost: Option<Opened>,
    /// Where they go.
    pub folder: PathBuf,
    seeds: Vec<u64>,
}

/// Memory that retrains may take together where nobody says how much: adapters do not tell what they have.
const ROOM: u64 = 4 << 30;

/// How retrains are made.
pub struct Work<'a> {
    /// Opens an engine, which shares the memory that may be held with so many in all.
    pub engine: &'a (dyn Fn(u64) -> Result<Engine> + Sync),
    /// How many at once; as many as cores and memory allow if none.
    pub jobs: Option<usize>,
    /// Memory that they may hold together, in bytes.
    pub memory: Option<u64>,
    /// Who makes them, and why.
    pub marks: &'a Marks,
    /// Retrains are made by themselves, and not in stacks; their bytes are the same. So it is where [`Work::jobs`] says
    /// how many.
    pub one_by_one: bool,
    /// Told of each once it is there.
    pub watch: &'a (dyn Fn(&Retrain) + Sync),
    /// Told how many go into a stack, and why others do not.
    pub told: &'a (dyn Fn(&str) + Sync),
}

/// A retrain.
pub struct Retrain {
    /// Its folder.
    pub path: PathBuf,
    /// It was there before.
    pub cached: bool,
    /// Its facts.
    pub info: RunInfo,
}

impl Retrains {
    /// `count` retrains for a run: of the request that it obeyed, or of `request` where it was trained. No seed is that
    /// of the training or, where the run is a retrain, its own.
    ///
    /// # Errors
    /// A run or request that cannot be read; a trained run without a request; a run whose original is gone.
    pub fn of(run: &Path, request: Option<&Path>, count: usize) -> Result<Retrains> {
        let opened = RunFolder::new(run).open()?;
        let requests = match (request, &opened.requests) {
            (Some(file), _) => read_requests(file)?,
            (None, Some(own)) => own.clone(),
            (None, None) => {
                return Err(Error::input(format!(
                    "{} was trained and knows no request; give --request FILE",
                    run.display()
                )));
            }
        };
        let records = references::request_hash(&opened, &requests)?;
        if references::request_of(&opened)?.is_some_and(|own| own != records) {
            return Err(Error::input(format!(
                "--request names other records than {} forgot; leave it out",
                run.display()
            )));
        }
        let root = root(&opened)?;
        let folder = RunFolder::new(&root).references().join(key(&opened, &records));
        let request = request.map_or_else(|| opened.folder.request(), Path::to_owned);
        let taken = [opened.config.seed, opened.info.seed];
        let seeds = (1..).map(|i| opened.config.seed.wrapping_add(i)).filter(|seed| !taken.contains(seed));
        let seeds = seeds.take(count).collect();
        let lost = (!opened.absent.is_empty()).then_some(opened);
        Ok(Retrains { root, request, lost, folder, seeds })
    }

    /// Those that are wanted, in the order of their seeds; what is not there is made, several at once. Each has the
    /// bytes that it has alone. What is finished when another fails, or when the process is ended, stays.
    ///
    /// # Errors
    /// A retrain in the folder that was changed; one that diverges; a lost device.
    pub fn make(&self, work: &Work) -> Result<Vec<Retrain>> {
        let folder = |seed: &u64| RunFolder::new(&self.folder.join(format!("seed-{seed}")));
        let (there, missing): (Vec<u64>, Vec<u64>) =
            self.seeds.iter().partition(|seed| folder(seed).state() == State::Finished);
        let mut all = Vec::new();
        for seed in &there {
            let RunFolder { path } = folder(seed);
            let info = RunFolder::new(&path).open()?.info;
            all.push(Retrain { path, cached: true, info });
        }
        all.iter().for_each(work.watch);
        if missing.len() > 1 && work.jobs.is_none() && !work.one_by_one {
            all.extend(self.together(work, &missing)?);
        }
        let made: Vec<u64> = all.iter().map(|retrain| retrain.info.seed).collect();
        let missing: Vec<u64> = missing.into_iter().filter(|seed| !made.contains(seed)).collect();
        let workers = self.workers(work, missing.len())?;
        let make = |engine: &mut Engine, at: usize| {
            let RunFolder { path } = folder(&missing[at]);
            let info = self.one(engine, &path, missing[at], work)?;
            let retrain = Retrain { path, cached: false, info };
            (work.watch)(&retrain);
            Ok(retrain)
        };
        all.extend(at_once(missing.len(), workers, || (work.engine)(workers as u64), make)?);
        all.sort_by_key(|retrain| self.seeds.iter().position(|seed| *seed == retrain.info.seed));
        Ok(all)
    }

    /// Makes them in stacks; none where that cannot be, which is told.
    fn together(&self, work: &Work, missing: &[u64]) -> Result<Vec<Retrain>> {
        // Members of an ensemble that a killed process finished stay.
        if RunFolder::new(&self.root).read_info()?.ensemble.is_some() {
            return Ok(Vec::new());
        }
        let places: Vec<(u64, PathBuf)> =
            missing.iter().map(|seed| (*seed, self.folder.join(format!("seed-{seed}")))).collect();
        for (_, path) in &places {
            clear(path)?;
        }
        let mut job = self.job(&places[0].1)?;
        if let Some(why) = job.why_alone() {
            (work.told)(&format!("retrains are made one by one, for {why}"));
            return Ok(Vec::new());
        }
        job.marks = work.marks.clone();
        let (mut engine, mut all) = ((work.engine)(1)?, Vec::new());
        job.retrain_into(&mut engine, &places, &mut |what| (work.told)(what), &mut |at, info| {
            let retrain = Retrain { path: places[at].1.clone(), cached: false, info };
            (work.watch)(&retrain);
            all.push(retrain);
        })?;
        Ok(all)
    }

    fn one(&self, engine: &mut Engine, path: &Path, seed: u64, work: &Work) -> Result<RunInfo> {
        if RunFolder::new(&self.root).read_info()?.ensemble.is_some() {
            return self.ensemble(engine, path, seed, work);
        }
        clear(path)?;
        let mut job = self.job(path)?;
        job.marks = work.marks.clone();
        job.forget(engine, Some(seed), false)
    }

    /// The same of several networks; members that a killed process finished stay.
    fn ensemble(&self, engine: &mut Engine, path: &Path, seed: u64, work: &Work) -> Result<RunInfo> {
        if let Some(lost) = self.lost() {
            let root = self.root.display();
            return Err(Error::input(format!("{root}: {lost}, and an ensemble is retrained only while it is there")));
        }
        let (name, settings) = (methods::reference().name, toml::Table::new());
        let mut job = EnsembleForget::prepare(&self.root, &self.request, name, settings, Some((path, false)))?;
        job.marks = work.marks.clone();
        job.forget(engine, Some(seed), false)
    }

    /// How many at once: as many as there are cores, and as memory holds. A retrain takes what the training took on the
    /// adapter, and as much again for its data on the host.
    fn workers(&self, work: &Work, missing: usize) -> Result<usize> {
        if let Some(jobs) = work.jobs {
            return Ok(jobs.min(missing));
        }
        let root = RunFolder::new(&self.root).read_info()?;
        // What an imported network takes to train was never measured.
        if missing < 2 || root.origin == Origin::Imported {
            return Ok(1);
        }
        let each = 2 * root.planned_gpu_bytes.max(1);
        let room = work.memory.unwrap_or_else(|| (free_memory() / 2).min(ROOM));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(cores.min(missing).min(usize::try_from(room / each).unwrap_or(cores)).max(1))
    }

    /// What the source no longer has, in a sentence; none where it is as it was.
    pub fn lost(&self) -> Option<String> {
        self.lost.as_ref().and_then(Opened::lost)
    }

    fn job(&self, out: &Path) -> Result<ForgetJob> {
        if let Some(run) = &self.lost {
            return ForgetJob::retrain(&self.root, run, out);
        }
        let (name, settings) = (methods::reference().name, toml::Table::new());
        ForgetJob::prepare(&self.root, &self.request, name, settings, out)
    }
}

/// Takes back what a killed process began here, unless somebody still holds it: then this is refused.
fn clear(path: &Path) -> Result<()> {
    let folder = RunFolder::new(path);
    if folder.state() == State::Begun {
        let hold = Hold::take(path, "references")?;
        folder.discard();
        hold.settle();
    }
    Ok(())
}

/// Folders of the retrains that a run can be measured against, in the order of their names.
///
/// # Errors
/// The run's original is gone; a request that does not fit the data.
pub fn found(run: &Opened) -> Result<Vec<PathBuf>> {
    let Some(records) = references::request_of(run)? else { return Ok(Vec::new()) };
    let folder = RunFolder::new(&root(run)?).references().join(key(run, &records));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    all.retain(|path| RunFolder::new(path).state() == State::Finished);
    all.sort();
    Ok(all)
}

/// The run that was trained, where it lay when this one was made.
///
/// # Errors
/// It is not there any more, or another run is.
pub fn root(run: &Opened) -> Result<PathBuf> {
    let Some(root) = run.info.evidence.parents.last() else { return Ok(run.folder.path.clone()) };
    let fail = |what: String| {
        let (run, root) = (run.folder.path.display(), root.path.display());
        Error::input(format!("{run} came from the training in {root}, {what}; bring it back to where it was"))
    };
    let folder = RunFolder::new(&root.path);
    if folder.state() != State::Finished {
        return Err(fail("which is not there any more".into()));
    }
    let now = super::evidence::hash_of(&folder.info())?;
    match now == root.run_sha256 {
        true => Ok(root.path.clone()),
        false => Err(fail(format!("and another run is there (run.json {now}, it was {})", root.run_sha256))),
    }
}

/// Name of the folder for one request on these data with this recipe.
fn key(run: &Opened, records: &str) -> String {
    let mut digest = Digest::new("unlearn.references/1");
    digest.field("data", run.info.evidence.data_sha256.as_bytes());
    digest.field("recipe", run.info.config_sha256.as_bytes());
    digest.field("records", records.as_bytes());
    digest.finish()[..16].to_owned()
}

/// Retrains that `unlearn references` made in a run's folder.
pub(in crate::run) fn retrains_in(folder: &RunFolder) -> Vec<RunFolder> {
    let inside = |path: &Path| -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
        all.sort();
        all
    };
    let requests = inside(&folder.references());
    let runs = requests.iter().flat_map(|request| inside(request)).map(|path| RunFolder::new(&path));
    runs.filter(|run| run.state() != State::Free).collect()
}
