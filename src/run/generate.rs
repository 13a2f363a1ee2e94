//! `unlearn generate`: text from a run's language model.

use std::path::Path;

use serde::Serialize;

use super::folder::{Opened, RunFolder};
use crate::base::splitmix::SplitMix64;
use crate::data::Tokenizer;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::records::Reader;
use crate::statistics::{self, Going};

/// A run whose network goes on with texts.
pub struct GenerateJob {
    run: Opened,
}

/// How tokens are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// What the texts begin with; may be empty.
    pub prompt: String,
    /// Most tokens behind it.
    pub tokens: usize,
    /// Logits are divided by it; 0 takes the likeliest token, the lowest of equal ones.
    pub temperature: f64,
    /// Choose among the likeliest so many alone.
    pub top_k: Option<usize>,
    /// Of the draws; text i is drawn with a stream of its own.
    pub seed: u64,
    /// Number of texts.
    pub samples: usize,
}

/// A text that a model has written.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Generated {
    /// What stands behind the prompt.
    pub text: String,
    /// Its tokens, the end of text not among them.
    pub tokens: Vec<u32>,
    /// The model ended it; else the tokens were used up.
    pub ended: bool,
}

impl GenerateJob {
    /// Reads the run.
    ///
    /// # Errors
    /// A folder that holds no run, one of several networks, or a run on data that are no texts.
    pub fn read(run: &Path) -> Result<GenerateJob> {
        let run = RunFolder::new(run).open()?;
        let shown = run.folder.path.display();
        if run.info.ensemble.is_some() {
            return Err(Error::Unsupported(format!("{shown}: is an ensemble; give the folder of one of its members")));
        }
        if run.data.tokenizer.is_none() {
            return Err(Error::input(format!(
                "{shown}: was trained on records that are no texts; a language model has data.loader = \"text\""
            )));
        }
        Ok(GenerateJob { run })
    }

    /// SHA-256 of the weights.
    pub fn model_sha256(&self) -> &str {
        self.run.model_sha256()
    }

    fn tokenizer(&self) -> Result<&Tokenizer> {
        self.run.data.tokenizer.as_ref().ok_or_else(|| Error::internal("a run on text without a tokenizer"))
    }

    /// Runs the network, a token at a time for all texts that go on.
    ///
    /// # Errors
    /// A temperature that is no number of 0 or more; a prompt longer than the context; a lost device.
    pub fn generate(&self, engine: &mut Engine, how: &Sampling) -> Result<Vec<Generated>> {
        if !(how.temperature >= 0.0 && how.temperature.is_finite()) {
            return Err(Error::input(format!("--temperature {}: expected a number of 0 or more", how.temperature)));
        }
        if how.top_k == Some(0) {
            return Err(Error::input("--top-k 0: expected at least 1 token to choose among"));
        }
        let (tokenizer, context) = (self.tokenizer()?, self.run.data.width() - 1);
        let prompt: Vec<u32> = std::iter::once(tokenizer.end()).chain(tokenizer.encode(&how.prompt)).collect();
        if prompt.len() > context {
            return Err(Error::input(format!(
                "--prompt: has {} tokens with the end of text before it, and the model's context has {context}; \
                 shorten it",
                prompt.len()
            )));
        }
        let theta = self.run.theta()?;
        let mut reader = Reader::rows(engine, &self.run.model, &self.run.data.train, &theta)?;
        let part = reader.records(&[], true).part;
        let mut texts = vec![prompt.clone(); how.samples];
        let mut ended = vec![false; how.samples];
        let mut draws: Vec<SplitMix64> =
            (0..how.samples as u64).map(|text| SplitMix64::new(how.seed ^ text.rotate_left(32))).collect();
        let room = context.min(prompt.len() + how.tokens);
        let mut going = Going::begin(reader.session(), part, how.samples, room)?;
        let mut seen = 0;
        for _ in 0..how.tokens {
            let left: Vec<usize> = (0..how.samples).filter(|text| !ended[*text]).collect();
            let Some(length) = left.first().map(|text| texts[*text].len()) else { break };
            let logits = match &mut going {
                Some(going) if length <= room => {
                    let mut all = Vec::new();
                    while seen < length {
                        // A text that has ended goes along, and nobody asks what follows.
                        let tokens: Vec<u32> =
                            texts.iter().map(|text| *text.get(seen).unwrap_or(&tokenizer.end())).collect();
                        all = going.push(reader.session(), &tokens)?;
                        seen += 1;
                    }
                    left.iter().flat_map(|text| all[text * tokenizer.size()..][..tokenizer.size()].to_vec()).collect()
                }
                // What lies further back than the context is not seen, and what is seen has moved.
                _ => {
                    let seen: Vec<&[u32]> =
                        left.iter().map(|text| &texts[*text][texts[*text].len().saturating_sub(context)..]).collect();
                    statistics::next(reader.session(), part, &seen)?
                }
            };
            for (text, row) in left.into_iter().zip(logits.chunks_exact(tokenizer.size())) {
                let token = choose(row, how, &mut draws[text]);
                ended[text] = token == tokenizer.end();
                if !ended[text] {
                    texts[text].push(token);
                }
            }
        }
        let written = |(text, ended): (Vec<u32>, bool)| {
            let tokens = text[prompt.len()..].to_vec();
            Generated { text: tokenizer.decode(&tokens), tokens, ended }
        };
        Ok(texts.into_iter().zip(ended).map(written).collect())
    }
}

/// The next token by its logits.
fn choose(logits: &[f32], how: &Sampling, draws: &mut SplitMix64) -> u32 {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
    order.truncate(if how.temperature == 0.0 { 1 } else { how.top_k.unwrap_or(logits.len()) });
    let best = f64::from(logits[order[0]]);
    let weights: Vec<f64> = match order.len() {
        1 => vec![1.0],
        _ => order.iter().map(|token| ((f64::from(logits[*token]) - best) / how.temperature).exp()).collect(),
    };
    let mut left = draws.uniform() * weights.iter().sum::<f64>();
    let chosen = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    order[chosen.unwrap_or(0)] as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(temperature: f64, top_k: Option<usize>) -> Sampling {
        Sampling { prompt: String::new(), tokens: 1, temperature, top_k, seed: 0, samples: 1 }
    }

    #[test]
    fn tokens_are_drawn_by_their_probabilities_and_the_likeliest_taken_at_0() {
        let (logits, mut draws) = ([0.0, 3f32.ln(), 3f32.ln(), -1e4], SplitMix64::new(3));
        assert_eq!(choose(&logits, &sampling(0.0, None), &mut draws), 1);
        let mut count = |how: Sampling| {
            let mut counts = [0i32; 4];
            (0..7000).for_each(|_| counts[choose(&logits, &how, &mut draws) as usize] += 1);
            counts
        };
        let [a, b, c, d] = count(sampling(1.0, None));
        assert!((850..1150).contains(&a) && (2800..3200).contains(&b) && (2800..3200).contains(&c) && d == 0);
        let [a, b, c, _] = count(sampling(1.0, Some(2)));
        assert!(a == 0 && (b - c).abs() < 400);
        // At a temperature of 1/2 odds are squared: 9 to 1.
        let [a, b, _, _] = count(sampling(0.5, None));
        assert!((250..500).contains(&a) && (3100..3550).contains(&b), "{a} {b}");
    }
}
