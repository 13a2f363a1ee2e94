//! Fisher forgetting: noise on every parameter, the larger the less the retained records need it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::{Buf, Data, Recording};
use crate::kernels::{edit, map};
use crate::methods::prelude::*;
use crate::nn::ParamEntry;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "fisher",
    summary: "Fisher forgetting: Gaussian noise of variance alpha / F_retain on every parameter",
    citation: "Golatkar, Achille & Soatto, CVPR 2020 (Eternal Sunshine of the Spotless Net), as in its code",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&[
        real(
            "alpha",
            "1e-6",
            Range::NOT_NEGATIVE,
            "Scale of the variance; the notebook's (1e-7 in SCRUB's code, 3e-6 the function's own default).",
        ),
        estimator("estimator", "model", "Of F; the code's. `per_sample` costs a tenth."),
        real("clamp", "1e3", Range::POSITIVE, "Largest 1/F; the code's."),
        real("last_layer_clamp", "1e2", Range::POSITIVE, "The same for the last layer; the code's."),
        flag(
            "row_mean",
            "true",
            "Whether a variance is replaced by the mean over dim 1 of its tensor, the inputs; the code does.",
        ),
        real(
            "last_layer_factor",
            "10",
            Range::NOT_NEGATIVE,
            "Factor on the variance of the last layer and of one-dimensional tensors; the code's.",
        ),
        real(
            "class_variance",
            "1e-4",
            Range::NOT_NEGATIVE,
            "Variance, before that factor, of a forgotten class's rows of the last layer, whose mean becomes 0; the \
                code's.",
        ),
    ]],
    build: |table| settings::build::<Fisher>(&ROW, table),
};

/// Variance alpha · min(1 / (F + 1e-8), clamp), averaged over dim 1 of each tensor, times ten for the last layer and
/// for tensors of one dimension. For a class request the class's rows of the last layer become pure noise. On digits
/// alpha 1e-6 is nearly free and leaves a random set as it was; 3e-6 costs a point of test accuracy, 1e-5 seven.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fisher {
    alpha: f64,
    estimator: Estimator,
    clamp: f64,
    last_layer_clamp: f64,
    row_mean: bool,
    last_layer_factor: f64,
    class_variance: f64,
}

/// Added to F before the division, as in the code.
const EPS: f32 = 1e-8;

/// Keeps this noise apart from other uses of one seed; tensors count up from here.
const STREAM: u32 = 0x6669_7368;

impl Fisher {
    /// Records one tensor's variance into `out`, from its Fisher values.
    fn record_variance(&self, rec: &mut Recording, entry: &ParamEntry, last: bool, fisher: Buf<f32>, out: Buf<f32>) {
        let factor = if last || entry.shape.len() == 1 { self.last_layer_factor } else { 1.0 };
        let clamp = if last { self.last_layer_clamp } else { self.clamp };
        // The factor commutes with the mean.
        edit::variance(rec, fisher, out, (self.alpha * factor) as f32, clamp as f32, EPS);
        if self.row_mean && entry.shape.len() > 1 {
            let inner = entry.shape[2..].iter().product();
            edit::axis_mean(rec, out, entry.shape[0], entry.shape[1], inner);
        }
    }

    /// Adds the noise.
    fn perturb(&self, session: &mut Session, view: &View, fisher: &Importance) -> Result<()> {
        let entries = session.model.layout.entries();
        let variance = session.vector("fisher.variance")?;
        let erased = self.erased_rows(session, view)?;
        let theta = session.theta;
        let last = last_layer(entries);
        let mut rec = session.recording();
        let seed = rec.temp("seed", 4);
        rec.upload(seed);
        for (i, entry) in entries.iter().enumerate() {
            let range = entry.offset..entry.offset + entry.len;
            self.record_variance(&mut rec, entry, i >= last, fisher.values.range(range.clone()), variance.range(range));
        }
        if let Some((keep, extra)) = erased {
            edit::mask(&mut rec, theta, keep);
            edit::mask(&mut rec, variance, keep);
            map::axpby(&mut rec, 1.0, extra, 1.0, variance);
        }
        for (i, entry) in entries.iter().enumerate() {
            let range = entry.offset..entry.offset + entry.len;
            let stream = STREAM.wrapping_add(i as u32);
            edit::noise_from(&mut rec, theta.range(range.clone()), variance.range(range), seed, stream);
        }
        let program = session.compile(rec)?;
        session.engine.run(&program, &[Data::U32(vec![view.seed as u32, (view.seed >> 32) as u32, 0, 0])])?;
        Ok(())
    }

    /// For a class request: a mask that is 0 on the class's rows of the last layer, and the variance those rows get.
    fn erased_rows(&self, session: &mut Session, view: &View) -> Result<Option<(Buf<f32>, Buf<f32>)>> {
        if view.forgotten_classes.is_empty() {
            return Ok(None);
        }
        let layout = &session.model.layout;
        let (mut keep, mut extra) = (vec![1.0; layout.total()], vec![0.0; layout.total()]);
        let value = (self.class_variance * self.last_layer_factor) as f32;
        let last = layout.entries()[last_layer(layout.entries())..].iter();
        for entry in last.filter(|e| e.shape[0] == session.model.classes) {
            let row = entry.len / entry.shape[0];
            for class in view.forgotten_classes {
                let from = entry.offset + *class as usize * row;
                keep[from..from + row].fill(0.0);
                extra[from..from + row].fill(value);
            }
        }
        let (keep_buf, extra_buf) = (session.vector("fisher.keep")?, session.vector("fisher.extra")?);
        session.engine.write(keep_buf, &keep)?;
        session.engine.write(extra_buf, &extra)?;
        Ok(Some((keep_buf, extra_buf)))
    }
}

/// The first tensor of the last layer: tensors of one layer share the name before the last dot.
fn last_layer(entries: &[ParamEntry]) -> usize {
    let layer = |e: &ParamEntry| e.name.rsplit_once('.').map_or(e.name.clone(), |(layer, _)| layer.to_owned());
    let Some(last) = entries.last().map(layer) else { return 0 };
    entries.iter().position(|e| layer(e) == last).unwrap_or(0)
}

impl Method for Fisher {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData]);
        let fisher =
            timed(&mut account.precompute_s, || Importance::of_retained(session, view.retain, self.estimator))?;
        timed(&mut account.method_s, || self.perturb(session, view, &fisher))?;
        account.note("importance", json!([fisher.describe()]));
        account.close(session, &origin)
    }
}
