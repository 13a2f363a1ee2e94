use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::marks::MarkArgs;
use super::output::{Table, emit, emit_json};
use super::train::interruption;
use super::{Context, Run};
use crate::base::write_atomic;
use crate::engine::{AdapterChoice, GpuOptions, adapters};
use crate::error::{Error, Result};
use crate::run::config::Loaded;
use crate::run::jobs::{
    AdapterMap, Asked, Event, JobState, Jobs as Folder, Launcher, Patience, Plan, PlanOptions, Rank, Shift,
};

/// Share work among processes and machines: plan it as jobs, run them, look at them, or write a script that starts them
///
/// A plan is a folder on a file system that all machines share. Each job is named by the hash of its inputs and is done
/// once: processes take jobs by claims, and what a killed one had begun is gone on with by the next that comes. There
/// is no daemon. `mpirun -n 4 unlearn jobs run DIR` and a Slurm array do the same jobs to the same bytes as one process
/// on the same adapter and driver.
#[derive(Args, Debug)]
pub struct Jobs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    Plan(PlanArgs),
    Run(RunArgs),
    Status(StatusArgs),
    Emit(EmitArgs),
}

/// Write the jobs of a configuration into a folder: trainings of its seeds and, where it has `[forget]` or with
/// --request, retrains and methods
///
/// With `[forget]` these are the models of the experiment: its originals, the retrains of its reference with one more
/// as the control, and each method in each original. The same plan, or one with other seeds, may be written again: what
/// is done stays done.
#[derive(Args, Debug)]
struct PlanArgs {
    /// Configuration (TOML)
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Folder for the plan
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Seeds of the trainings, such as `1,2,5..8` (8 not among them); those of the configuration if absent
    #[arg(long, value_name = "LIST", value_parser = seeds)]
    seeds: Option<Seeds>,
    /// What retrains are made without, in the place of the configuration's `[forget]`
    #[arg(long, value_name = "FILE", requires = "references")]
    request: Option<PathBuf>,
    /// So many retrains without the records of --request
    #[arg(long, value_name = "N", requires = "request", value_parser = clap::value_parser!(u16).range(1..=100))]
    references: Option<u16>,
    /// Set a key of the configuration; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Clone, Debug)]
struct Seeds(Vec<u64>);

/// `3`, `1,2`, `5..8`.
fn seeds(text: &str) -> Result<Seeds, String> {
    let fail = || format!("expected seeds such as 1,2,5..8, and `{text}` is none");
    let mut all = Vec::new();
    for word in text.split(',').map(str::trim) {
        match word.split_once("..") {
            Some((first, end)) => {
                let (first, end): (u64, u64) = (first.parse().map_err(|_| fail())?, end.parse().map_err(|_| fail())?);
                if first >= end || end - first > 10_000 {
                    return Err(format!("`{word}` is no range of 1 to 10 000 seeds"));
                }
                all.extend(first..end);
            }
            None => all.push(word.parse().map_err(|_| fail())?),
        }
    }
    Ok(Seeds(all))
}

/// Do jobs of a plan until none is left that this process could do
///
/// Start as many processes as you like, on as many machines: each takes what is free. Rank and number of ranks are read
/// from the variables of Open MPI, PMI, Slurm (`srun` and arrays), HyperQueue and Kubernetes. Exit code 1: a job
/// failed.
#[derive(Args, Debug)]
struct RunArgs {
    /// Folder of the plan
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Place of this process among --of, from 0
    #[arg(long, value_name = "R", requires = "of")]
    rank: Option<u32>,
    /// How many processes there are
    #[arg(long, value_name = "N", requires = "rank", value_parser = clap::value_parser!(u32).range(1..))]
    of: Option<u32>,
    /// Adapter of each process: indices such as `0,1,0,1` by its place on its machine, or `auto`, one after another
    #[arg(long, value_name = "auto|LIST", value_parser = AdapterMap::parse, conflicts_with = "adapter")]
    adapter_map: Option<AdapterMap>,
    /// Do this job alone, by the beginning of its name; may be given several times
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Stay until every job is done, to take over what others leave
    #[arg(long)]
    wait: bool,
    /// Try again what has failed
    #[arg(long)]
    retry: bool,
    #[command(flatten)]
    patience: PatienceArgs,
    #[command(flatten)]
    marks: MarkArgs,
}

#[derive(Args, Debug, Clone, Copy)]
struct PatienceArgs {
    /// Take a process of another machine for gone after so long without a sign of life; one of this machine is known to
    /// be gone at once
    #[arg(long, value_name = "SECONDS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(10..))]
    stale: u64,
}

impl PatienceArgs {
    fn patience(self) -> Patience {
        Patience { stale: Duration::from_secs(self.stale), ..Patience::default() }
    }
}

/// Say what each job is at, and who does it
#[derive(Args, Debug)]
struct StatusArgs {
    /// Folder of the plan
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    patience: PatienceArgs,
}

/// Write a script that starts `unlearn jobs run` on a cluster
#[derive(Args, Debug)]
struct EmitArgs {
    /// What starts the processes: `slurm` (sbatch), `hq` (HyperQueue), `k8s` (an indexed Job), `make`
    #[arg(value_enum)]
    launcher: Word,
    /// Folder of the plan
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Processes at once; as many as there are jobs if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tasks: Option<u32>,
    /// How the program is called there
    #[arg(long, value_name = "PATH", default_value = "unlearn")]
    program: String,
    /// Adapter of each process, as in `jobs run`
    #[arg(long, value_name = "auto|LIST", value_parser = AdapterMap::parse)]
    adapter_map: Option<AdapterMap>,
    /// k8s: the image that has the program
    #[arg(long, value_name = "IMAGE", default_value = "unlearn:latest")]
    image: String,
    /// k8s: the persistent volume claim that is mounted where the folder lies
    #[arg(long, value_name = "NAME", default_value = "unlearn")]
    volume: String,
    /// Write the script to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Word {
    Slurm,
    Hq,
    K8s,
    Make,
}

impl Run for Jobs {
    fn run(self, cx: &Context) -> Result<()> {
        match self.action {
            Action::Plan(args) => args.run(cx),
            Action::Run(args) => args.run(cx),
            Action::Status(args) => args.run(cx),
            Action::Emit(args) => args.run(cx),
        }
    }
}

impl PlanArgs {
    fn run(self, cx: &Context) -> Result<()> {
        let loaded = Loaded::read(&self.config, &self.set, cx.seed)?;
        let reads = loaded.config.reads().into_iter().chain([self.config.clone()]).chain(self.request.clone());
        cx.outputs().folder("--out", &self.out).reads(reads).check()?;
        let options = PlanOptions {
            seeds: self.seeds.map(|seeds| seeds.0).unwrap_or_default(),
            request: self.request,
            references: self.references.unwrap_or_default().into(),
        };
        let plan = Plan::write(loaded, &self.config, &self.out, &options)?;
        if cx.json {
            return emit_json(&plan);
        }
        let out = self.out.display();
        emit(&format!("{out}: {} jobs planned; do them with `unlearn jobs run {out}`\n", plan.jobs.len()))
    }
}

impl RunArgs {
    /// The place that was given, or that a launcher tells.
    fn place(&self) -> Result<Option<Rank>> {
        match (self.rank, self.of) {
            (Some(rank), Some(of)) if rank < of => Ok(Some(Rank { rank, of, local: None })),
            (Some(rank), Some(of)) => {
                Err(Error::input(format!("--rank {rank} of {of}: ranks go from 0 to {}", of - 1)))
            }
            _ => Rank::of(&|name| std::env::var(name).ok()),
        }
    }

