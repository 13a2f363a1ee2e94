//! What requests mean on the run that serves.

use std::collections::BTreeMap;
use std::path::Path;

use super::inbox::{self, Body};
use crate::data::Request;
use crate::error::Result;
use crate::run::earlier::Earlier;
use crate::run::folder::{Opened, RunFolder};
use crate::run::lost;
use crate::run::target::Target;

/// The run that serves, and what it had forgotten.
pub(super) struct Sight {
    pub run: Opened,
    pub earlier: Earlier,
}

/// What was found of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Records, and ids that another request of the same batch names too.
    pub records: usize,
    /// Records that went before.
    pub already: usize,
}

impl Sight {
    pub fn open(run: &Path) -> Result<Sight> {
        let mut run = RunFolder::new(run).open()?;
        let earlier = Earlier::of(&run)?;
        earlier.lose(&mut run.data);
        Ok(Sight { run, earlier })
    }

    /// What requests mean together, after what went before; nothing of it may be left.
    pub fn meant(&self, mut requests: Vec<Request>) -> Result<Target> {
        let run = &self.run;
        let struck = lost::strike(&mut requests, &self.earlier.requests, &run.absent);
        // Refused only where all of it went before.
        let Ok(struck) = struck else { return Ok(Target::default()) };
        let mut target = Target::of(&requests, &run.data, &run.model, run.config.seed)?;
        target.split.lines.iter_mut().zip(struck).for_each(|(line, count)| line.already += count);
        if !self.earlier.requests.is_empty() {
            target.without(&self.earlier.target, &run.data)?;
        }
        Ok(target)
    }

    /// What each request means beside the others; `Err` says why one means nothing here.
    ///
    /// # Errors
    /// Together they ask for more than each does.
    pub fn each(&self, bodies: &[&Body]) -> Result<BTreeMap<String, Result<Found, String>>> {
        let mut all = BTreeMap::new();
        let target = match self.together(bodies) {
            Ok(target) => Some(target),
            Err(_) => {
                self.alone(bodies, &mut all);
                None
            }
        };
        let good: Vec<&Body> = bodies.iter().filter(|body| !all.contains_key(&body.request)).copied().collect();
        if good.is_empty() {
            return Ok(all);
        }
        let target = target.map_or_else(|| self.together(&good), Ok)?;
        all.extend(good.iter().map(|body| (body.request.clone(), Ok(found(body, &target)))));
        Ok(all)
    }

    /// Finds those that mean nothing even alone, half by half: most deliveries have few of them.
    fn alone(&self, bodies: &[&Body], bad: &mut BTreeMap<String, Result<Found, String>>) {
        let Err(error) = self.together(bodies) else { return };
        match bodies {
            [] => {}
            [one] => drop(bad.insert(one.request.clone(), Err(error.to_string()))),
            _ => {
                let (first, second) = bodies.split_at(bodies.len() / 2);
                self.alone(first, bad);
                self.alone(second, bad);
            }
        }
    }

    fn together(&self, bodies: &[&Body]) -> Result<Target> {
        self.meant(bodies.iter().flat_map(|body| body.parts.clone()).collect())
    }

    /// Refuses what the run cannot be asked at all.
    pub fn root(&self) -> Result<std::path::PathBuf> {
        crate::run::retrains::root(&self.run)
    }
}

fn found(body: &Body, target: &Target) -> Found {
    let origin = inbox::origin(&body.request);
    let lines = target.split.lines.iter().filter(|line| line.origin == origin);
    let empty = target.split.lines.is_empty();
    let named: usize = body.parts.iter().map(|part| part.ids.len() + part.nodes.len()).sum();
    lines.fold(Found { records: 0, already: if empty { named } else { 0 } }, |sum, line| Found {
        records: sum.records + line.records.len() + line.repeated,
        already: sum.already + line.already,
    })
}
