//! What loaders hand over: records as the files have them, with who they are, before any split and normalisation.

use super::identity::{Identity, Naming};
use super::key::Key;
use super::text::Quizzes;
use super::values::Values;
use super::{ColumnFit, Portion, Samples, TargetKind, Tokenizer};
use crate::error::{Error, Result};

/// Records of one part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Raw {
    /// Row-major `[len, shape…]`.
    pub x: Values,
    /// Class of each record, a position in [`Parts::class_names`].
    pub y: Vec<u32>,
    /// Row-major `[len, names of targets]`, where [`Parts::targets`] are no classes, whose `y` are then all 0.
    pub targets: Vec<f64>,
    /// Who they are; empty where they are the rows of a file that is this part's own.
    pub who: Vec<Identity>,
}

impl From<Samples> for Raw {
    fn from(samples: Samples) -> Raw {
        Raw { x: Values::Single(samples.x), y: samples.y, ..Raw::default() }
    }
}

impl Raw {
    /// The records at `positions`, in that order.
    pub fn gather(&self, positions: &[u32], width: usize) -> Raw {
        let at = |position: &u32| *position as usize;
        let wide = self.targets.len().checked_div(self.y.len()).unwrap_or(0);
        let targets = |position: &u32| &self.targets[at(position) * wide..][..wide];
        Raw {
            x: self.x.gather(positions, width),
            y: positions.iter().map(|position| self.y[at(position)]).collect(),
            targets: positions.iter().flat_map(targets).copied().collect(),
            who: positions.iter().map(|position| self.who[at(position)].clone()).collect(),
        }
    }

    /// Numbers the records by the rows of `source`, where the loader did not say who they are.
    pub fn identify(&mut self, source: Portion) {
        if self.who.is_empty() {
            self.who = Identity::rows(source, self.y.len());
        }
    }

    /// That each record has `width` targets of this kind.
    fn verify_targets(&self, kind: TargetKind, width: usize, origin: &str, part: &str) -> Result<()> {
        if self.targets.len() != self.y.len() * width {
            return Err(Error::internal(format!("{origin}: the {part} part has {} targets", self.targets.len())));
        }
        let wrong = |(at, value): (usize, &f64)| Some((at, *value, kind.refuses(*value)?));
        match self.targets.iter().enumerate().find_map(wrong) {
            None => Ok(()),
            Some((at, value, why)) => Err(Error::input(format!(
                "{origin}: target {} of {part} record {} is {value}, which {why}",
                at % width,
                self.who[at / width].id()
            ))),
        }
    }

    /// What each record is drawn by: its name or, of a record without, what it holds.
    pub fn keys(&self, width: usize) -> Vec<Key> {
        let wide = self.targets.len().checked_div(self.y.len()).unwrap_or(0);
        let targets = |at: usize| self.targets[at * wide..][..wide].iter().map(|value| value.to_bits());
        let of = |at: usize| Key::of(self.x.words(at, width).chain([u64::from(self.y[at])]).chain(targets(at)));
        (0..self.y.len()).map(|at| Key::named(&self.who[at]).unwrap_or_else(|| of(at))).collect()
    }
}

/// Where the class names come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Classes {
    /// The format or the configuration names them, whatever the records are.
    Declared,
    /// Numbers, of which the largest one says how many there are.
    Numbered,
    /// From the records: a class is what a training record has.
    Found,
}

