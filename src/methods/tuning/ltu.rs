//! LTU: a step is judged by records that it was not taken on, and what forgetting and remembering ask for is freed of
//! what contradicts the other.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::Buf;
use crate::kernels::map::{self, Binary};
use crate::kernels::{edit, reduce};
use crate::methods::graph::marked::named;
use crate::methods::prelude::*;
use crate::methods::shared::softmax::cross_entropy;
use crate::statistics::Steered;
use crate::train::shuffled;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "ltu",
    summary: "learns to unlearn, to first order: steps judged on other forgotten and retained records than they were \
        tried on, their gradients freed of what contradicts the other",
    citation: "Huang, Foo & Liu, ECCV 2024 (LTU, Learning to Unlearn for Robust Machine Unlearning), first order",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            count("rounds", "40", 1, "Updates at most."),
            real("inner_lr", "0.05", Range::POSITIVE, "Of the step that is tried."),
            real("lr", "0.1", Range::POSITIVE, "Of the step that is taken."),
            real("share", "0.3", Range::PART, "Of the retained records, drawn by the seed, that rounds work with."),
            real("clip_norm", "1", Range::NONE_OR_MORE, "Longest gradient of either side; 0 for none."),
        ],
        &StopRule::OR_NEVER,
    ],
    build: |table| settings::build::<Ltu>(&ROW, table),
};

/// Forgotten records and a drawn part of the retained ones are halved. A round tries a step, θ' = θ − inner_lr ∇(L_R −
/// L_F) on one half of each, and takes the gradients g_R of L_R and g_F of −L_F on the other halves at θ'. Where ⟨g_R,
/// g_F⟩ is below 0, each loses its component along the other (Yu et al., NeurIPS 2020). θ −= lr (g_R + g_F), both
/// clipped; then the halves change roles. L are mean losses in evaluation form; the rounds end by `stop`.
///
/// To first order: the source differentiates the tried step too, and lets models of membership, trained beside, say
/// what is forgotten, where here the loss does. One forgotten record alone is both halves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Ltu {
    rounds: usize,
    inner_lr: f64,
    lr: f64,
    share: f64,
    clip_norm: f64,
    #[serde(flatten)]
    rule: StopRule,
}

/// Keep the draws apart from the seed's other uses.
const STREAM_RETAINED: u32 = 0x6c74_7572;
const STREAM_HALVES: u32 = 0x6c74_7568;

/// Records with their classes, and the slope of their mean loss.
struct Half {
    steered: Steered,
    classes: Vec<u32>,
    sign: f64,
}

impl Half {
    fn of(session: &mut Session, records: Records, sign: f64) -> Result<Half> {
        let classes = session.classes(records.indices)?;
        Ok(Half { steered: Steered::new(session, &[records])?, classes, sign })
    }

