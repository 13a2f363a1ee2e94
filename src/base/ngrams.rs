//! What two sequences of tokens have in common.

use std::collections::HashSet;

/// The share of the n-grams of `a` that stand in `b`, each as often as `a` has it; none where `a` has no n-gram.
pub fn overlap(a: &[u32], b: &[u32], n: usize) -> Option<f64> {
    if n == 0 || a.len() < n {
        return None;
    }
    let known: HashSet<&[u32]> = b.windows(n).collect();
    let all = a.windows(n);
    let (count, found) = (all.len(), all.filter(|gram| known.contains(gram)).count());
    Some(found as f64 / count as f64)
}

/// A text, or the part of one that is asked for, and what a model wrote when it was given the text up to some places in
/// it: the place, and the tokens behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recital {
    /// The tokens that it should write.
    pub truth: Vec<u32>,
    /// From which token of the truth on, and what was written from there.
    pub written: Vec<(usize, Vec<u32>)>,
}

impl Recital {
    /// EL_n: the mean over the places, behind which there are n tokens, of the [`overlap`] of what was written with
    /// what stands there (Jang et al., ACL 2023, eq. 3); none where there is no such place.
    pub fn likelihood(&self, n: usize) -> Option<f64> {
        let one = |(from, written): &(usize, Vec<u32>)| overlap(written, self.truth.get(*from..)?, n);
        let long = self.written.iter().filter(|(from, _)| self.truth.len() >= from + n);
        let each: Vec<f64> = long.filter_map(one).collect();
        (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
    }
}

/// Length of the longest common subsequence.
pub fn common(a: &[u32], b: &[u32]) -> usize {
    let mut best = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (at, y) in b.iter().enumerate() {
            let above = best[at + 1];
            best[at + 1] = if x == y { diagonal + 1 } else { above.max(best[at]) };
            diagonal = above;
        }
    }
    best[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: of "abab" the pairs ab, ba, ab; "xab" has ab, so two of three.
    #[test]
    fn overlap_counts_the_grams_of_what_was_written() {
        let [a, b, x] = [1, 2, 3];
        assert_eq!(overlap(&[a, b, a, b], &[x, a, b], 2), Some(2.0 / 3.0));
        assert_eq!(overlap(&[x, a, b], &[a, b, a, b], 2), Some(0.5));
        assert_eq!(
            (overlap(&[a], &[a, b], 2), overlap(&[a, b], &[a], 2), overlap(&[], &[], 0)),
            (None, Some(0.0), None)
        );
    }

    /// From the first token "abx" is written for "abab": of its pairs ab, bx the first stands there; from the third
    /// "ab" for "ab": 1. The last place has one token behind it, which is no pair.
    #[test]
    fn a_likelihood_is_the_mean_over_places_with_n_tokens() {
        let [a, b, x] = [1, 2, 3];
        let said =
            Recital { truth: vec![a, b, a, b], written: vec![(0, vec![a, b, x]), (2, vec![a, b]), (3, vec![b])] };
        assert_eq!((said.likelihood(2), said.likelihood(1)), (Some(0.75), Some((2.0 / 3.0 + 2.0) / 3.0)));
        assert_eq!(said.likelihood(4), None);
    }

    #[test]
    fn common_subsequences_may_have_gaps() {
        assert_eq!((common(&[1, 9, 2, 3], &[1, 2, 8, 3]), common(&[1, 2], &[2, 1]), common(&[], &[1])), (3, 1, 0));
    }
}
