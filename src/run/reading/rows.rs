//! Records that stand alone: a table a split.

use super::{Said, Subject, all_classes, gather};
use crate::data::{Dataset, Place, Portion, TargetKind};
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::{Evaluation, Goals, Outputs, Sort, SplitName};
use crate::nn::Model;
use crate::records::Reader;
use crate::run::target::Target;

pub(super) struct Rows<'a> {
    pub data: &'a Dataset,
    pub target: Option<&'a Target>,
}

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

    fn holds(&self, table: usize, portion: Portion) -> bool {
        Portion::ALL[table] == portion
    }

    fn logits(&self, said: &[Said], portion: Portion) -> Result<Vec<f32>> {
        Ok(all_classes(self.data, &said[portion as usize].before).into_owned())
    }

    fn evaluation(&self, said: &[Said]) -> Result<Evaluation> {
        let classes = self.data.classes;
        let train = all_classes(self.data, &said[0].before);
        let mut evaluation = Evaluation::new();
        if let Some(target) = self.target {
            let of = |ids: &[u32]| {
                with_goals(self.data, Portion::Train, gather(|_| &train, &self.data.train.y, classes, ids), ids)
            };
            evaluation.insert(SplitName::Retain, of(&target.split.retain))?;
            evaluation.insert(SplitName::Forget, of(&target.split.forget))?;
        }
        for ((portion, name), said) in Portion::ALL.into_iter().zip(SPLITS).zip(said) {
            // What the request takes out of the other parts is measured no more.
            let left = |place: &Place| self.target.is_none_or(|target| !target.split.unseen.contains(place));
            let kept: Vec<u32> = self.data.places(portion).filter(left).map(|place| place.position).collect();
            let logits = all_classes(self.data, &said.before);
            let said = gather(|_| &logits, &self.data.part(portion).y, classes, &kept);
            evaluation.insert(name, with_goals(self.data, portion, said, &kept))?;
        }
        Ok(evaluation)
    }
}

/// Outputs with what the records at `positions` of a part have in the place of a class.
fn with_goals(data: &Dataset, portion: Portion, outputs: Outputs, positions: &[u32]) -> Outputs {
    let (Some(table), Some(fit)) = (&data.part(portion).targets, &data.targets) else { return outputs };
    let sort = match table.kind {
        TargetKind::MultiLabel => Sort::Labels,
        _ => Sort::Real { offset: fit.offset.clone(), scale: fit.scale.clone() },
    };
    Outputs { goals: Some(Goals { sort, values: table.gather(positions).values }), ..outputs }
}
