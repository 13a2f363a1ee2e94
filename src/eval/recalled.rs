//! What is read of a language model beside its outputs.

use crate::base::ngrams::Recital;

/// What was read of a model beside its outputs, where records are texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    /// By name of the split, of some of its texts, or of the parts of them that are asked for.
    pub recitals: Vec<(&'static str, Vec<Recital>)>,
    /// Planted secrets.
    pub secrets: Vec<Secret>,
    /// By name of the split, bytes of each of its texts once deflated.
    pub deflated: Vec<(&'static str, Vec<f64>)>,
    /// By name of the split, the truth ratio of each of its questions.
    pub truths: Vec<(&'static str, Vec<f64>)>,
}

/// Where a planted secret stands among all of its form, the likeliest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Secret {
    /// The request takes it.
    pub forgotten: bool,
    /// From 1.
    pub rank: f64,
    /// How many it was ranked among, itself one of them: all, or a sample.
    pub of: f64,
    /// What stands before it.
    pub before: String,
    /// The secret itself, which was made up.
    pub secret: String,
    /// What the model writes behind `before`, greedily, up to the end of the text.
    pub said: String,
}

impl Secret {
    /// log₂ |R| − log₂ rank (Carlini et al., USENIX Security 2019, definition 2); of a sample what they estimate it by,
    /// −log₂ of the share that is at least as likely, at most log₂ of the sample.
    pub fn exposure(&self) -> f64 {
        (self.of / self.rank).log2()
    }

    /// Whether the model writes it out.
    pub fn is_written(&self) -> bool {
        !self.secret.is_empty() && self.said.starts_with(&self.secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exposure_is_the_bits_by_which_a_secret_stands_out() {
        let of = |rank: f64, of: f64| Secret { rank, of, ..Secret::default() }.exposure();
        assert_eq!((of(1.0, 1024.0), of(1024.0, 1024.0), of(4.0, 1024.0)), (10.0, 0.0, 8.0));
    }
}
