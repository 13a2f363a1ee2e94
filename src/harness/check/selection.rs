//! What can be checked: which kinds there are, which shapes, and what of it a run selects.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::item::{Item, Work};
use super::{CaseResult, grad, perf, random, smoke, support};
use crate::engine::case::Case;
use crate::engine::{Dispatch, Groups};
use crate::error::Result;
use crate::kernels::{FAMILIES, Family};

/// What a run checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Cases against twins.
    Test,
    /// Layers and named architectures, and what their sinks hold, against the reference engine.
    Grad,
    /// Features and limits against what kernels and named architectures need; every kernel is compiled.
    Support,
    /// A short timing of every kernel.
    Perf,
    /// A few kernels and training steps, repeated: the test of `unlearn doctor`.
    Smoke,
}

impl Kind {
    /// Every kind, in the order of the help.
    pub const ALL: [Kind; 5] = [Kind::Test, Kind::Grad, Kind::Support, Kind::Perf, Kind::Smoke];

    /// The word of the command line and of documents.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Test => "test",
            Kind::Grad => "grad",
            Kind::Support => "support",
            Kind::Perf => "perf",
            Kind::Smoke => "smoke",
        }
    }

    /// The rows of the matrix that a result counts for.
    pub(super) fn rows(self, result: &CaseResult) -> Vec<&str> {
        match self {
            Kind::Test | Kind::Perf if !result.kernels.is_empty() => {
                result.kernels.iter().map(String::as_str).collect()
            }
            // An empty shape of what several kernels share.
            Kind::Test | Kind::Perf => vec![result.case.split(' ').next().unwrap_or(&result.case)],
            _ => vec![result.case.split(": ").next().unwrap_or(&result.case)],
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Kind, String> {
        let found = Kind::ALL.into_iter().find(|k| k.word() == word);
        found.ok_or_else(|| "expected test, grad, support or perf".to_owned())
    }
}

/// Which shapes of the kernels' cases run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    /// Every case.
    Full,
    /// The small ones: empty, one, odd, prime, folded grids.
    Edge,
    /// So many random shapes of each family that can make them.
    Random(usize),
}

/// Operations or bytes, whichever is more, up to which a case is small: a software adapter takes milliseconds.
const SMALL: u64 = 6_000_000;

/// The same for a case whose grid folds, which takes some elements for every one of 65 536 workgroups.
const FOLDED: u64 = 30_000_000;

impl Shapes {
    /// Whether a case is one of these shapes.
    pub fn holds(self, case: &Case) -> bool {
        let work: u64 = case.rec.dispatches().map(|d| d.flops.max(d.bytes)).sum();
        let most = if case.rec.dispatches().any(folds) { FOLDED } else { SMALL };
        case.test && (self != Shapes::Edge || work <= most)
    }
}

/// Whether a launch needs more workgroups than one side of the grid holds.
pub fn folds(d: &Dispatch) -> bool {
    let groups = match d.groups {
        Groups::Groups(n) => n,
        Groups::Threads(n) => n.div_ceil(d.constant("WG").unwrap_or(64.0) as u64),
    };
    groups > 65_535
}

impl fmt::Display for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Shapes::Full => f.write_str("full"),
            Shapes::Edge => f.write_str("edge"),
            Shapes::Random(n) => write!(f, "random:{n}"),
        }
    }
}

impl FromStr for Shapes {
    type Err = String;

    fn from_str(text: &str) -> Result<Shapes, String> {
        match (text, text.strip_prefix("random:").map(str::parse)) {
            ("full", _) => Ok(Shapes::Full),
            ("edge", _) => Ok(Shapes::Edge),
            (_, Some(Ok(n @ 1..=10_000))) => Ok(Shapes::Random(n)),
            _ => Err("expected full, edge or random:N with N from 1 to 10000".to_owned()),
        }
    }
}

/// What a run selects.
#[derive(Clone, Debug)]
pub struct Selection {
    /// What is asked of the adapter.
    pub kind: Kind,
    /// At which shapes.
    pub shapes: Shapes,
    /// Of random shapes.
    pub seed: u64,
    /// Over the names of kernels and cases; none takes them all.
    pub filter: Option<Regex>,
    /// These names, exactly.
    pub only: Option<BTreeSet<String>>,
}

impl Selection {
    /// Everything of a kind.
    pub fn all(kind: Kind) -> Selection {
        Selection { kind, shapes: Shapes::Full, seed: 1, filter: None, only: None }
    }

    /// The one item of this name; a random shape's name holds its seed.
    pub fn one(kind: Kind, name: &str) -> Selection {
        let (shapes, seed) = match random::seed_of(name) {
            Some((seed, index)) => (Shapes::Random(index + 1), seed),
            None => (Shapes::Full, 1),
        };
        Selection { shapes, seed, only: Some([name.to_owned()].into()), ..Selection::all(kind) }
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|o| o.contains(name)) && self.filter.as_ref().is_none_or(|f| f.is_match(name))
    }

    /// The families that hold something of the selection, as far as exact names tell.
    fn families(&self) -> impl Iterator<Item = &'static Family> {
        let named = |f: &Family, names: &BTreeSet<String>| names.iter().any(|n| n.contains(&format!("{}.", f.name)));
        FAMILIES.iter().filter(move |f| self.only.as_ref().is_none_or(|names| named(f, names)))
    }

    /// Calls `visit` with each selected item in order. A family at a time is held: the inputs of all cases together are
    /// hundreds of megabytes.
    ///
    /// # Errors
    /// Those of `visit`, or an example of the registries is not a network.
    pub fn each(&self, mut visit: impl FnMut(Item) -> Result<()>) -> Result<()> {
        let mut all = |items: Vec<Item>| items.into_iter().filter(|i| self.wants(&i.name)).try_for_each(&mut visit);
        let case = |c| Item::of(Work::Case(Box::new(c)));
        match (self.kind, self.shapes) {
            (Kind::Test, Shapes::Random(n)) => {
                self.families().try_for_each(|f| all(random::cases(f, n, self.seed).into_iter().map(case).collect()))
            }
            (Kind::Test, shapes) => self
                .families()
                .try_for_each(|f| all(f.cases().into_iter().filter(|c| shapes.holds(c)).map(case).collect())),
            (Kind::Perf, _) => self.families().try_for_each(|f| all(perf::items(f))),
            (Kind::Support, _) => {
                self.families().try_for_each(|f| all(support::kernels(f)))?;
                all(support::networks()?)?;
                all(support::limits()?)
            }
            (Kind::Grad, _) => all(grad::items()?),
            (Kind::Smoke, _) => all(smoke::items()?),
        }
    }

    /// What is selected, in order.
    ///
    /// # Errors
    /// As [`Selection::each`].
    pub fn plan(&self) -> Result<Vec<Planned>> {
        let mut plan = Vec::new();
        self.each(|item| {
            let tolerance = item.case().map(|c| (c.rtol, c.atol));
            plan.push(Planned { name: item.name, kernels: item.kernels, tolerance });
            Ok(())
        })?;
        Ok(plan)
    }
}

/// An item before it is run.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// The case.
    pub name: String,
    /// The kernels it runs.
    pub kernels: Vec<&'static str>,
    /// rtol and atol of a case: |got − want| ≤ atol + rtol·|want|.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<(f64, f64)>,
}
