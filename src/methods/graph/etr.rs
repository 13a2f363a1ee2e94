//! Erase then rectify: parameters that matter more to what is forgotten are shrunk, and one step along an estimate of
//! the retained nodes' gradient follows. Nothing is trained.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::quantile;
use crate::methods::prelude::*;
use crate::statistics::Set;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "etr",
    summary: "shrinks the parameters that matter most to what goes and to its neighbours, then takes one step along \
        the retained nodes' gradient (graphs only)",
    citation: "Yang & Li, AAAI 2025 (ETR, Erase then Rectify: A Training-Free Parameter Editing Approach)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&[
        real("erase", "0.01", Range::UNIT, "Part of each tensor that is shrunk; the source's, 0.03 for GAT on Cora."),
        real("step", "0.3", Range::NOT_NEGATIVE, "Length of the step; the source's, 0.7 for GAT on Cora."),
        estimator("estimator", "batch_mean", "Of importance; the squared mean gradient is what the code computes."),
    ]],
    build: |table| settings::build::<Etr>(&ROW, table),
};

/// With importances I of all training nodes, of those that go and of the retained ones that the deletion reaches, on
/// the graph as it was, the `erase` smallest parts of each tensor by r = min(I_all / I_gone, 1), and of the others by
/// r = min(I_all² / (I_gone I_reached), 1), are multiplied by r over the quantile that bounds them; where no node goes,
/// by r = min(I_all / I_reached, 1) alone. Then
///
/// theta −= step (G_all − G_gone − G_reached + G'_reached) / m
///
/// with sums of gradients G where theta was and G' where it is, on the reduced graph, and m retained nodes: what the
/// retained nodes' gradient would be if whom the deletion does not reach had kept theirs. The source takes importances
/// in parts of the graph cut out around the nodes; here degrees are those of the whole. The weight decay is no part of
/// either.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Etr {
    erase: f64,
    step: f64,
    estimator: Estimator,
}

/// Who takes which part.
struct Sets<'a> {
    all: Vec<u32>,
    gone: Vec<u32>,
    reached: &'a [u32],
}

impl<'a> Sets<'a> {
    fn of(view: &View<'a>, graph: &GraphView<'a>) -> Sets<'a> {
        let mut all = [view.retain, view.forget].concat();
        all.sort_unstable();
        all.dedup();
        let gone = all.iter().filter(|id| view.retain.binary_search(id).is_err()).copied().collect();
        Sets { all, gone, reached: graph.influenced_train }
    }
}

impl Etr {
    /// The importance of some nodes as the graph was; none of no nodes.
    fn importance(&self, session: &mut Session, set: Set, nodes: &[u32]) -> Result<Option<Vec<f64>>> {
        if nodes.is_empty() {
            return Ok(None);
        }
        let of = Importance::measure(session, "etr.importance", set, nodes, self.estimator, nodes.len())?;
        Ok(Some(session.engine.read(of.values)?.iter().map(|v| f64::from(*v)).collect()))
    }

    /// Shrinks theta on the host; returns how many numbers.
    fn shrink(&self, session: &Session, theta: &mut [f32], ratios: &[Vec<f64>]) -> usize {
        let mut shrunk = 0;
        for entry in session.model.layout.entries() {
            let range = entry.offset..entry.offset + entry.len;
            let parts: Vec<&[f64]> = ratios.iter().map(|r| &r[range.clone()]).collect();
            for (v, by) in theta[range].iter_mut().zip(factors(&parts, self.erase)) {
                shrunk += usize::from(by < 1.0);
                *v = (f64::from(*v) * by) as f32;
            }
        }
        shrunk
    }
}

/// What each number of a tensor is multiplied by: the first of the ratios that lies at or below its quantile, over it.
fn factors(ratios: &[&[f64]], share: f64) -> Vec<f64> {
    let mut by: Vec<Option<f64>> = vec![None; ratios.first().map_or(0, |r| r.len())];
    for ratio in ratios {
        let bound = quantile(ratio, share).unwrap_or(1.0);
        for (by, r) in by.iter_mut().zip(*ratio).filter(|(by, r)| by.is_none() && **r <= bound) {
            *by = Some(if bound > 0.0 { r / bound } else { 0.0 });
        }
    }
    by.into_iter().map(|by| by.unwrap_or(1.0)).collect()
}

