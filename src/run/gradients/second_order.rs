//! Curvature of the mean loss: diagonals, Kronecker factors, products.

use super::{Found, GradientJob, StatisticRow, Tensor};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::records::Session;
use crate::statistics::{self, Ekfac, Estimator, Factor, Kfac, Product};
use crate::train::weights;

pub(super) static GGN_DIAG: StatisticRow = StatisticRow {
    name: "ggn-diag",
    summary: "diagonal of the Gauss-Newton matrix of the mean loss, which is the Fisher information of the model's \
        labels",
    options: &["samples"],
    compute: ggn_diag,
};

pub(super) static KFAC: StatisticRow = StatisticRow {
    name: "kfac",
    summary: "Kronecker factors of linear and convolution weights: `fc1.weight.a` of the inputs, `fc1.weight.g` of the \
        outputs",
    options: &["samples"],
    compute: kfac,
};

pub(super) static EKFAC: StatisticRow = StatisticRow {
    name: "ekfac",
    summary: "eigenvectors of the Kronecker factors (a row each) and the exact second moments in their basis",
    options: &["samples"],
    compute: ekfac,
};

pub(super) static GVP: StatisticRow = StatisticRow {
    name: "gvp",
    summary: "product of the Gauss-Newton matrix of the mean loss with --direction",
    options: &["direction"],
    compute: gvp,
};

pub(super) static HVP: StatisticRow = StatisticRow {
    name: "hvp",
    summary: "product of the Hessian of the mean loss with --direction",
    options: &["direction"],
    compute: hvp,
};

impl GradientJob {
    /// Whose labels a curvature is of: the model's, all of them or so many drawn by the run's seed.
    fn labels(&self) -> Estimator {
        match self.options.samples {
            None => Estimator::Model,
            Some(samples) => Estimator::ModelSampled { samples, seed: self.run.config.seed },
        }
    }

    fn labels_said(&self) -> String {
        match self.options.samples {
            None => "exact over the model's labels".into(),
            Some(samples) => {
                format!("{samples} of the model's labels drawn for each record, seed {}", self.run.config.seed)
            }
        }
    }
}

fn ggn_diag(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    let out = session.vector("ggn_diag")?;
    let batch = session.batch;
    statistics::importance(&mut session, job.records(), job.labels(), batch, out)?;
    let flat = session.engine.read(out)?;
    let estimator =
        format!("ggn-diag: Gauss-Newton diagonal = Fisher information of the mean loss, {}", job.labels_said());
    Ok(Found { estimator, tensors: Tensor::of_flat(job.layout(), &flat) })
}

/// `fc1.weight.a` and the like.
fn squares(list: Vec<Factor>) -> Vec<Tensor> {
    list.into_iter().map(|f| Tensor::new(format!("{}.{}", f.param, f.which), &[f.size, f.size], f.values)).collect()
}

fn kfac(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    let factors = Kfac::measure(&mut session, job.records(), job.labels())?;
    let tensors = squares(factors.read(&mut session)?);
    Ok(Found {
        estimator: format!("kfac: Kronecker factors of the Gauss-Newton matrix, {}", job.labels_said()),
        tensors,
    })
}

fn ekfac(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    let basis = Ekfac::measure(&mut session, job.records(), job.labels())?;
    let mut tensors = squares(basis.read_bases(&mut session)?);
    let moments = session.engine.read(basis.moments)?;
    tensors.extend(Tensor::of_flat(job.layout(), &moments));
    Ok(Found {
        estimator: format!("ekfac: second moments in the Kronecker eigenbasis, {}", job.labels_said()),
        tensors,
    })
}

fn gvp(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    let h = statistics::gauss_newton(&mut session, job.records())?;
    product(job, &mut session, &h, "gvp: Gauss-Newton matrix")
}

fn hvp(job: &GradientJob, engine: &mut Engine) -> Result<Found> {
    let mut session = job.session(engine)?;
    let h = statistics::hessian(&mut session, job.records())?;
    product(job, &mut session, &h, "hvp: Hessian")
}

fn product(job: &GradientJob, session: &mut Session, h: &dyn Product, name: &str) -> Result<Found> {
    if job.indices.is_empty() {
        return Err(Error::input(format!("--indices {}: a curvature needs one record or more", job.set)));
    }
    let (direction, said) = match &job.options.direction {
        Some(file) => (weights::load(file, job.layout())?, file.display().to_string()),
        None => {
            statistics::gradient(session, job.records(), (1.0 / job.indices.len() as f64) as f32, false)?;
            (session.engine.read(session.grad)?, "its gradient".to_owned())
        }
    };
    session.engine.write(h.u(), &direction)?;
    h.apply(session)?;
    let flat = session.engine.read(h.hu())?;
    Ok(Found {
        estimator: format!("{name} of the mean loss times {said}"),
        tensors: Tensor::of_flat(job.layout(), &flat),
    })
}
