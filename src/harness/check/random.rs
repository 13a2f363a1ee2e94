//! Random shapes of the families; a case's name holds the seed that makes it again.

use crate::engine::case::{Case, Gen};
use crate::kernels::Family;

/// The cases of `n` random shapes of a family.
pub(super) fn cases(family: &Family, n: usize, seed: u64) -> Vec<Case> {
    (0..n).flat_map(|index| shape(family.name, family.random, seed, index)).collect()
}

/// Every variant at one random shape. The shape is a function of family, seed and index alone.
fn shape(family: &str, random: fn(&mut Gen) -> Vec<Case>, seed: u64, index: usize) -> Vec<Case> {
    let salt = family.bytes().fold(0u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    let mut of_seed = Gen::new(seed ^ salt.rotate_left(32));
    let mut g = Gen::new(of_seed.word().wrapping_add(index as u64));
    let mut all = random(&mut g);
    for case in &mut all {
        case.name += &format!(" seed {seed}.{index}");
    }
    all
}

/// Seed and index at the end of a random case's name.
pub(super) fn seed_of(name: &str) -> Option<(u64, usize)> {
    let (seed, index) = name.rsplit_once(" seed ")?.1.split_once('.')?;
    Some((seed.parse().ok()?, index.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kernels::FAMILIES;

    #[test]
    fn a_random_shape_is_made_again_from_its_name_and_differs_from_its_neighbours() {
        for family in FAMILIES {
            let all = cases(family, 6, 9);
            let names: BTreeSet<_> = all.iter().map(|c| c.name.clone()).collect();
            assert_eq!(names.len(), all.len(), "{}: two random cases share a name", family.name);
            assert!(all.iter().all(|c| c.name.starts_with(&format!("{}.", family.name))), "{}", family.name);
            let last = &all[all.len() - 1];
            assert_eq!(seed_of(&last.name), Some((9, 5)));
            let again = cases(family, 6, 9);
            assert!(
                again
                    .iter()
                    .zip(&all)
                    .all(|(a, b)| a.name == b.name && a.buffers[0].init.bytes() == b.buffers[0].init.bytes())
            );
            let other = cases(family, 6, 10);
            let shapes =
                |all: &[Case]| all.iter().map(|c| c.name.split(" seed ").next().map(str::to_owned)).collect::<Vec<_>>();
            assert_ne!(shapes(&other), shapes(&all), "{}", family.name);
            all.iter().for_each(|c| c.rec.check().unwrap_or_else(|e| panic!("{}: {e}", c.name)));
        }
        assert_eq!(seed_of("linear.matmul nn 1x1x1"), None);
    }
}
