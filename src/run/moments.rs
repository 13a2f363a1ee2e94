//! Models on the way of a run's training: trained again from the seed, which gives the same bytes and needs no stored
//! files.

use super::folder::Opened;
use super::refit::base;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::records::{Records, Session};
use crate::statistics::scores::Moment;
use crate::train::{EpochReport, Fit, Flow, Observer, Term, train_to_end};

/// Models at the ends of some epochs.
pub struct Moments {
    /// In the order of the epochs.
    pub list: Vec<Moment>,
    /// Whether the weights at the end of the run came out as they are in its folder; none where training went less far,
    /// or was not needed. False on another adapter than the run's: the models are then those that training gives here.
    pub reproduced: Option<bool>,
}

/// The run's models after `epochs`, counted from 1 and each once; its weights as they are, with the configuration's
/// learning rate, where no epoch is named.
///
/// # Errors
/// An epoch that the run does not have, or that is named twice; a run that forgot, whose weights no training gives.
pub fn moments(engine: &mut Engine, run: &Opened, epochs: &[usize]) -> Result<Moments> {
    let recipe = &run.config.train;
    if epochs.is_empty() {
        return Ok(Moments { list: vec![Moment { theta: run.theta()?, lr: recipe.lr }], reproduced: None });
    }
    check(run, epochs)?;
    engine.must_hold("theta", run.model.layout.total())?;
    let start = base(&run.config, &run.model)?.unwrap_or_else(|| run.model.init(run.config.seed));
    let everything = run.data.train_ids();
    let terms = [Term { records: Records::train(&everything), weight: 1.0 }];
    let mut session = Session::of(engine, &run.model, &run.data, None, &start)?.trained_for(&run.config.train)?;
    let mut fit = Fit::new(&mut session, recipe, run.config.seed)?;
    let mut keeper = Keeper { epochs, found: Vec::new() };
    train_to_end(&mut fit, &mut session, &terms, &mut keeper)?;
    let found = keeper.found;
    // Early stopping ends with the weights of another epoch.
    let at_end = found.iter().find(|(epoch, _)| Some(*epoch) == fit.best_epoch().or(Some(recipe.epochs)));
    let reproduced = match at_end {
        Some((_, end)) => {
            let stored = run.theta()?;
            Some(end.theta.iter().zip(&stored).all(|(a, b)| a.to_bits() == b.to_bits()))
        }
        None => None,
    };
    let in_order = epochs.iter().filter_map(|epoch| found.iter().find(|(at, _)| at == epoch));
    Ok(Moments { list: in_order.map(|(_, moment)| moment.clone()).collect(), reproduced })
}

/// Keeps the models after some epochs, and stops behind the last of them.
struct Keeper<'a> {
    epochs: &'a [usize],
    found: Vec<(usize, Moment)>,
}

impl Observer for Keeper<'_> {
    fn epoch(&mut self, session: &mut Session, fit: &mut Fit, report: &EpochReport) -> Result<Flow> {
        if self.epochs.contains(&report.epoch) {
            let theta = fit.with_served(session, |session| session.read_theta())?;
            self.found.push((report.epoch, Moment { theta, lr: report.lr }));
        }
        Ok(if self.found.len() == self.epochs.len() { Flow::Stop } else { Flow::Continue })
    }
}

fn check(run: &Opened, epochs: &[usize]) -> Result<()> {
    let (count, folder) = (run.info.epochs, run.folder.path.display());
    if run.info.forget.is_some() {
        return Err(Error::input(format!(
            "epochs: {folder} came from `forget`, and training does not lead to its weights; name the run that was \
                trained"
        )));
    }
    if let Some(imported) = &run.info.imported {
        return Err(Error::input(format!(
            "epochs: {folder} was imported from {}, and no training of it is known; leave them out",
            imported.path.display()
        )));
    }
    for (i, epoch) in epochs.iter().enumerate() {
        if !(1..=count).contains(epoch) {
            return Err(Error::input(format!("epochs: {folder} has epochs 1 to {count}, and {epoch} was asked for")));
        }
        if epochs[..i].contains(epoch) {
            return Err(Error::input(format!("epochs: {epoch} is there twice")));
        }
    }
    Ok(())
}
