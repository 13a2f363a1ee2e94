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
    pub fn each(&self, bodies: &[&Body]) -> Result<BTreeMap<String, Result<Found, String>>> {
        let mut all: BTreeMap<String, Result<Found, String>> = BTreeMap::new();
        let mut open: Vec<&Body> = bodies.to_vec();
        while !open.is_empty() {
            let error = match self.meant(open.iter().flat_map(|body| body.parts.clone()).collect()) {
                Ok(target) => {
                    all.extend(open.iter().map(|body| (body.request.clone(), Ok(found(body, &target)))));
                    break;
                }
                Err(error) => error,
            };
            let text = error.to_string();
            let named = |body: &&Body| text.starts_with(&format!("{}: ", inbox::origin(&body.request)));
            let Some(at) = open.iter().position(named) else { return Err(error) };
            // Together they may ask for more than each does.
            match (open.len() > 1).then(|| self.meant(open[at].parts.clone())) {
                Some(Ok(_)) => return Err(error),
                Some(Err(own)) => drop(all.insert(open[at].request.clone(), Err(own.to_string()))),
                None => drop(all.insert(open[at].request.clone(), Err(text.clone()))),
            }
            open.remove(at);
        }
        Ok(all)
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
