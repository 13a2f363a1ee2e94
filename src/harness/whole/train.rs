//! Epochs, and how long the first step takes to come.

use std::time::Instant;

use super::{Bench, NETWORKS, Pass, network, pictures, seconds};
use crate::data::Dataset;
use crate::engine::Engine;
use crate::error::Result;
use crate::nn::Model;
use crate::records::{Records, Session};
use crate::train::{Fit, Term, TrainConfig};

/// A training to be timed.
pub(super) struct Training<'a> {
    pub name: &'a str,
    pub model: &'a Model,
    pub data: &'a Dataset,
    /// Ids of the records that it goes through.
    pub records: &'a [u32],
    pub config: TrainConfig,
}

impl<'a> Training<'a> {
    pub fn new(
        name: &'a str,
        model: &'a Model,
        data: (&'a Dataset, &'a [u32]),
        batch_size: usize,
        rounds: usize,
    ) -> Self {
        // An epoch to warm up, the rounds, and one under the GPU's clock.
        let config = TrainConfig { batch_size, epochs: rounds + 2, lr: 0.01, ..Default::default() };
        Training { name, model, data: data.0, records: data.1, config }
    }

    /// Seconds until the loss of a first step is on the host, everything that a start needs in it.
    fn first_step(&self, engine: &mut Engine) -> Result<f64> {
        let start = Instant::now();
        let mut session = Session::of(engine, self.model, self.data, None, &self.model.init(1))?;
        let terms = [Term { records: Records::train(self.records), weight: 1.0 }];
        let config = TrainConfig { steps_per_submission: 1, ..self.config.clone() };
        let mut fit = Fit::new(&mut session, &config, 1)?;
        fit.pause_at(Some(1));
        let mut first = None;
        fit.advance(&mut session, &terms, |_| {
            first.get_or_insert_with(|| start.elapsed().as_secs_f64());
            false
        })?;
        Ok(first.unwrap_or_default())
    }
}

impl Bench<'_> {
    /// LeNet-5 and the MLP over made-up pictures.
    pub(super) fn train(&mut self) -> Result<()> {
        let (data, ids) = pictures(self.options.records)?;
        for (name, hidden, batch) in NETWORKS {
            let model = network(name, hidden.map(Vec::from), &data)?;
            self.epochs(&Training::new(name, &model, (&data, &ids), batch, self.options.rounds), 0)?;
        }
        Ok(())
    }

    /// Times a training's epochs; adds its row, and what each kernel takes of an epoch.
    pub(super) fn epochs(&mut self, training: &Training, nodes: usize) -> Result<()> {
        (self.progress)(&format!("{} epochs", training.name));
        let (name, data, model) = (training.name, training.data, training.model);
        let first_step = training.first_step(self.engine)?;
        let again = training.first_step(self.engine)?;
        self.engine.take_peak();
        let terms = [Term { records: Records::train(training.records), weight: 1.0 }];
        let mut session = Session::of(&mut *self.engine, model, data, None, &model.init(1))?;
        let mut fit = Fit::new(&mut session, &training.config, 1)?;
        let (first, _) = seconds(|| fit.advance(&mut session, &terms, |_| true))?;
        let mut samples = Vec::new();
        for _ in 0..self.options.rounds {
            samples.push(seconds(|| fit.advance(&mut session, &terms, |_| true))?.0);
        }
        session.engine.take_timings();
        session.engine.set_profile(true);
        let ran = fit.advance(&mut session, &terms, |_| true);
        session.engine.set_profile(false);
        ran?;
        let timings = session.engine.take_timings();
        let (dispatches, peak_bytes) = (fit.dispatches_per_step(), session.engine.take_peak());
        drop(session);
        let row = Pass {
            records: training.records.len(),
            batch: training.config.batch_size,
            nodes,
            first_s: Some(first),
            first_step_s: Some(first_step),
            compile_s: Some((first_step - again).max(0.0)),
            dispatches: Some(dispatches),
            peak_bytes,
            ..self.row(name, "epoch", model)
        };
        self.report.rows.push(row.took(samples));
        self.break_down(&format!("{name} epoch"), timings);
        Ok(())
    }
}
