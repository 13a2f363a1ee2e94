//! Words about batches.

use clap::Args;
use serde_json::json;

use super::{ProjectArgs, shown};
use crate::cli::Context;
use crate::cli::output::{emit, emit_json};
use crate::engine::GpuOptions;
use crate::error::{Error, Result};
use crate::methods::Tier;
use crate::run::config::settings;
use crate::run::requests::{Finished, How, Wish, approve, measure, plan, run};
use crate::run::whom;

/// Plan how waiting requests will be done, in one batch; nothing is done yet
///
/// Says what they touch, which methods suit the run and the records, what each is expected to cost on the adapter of
/// the training, and takes the strongest claim within the limits, and of its methods the cheapest. Costs come from
/// what the training took, and from what methods were measured to take in this project.
#[derive(Args, Debug)]
pub(in crate::cli) struct PlanArgs {
    /// This request alone, by its `request_id` or pseudonym; may be given several times
    #[arg(long, value_name = "REQUEST")]
    request: Vec<String>,
    /// Give up this batch, or take up one that was rolled back, and plan its requests anew
    #[arg(long, value_name = "BATCH")]
    again: Option<String>,
    /// Method, in place of the one that is recommended
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// A setting of the method
    #[arg(long, value_name = "KEY=VALUE", requires = "method")]
    set: Vec<String>,
    #[command(flatten)]
    limits: Limits,
    /// First do this method once, on the waiting requests, to measure what it costs; its result is thrown away. May be
    /// given several times
    #[arg(long, value_name = "NAME")]
    measure: Vec<String>,
    /// Say whom the requests mean, with ids, and what is wrong with them
    #[arg(long)]
    ids: bool,
    #[command(flatten)]
    on: ProjectArgs,
}

/// What a plan keeps to, and what its result must pass
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct Limits {
    /// Weakest claim that is let pass: `tier=exact`, `tier=exact-in-distribution`, `tier=certified`,
    /// `tier=approximate`
    #[arg(long, value_name = "tier=TIER", value_parser = tier)]
    require: Option<Tier>,
    /// Percentage points of test accuracy that may be lost
    #[arg(long, value_name = "PP")]
    max_drop: Option<f64>,
    /// Greatest share of the cost of a retrain
    #[arg(long, value_name = "SHARE")]
    max_cost: Option<f64>,
    /// Retrains that the result is judged against; by default 5 for an approximate method, else none
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=100))]
    references: Option<u16>,
    /// Audit the result with so many shadow models, at least 4; none where 0
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=1024))]
    audit: Option<u16>,
}

/// Approve a planned batch
#[derive(Args, Debug)]
pub(in crate::cli) struct Approve {
    /// Its name, such as 0001
    #[arg(value_name = "BATCH")]
    batch: String,
    #[command(flatten)]
    on: ProjectArgs,
}

/// Do what is planned: forget, judge, and publish what passes its gate; roll back what does not
///
/// What is published gets a pack of evidence, as `unlearn pack` writes one: the folder `evidence` of the batch, and a
/// zip beside it. What was killed at any moment goes on where it was. The exit code is 4 where a batch was rolled back.
#[derive(Args, Debug)]
pub(in crate::cli) struct RunArgs {
    /// This batch alone
    #[arg(value_name = "BATCH")]
    batch: Option<String>,
    /// Exit with 0 even if a batch was rolled back
    #[arg(long)]
    allow_fail: bool,
    /// Write no pack of evidence
    #[arg(long)]
    no_pack: bool,
    #[command(flatten)]
    on: ProjectArgs,
}

fn tier(text: &str) -> Result<Tier, String> {
    let word = text.strip_prefix("tier=").unwrap_or(text);
    let all = [Tier::Exact, Tier::Distribution, Tier::Certified, Tier::Approximate];
    let known = all.map(Tier::as_str).join(", ");
    all.into_iter().find(|tier| tier.as_str() == word).ok_or_else(|| format!("expected tier=TIER, one of {known}"))
}