/// What a loader hands over: parsed records in file order, not yet normalised and, where `test` is `None`, not yet
/// split.
pub(crate) struct Parts {
    pub name: String,
    /// File or folder, for messages.
    pub origin: String,
    pub shape: Vec<usize>,
    /// Of every class that any record has, in the order of the labels; of the targets where those are no classes.
    pub class_names: Vec<String>,
    pub classes: Classes,
    /// What is to be predicted.
    pub targets: TargetKind,
    pub train: Raw,
    /// `None`: carve `validation_fraction` from the training part.
    pub validation: Option<Raw>,
    /// `None`: split `test_fraction` off the training part.
    pub test: Option<Raw>,
    /// The largest value the format can hold (255 for 8-bit pixels): the divisor of `normalize = "unit"`.
    pub full_scale: Option<f32>,
    /// Per feature: true where normalisation must leave it alone (one-hot columns). Empty: none.
    pub fixed: Vec<bool>,
    /// What ids are.
    pub naming: Naming,
    /// The column of subjects.
    pub subject: Option<String>,
    /// How columns of a table became features.
    pub columns: Vec<ColumnFit>,
    /// How texts became tokens.
    pub tokenizer: Option<Tokenizer>,
    /// What texts ask, where they are questions.
    pub quizzes: Quizzes,
    /// What a reader should know of the data.
    pub notes: Vec<String>,
}

/// A record of more values than this is taken for a slip.
const MOST_VALUES: usize = 1 << 28;

impl Parts {
    /// Dense records in file order, whose ids are their rows.
    pub fn new(
        name: String,
        origin: String,
        shape: Vec<usize>,
        class_names: Vec<String>,
        train: impl Into<Raw>,
    ) -> Parts {
        Parts {
            name,
            origin,
            shape,
            class_names,
            classes: Classes::Declared,
            targets: TargetKind::Class,
            train: train.into(),
            validation: None,
            test: None,
            full_scale: None,
            fixed: vec![],
            naming: Naming::Rows,
            subject: None,
            columns: vec![],
            tokenizer: None,
            quizzes: Quizzes::new(),
            notes: vec![],
        }
    }

    /// Values of a record.
    pub fn width(&self) -> Result<usize> {
        let product = self.shape.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
        product.filter(|width| *width <= MOST_VALUES).ok_or_else(|| {
            let (origin, shape) = (&self.origin, &self.shape);
            Error::input(format!("{origin}: a record has shape {shape:?}; expected at most {MOST_VALUES} values"))
        })
    }

    /// The checks every data set must pass, whatever its loader.
    pub fn verify(&mut self) -> Result<()> {
        let (origin, width) = (self.origin.clone(), self.shape.iter().product::<usize>());
        if width == 0 {
            return Err(Error::input(format!("{origin}: a record has shape {:?}, which holds no values", self.shape)));
        }
        if self.train.y.is_empty() {
            return Err(Error::input(format!("{origin}: no training records; at least one is needed")));
        }
        if self.targets != TargetKind::Class && self.class_names.is_empty() {
            return Err(Error::input(format!("{origin}: no target to predict; at least one is needed")));
        }
        if self.targets == TargetKind::Class && self.class_names.len() < 2 {
            return Err(Error::input(format!(
                "{origin}: all records are of one class; a classifier needs at least two classes"
            )));
        }
        let (classes, kind) = (self.class_names.len(), self.targets);
        let parts = [Some(&mut self.train), self.validation.as_mut(), self.test.as_mut()];
        for (portion, part) in Portion::ALL.into_iter().zip(parts) {
            let Some(part) = part else { continue };
            part.identify(portion);
            let name = portion.name();
            if part.x.len() != part.y.len() * width || part.who.len() != part.y.len() {
                return Err(Error::internal(format!("{origin}: the {name} part has {} values", part.x.len())));
            }
            if let Some((at, value)) = part.x.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(Error::input(format!(
                    "{origin}: {value} in {name} record {} at value {}; every feature must be a finite number",
                    part.who[at / width].id(),
                    at % width
                )));
            }
            if kind.is_beside() {
                part.verify_targets(kind, classes, &origin, name)?;
            }
            if let Some(at) = part.y.iter().position(|&class| class as usize >= classes) {
                return Err(Error::input(format!(
                    "{origin}: {name} record {} has class {}; expected below {classes}",
                    part.who[at].id(),
                    part.y[at]
                )));
            }
        }
        Ok(())
    }
}
