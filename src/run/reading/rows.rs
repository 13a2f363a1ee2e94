//! Records that stand alone: a table a split.

use super::{Said, Subject, gather};
use crate::data::{Dataset, Samples};
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::{Evaluation, Outputs, SplitName};
use crate::nn::Model;
use crate::records::Reader;
use crate::run::target::Target;

pub(super) struct Rows<'a> {
    pub data: &'a Dataset,
    pub target: Option<&'a Target>,
    pub classes: usize,
}

/// The splits in the order of their tables.
const SPLITS: [SplitName; 3] = [SplitName::Train, SplitName::Validation, SplitName::Test];

impl Rows<'_> {
    fn samples(&self) -> [&Samples; 3] {
        [&self.data.train, &self.data.validation, &self.data.test]
    }
}

impl Subject for Rows<'_> {
    fn tables(&self) -> usize {
        SPLITS.len()
    }

    fn open<'e>(
        &self,
        engine: &'e mut Engine,
        model: &'e Model,
        table: usize,
        theta: &[f32],
    ) -> Result<(Reader<'e>, Vec<u32>)> {
        let samples = self.samples()[table];
        Ok((Reader::rows(engine, model, samples, theta)?, (0..samples.len() as u32).collect()))
    }

    fn changes(&self) -> bool {
        false
    }

    fn evaluation(&self, said: &[Said]) -> Result<Evaluation> {
        let (classes, train) = (self.classes, &said[0].before);
        let mut evaluation = Evaluation::new();
        if let Some(target) = self.target {
            let of = |ids: &[u32]| gather(|_| train, &self.data.train.y, classes, ids);
            evaluation.insert(SplitName::Retain, of(&target.split.retain))?;
            evaluation.insert(SplitName::Forget, of(&target.split.forget))?;
        }
        for ((name, samples), said) in SPLITS.into_iter().zip(self.samples()).zip(said) {
            let (logits, labels) = (said.before.clone(), samples.y.clone());
            evaluation.insert(name, Outputs { logits, labels, classes })?;
        }
        Ok(evaluation)
    }
}