/// min(a / b, 1), and 1 where neither is anything.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { (a / b).min(1.0) } else { 1.0 }
}

/// What the tensors are shrunk by, in the order in which they are asked.
fn ratios(all: &[f64], gone: Option<&[f64]>, reached: Option<&[f64]>) -> Vec<Vec<f64>> {
    let each = |of: &[f64]| all.iter().zip(of).map(|(a, b)| ratio(*a, *b)).collect();
    let both = |x: &[f64], y: &[f64]| all.iter().zip(x).zip(y).map(|((a, x), y)| ratio(a * a, x * y)).collect();
    match (gone, reached) {
        (Some(gone), Some(reached)) => vec![each(gone), both(gone, reached)],
        (Some(one), None) | (None, Some(one)) => vec![each(one)],
        (None, None) => Vec::new(),
    }
}

/// Adds `scale` times a sum of gradients to what is in the session's scratch vector.
fn add_gradient(session: &mut Session, records: Records, scale: f32) -> Result<()> {
    if !records.indices.is_empty() {
        statistics::gradient(session, records, scale, true)?;
    }
    Ok(())
}

impl Method for Etr {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let graph = view.require_graph(ROW.name)?;
        let sets = Sets::of(view, &graph);
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let each = (1.0 / view.retain.len().max(1) as f64) as f32;
        // Of all nodes, both could be kept from training on.
        let (all, mean) = timed(&mut account.precompute_s, || {
            let all = self.importance(session, Set::All, &sets.all)?.unwrap_or_default();
            statistics::gradient(session, Records::before(&sets.all), each, false)?;
            Ok((all, session.engine.read(session.grad)?))
        })?;
        let shrunk = timed(&mut account.method_s, || {
            let gone = self.importance(session, Set::Forget, &sets.gone)?;
            let reached = self.importance(session, Set::Forget, sets.reached)?;
            session.engine.write(session.grad, &mean)?;
            add_gradient(session, Records::before(&sets.gone), -each)?;
            add_gradient(session, Records::before(sets.reached), -each)?;
            let mut theta = session.read_theta()?;
            let shrunk = self.shrink(session, &mut theta, &ratios(&all, gone.as_deref(), reached.as_deref()));
            session.write_theta(&theta)?;
            add_gradient(session, Records::train(sets.reached), each)?;
            let (theta, grad) = (session.theta, session.grad);
            session.run(|rec| {
                crate::kernels::map::axpby(rec, -self.step as f32, grad, 1.0, theta);
                Ok(())
            })?;
            Ok(shrunk)
        })?;
        account.took(1);
        account.note("gone", sets.gone.len());
        account.note("reached", sets.reached.len());
        account.note("estimator", json!(self.estimator.describe()));
        account.note("shrunk_fraction", shrunk as f64 / session.model.layout.count() as f64);
        account.close(session, &origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_ratios_are_shrunk_by_their_part_of_the_quantile() {
        // The quantile of the first ratios is 0.2: the second number is shrunk to a half; of the second ratios it is
        // 0.4, and the number that was shrunk already is left.
        let by = factors(&[&[0.9, 0.1, 0.2, 1.0], &[1.0, 0.1, 0.8, 0.4]], 1.0 / 3.0);
        assert!(by.iter().zip([1.0, 0.5, 1.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{by:?}");
        assert_eq!((ratio(0.0, 0.0), ratio(2.0, 1.0), ratio(1.0, 4.0)), (1.0, 1.0, 0.25));
        // Where nothing matters more to what goes, nothing is shrunk.
        assert_eq!(factors(&[&[1.0; 3]], 0.3), [1.0; 3]);
    }
}
