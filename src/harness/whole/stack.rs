//! Many small models trained as a stack, beside the same models one after another, with a look at every byte.

use std::path::Path;

use super::{Bench, Pass, network, pictures, seconds};
use crate::data::{self, DataConfig, Dataset};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::records::{Records, Session, Source};
use crate::train::stack::{Job, fit_many};
use crate::train::{Term, TrainConfig, fit_to_end};

/// Models of a stack.
const MODELS: usize = 64;

/// What the stacked pass is compared with.
const ALONE: &str = "one after another";

/// Models of one architecture that are timed.
struct Many<'a> {
    name: &'a str,
    model: &'a Model,
    data: &'a Dataset,
    records: &'a [u32],
    config: TrainConfig,
    models: usize,
}

impl Bench<'_> {
    /// MLPs on the digits, LeNets on made-up pictures, GCNs on Cora, an epoch or more of each.
    pub(super) fn stack(&mut self) -> Result<()> {
        let digits = data::load(&DataConfig::new("digits"), Path::new("."))?;
        let (model, ids) = (network("mlp", None, &digits)?, digits.train_ids());
        // As the experiment `demo_mlp` trains.
        let config = TrainConfig { batch_size: 32, epochs: 2, ..TrainConfig::default() };
        self.many(&Many { name: "mlp", model: &model, data: &digits, records: &ids, config, models: MODELS })?;

        let cora = data::load(&DataConfig::new("cora"), Path::new("."))?;
        let (model, ids) = (network("gcn", None, &cora)?, cora.train_ids());
        let config = TrainConfig { optimizer: "adam".into(), lr: 0.01, epochs: 5, ..TrainConfig::default() };
        self.many(&Many { name: "gcn", model: &model, data: &cora, records: &ids, config, models: MODELS })?;

        let (made, ids) = pictures(self.options.records.min(256))?;
        let model = network("lenet5", None, &made)?;
        let config = TrainConfig { batch_size: 64, epochs: 1, ..TrainConfig::default() };
        self.many(&Many { name: "lenet5", model: &model, data: &made, records: &ids, config, models: MODELS / 4 })
    }

    /// Times both in turns; the first round, which carries the drivers' compile, is not kept.
    fn many(&mut self, many: &Many) -> Result<()> {
        let starts: Vec<Vec<f32>> = (0..many.models as u64).map(|seed| many.model.init(seed)).collect();
        let (mut alone, mut stacked) = (Vec::new(), Vec::new());
        for round in 0..=self.options.rounds {
            (self.progress)(&format!("{} models of {}, round {round}", many.models, many.name));
            let (own_s, own) = seconds(|| self.one_after_another(many, &starts))?;
            let (all_s, all) = seconds(|| self.together(many, &starts))?;
            if let Some(differs) = own.iter().zip(&all).position(|(own, all)| bits(own) != bits(all)) {
                let what = format!("model {differs} of {} in a stack is not what it is alone", many.name);
                return Err(Error::CheckFailed(what));
            }
            if round > 0 {
                alone.push(own_s);
                stacked.push(all_s);
            }
        }
        let records = many.records.len() * many.config.epochs * many.models;
        let name = format!("{} x {}", many.models, many.name);
        let row = |pass: &str| Pass { records, batch: many.config.batch_size, ..self.row(&name, pass, many.model) };
        let (own, all) = (row(ALONE).took(alone.clone()), row("stacked").took(stacked).beside(ALONE, &alone));
        self.report.rows.extend([own, all]);
        Ok(())
    }

    fn one_after_another(&mut self, many: &Many, starts: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
        let mut session = Session::of(&mut *self.engine, many.model, many.data, None, &starts[0])?;
        let terms = [Term { records: Records::train(many.records), weight: 1.0 }];
        let one = |(seed, start): (usize, &Vec<f32>)| {
            session.write_theta(start)?;
            fit_to_end(&mut session, &many.config, seed as u64, &terms)?;
            session.read_theta()
        };
        starts.iter().enumerate().map(one).collect()
    }

    fn together(&mut self, many: &Many, starts: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
        let job = |(seed, start)| Job::new(many.records, seed as u64, start);
        let jobs: Vec<Job> = starts.iter().map(Vec::as_slice).enumerate().map(job).collect();
        let source = Source::new(many.data, None);
        let trained = fit_many(self.engine, many.model, &source, &many.config, &jobs, |_, _| Ok(()))?;
        Ok(trained.into_iter().map(|one| one.theta).collect())
    }
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|v| v.to_bits()).collect()
}