    fn run(self, cx: &Context) -> Result<()> {
        let folder = Folder::open(&self.folder)?;
        let rank = self.place()?;
        let first = Rank { rank: 0, of: 1, local: None };
        let adapter = match &self.adapter_map {
            Some(map) => map.of(rank.unwrap_or(first), &adapters())?.map(|index| index.to_string()),
            None => cx.adapter.clone(),
        };
        let engine = || {
            let choice = AdapterChoice { adapter: adapter.clone(), backend: cx.backend.clone() };
            cx.engine_with(GpuOptions { choice, ..GpuOptions::default() })
        };
        let (interrupted, marks) = (interruption()?, self.marks.marks());
        let shift = Shift {
            rank,
            only: &self.only,
            wait: self.wait,
            retry: self.retry,
            patience: self.patience.patience(),
            engine: &engine,
            marks: &marks,
            check_finite: cx.check_finite,
            interrupted: &interrupted,
        };
        let mine = rank.map_or(String::new(), |rank| format!("rank {}: ", rank.rank));
        let tally = folder.work(&shift, &mut |event| match event {
            Event::Taken { job, over: None } => cx.note(&format!("{mine}{} {}", job.id, job.unit.label())),
            Event::Taken { job, over: Some(who) } => {
                cx.note(&format!("{mine}{} {}, taken over from {who}, which is gone", job.id, job.unit.label()));
            }
            Event::Done(job, done) => cx.note(&format!("{mine}{} done, model {}", job.id, done.model_sha256)),
            Event::Lost(job) => cx.note(&format!("{mine}{} was taken over by another process", job.id)),
            Event::Failed(job, error) => cx.note(&format!("{mine}{} failed: {error}", job.id)),
        })?;
        let status = folder.status(self.patience.patience())?;
        match cx.json {
            true => emit_json(&status)?,
            false => emit(&format!("{mine}{} here; {}\n", tally.done, status.line()))?,
        }
        match tally.failed {
            0 => Ok(()),
            n => Err(Error::Device(format!(
                "{n} jobs of {} failed or need one that did; see `unlearn jobs status`, and try again with --retry",
                self.folder.display()
            ))),
        }
    }
}

impl StatusArgs {
    fn run(self, cx: &Context) -> Result<()> {
        let status = Folder::open(&self.folder)?.status(self.patience.patience())?;
        if cx.json {
            return emit_json(&status);
        }
        let mut table = Table::new(&["job", "does", "state", "by", "model"]);
        for job in &status.jobs {
            let model = job.model_sha256.as_deref().map_or("", |hash| &hash[..hash.len().min(16)]);
            table.row([job.id.as_str(), &job.label, job.state.as_str(), &job.note, model]);
        }
        let mixed = match status.adapters.as_slice() {
            [] | [_] => String::new(),
            several => {
                format!("computed on {}: bytes may depend on which did what\n", several.join(" and on "))
            }
        };
        let left = status.count(JobState::Left) + status.count(JobState::Ready);
        let next = match left {
            0 => String::new(),
            _ => format!("; go on with `unlearn jobs run {}`", self.folder.display()),
        };
        emit(&format!("{table}\n{}{next}\n{mixed}", status.line()))
    }
}

impl EmitArgs {
    fn run(self, cx: &Context) -> Result<()> {
        cx.outputs().file("--out", self.out.as_deref()).reads([self.folder.join("plan.json")]).check()?;
        let map = match self.adapter_map {
            None => Vec::new(),
            Some(AdapterMap::Auto) => vec!["--adapter-map".to_owned(), "auto".into()],
            Some(AdapterMap::Given(all)) => {
                vec!["--adapter-map".to_owned(), all.iter().map(usize::to_string).collect::<Vec<_>>().join(",")]
            }
        };
        let launcher = match self.launcher {
            Word::Slurm => Launcher::Slurm,
            Word::Hq => Launcher::Hq,
            Word::K8s => Launcher::K8s,
            Word::Make => Launcher::Make,
        };
        let tasks = self.tasks.map(|tasks| tasks as usize);
        let asked = Asked { tasks, program: self.program, words: map, image: self.image, volume: self.volume };
        let text = Folder::open(&self.folder)?.emit(launcher, &asked)?;
        match &self.out {
            Some(path) => write_atomic(path, text.as_bytes()),
            None => emit(&text),
        }
    }
}
