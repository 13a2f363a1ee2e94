//! RMIA: pairwise likelihood ratios against records of the population (Zarifzadeh, Liu and Shokri, "Low-Cost High-Power
//! Membership Inference Attacks", ICML 2024), as in ml_privacy_meter.

/// What the attack is given, all of them probabilities that models give a record's own class.
#[derive(Clone, Copy, Debug)]
pub struct Rmia<'a> {
    /// Of the audited model for each record.
    pub said: &'a [f64],
    /// Mean over models that did not have each record.
    pub out: &'a [f64],
    /// Of the audited model for records of the population.
    pub population: &'a [f64],
    /// Mean over models for those; none of them had any.
    pub population_out: &'a [f64],
}

/// How far p(x) is drawn from the mean without the record towards 1: the source's `a` of its offline form.
const A: f64 = 0.3;

/// Least probability that is divided by.
const LEAST: f64 = 1e-30;

/// The share of the population whose ratio each record's is larger than: p(x|θ) / p(x) over p(z|θ) / p(z), against γ =
/// 1. Larger: a member.
pub fn rmia(of: Rmia) -> Vec<f64> {
    let ratio = |(said, out): (&f64, &f64)| said / (0.5 * ((1.0 + A) * out + 1.0 - A)).max(LEAST);
    let mut population: Vec<f64> = of.population.iter().zip(of.population_out).map(ratio).collect();
    population.sort_by(f64::total_cmp);
    let beaten = |of: f64| population.partition_point(|z| of > *z) as f64 / population.len().max(1) as f64;
    of.said.iter().zip(of.out).map(|pair| beaten(ratio(pair))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_scores_the_share_of_the_population_that_it_beats() {
        // Ratios of the population: 0.8, 1 and 1.25 over 0.5 (1.3 · 0.5 + 0.7) = 0.675; of the records over 0.675.
        let population = [0.54, 0.675, 0.844];
        let of = Rmia { said: &[0.5, 0.6, 0.9], out: &[0.5; 3], population: &population, population_out: &[0.5; 3] };
        assert_eq!(rmia(of), [0.0, 1.0 / 3.0, 1.0]);
        assert_eq!(rmia(Rmia { population: &[], population_out: &[], ..of }), [0.0; 3]);
    }
}
