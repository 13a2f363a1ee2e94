//! Scores of records: what a loss owes to each.

use super::{Found, GradientJob, StatisticRow, Tensor};
use crate::engine::Engine;
use crate::error::Result;
use crate::run::influence::{Ask, InfluenceJob};

pub(super) static INFLUENCE: StatisticRow = StatisticRow {
    name: "influence",
    summary: "each record's part in a loss: TracIn's products of gradients, or influence by curvature, as --table",
    options: &["how", "against", "epochs", "damping", "table"],
    compute: influence,
};

fn influence(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let (given, usual) = (&job.options, Ask::default());
    let ask = Ask {
        how: given.how.unwrap_or(usual.how),
        against: given.against.clone().unwrap_or_else(|| usual.against.clone()),
        epochs: given.epochs.clone(),
        damping: given.damping.unwrap_or(usual.damping),
        ..usual
    };
    let ranking = InfluenceJob::read(&job.folder, &job.set, ask)?.score(engine)?;
    if let Some(path) = &given.table {
        ranking.write_table(path)?;
    }
    let values: Vec<f32> = ranking.scores.iter().map(|score| *score as f32).collect();
    Ok(Found { estimator: ranking.estimator.into(), tensors: vec![Tensor::new("scores", &[values.len()], values)] })
}
