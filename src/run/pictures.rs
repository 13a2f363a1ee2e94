//! What a report's pictures are drawn from beside a row's figures: counts and distances, of the first seed's model. No
//! record is named.

use serde::{Deserialize, Serialize};

use crate::base::Histogram;
use crate::eval::confusion::{Confusion, MOST_CLASSES};
use crate::eval::log_odds::log_odds;
use crate::eval::{Evaluation, Secret, SplitName};
use crate::methods::Ratios;
use crate::nn::ParamLayout;

/// Name and version of these pictures' data.
pub const SCHEMA: &str = "unlearn.pictures/1";

/// Axis of the histograms of scores, the same for every row so that reports can be compared.
const ODDS: (f64, f64) = (-15.0, 15.0);
/// Bins of that axis.
const ODDS_BINS: usize = 30;
/// Layers at most.
const MOST_LAYERS: usize = 40;
/// Forgotten records whose outputs are shown.
const SHOWN: usize = 3;
/// Forgotten secrets that are shown, and others.
const SECRETS: usize = 5;

/// Data of pictures; what was not computed is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Pictures {
    /// [`SCHEMA`].
    pub schema: String,
    /// Log-odds of the true class, of the forgotten and of the test records.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scores: Option<Scores>,
    /// On the test records.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confusion: Option<Confusion>,
    /// How far each layer's weights have moved from the original's.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub layers: Vec<Moved>,
    /// What a dampening chose from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub importance: Option<Ratios>,
    /// Outputs for the forgotten records that the original betrays most, the same ones in every row.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub records: Vec<Said>,
    /// What is written where planted secrets stand; nobody's text but made-up sentences is kept here.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub texts: Vec<Written>,
}

/// What a language model writes behind the beginning of a planted sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Written {
    /// The beginning.
    pub before: String,
    /// The secret that stands there.
    pub secret: String,
    /// What the model writes, up to the end of the text.
    pub written: String,
    /// The request takes it.
    pub forgotten: bool,
}

/// Scores of the records that an attack would tell apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Scores {
    /// Of the forgotten records.
    pub forget: Histogram,
    /// Of records never seen: of the forgotten classes, where a class was to be forgotten and the test part has it.
    pub held_out: Histogram,
}

/// How far a layer's weights lie from the original's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Moved {
    /// As the weights are named, without the last part.
    pub layer: String,
    /// ‖θ − θ₀‖ / ‖θ₀‖ over the layer.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1", "minimum" = 0)))]
    pub by: f64,
}

/// What a model says of one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Said {
    /// The record's class.
    pub class: u32,
    /// One for each class.
    pub logits: Vec<f32>,
}

impl Pictures {
    /// Of a model's outputs; `shown` are positions among the forgotten records (see [`betrayed`]).
    pub fn of(now: &Evaluation, forgotten_classes: &[u32], shown: &[usize]) -> Pictures {
        let forget = now.get(SplitName::Forget);
        let said = |&at: &usize| {
            let of = forget.filter(|forget| at < forget.len())?;
            Some(Said { class: of.labels[at], logits: of.row(at).to_vec() })
        };
        Pictures {
            schema: SCHEMA.into(),
            scores: scores(now, forgotten_classes),
            confusion: now.get(SplitName::Test).and_then(Confusion::of),
            records: shown.iter().filter_map(said).collect(),
            texts: texts(now),
            ..Pictures::default()
        }
    }

    /// With how far the layers have moved; nothing is known of weights of another layout.
    pub fn moved(mut self, layout: &ParamLayout, before: &[f32], after: &[f32]) -> Pictures {
        self.layers = moved(layout, before, after);
        self
    }

    /// With what a dampening chose from.
    pub fn chosen(self, importance: Option<Ratios>) -> Pictures {
        Pictures { importance, ..self }
    }
}

/// Of the first secrets of either kind.
fn texts(now: &Evaluation) -> Vec<Written> {
    let secrets = now.memory().map_or(&[][..], |memory| &memory.secrets);
    let some = |forgotten: bool| secrets.iter().filter(move |secret| secret.forgotten == forgotten).take(SECRETS);
    let written = |secret: &Secret| Written {
        before: secret.before.clone(),
        secret: secret.secret.clone(),
        written: secret.said.clone(),
        forgotten: secret.forgotten,
    };
    some(true).chain(some(false)).map(written).collect()
}

fn scores(now: &Evaluation, forgotten_classes: &[u32]) -> Option<Scores> {
    let (forget, test) = (now.get(SplitName::Forget)?, now.get(SplitName::Test)?);
    let same = test.filtered(|label| forgotten_classes.contains(&label));
    let histogram = |outputs| Some(Histogram::of(log_odds(outputs)?, ODDS, ODDS_BINS));
    Some(Scores { forget: histogram(forget)?, held_out: histogram(if same.is_empty() { test } else { &same })? })
}

/// Positions among the forgotten records of those that the original betrays most: their log-odds lie farthest above
/// the retrains' mean. Empty without both, for targets, and for more classes than a picture has room for.
pub fn betrayed(original: &Evaluation, retrains: &[&Evaluation]) -> Vec<usize> {
    let odds = |evaluation: &Evaluation| {
        let outputs = evaluation.get(SplitName::Forget).filter(|outputs| outputs.classes <= MOST_CLASSES)?;
        log_odds(outputs)
    };
    let Some(before) = odds(original) else { return Vec::new() };
    let after: Vec<Vec<f64>> =
        retrains.iter().filter_map(|now| odds(now)).filter(|odds| odds.len() == before.len()).collect();
    if after.is_empty() {
        return Vec::new();
    }
    let mean = |at: usize| after.iter().map(|odds| odds[at]).sum::<f64>() / after.len() as f64;
    let mut by: Vec<(usize, f64)> = before.iter().enumerate().map(|(at, odds)| (at, odds - mean(at))).collect();
    by.sort_by(|a, b| b.1.total_cmp(&a.1));
    by.into_iter().take(SHOWN).map(|(at, _)| at).collect()
}

/// Layers in their order, each with its relative change.
fn moved(layout: &ParamLayout, before: &[f32], after: &[f32]) -> Vec<Moved> {
    if before.len() != after.len() || before.len() < layout.total() {
        return Vec::new();
    }
    let mut sums: Vec<(&str, f64, f64)> = Vec::new();
    for entry in layout.entries() {
        let layer = entry.name.rsplit_once('.').map_or(entry.name.as_str(), |(layer, _)| layer);
        let range = entry.offset..entry.offset + entry.len;
        let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
        let change = square(&mut range.clone().map(|i| f64::from(after[i]) - f64::from(before[i])));
        let norm = square(&mut range.map(|i| f64::from(before[i])));
        match sums.iter_mut().find(|(name, ..)| *name == layer) {
            Some(sum) => (sum.1, sum.2) = (sum.1 + change, sum.2 + norm),
            None => sums.push((layer, change, norm)),
        }
    }
    let by = |(layer, change, norm): (&str, f64, f64)| {
        let by = (change / norm).sqrt();
        by.is_finite().then(|| Moved { layer: layer.to_owned(), by })
    };
    sums.into_iter().take(MOST_LAYERS).filter_map(by).collect()
}
