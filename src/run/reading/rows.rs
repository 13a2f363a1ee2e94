//! Records that stand alone: a table a split.

use std::borrow::Cow;

use super::{Said, Subject, gather};
use crate::data::{Dataset, Place, Portion};
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::{Evaluation, SplitName};
use crate::nn::Model;
use crate::records::Reader;
use crate::run::target::Target;

pub(super) struct Rows<'a> {
    pub data: &'a Dataset,
    pub target: Option<&'a Target>,
}

/// How far the logit of a class that a model has no output for lies below its lowest.
const ABSENT: f32 = 50.0;

/// The splits in the order of their tables.
const SPLITS: [SplitName; 3] = [SplitName::Train, SplitName::Validation, SplitName::Test];

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
        let samples = self.data.part(Portion::ALL[table]);
        Ok((Reader::rows(engine, model, samples, theta)?, (0..samples.len() as u32).collect()))
    }

    fn changes(&self) -> bool {
        false
    }

    fn evaluation(&self, said: &[Said]) -> Result<Evaluation> {
        let classes = self.data.classes;
        let train = self.all_classes(&said[0].before);
        let mut evaluation = Evaluation::new();
        if let Some(target) = self.target {
            let of = |ids: &[u32]| gather(|_| &train, &self.data.train.y, classes, ids);
            evaluation.insert(SplitName::Retain, of(&target.split.retain))?;
            evaluation.insert(SplitName::Forget, of(&target.split.forget))?;
        }
        for ((portion, name), said) in Portion::ALL.into_iter().zip(SPLITS).zip(said) {
            // What the request takes out of the other parts is measured no more.
            let left = |place: &Place| self.target.is_none_or(|target| !target.split.unseen.contains(place));
            let kept: Vec<u32> = self.data.places(portion).filter(left).map(|place| place.position).collect();
            let logits = self.all_classes(&said.before);
            evaluation.insert(name, gather(|_| &logits, &self.data.part(portion).y, classes, &kept))?;
        }
        Ok(evaluation)
    }
}

impl Rows<'_> {
    /// Logits over all classes, of a model that may have fewer outputs: one that was made as if the only records of a
    /// class had never been there.
    fn all_classes<'a>(&self, logits: &'a [f32]) -> Cow<'a, [f32]> {
        let (learned, classes) = (&self.data.learned, self.data.classes);
        if learned.len() == classes {
            return Cow::Borrowed(logits);
        }
        let mut all = Vec::with_capacity(logits.len() / learned.len() * classes);
        for row in logits.chunks_exact(learned.len()) {
            let lowest = row.iter().copied().fold(f32::INFINITY, f32::min) - ABSENT;
            let logit = |class: u32| self.data.output(class).map_or(lowest, |output| row[output as usize]);
            all.extend((0..classes as u32).map(logit));
        }
        Cow::Owned(all)
    }
}
