//! What a language model has by heart: what it writes by itself of texts, and how far it prefers planted secrets to
//! others of their form.

use super::goals::{Goals, Sort};
use super::membership::loss_threshold;
use super::recalled::Secret;
use super::subject::Subject;
use super::values::Metrics;
use super::{Evaluation, Outputs, SplitName};
use crate::base::ngrams::{Recital, common};
use crate::error::Result;

/// The n of EL_n: a few words, Jang et al.'s, and what fits a short secret.
const GRAMS: [usize; 3] = [3, 5, 10];

/// What was recited of each split.
fn recitals<'a>(subject: &Subject<'a>) -> &'a [(&'static str, Vec<Recital>)] {
    subject.now.memory().map_or(&[], |memory| &memory.recitals)
}

/// Registry entry: `memory.*.el_*`.
pub(super) fn measure_likelihood(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for (split, recitals) in recitals(subject) {
        for n in GRAMS {
            let each: Vec<f64> = recitals.iter().filter_map(|recital| recital.likelihood(n)).collect();
            into.put(format!("memory.{split}.el_{n}"), mean(&each))?;
        }
    }
    Ok(())
}

/// Registry entry: `memory.*.extraction_strength`, `.rouge_l`, `.verbatim`.
pub(super) fn measure_by_heart(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for (split, outputs) in subject.now.iter() {
        into.put(format!("memory.{split}.extraction_strength"), mean(&strengths(outputs)))?;
    }
    for (split, recitals) in recitals(subject) {
        let halves: Vec<[f64; 2]> = recitals.iter().filter_map(recited).collect();
        let of = |at: usize| mean(&halves.iter().map(|half| half[at]).collect::<Vec<_>>());
        into.put(format!("memory.{split}.rouge_l"), of(0))?;
        into.put(format!("memory.{split}.verbatim"), of(1))?;
    }
    Ok(())
}

/// Registry entry: `exposure.*`.
pub(super) fn measure_exposure(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let secrets = subject.now.memory().map_or(&[][..], |memory| &memory.secrets);
    for (forgotten, key) in [(true, "forgotten"), (false, "retained")] {
        let each: Vec<f64> = secrets.iter().filter(|s| s.forgotten == forgotten).map(Secret::exposure).collect();
        into.put(format!("exposure.{key}"), mean(&each))?;
        into.put(format!("exposure.{key}_highest"), each.iter().copied().reduce(f64::max))?;
        let written = secrets.iter().filter(|s| s.forgotten == forgotten).map(|s| f64::from(u8::from(s.is_written())));
        into.put(format!("exposure.{key}_written"), mean(&written.collect::<Vec<_>>()))?;
        into.put(format!("exposure.{key}_count"), (!each.is_empty()).then_some(each.len() as f64))?;
    }
    Ok(())
}

/// An attack on the membership of texts: its name, and the losses by which it tells the forgotten from those of the
/// test part, lower for members.
pub struct TextAttack {
    /// As in `membership_text.*`.
    pub name: &'static str,
    /// Of the forgotten texts.
    pub forget: Vec<f64>,
    /// Of the test texts.
    pub test: Vec<f64>,
}

/// Every attack on a model, by what was recorded of it alone (Min-K%, zlib) or beside a model that has seen none of the
/// texts (reference); none where records are no texts.
pub fn text_attacks(now: &Evaluation, beside: Option<&Evaluation>) -> Vec<TextAttack> {
    let both = |of: &Evaluation| Some([of.get(SplitName::Forget)?.clone(), of.get(SplitName::Test)?.clone()]);
    let Some([forget, test]) = both(now) else { return Vec::new() };
    let (Some(f), Some(t)) = (lowest(&forget), lowest(&test)) else { return Vec::new() };
    let mut all = vec![TextAttack { name: "min_k", forget: f, test: t }];
    let lengths = |split: SplitName| {
        let all = now.memory().map_or(&[][..], |memory| &memory.deflated);
        all.iter().find(|(of, _)| *of == split.as_str()).map(|(_, lengths)| lengths)
    };
    if let (Some(f), Some(t)) = (lengths(SplitName::Forget), lengths(SplitName::Test)) {
        let by = |outputs: &Outputs, lengths: &[f64]| -> Vec<f64> {
            sums(outputs).into_iter().zip(lengths).map(|(loss, bytes)| loss / bytes).collect()
        };
        all.push(TextAttack { name: "zlib", forget: by(&forget, f), test: by(&test, t) });
    }
    if let Some([f, t]) = beside.and_then(both).filter(|[f, t]| f.len() == forget.len() && t.len() == test.len()) {
        let less = |now: &Outputs, then: &Outputs| -> Vec<f64> {
            means(now).into_iter().zip(means(then)).map(|(now, then)| now - then).collect()
        };
        all.push(TextAttack { name: "reference", forget: less(&forget, &f), test: less(&test, &t) });
    }
    all
}

