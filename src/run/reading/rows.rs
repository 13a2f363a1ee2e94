//! Records that stand alone: a table a split.

use super::{Said, Subject, all_classes, gather, texts};
use crate::data::{Cut, Dataset, Place, Portion, TargetKind};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::{Evaluation, Goals, Memory, Outputs, Sort, SplitName};
use crate::nn::Model;
use crate::records::{Reader, Records, Session};
use crate::run::target::Target;
use crate::statistics;

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
        if self.changes(table) {
            let after = self.data.without(self.cuts()).0;
            let ids = (0..samples.len() as u32).collect();
            return Ok((Reader::texts(engine, model, [samples, &after], theta)?, ids));
        }
        Ok((Reader::rows(engine, model, samples, theta)?, (0..samples.len() as u32).collect()))
    }

    fn changes(&self, table: usize) -> bool {
        Portion::ALL[table] == Portion::Train && !self.cuts().is_empty()
    }

    fn always(&self) -> bool {
        true
    }

    fn holds(&self, table: usize, portion: Portion) -> bool {
        Portion::ALL[table] == portion
    }

    fn say(&self, session: &mut Session, records: Records) -> Result<Vec<f32>> {
        match self.data.target_kind() {
            TargetKind::Text => statistics::tokens(session, records, self.places()),
            _ => statistics::logits(session, records),
        }
    }

    fn besides(&self, session: &mut Session, records: Records, table: usize) -> Result<Memory> {
        match self.data.target_kind() {
            TargetKind::Text => texts::memory(self.data, self.target, session, records.part, Portion::ALL[table]),
            _ => Ok(Memory::default()),
        }
    }

    fn logits(&self, said: &[Said], portion: Portion) -> Result<Vec<f32>> {
        if self.data.target_kind() == TargetKind::Text {
            return Err(Error::Unsupported("the records are texts, which have no logits of their own".into()));
        }
        Ok(all_classes(self.data, &said[portion as usize].before).into_owned())
    }

    fn evaluation(&self, said: &[Said]) -> Result<Evaluation> {
        let mut evaluation = Evaluation::new();
        if let Some(target) = self.target {
            let (before, split) = (&said[0].before, &target.split);
            // What stays of a text that loses a part is retained.
            evaluation.insert(SplitName::Retain, self.outputs(said[0].latest(), Portion::Train, &split.retain))?;
            let forget = self.outputs(before, Portion::Train, &split.forget);
            evaluation.insert(SplitName::Forget, self.parted(forget, &split.forget, true))?;
            let cut: Vec<u32> = split.cuts.iter().map(|cut| cut.record).collect();
            let rest = self.parted(self.outputs(before, Portion::Train, &cut), &cut, false);
            evaluation.insert(SplitName::Rest, rest)?;
        }
        for ((portion, name), said) in Portion::ALL.into_iter().zip(SPLITS).zip(said) {
            // What the request takes out of the other parts is measured no more.
            let left = |place: &Place| self.target.is_none_or(|target| !target.split.unseen.contains(place));
            let kept: Vec<u32> = self.data.places(portion).filter(left).map(|place| place.position).collect();
            evaluation.insert(name, self.outputs(&said.before, portion, &kept))?;
        }
        if self.data.target_kind() == TargetKind::Text {
            let mut all = Memory::default();
            for Memory { recitals, secrets, deflated, truths } in said.iter().map(|said| said.memory.clone()) {
                all.recitals.extend(recitals);
                all.secrets.extend(secrets);
                all.deflated.extend(deflated);
                all.truths.extend(truths);
            }
            evaluation.set_memory(all);
        }
        Ok(evaluation)
    }
}

impl Rows<'_> {
    /// Tokens that a record predicts at most.
    fn places(&self) -> usize {
        self.data.width() - 1
    }

    /// What the request takes of texts that stay otherwise.
    fn cuts(&self) -> &[Cut] {
        self.target.map_or(&[], |target| &target.split.cuts)
    }

    /// The same outputs of training records, of those that lose a part with the tokens that are taken alone, or without
    /// them. One of which nothing is left is left out.
    fn parted(&self, outputs: Outputs, positions: &[u32], taken: bool) -> Outputs {
        let (cuts, places) = (self.cuts(), outputs.classes);
        let Some(Goals { sort, values }) = outputs.goals.as_ref().filter(|_| !cuts.is_empty()) else { return outputs };
        let mut parted = Outputs { classes: places, ..Outputs::default() };
        let mut right = Vec::new();
        for (at, record) in positions.iter().enumerate() {
            let mut said = outputs.row(at).to_vec();
            let mut goals = values[at * places..][..places].to_vec();
            if let Ok(cut) = cuts.binary_search_by_key(record, |cut| cut.record) {
                for place in 0..places {
                    if (cuts[cut].tokens.binary_search(&(place as u32 + 1)).is_ok()) != taken {
                        (said[place], goals[place]) = (0.0, -1.0);
                    }
                }
            }
            if goals.iter().any(|value| *value >= 0.0) {
                parted.logits.extend(said);
                parted.labels.push(outputs.labels[at]);
                right.extend(goals);
            }
        }
        parted.goals = Some(Goals { sort: sort.clone(), values: right });
        parted
    }

    /// What was said of the records at `positions` of a part.
    fn outputs(&self, said: &[f32], portion: Portion, positions: &[u32]) -> Outputs {
        let labels = &self.data.part(portion).y;
        if self.data.target_kind() != TargetKind::Text {
            let logits = all_classes(self.data, said);
            return with_goals(
                self.data,
                portion,
                gather(|_| &logits, labels, self.data.classes, positions),
                positions,
            );
        }
        // Log-probabilities, and behind them which of the tokens are the likeliest.
        let places = self.places();
        let both = gather(|_| said, labels, 2 * places, positions);
        let half = |from: usize| {
            both.logits.chunks_exact(2 * places).flat_map(|row| &row[from..from + places]).copied().collect()
        };
        let sort = Sort::Tokens { common: self.data.commonest_token() };
        Outputs { logits: half(0), classes: places, goals: Some(Goals { sort, values: half(places) }), ..both }
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
