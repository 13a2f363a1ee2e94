//! How cost grows: time for each record as batches, for each node as graphs, for each parameter as networks do.

use std::path::Path;

use super::fisher::{FISHER, GRADIENT};
use super::train::Training;
use super::{Bench, Flatness, network, pictures};
use crate::data::{self, DataConfig};
use crate::error::{Error, Result};

/// Times for a unit within this factor of the last are past latency.
const LATENCY: f64 = 1.5;

/// Records of a batch.
const BATCHES: [usize; 6] = [1, 4, 16, 64, 256, 1024];

/// Steps of an epoch, at each size of a batch.
const STEPS: usize = 16;

/// Hidden units of the MLPs, for about 10⁴ to 10⁷ parameters.
const HIDDEN: [usize; 7] = [12, 40, 120, 330, 780, 1550, 2800];

/// Nodes; features keep the number of values below what the generator makes.
const NODES: [usize; 7] = [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000];

/// Neighbours of a node, about.
const DEGREE: f64 = 8.0;

/// Words of a node.
const WORDS: usize = 16;

/// Over the sizes past latency, the largest time for a unit over the smallest, and the first of those sizes.
fn flatness(of: String, grows: &'static str, points: &[(usize, f64)]) -> Flatness {
    let last = points.last().map_or(0.0, |p| p.1);
    let late = points.iter().position(|p| p.1 <= LATENCY * last).unwrap_or(0);
    let times = points.iter().skip(late).map(|p| p.1);
    let (low, high) = times.fold((f64::INFINITY, 0.0f64), |(low, high), t| (low.min(t), high.max(t)));
    Flatness {
        of,
        grows,
        sizes: points.iter().map(|p| p.0).collect(),
        per_unit_ns: points.iter().map(|p| p.1).collect(),
        spread: if low > 0.0 && low.is_finite() { high / low } else { 1.0 },
        from: points.get(late).map_or(0, |p| p.0),
    }
}

impl Bench<'_> {
    /// LeNet-5, batches of 1 to 1024.
    pub(super) fn batches(&mut self) -> Result<()> {
        let (mut points, most) = (Vec::new(), self.options.most);
        for batch in BATCHES.into_iter().filter(|b| *b <= most) {
            let (data, ids) = pictures(batch * STEPS)?;
            let model = network("lenet5", None, &data)?;
            self.epochs(&Training::new("lenet5", &model, (&data, &ids), batch, self.options.rounds), 0)?;
            points.extend(self.unit(1, |row| row.records).map(|ns| (batch, ns)));
        }
        self.report.growth.push(flatness("lenet5 epoch, time for a record".to_owned(), "batch", &points));
        Ok(())
    }

    /// GCNs on block models of 10³ to 10⁶ nodes, eight neighbours each; as far as memory goes.
    pub(super) fn nodes(&mut self) -> Result<()> {
        let (mut points, most) = (Vec::new(), self.options.most);
        for nodes in NODES.into_iter().filter(|n| *n <= most) {
            let mut config = DataConfig::new("sbm");
            let within = (0.75 * DEGREE * 4.0 / nodes as f64).min(1.0);
            let across = (0.25 * DEGREE * 4.0 / (3.0 * nodes as f64)).min(1.0);
            (config.nodes, config.classes, config.features) = (Some(nodes), Some(4), Some(WORDS));
            (config.p_in, config.p_out) = (Some(within), Some(across));
            let data = data::load(&config, Path::new("."))?;
            let model = network("gcn", None, &data)?;
            let ids = data.train_ids();
            match self.epochs(&Training::new("gcn", &model, (&data, &ids), ids.len(), self.options.rounds), nodes) {
                Err(Error::TooLarge { .. } | Error::Unsupported(_)) => break,
                other => other?,
            }
            points.extend(self.unit(1, |row| row.nodes).map(|ns| (nodes, ns)));
        }
        self.report.growth.push(flatness("gcn epoch, time for a node".to_owned(), "nodes", &points));
        Ok(())
    }

    /// MLPs of 10⁴ to 10⁷ parameters: gradient and Fisher diagonal.
    pub(super) fn parameters(&mut self) -> Result<()> {
        let (data, ids) = pictures(self.options.records.min(512))?;
        let mut points = [Vec::new(), Vec::new()];
        for hidden in HIDDEN {
            let model = network("mlp", Some(vec![hidden, hidden]), &data)?;
            let size = model.layout.count();
            if size > self.options.most {
                break;
            }
            match self.passes("mlp", &model, (&data, &ids), &[GRADIENT, FISHER], 0) {
                Err(Error::TooLarge { .. } | Error::Unsupported(_)) => break,
                other => other?,
            }
            for (back, points) in [2, 1].into_iter().zip(&mut points) {
                points.extend(self.unit(back, |row| row.parameters).map(|ns| (size, ns)));
            }
        }
        for ((name, _), points) in [GRADIENT, FISHER].iter().zip(&points) {
            self.report.growth.push(flatness(format!("mlp {name}, time for a parameter"), "parameters", points));
        }
        Ok(())
    }

    /// Nanoseconds for each of what a row has so many of; the row is the `back`th from the end.
    fn unit(&mut self, back: usize, of: fn(&super::Pass) -> usize) -> Option<f64> {
        let at = self.report.rows.len().checked_sub(back)?;
        let row = self.report.rows.get_mut(at)?;
        row.per_unit_ns = Some(row.median_s * 1e9 / of(row).max(1) as f64);
        row.per_unit_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_launches_does_not_count_as_growth() {
        let points = [(1, 900.0), (4, 300.0), (16, 130.0), (64, 110.0), (256, 100.0)];
        let flat = flatness("a".into(), "batch", &points);
        assert_eq!((flat.from, flat.spread), (16, 1.3));
        assert_eq!(flatness("a".into(), "batch", &[]).spread, 1.0);
        let rising = flatness("a".into(), "batch", &[(1, 10.0), (2, 20.0), (4, 40.0)]);
        assert_eq!(rising.spread, 4.0, "a time that rises is all growth");
    }
}
