//! Attacks against numbers that other programs gave: scikit-learn, SciPy, ml_privacy_meter, the script of the NeurIPS
//! 2023 challenge, that of KLoM (`tools/parity/attacks.py`).

use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use unlearn::eval::attacks::{Gaussians, Rmia, Spreads, Success, Table};
use unlearn::eval::attacks::{above, forgetting_quality, klom, linear_probe, rmia};

struct Numbers(Vec<u8>);

impl Numbers {
    fn read() -> Numbers {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity/attacks.safetensors");
        Numbers(fs::read(path).expect("the fixture"))
    }

    fn of(&self, name: &str) -> Vec<f64> {
        let all = SafeTensors::deserialize(&self.0).expect("a file");
        let bytes = all.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}")).data().to_vec();
        bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("eight bytes"))).collect()
    }

    fn rows(&self, name: &str, width: usize) -> Vec<Vec<f64>> {
        self.of(name).chunks_exact(width).map(<[f64]>::to_vec).collect()
    }

    fn same(&self, name: &str, got: &[f64]) {
        let want = self.of(name);
        assert_eq!(got.len(), want.len(), "{name}");
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!((got - want).abs() <= 1e-6 * want.abs().max(1.0), "{name}[{i}]: {got} is not {want}");
        }
    }
}

#[test]
fn lira_is_scipys() {
    let numbers = Numbers::read();
    let said = numbers.of("lira.said");
    let member = numbers.rows("lira.member", said.len());
    let member = member.iter().map(|row| row.iter().map(|v| *v > 0.5).collect()).collect();
    let table = Table { said: numbers.rows("lira.phi", said.len()), member };
    for (name, spreads) in [("own", Spreads::Own), ("fixed", Spreads::Fixed)] {
        let gaussians = Gaussians::of(&table, spreads);
        numbers.same(&format!("lira.online.{name}"), &gaussians.online(&said));
        numbers.same(&format!("lira.offline.{name}"), &gaussians.offline(&said));
    }
}

#[test]
fn rmia_is_that_of_ml_privacy_meter() {
    let numbers = Numbers::read();
    let [said, out, population, population_out] =
        ["said", "out", "population", "population_out"].map(|name| numbers.of(&format!("rmia.{name}")));
    let of = Rmia { said: &said, out: &out, population: &population, population_out: &population_out };
    numbers.same("rmia.scores", &rmia(of));
}

#[test]
fn areas_rates_and_their_bounds_are_those_of_scikit_learn_and_scipy() {
    let numbers = Numbers::read();
    let found = Success::of(&numbers.of("rates.members"), &numbers.of("rates.others")).unwrap().expect("scores");
    numbers.same("rates.auc", &[found.auc]);
    numbers.same("rates.tpr", &found.rates.iter().map(|rate| rate.tpr).collect::<Vec<_>>());
    numbers.same("rates.bounds", &found.rates.iter().flat_map(|rate| rate.bounds).collect::<Vec<_>>());
    let t = numbers.of("student.t");
    let tails: Vec<f64> = [1.0, 3.0, 18.0, 40.0].iter().flat_map(|n| t.iter().map(|t| above(*t, *n))).collect();
    numbers.same("student.above", &tails);
}

#[test]
fn the_forgetting_score_is_that_of_the_challenges_script() {
    let numbers = Numbers::read();
    let [forgot, never] = ["forgot", "never"].map(|name| numbers.rows(&format!("quality.{name}"), 12));
    numbers.same("quality.score", &[forgetting_quality(&forgot, &never)]);
}

#[test]
fn divergences_of_margins_are_those_of_the_published_script() {
    let numbers = Numbers::read();
    let [forgot, never] = ["forgot", "never"].map(|name| numbers.rows(&format!("klom.{name}"), 12));
    numbers.same("klom.each", &klom(&forgot, &never));
}

#[test]
fn a_linear_probe_is_scikit_learns_ridge() {
    let numbers = Numbers::read();
    let rows = |name: &str| numbers.of(name).iter().map(|v| *v as f32).collect::<Vec<f32>>();
    let found = linear_probe(&rows("probe.first"), &rows("probe.others"), 6).unwrap().expect("rows");
    numbers.same("probe.auc", &[found]);
}
