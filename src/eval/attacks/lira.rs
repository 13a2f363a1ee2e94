//! LiRA: for each record a normal distribution of what models say that were trained with it and without it (Carlini et
//! al., "Membership Inference Attacks From First Principles", S&P 2022), and the likelihood ratio of what one says.

use serde::{Deserialize, Serialize};

/// What models said of records: φ of each, `[models][records]`, and which of them each was trained with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// φ by model and record.
    pub said: Vec<Vec<f64>>,
    /// Whether the model was trained with the record.
    pub member: Vec<Vec<bool>>,
}

/// Whose spread a record's distribution has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Spreads {
    /// Its own: what the source does with 64 models and more.
    Own,
    /// One for all records, their own ones averaged: steadier where a record has few models.
    Fixed,
}

impl Spreads {
    /// What the source recommends for so many models: its own spread takes 32 on either side.
    pub fn for_models(models: usize) -> Spreads {
        if models >= 64 { Spreads::Own } else { Spreads::Fixed }
    }
}

/// A mean and a standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Normal {
    mean: f64,
    sd: f64,
}

impl Normal {
    fn log_density(self, x: f64) -> f64 {
        let z = (x - self.mean) / self.sd;
        -0.5 * (z * z + (2.0 * std::f64::consts::PI).ln()) - self.sd.ln()
    }
}

/// The distributions of all records, with and without each.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussians {
    with: Vec<Option<Normal>>,
    without: Vec<Option<Normal>>,
}

/// Least standard deviation that is believed, in units of φ: models that agree to more digits say one number.
const LEAST: f64 = 1e-6;

impl Gaussians {
    /// Of a table; a record that no two models had, or no two lacked, has no distribution on that side.
    pub fn of(table: &Table, spreads: Spreads) -> Gaussians {
        let records = table.said.first().map_or(0, Vec::len);
        let side = |member: bool| {
            let of = |r: usize| {
                let had = table.member.iter().zip(&table.said).filter(|(had, _)| had[r] == member);
                had.map(|(_, said)| said[r]).collect::<Vec<f64>>()
            };
            normals((0..records).map(of).collect(), spreads)
        };
        Gaussians { with: side(true), without: side(false) }
    }

    /// Of two groups of models, `[models][records]` each: such as models that forgot the records and models that never
    /// had them (U-LiRA, Hayes et al. 2024).
    pub fn between(with: &[Vec<f64>], without: &[Vec<f64>], spreads: Spreads) -> Gaussians {
        let side = |group: &[Vec<f64>]| {
            let records = group.first().map_or(0, Vec::len);
            normals((0..records).map(|r| group.iter().map(|said| said[r]).collect()).collect(), spreads)
        };
        Gaussians { with: side(with), without: side(without) }
    }

    /// Online: ln of the likelihood of each φ with the record over that without it. Larger: a member. NaN where a side
    /// has no distribution.
    pub fn online(&self, said: &[f64]) -> Vec<f64> {
        let both = self.with.iter().zip(&self.without);
        let one = |(said, (with, without)): (&f64, (&Option<Normal>, &Option<Normal>))| match (with, without) {
            (Some(with), Some(without)) => with.log_density(*said) - without.log_density(*said),
            _ => f64::NAN,
        };
        said.iter().zip(both).map(one).collect()
    }

    /// Offline: how many standard deviations each φ lies above those of models without the record. The source's
    /// 1 − P(Z > φ) has the same order, and rounds to 1.
    pub fn offline(&self, said: &[f64]) -> Vec<f64> {
        let one = |(said, without): (&f64, &Option<Normal>)| {
            without.map_or(f64::NAN, |without| (said - without.mean) / without.sd)
        };
        said.iter().zip(&self.without).map(one).collect()
    }

    /// How much more models say of each record that had it: its memorisation in units of φ (after Feldman & Zhang
    /// 2020, who take the probability).
    pub fn memorised(&self) -> Vec<f64> {
        let gap = |(with, without): (&Option<Normal>, &Option<Normal>)| Some((*with)?.mean - (*without)?.mean);
        self.with.iter().zip(&self.without).map(|pair| gap(pair).unwrap_or(f64::NAN)).collect()
    }
}

/// The distribution of each record from what models said of it; population standard deviations, as in the source.
fn normals(said: Vec<Vec<f64>>, spreads: Spreads) -> Vec<Option<Normal>> {
    let own: Vec<Option<(f64, f64)>> = said.iter().map(|values| mean_and_variance(values)).collect();
    let variances: Vec<f64> = own.iter().flatten().map(|(_, variance)| *variance).collect();
    let fixed = variances.iter().sum::<f64>() / variances.len().max(1) as f64;
    let one = |(mean, variance): (f64, f64)| {
        let variance = if spreads == Spreads::Own { variance } else { fixed };
        Normal { mean, sd: variance.sqrt().max(LEAST) }
    };
    own.into_iter().map(|found| found.map(one)).collect()
}

fn mean_and_variance(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.len() > 1).then(|| (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let said = vec![vec![3.0, 0.0], vec![5.0, 4.0], vec![1.0, 2.0], vec![-1.0, 2.0]];
        let member = vec![vec![true, false], vec![true, true], vec![false, true], vec![false, false]];
        Table { said, member }
    }

    #[test]
    fn ratios_are_those_worked_out_by_hand() {
        // Record 0: with 4 ± 1, without 0 ± 1; record 1: with 3 ± 1, without 1 ± 1.
        let found = Gaussians::of(&table(), Spreads::Own);
        let ratio = found.online(&[3.0, 1.0]);
        assert!((ratio[0] - (-0.5 + 4.5)).abs() < 1e-12 && (ratio[1] + 2.0).abs() < 1e-12, "{ratio:?}");
        assert_eq!((found.offline(&[2.0, 1.0]), found.memorised()), (vec![2.0, 0.0], vec![4.0, 2.0]));
    }

    #[test]
    fn a_fixed_spread_is_the_mean_of_the_variances_and_a_lone_model_gives_no_distribution() {
        let mut table = table();
        table.said[0][0] = 1.0;
        // Variances with: 4 and 1; without: 1 and 1.
        let fixed = Gaussians::of(&table, Spreads::Fixed);
        assert!((fixed.with[1].unwrap().sd - 2.5f64.sqrt()).abs() < 1e-12 && fixed.without[0].unwrap().sd == 1.0);
        table.member[0][0] = false;
        assert!(Gaussians::of(&table, Spreads::Own).online(&[1.0, 1.0])[0].is_nan());
        assert_eq!((Spreads::for_models(63), Spreads::for_models(64)), (Spreads::Fixed, Spreads::Own));
    }
}