    /// Puts the gradient of the mean loss, with the half's sign, where it is asked for.
    fn gradient(&self, session: &mut Session, to: Buf<f32>, clip: f64) -> Result<()> {
        let out = self.steered.outputs(session)?.concat();
        let (width, each) = (session.model.classes, self.sign / self.classes.len() as f64);
        let rows = out.chunks_exact(width).zip(&self.classes);
        let slopes = rows.flat_map(|(z, class)| cross_entropy(z, *class as usize).1).map(|v| v * each).collect();
        self.steered.pull(session, &[slopes])?;
        let grad = session.grad;
        session.run(|rec| {
            rec.copy(grad, to);
            if clip > 0.0 {
                let norm2 = rec.temp("norm2", 1);
                reduce::total(rec, to, norm2, 1.0, true);
                edit::clip(rec, to, norm2, clip as f32);
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Two halves of some records, in an order of the seed; of one record, itself twice.
fn halves(records: &[u32], seed: u64) -> [Vec<u32>; 2] {
    let all = shuffled(records, seed, 0, STREAM_HALVES);
    let (a, b) = all.split_at(all.len().div_ceil(2));
    [a, if b.is_empty() { a } else { b }].map(|half| {
        let mut half = half.to_vec();
        half.sort_unstable();
        half
    })
}

/// What harmony takes off either gradient: the factors on the other, 0 where they do not contradict.
fn harmony(dot: f64, [r, f]: [f64; 2]) -> [f64; 2] {
    match dot < 0.0 && r > 0.0 && f > 0.0 {
        true => [-dot / f, -dot / r],
        false => [0.0; 2],
    }
}

impl Ltu {
    /// One update; returns whether the gradients contradicted each other.
    fn round(&self, session: &mut Session, tried: [&Half; 2], judged: [&Half; 2]) -> Result<bool> {
        let (theta, start) = (session.theta, session.vector("ltu.start")?);
        let [r, f] = [session.vector("ltu.retained")?, session.vector("ltu.forgotten")?];
        session.run(|rec| {
            rec.copy(theta, start);
            Ok(())
        })?;
        for (half, to) in tried.into_iter().zip([r, f]) {
            half.gradient(session, to, self.clip_norm)?;
        }
        session.run(|rec| {
            map::axpby(rec, -self.inner_lr as f32, r, 1.0, theta);
            map::axpby(rec, -self.inner_lr as f32, f, 1.0, theta);
            Ok(())
        })?;
        for (half, to) in judged.into_iter().zip([r, f]) {
            half.gradient(session, to, self.clip_norm)?;
        }
        let out = session.run(|rec| {
            let products = rec.temp("products", r.len);
            map::binary(rec, Binary::Mul, r, f, products);
            for (of, square) in [(products, false), (r, true), (f, true)] {
                let sum = rec.temp("sum", 1);
                reduce::total(rec, of, sum, 1.0, square);
                rec.readback(sum);
            }
            Ok(())
        })?;
        let number = |i: usize| f64::from(out[i].f32()[0]);
        let by = harmony(number(0), [number(1), number(2)]);
        // (r + a f) + (f + b r).
        session.run(|rec| {
            rec.copy(start, theta);
            map::axpby(rec, (-self.lr * (1.0 + by[1])) as f32, r, 1.0, theta);
            map::axpby(rec, (-self.lr * (1.0 + by[0])) as f32, f, 1.0, theta);
            Ok(())
        })?;
        Ok(by != [0.0; 2])
    }
}

impl Method for Ltu {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "works with the loss of classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        session.needs_softmax(ROW.name)?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let mut clock = 0.0;
        let (rounds, apart, last) = timed(&mut clock, || {
            let forget = named(view);
            // What deletes a column names nobody: those that it reaches are looked at as they were.
            let forget = if forget.is_empty() { view.forget.to_vec() } else { forget };
            let (goal, rule) = self.rule.goal(session, view)?;
            goal.describe(rule, &mut account);
            let kept = view.drawn(((self.share * view.retain.len() as f64).round() as usize).max(2), STREAM_RETAINED);
            let ([r0, r1], [f0, f1]) = (halves(&kept, view.seed), halves(&forget, view.seed));
            let retained = [Half::of(session, Records::train(&r0), 1.0)?, Half::of(session, Records::train(&r1), 1.0)?];
            let forgotten =
                [Half::of(session, Records::before(&f0), -1.0)?, Half::of(session, Records::before(&f1), -1.0)?];
            let (mut rounds, mut apart) = (0, 0);
            let mut last = statistics::score(session, Records::before(&forget))?;
            while rounds < self.rounds && !goal.reached(&last) {
                let (a, b) = (rounds % 2, 1 - rounds % 2);
                let halves = |at: usize| [&retained[at], &forgotten[at]];
                apart += usize::from(self.round(session, halves(a), halves(b))?);
                rounds += 1;
                last = statistics::score(session, Records::before(&forget))?;
            }
            Ok((rounds, apart, last))
        })?;
        account.method_s += clock;
        account.took(rounds as u64);
        account.note("contradictions", apart);
        account.note("last", json!(last));
        account.close(session, &origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gradient_loses_what_contradicts_the_other() {
        let (r, f) = ([1.0, 0.5], [-2.0, 3.0]);
        let dot = |a: [f64; 2], b: [f64; 2]| a[0] * b[0] + a[1] * b[1];
        let by = harmony(dot(r, f), [dot(r, r), dot(f, f)]);
        let freed = |a: [f64; 2], by: f64, b: [f64; 2]| [a[0] + by * b[0], a[1] + by * b[1]];
        assert!(dot(freed(r, by[0], f), f).abs() < 1e-12 && dot(freed(f, by[1], r), r).abs() < 1e-12);
        assert_eq!(harmony(0.5, [1.0, 1.0]), [0.0; 2]);
        assert_eq!(harmony(-1.0, [0.0, 1.0]), [0.0; 2]);
        let [a, b] = halves(&[3, 1, 8, 5, 9], 7);
        assert_eq!((a.len(), b.len()), (3, 2));
        assert!(a.iter().all(|id| !b.contains(id)));
        assert_eq!(halves(&[4], 1), [vec![4], vec![4]]);
    }
}
