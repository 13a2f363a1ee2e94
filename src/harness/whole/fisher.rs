//! Statistics of records' own gradients, each beside the gradient of their mean.

use super::{Bench, NETWORKS, Pass, network, pictures, seconds};
use crate::data::Dataset;
use crate::error::Result;
use crate::nn::Model;
use crate::records::{Records, Session};
use crate::statistics::{self, Product};

/// One pass over all records.
pub(super) type Run = fn(&mut Session, &[u32]) -> Result<()>;

pub(super) const GRADIENT: (&str, Run) = ("mean gradient", gradient);
pub(super) const FISHER: (&str, Run) = ("exact Fisher diagonal", fisher);

const PASSES: [(&str, Run); 7] = [
    GRADIENT,
    FISHER,
    ("norms", norms),
    ("clipped sum", clipped),
    ("per-sample rows", per_sample),
    ("Gauss-Newton product", gauss_newton),
    ("Hessian product", hessian),
];

impl Bench<'_> {
    /// Every statistic of LeNet-5 and of the MLP.
    pub(super) fn fisher(&mut self) -> Result<()> {
        let (data, ids) = pictures(self.options.records)?;
        for (name, hidden, _) in NETWORKS {
            let model = network(name, hidden.map(Vec::from), &data)?;
            self.passes(name, &model, (&data, &ids), &PASSES, 0)?;
        }
        Ok(())
    }

    /// Times passes in turns, the first of which is what the others are compared with.
    pub(super) fn passes(
        &mut self,
        name: &str,
        model: &Model,
        (data, all): (&Dataset, &[u32]),
        passes: &[(&'static str, Run)],
        nodes: usize,
    ) -> Result<()> {
        let mut session = Session::of(&mut *self.engine, model, data, None, &model.init(1))?;
        let mut times = vec![Vec::new(); passes.len()];
        let (mut first, mut peaks) = (vec![0.0; passes.len()], vec![0; passes.len()]);
        for round in 0..=self.options.rounds {
            for (i, (pass, run)) in passes.iter().enumerate() {
                (self.progress)(&format!("{name} {pass}"));
                session.engine.take_peak();
                let (took, ()) = seconds(|| run(&mut session, all))?;
                peaks[i] = session.engine.take_peak().max(peaks[i]);
                if round == 0 { first[i] = took } else { times[i].push(took) }
            }
        }
        let mut shares = Vec::new();
        for (pass, run) in passes.iter().take(2) {
            session.engine.take_timings();
            session.engine.set_profile(true);
            let ran = run(&mut session, all);
            session.engine.set_profile(false);
            ran?;
            shares.push((format!("{name} {pass}"), session.engine.take_timings()));
        }
        drop(session);
        for (i, (pass, _)) in passes.iter().enumerate() {
            let own = Pass {
                records: all.len(),
                nodes,
                first_s: Some(first[i]),
                peak_bytes: peaks[i],
                ..self.row(name, pass, model)
            };
            self.report.rows.push(own.took(times[i].clone()).beside(passes[0].0, &times[0]));
        }
        shares.into_iter().for_each(|(of, timings)| self.break_down(&of, timings));
        Ok(())
    }
}

fn gradient(session: &mut Session, all: &[u32]) -> Result<()> {
    statistics::gradient(session, Records::train(all), 1.0 / all.len() as f32, false).map(|_| ())
}

fn fisher(session: &mut Session, all: &[u32]) -> Result<()> {
    let out = session.vector("fisher")?;
    statistics::fisher(session, Records::train(all), out)
}

fn norms(session: &mut Session, all: &[u32]) -> Result<()> {
    statistics::norms(session, Records::train(all)).map(|_| ())
}

fn clipped(session: &mut Session, all: &[u32]) -> Result<()> {
    statistics::clipped(session, Records::train(all), 1.0, 1.0 / all.len() as f32, false).map(|_| ())
}

/// Every row is computed and stays on the device.
fn per_sample(session: &mut Session, all: &[u32]) -> Result<()> {
    statistics::per_sample_on_device(session, Records::train(all), |_, _, _| Ok(())).map(|_| ())
}

fn gauss_newton(session: &mut Session, all: &[u32]) -> Result<()> {
    let h = statistics::gauss_newton(session, Records::train(all))?;
    product(session, &h)
}

fn hessian(session: &mut Session, all: &[u32]) -> Result<()> {
    let h = statistics::hessian(session, Records::train(all))?;
    product(session, &h)
}

/// Along the gradient that an earlier pass left, as a solver's first product is.
fn product(session: &mut Session, h: &dyn Product) -> Result<()> {
    let (u, grad) = (h.u(), session.grad);
    session.run(|rec| {
        rec.copy(grad, u);
        Ok(())
    })?;
    h.apply(session)
}
