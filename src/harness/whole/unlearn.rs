//! Methods beside the retraining that they are to save.

use super::{Bench, Pass, network, pictures};
use crate::error::Result;
use crate::methods::{self, View};
use crate::records::{Records, Session};
use crate::train::{Term, TrainConfig, fit_to_end};

/// The reference first.
const METHODS: [&str; 4] = ["retrain", "finetune", "gradient_ascent", "ssd"];

/// Epochs of the training, and so of the retraining.
const EPOCHS: usize = 5;

impl Bench<'_> {
    /// An MLP forgets a tenth of its records. Time is what a method accounts for, statistics that could be kept for the
    /// next request included.
    pub(super) fn unlearn(&mut self) -> Result<()> {
        let (name, batch_size) = ("mlp", 128);
        let (data, all) = pictures(self.options.records)?;
        let model = network(name, Some(vec![256, 128]), &data)?;
        let (forget, retain): (Vec<u32>, Vec<u32>) = all.iter().partition(|id| **id % 10 == 0);
        let config = TrainConfig { batch_size, epochs: EPOCHS, lr: 0.05, ..Default::default() };
        (self.progress)("the original");
        let mut session = Session::of(&mut *self.engine, &model, &data, None, &model.init(1))?;
        fit_to_end(&mut session, &config, 1, &[Term { records: Records::train(&all), weight: 1.0 }])?;
        let trained = session.read_theta()?;
        let view = View::new(&config, &retain, &forget).seed(1);
        let mut times = vec![Vec::new(); METHODS.len()];
        let (mut first, mut peaks) = (vec![0.0; METHODS.len()], vec![0; METHODS.len()]);
        for round in 0..=self.options.rounds {
            for (i, method) in METHODS.iter().enumerate() {
                (self.progress)(method);
                let made = (methods::find(method)?.build)(toml::Table::new())?;
                session.write_theta(&trained)?;
                session.engine.take_peak();
                let account = made.forget(&mut session, &view)?;
                peaks[i] = session.engine.take_peak().max(peaks[i]);
                let took = account.method_s + account.precompute_s;
                if round == 0 { first[i] = took } else { times[i].push(took) }
            }
        }
        drop(session);
        for (i, method) in METHODS.iter().enumerate() {
            let row = Pass {
                records: forget.len(),
                batch: batch_size,
                first_s: Some(first[i]),
                peak_bytes: peaks[i],
                ..self.row(name, method, &model)
            };
            self.report.rows.push(row.took(times[i].clone()).beside(METHODS[0], &times[0]));
        }
        Ok(())
    }
}