impl Limits {
    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        let Limits { require, max_drop, max_cost, references, audit } = self;
        require.is_none() && max_drop.is_none() && max_cost.is_none() && references.is_none() && audit.is_none()
    }

    /// As a plan takes them.
    ///
    /// # Errors
    /// Numbers that mean nothing.
    pub fn wish(&self) -> Result<Wish> {
        for (flag, value) in [("--max-drop", self.max_drop), ("--max-cost", self.max_cost)] {
            if value.is_some_and(|value| !value.is_finite() || value < 0.0) {
                return Err(Error::input(format!("{flag}: expected a number of at least 0")));
            }
        }
        let shadows = self.audit.unwrap_or(0);
        if (1..4).contains(&shadows) {
            return Err(Error::input("--audit: expected at least 4 shadow models, or 0"));
        }
        Ok(Wish {
            tier: self.require,
            max_cost: self.max_cost,
            max_drop: self.max_drop,
            references: self.references,
            shadows,
            ..Wish::default()
        })
    }
}

impl PlanArgs {
    pub fn run(self, cx: &Context) -> Result<()> {
        let limits = self.limits.wish()?;
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        let engine = |_: u64| cx.engine();
        if !self.measure.is_empty() {
            measure(&project, &self.measure, &self.how(cx, &engine), &self.on.actor)?;
        }
        let wish = Wish {
            requests: self.request,
            again: self.again,
            method: self.method,
            settings: settings(&self.set)?,
            ids: self.ids,
            ..limits
        };
        let (made, lines) = plan(&project, &wish, &self.on.actor)?;
        match (cx.json, self.ids) {
            (true, _) => emit_json(&made),
            (false, true) => emit(&(whom::text(&lines) + &shown::plan(&made))),
            (false, false) => emit(&shown::plan(&made)),
        }
    }

    fn how<'a>(&self, cx: &'a Context, engine: &'a (dyn Fn(u64) -> Result<crate::engine::Engine> + Sync)) -> How<'a> {
        How { engine, memory: cx.max_memory, said: &|_| {}, seed: cx.seed, pack: false }
    }
}

impl Approve {
    pub fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let count = approve(&self.on.open(&said)?, &self.batch, &self.on.actor)?;
        match cx.json {
            true => emit_json(&json!({
                "schema": "unlearn.approval/1", "version": env!("CARGO_PKG_VERSION"), "batch": self.batch,
                "requests": count,
            })),
            false => emit(&format!("batch {}: {count} requests approved\n", self.batch)),
        }
    }
}

impl RunArgs {
    pub fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        let all = with(cx, !self.no_pack, |how| run(&project, self.batch.as_deref(), how, &self.on.actor))?;
        match cx.json {
            true => emit_json(&document(&all))?,
            false => emit(&all.iter().map(shown::finished).collect::<String>())?,
        }
        if self.allow_fail { Ok(()) } else { rolled_back(&all) }
    }
}

/// Works with engines as the command line wants them.
pub(in crate::cli) fn with<T>(cx: &Context, pack: bool, work: impl FnOnce(&How) -> Result<T>) -> Result<T> {
    let engine = |share: u64| {
        let max_memory = cx.max_memory.map(|most| most / share.max(1));
        cx.another_engine(GpuOptions { max_memory, ..GpuOptions::default() })
    };
    let said = |what: &str| cx.note(what);
    work(&How { engine: &engine, memory: cx.max_memory, said: &said, seed: cx.seed, pack })
}

/// What was done, as a document.
pub(in crate::cli) fn document(all: &[Finished]) -> serde_json::Value {
    let outcomes: Vec<_> = all.iter().map(|one| &one.outcome).collect();
    let evidence: Vec<_> = all.iter().filter_map(|one| one.evidence.as_ref()).collect();
    json!({
        "schema": "unlearn.outcomes/1", "version": env!("CARGO_PKG_VERSION"), "outcomes": outcomes,
        "evidence": evidence,
    })
}

/// An error of exit code 4 where a batch was rolled back.
pub(in crate::cli) fn rolled_back(all: &[Finished]) -> Result<()> {
    let failed = all.iter().map(|one| &one.outcome).filter(|outcome| !outcome.passed());
    match failed.map(|outcome| outcome.batch.as_str()).collect::<Vec<_>>() {
        none if none.is_empty() => Ok(()),
        batches => {
            Err(Error::CheckFailed(format!("rolled back: batch {}; `--allow-fail` gives 0", batches.join(", "))))
        }
    }
}