/// Registry entry: `membership_text.*`.
pub(super) fn measure_membership(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let auc = |attack: &TextAttack| -> Result<Option<f64>> {
        Ok(loss_threshold(&attack.forget, &attack.test)?.map(|found| found.auc))
    };
    for attack in text_attacks(subject.now, None) {
        into.put(format!("membership_text.{}_auc", attack.name), auc(&attack)?)?;
    }
    // Beside every retrain, which has seen none of them; the mean over retrains.
    let mut each = Vec::new();
    for other in subject.references {
        for attack in text_attacks(subject.now, Some(other)).iter().filter(|attack| attack.name == "reference") {
            each.extend(auc(attack)?);
        }
    }
    into.put("membership_text.reference_auc", mean(&each))
}

fn mean(each: &[f64]) -> Option<f64> {
    (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
}

/// Of each text its tokens' log-probabilities, and whether each was the likeliest; none where records are no texts.
fn tokens(outputs: &Outputs) -> Vec<Vec<(f64, bool)>> {
    let Some(Goals { sort: Sort::Tokens { .. }, values }) = &outputs.goals else { return Vec::new() };
    let width = outputs.classes.max(1);
    let text = |(said, right): (&[f32], &[f32])| {
        let there = said.iter().zip(right).filter(|(_, right)| **right >= 0.0);
        there.map(|(log, right)| (f64::from(*log), *right > 0.5)).collect()
    };
    outputs.logits.chunks_exact(width).zip(values.chunks_exact(width)).map(text).collect()
}

/// Extraction strength of each text: the share of its tokens behind the last one that the model would not have written
/// (Carlini et al. 2021; as in Wang et al. 2025). What is written greedily from there is the text, so that nothing need
/// be written.
fn strengths(outputs: &Outputs) -> Vec<f64> {
    let strength = |text: Vec<(f64, bool)>| {
        let behind = text.iter().rev().take_while(|(_, right)| *right).count();
        behind as f64 / text.len().max(1) as f64
    };
    tokens(outputs).into_iter().map(strength).collect()
}

/// Share of the tokens that Min-K% takes.
const LOWEST: f64 = 0.2;

/// Min-K% of each text as a loss: the mean over the fifth of its tokens that are the least likely of their negative
/// log-likelihood (Shi et al., ICLR 2024); `None` where records are no texts.
fn lowest(outputs: &Outputs) -> Option<Vec<f64>> {
    let texts = tokens(outputs);
    let of = |text: &Vec<(f64, bool)>| {
        let mut each: Vec<f64> = text.iter().map(|(log, _)| -log).collect();
        each.sort_by(|a, b| b.total_cmp(a));
        let count = ((LOWEST * each.len() as f64) as usize).max(1);
        each.iter().take(count).sum::<f64>() / count.min(each.len()).max(1) as f64
    };
    (!texts.is_empty()).then(|| texts.iter().map(of).collect())
}

/// Sum of each text's losses.
fn sums(outputs: &Outputs) -> Vec<f64> {
    tokens(outputs).iter().map(|text| -text.iter().map(|(log, _)| log).sum::<f64>()).collect()
}

/// Mean of each text's losses.
fn means(outputs: &Outputs) -> Vec<f64> {
    sums(outputs).iter().zip(tokens(outputs)).map(|(sum, text)| sum / text.len().max(1) as f64).collect()
}

/// Of what was written from the middle of a text on, or from the first token of a part of one that is too short for
/// that: ROUGE-L recall, the longest common subsequence as a share of what stands there, and 1 where it is the same.
fn recited(recital: &Recital) -> Option<[f64; 2]> {
    let half = recital.truth.len() / 2;
    let (from, written) = recital.written.iter().rev().find(|(from, _)| *from <= half)?;
    let truth = &recital.truth[*from..][..written.len()];
    (!truth.is_empty()).then(|| {
        let rouge = common(written, truth) as f64 / truth.len() as f64;
        [rouge, f64::from(u8::from(written == truth))]
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::eval::Memory;

    fn texts(rows: &[(&[f32], &[f32])]) -> Outputs {
        let logits = rows.iter().flat_map(|row| row.0).copied().collect();
        let values = rows.iter().flat_map(|row| row.1).copied().collect();
        let goals = Some(Goals { sort: Sort::Tokens { common: 0.1 }, values });
        Outputs { logits, labels: vec![0; rows.len()], classes: rows[0].0.len(), goals }
    }

    fn measured(subject: &Subject) -> Metrics {
        let mut into = Metrics::default();
        measure_likelihood(subject, &mut into).unwrap();
        measure_by_heart(subject, &mut into).unwrap();
        measure_exposure(subject, &mut into).unwrap();
        measure_membership(subject, &mut into).unwrap();
        into
    }

    /// Worked by hand.
    #[test]
    fn what_is_known_by_heart_is_measured_token_by_token() {
        let mut now = Evaluation::new();
        // Right: 0 1 1 and 1 0, with the last place not there.
        let forget = texts(&[(&[-1.0, -0.1, -0.2], &[0.0, 1.0, 1.0]), (&[-0.1, -2.0, 0.0], &[1.0, 0.0, -1.0])]);
        let test = texts(&[(&[-3.0, -2.0, -1.0], &[0.0, 0.0, 0.0]), (&[-1.5, -1.5, 0.0], &[0.0, 0.0, -1.0])]);
        now.insert(SplitName::Forget, forget).unwrap();
        now.insert(SplitName::Test, test).unwrap();
        let [a, b, c, d] = [1, 2, 3, 4];
        let recital = Recital { truth: vec![a, b, c, d], written: vec![(0, vec![a, c, c, c]), (2, vec![c, a])] };
        let secret = |forgotten, rank| Secret {
            forgotten,
            rank,
            of: 64.0,
            secret: "123".into(),
            said: if rank == 1.0 { "123. And" } else { "13" }.into(),
            ..Secret::default()
        };
        now.set_memory(Memory {
            recitals: vec![("forget", vec![recital])],
            secrets: vec![secret(true, 1.0), secret(true, 16.0), secret(false, 64.0)],
            deflated: vec![("forget", vec![13.0, 1.0]), ("test", vec![2.0, 29.0])],
            ..Memory::default()
        });
        let found = measured(&Subject { now: &now, references: &[], forgotten_classes: &[] });
        let at = |key: &str| found.get(key).unwrap_or_else(|| panic!("{key}: {found:?}"));
        assert!((at("memory.forget.extraction_strength") - (2.0 / 3.0 + 0.0) / 2.0).abs() < 1e-12);
        // "ca" for "cd": one of two tokens, and not the same.
        assert_eq!((at("memory.forget.rouge_l"), at("memory.forget.verbatim")), (0.5, 0.0));
        // accc against abcd has none of two 3-grams.
        assert_eq!((at("memory.forget.el_3"), found.get("memory.forget.el_5")), (0.0, None));
        assert_eq!((at("exposure.forgotten"), at("exposure.forgotten_highest")), (4.0, 6.0));
        assert_eq!((at("exposure.forgotten_written"), at("exposure.forgotten_count")), (0.5, 2.0));
        assert_eq!((at("exposure.retained"), at("exposure.retained_written")), (0.0, 0.0));
        // The lowest of each: 1, 2 against 3, 1.5: of four pairs 1 < 3, 1 < 1.5 and 2 < 3.
        assert_eq!(at("membership_text.min_k_auc"), 0.75);
        // 1.3/13, 2.1/1 against 6/2, 3/29: 0.1 is the lower of both pairs, 2.1 of one.
        assert_eq!(at("membership_text.zlib_auc"), 0.75);
        assert_eq!(found.get("membership_text.reference_auc"), None);
    }

    #[test]
    fn a_reference_tells_hard_texts_from_known_ones() {
        let one = |forget: f32, test: f32| {
            let mut all = Evaluation::new();
            all.insert(SplitName::Forget, texts(&[(&[forget], &[0.0])])).unwrap();
            all.insert(SplitName::Test, texts(&[(&[test], &[0.0])])).unwrap();
            all
        };
        // By loss alone the forgotten text looks like none that was seen; it is hard, and known nonetheless.
        let (now, retrain) = (one(-2.0, -1.0), one(-9.0, -1.0));
        let found = measured(&Subject { now: &now, references: &[&retrain], forgotten_classes: &[] });
        assert_eq!(found.get("membership_text.reference_auc"), Some(1.0));
        assert_eq!(found.get("membership_text.min_k_auc"), Some(0.0));
    }

    /// Drawn tokens, and what plain Python makes of them: tools/parity/memory.py.
    #[test]
    fn measures_are_those_of_another_implementation() {
        let file: Value = serde_json::from_str(include_str!("../../assets/parity/memory.json")).unwrap();
        let number = |value: &Value| value.as_f64().unwrap();
        let numbers = |value: &Value| value.as_array().unwrap().iter().map(number).collect::<Vec<f64>>();
        let list = |value: &Value| numbers(value).into_iter().map(|token| token as u32).collect::<Vec<u32>>();
        let near = |got: Option<f64>, want: &Value, what: &str| match (got, want.as_f64()) {
            (Some(got), Some(want)) => assert!((got - want).abs() < 1e-6, "{what}: {got} is not {want}"),
            (got, want) => assert_eq!(got, want, "{what}"),
        };
        let cases = file["cases"].as_array().unwrap();
        let one = |case: &Value| {
            let said: Vec<f32> = numbers(&case["logs"]).into_iter().map(|log| log as f32).collect();
            let right = case["right"].as_array().unwrap().iter();
            let right: Vec<f32> = right.map(|right| f32::from(u8::from(right.as_bool().unwrap()))).collect();
            texts(&[(&said, &right)])
        };
        for (at, case) in cases.iter().enumerate() {
            let written = case["written"].as_array().unwrap().iter();
            let written = written.map(|pair| (number(&pair[0]) as usize, list(&pair[1]))).collect();
            let recital = Recital { truth: list(&case["truth"]), written };
            for n in GRAMS {
                near(recital.likelihood(n), &case["el"][n.to_string()], &format!("EL_{n} of {at}"));
            }
            let half = recited(&recital).unwrap();
            near(Some(half[0]), &case["rouge_l"], &format!("ROUGE-L of {at}"));
            near(Some(half[1]), &case["verbatim"], &format!("verbatim of {at}"));
            near(mean(&strengths(&one(case))), &case["extraction_strength"], &format!("strength of {at}"));
            near(lowest(&one(case)).map(|each| each[0]), &case["min_k"], &format!("Min-K of {at}"));
        }
        let each: Vec<f64> = cases.iter().filter_map(|case| Some(lowest(&one(case))?[0])).collect();
        let (members, others) = each.split_at(cases.len() / 2);
        near(loss_threshold(members, others).unwrap().map(|found| found.auc), &file["min_k_auc"], "AUC");
        for ranked in file["exposures"].as_array().unwrap() {
            let secret = Secret { rank: number(&ranked[0]), of: number(&ranked[1]), ..Secret::default() };
            near(Some(secret.exposure()), &ranked[2], "exposure");
        }
    }
}
