//! Gradients and what is made of each record's own: sums, parts, squares.

use super::{Found, GradientJob, StatisticRow, Tensor};
use crate::engine::Engine;
use crate::error::Result;
use crate::nn::ParamEntry;
use crate::records::{Records, Session};
use crate::statistics;

pub(super) static MEAN: StatisticRow =
    StatisticRow { name: "mean", summary: "gradient of the mean loss", options: &[], compute: mean };

pub(super) static PER_SAMPLE: StatisticRow = StatisticRow {
    name: "per-sample",
    summary: "the gradient of each record's own loss",
    options: &[],
    compute: per_sample,
};

pub(super) static FISHER: StatisticRow = StatisticRow {
    name: "fisher",
    summary: "mean of the squared per-sample gradients: the diagonal of the empirical Fisher information",
    options: &["by-class"],
    compute: fisher,
};

pub(super) static NORMS: StatisticRow = StatisticRow {
    name: "norms",
    summary: "the length of each record's own gradient, none of which is stored",
    options: &[],
    compute: norms,
};

pub(super) static CLIPPED: StatisticRow = StatisticRow {
    name: "clipped",
    summary: "mean of the per-sample gradients, each scaled down to a length of at most --clip",
    options: &["clip"],
    compute: clipped,
};

pub(super) static GRAM: StatisticRow = StatisticRow {
    name: "gram",
    summary: "inner products of every two records' gradients",
    options: &[],
    compute: gram,
};

fn mean(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    statistics::gradient(&mut session, job.records(), (1.0 / job.indices.len() as f64) as f32, false)?;
    let flat = session.engine.read(session.grad)?;
    Ok(Found { estimator: "mean".into(), tensors: Tensor::of_flat(job.layout(), &flat) })
}

fn per_sample(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    let (layout, count) = (job.layout(), job.indices.len());
    job.must_fit("gradients", count.saturating_mul(layout.count()))?;
    let mut columns: Vec<Vec<f32>> = layout.entries().iter().map(|e| Vec::with_capacity(count * e.len)).collect();
    statistics::per_sample(&mut session, job.records(), |_, rows| {
        for row in rows.chunks_exact(layout.total()) {
            for (column, e) in columns.iter_mut().zip(layout.entries()) {
                column.extend_from_slice(&row[e.offset..][..e.len]);
            }
        }
        Ok(())
    })?;
    let tensor = |(e, values): (&ParamEntry, Vec<f32>)| {
        let shape = std::iter::once(count).chain(e.shape.iter().copied()).collect();
        Tensor { name: e.name.clone(), shape, values }
    };
    let tensors = layout.entries().iter().zip(columns).map(tensor).collect();
    Ok(Found { estimator: "per-sample".into(), tensors })
}

fn fisher(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    if job.options.by_class {
        return fisher_by_class(job, &mut session);
    }
    let squares = session.vector("fisher")?;
    statistics::fisher(&mut session, job.records(), squares)?;
    let flat = session.engine.read(squares)?;
    Ok(Found { estimator: EMPIRICAL.into(), tensors: Tensor::of_flat(job.layout(), &flat) })
}

const EMPIRICAL: &str = "fisher: mean of squared per-sample gradients (empirical, true labels)";

/// Every class's own diagonal in one pass; a class without records has none.
fn fisher_by_class(job: &GradientJob, session: &mut Session) -> Result<Found> {
    job.run.data.needs_classes("a Fisher diagonal by class")?;
    let (classes, total) = (session.model.classes, job.layout().total());
    let mut members = vec![Vec::new(); classes];
    for (id, class) in job.labelled() {
        members[class as usize].push(id);
    }
    job.must_fit("diagonals by class", classes * job.layout().count())?;
    let all = session.engine.alloc::<f32>("fisher by class", classes * total)?;
    let present: Vec<usize> = (0..classes).filter(|c| !members[*c].is_empty()).collect();
    let sets: Vec<_> = present
        .iter()
        .enumerate()
        .map(|(row, class)| (Records::train(&members[*class]), all.range(row * total..(row + 1) * total)))
        .collect();
    statistics::fisher_sets(session, &sets)?;
    let rows = session.engine.read(all.range(0..present.len() * total))?;
    let mut tensors = Vec::new();
    for (class, row) in present.iter().zip(rows.chunks_exact(total)) {
        let named = |t: Tensor| Tensor { name: format!("class{class}.{}", t.name), ..t };
        tensors.extend(Tensor::of_flat(job.layout(), row).into_iter().map(named));
    }
    Ok(Found { estimator: format!("{EMPIRICAL}, each class by itself"), tensors })
}

fn norms(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    let values = statistics::norms(&mut session, job.records())?;
    let tensors = vec![Tensor::new("norms", &[values.len()], values)];
    Ok(Found { estimator: "norms: length of each record's own gradient over all parameters".into(), tensors })
}

fn clipped(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    let clip = match job.options.clip {
        Some(clip) => clip,
        None => median(statistics::norms(&mut session, job.records())?),
    };
    statistics::clipped(&mut session, job.records(), clip, (1.0 / job.indices.len() as f64) as f32, false)?;
    let flat = session.engine.read(session.grad)?;
    let estimator = format!("clipped: mean of per-sample gradients, none counted as longer than {clip}");
    Ok(Found { estimator, tensors: Tensor::of_flat(job.layout(), &flat) })
}

/// The lower of the two in the middle.
fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values[(values.len() - 1) / 2]
}

fn gram(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    let n = job.indices.len();
    job.must_fit("inner products", n.saturating_mul(n))?;
    let values = statistics::gram(&mut session, job.records())?;
    let tensors = vec![Tensor::new("gram", &[n, n], values)];
    Ok(Found { estimator: "gram: inner products of the records' own gradients".into(), tensors })
}
