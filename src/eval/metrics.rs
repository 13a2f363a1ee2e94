//! The registry of metrics; their values are addressed by dotted keys (`splits.forget.accuracy`).

use super::SplitName::{self, Forget, Retain, Test};
use super::subject::Subject;
use super::values::{Metrics, Reference};
use super::{Evaluation, accuracy, divergence, gaps, graph, membership, memory, targets, texts, truth};
use crate::error::Result;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The larger the better.
    Higher,
    /// The smaller the better.
    Lower,
    /// The retrained model's value, from either side.
    Retrain,
    /// A description, neither good nor bad.
    Neutral,
}

impl Target {
    /// The word of files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Target::Higher => "higher is better",
            Target::Lower => "lower is better",
            Target::Retrain => "target = retrain's value",
            Target::Neutral => "descriptive",
        }
    }
}

/// One row of [`METRICS`].
pub struct Metric {
    /// Its key in results, dotted.
    pub name: &'static str,
    /// What it measures, in a sentence.
    pub summary: &'static str,
    /// Keys it writes; `*` stands for one part of the key.
    pub keys: &'static [&'static str],
    /// The values it can take.
    pub range: &'static str,
    /// Which way is better.
    pub target: Target,
    /// Where it comes from.
    pub citation: &'static str,
    /// Splits without which it is absent (empty: computed on whichever are there).
    pub needs: &'static [SplitName],
    /// Retrained references without which it is absent.
    pub needs_references: usize,
    /// Writes what can be computed and leaves the rest absent.
    pub measure: fn(&Subject, &mut Metrics) -> Result<()>,
}

/// Every metric, in the order of the reports.
pub static METRICS: &[Metric] = &[
    Metric {
        name: "accuracy and loss",
        summary: "fraction predicted right (ties to the lowest class; of texts the mean over them of the share of \
            tokens, MA of Jang et al. 2023; absent where records have other targets) and mean loss, of each split: \
            cross-entropy, or squared error on the scale that was trained on",
        keys: &["splits.*.accuracy", "splits.*.loss", "splits.*.count"],
        range: "accuracy [0, 1], loss [0, ∞)",
        target: Target::Retrain,
        citation: "standard; target after Jia et al. 2023, arXiv 2304.04934",
        needs: &[],
        needs_references: 0,
        measure: accuracy::measure_splits,
    },
    Metric {
        name: "accuracy per class",
        summary: "the same for the records of each class",
        keys: &["splits.*.per_class.*"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "standard",
        needs: &[],
        needs_references: 0,
        measure: accuracy::measure_per_class,
    },
    Metric {
        name: "errors of real targets",
        summary: "root mean squared and mean absolute error in the units of the data, and R², of each split: means \
            over the targets, and each of several",
        keys: &["splits.*.rmse", "splits.*.mae", "splits.*.r2", "splits.*.per_target.*.*"],
        range: "errors [0, ∞), R² (−∞, 1]",
        target: Target::Retrain,
        citation: "standard; means over targets as scikit-learn's uniform_average",
        needs: &[],
        needs_references: 0,
        measure: targets::measure_errors,
    },
    Metric {
        name: "scores of several labels",
        summary: "F1 at a probability of 0.5 (micro; macro over labels that some record has or is given), share of \
            records with every label right, mean average precision and mean AUC, and each label's, of each split",
        keys: &[
            "splits.*.micro_f1",
            "splits.*.macro_f1",
            "splits.*.exact_match",
            "splits.*.mean_average_precision",
            "splits.*.mean_auc",
            "splits.*.per_label.*.*",
        ],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "standard; as scikit-learn's f1_score, average_precision_score and roc_auc_score",
        needs: &[],
        needs_references: 0,
        measure: targets::measure_labels,
    },
    Metric {
        name: "perplexity",
        summary: "of texts: exp of the mean over all tokens of their negative log-likelihood, of each split",
        keys: &["splits.*.perplexity"],
        range: "[1, ∞)",
        target: Target::Retrain,
        citation: "Jelinek et al., Perplexity: a measure of the difficulty of speech recognition tasks, 1977",
        needs: &[],
        needs_references: 0,
        measure: texts::measure_perplexity,
    },
    Metric {
        name: "extraction likelihood",
        summary: "of texts: EL_n, the share of n-grams of what the model writes by itself that stand in the text, mean \
            over places to go on from; of a request for spans the spans alone (S-EL). Of at most 24 texts of a split, \
            8 places of each, 24 tokens from each",
        keys: &["memory.*.el_3", "memory.*.el_5", "memory.*.el_10"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "Jang et al., ACL 2023 (EL); Wang et al. 2024, arXiv 2402.05813 (S-EL)",
        needs: &[],
        needs_references: 0,
        measure: memory::measure_likelihood,
    },
    Metric {
        name: "texts by heart",
        summary: "of texts: share of tokens behind the last that the model would not have written (extraction \
            strength); of the same texts what it writes from the middle on, or of a span from its first token: longest \
            common subsequence with what stands there (ROUGE-L recall), and share that is the same (verbatim)",
        keys: &["memory.*.extraction_strength", "memory.*.rouge_l", "memory.*.verbatim"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "Carlini et al., USENIX Security 2021 and ICLR 2023; Lin 2004 (ROUGE-L)",
        needs: &[],
        needs_references: 0,
        measure: memory::measure_by_heart,
    },
    Metric {
        name: "exposure of canaries",
        summary: "log2 |R| - log2 rank of planted secrets among all of their form, by their likelihood behind what \
            stands before them: mean and highest of the forgotten ones and of the others. Exact where those likelier \
            are few, else by 256 others that are drawn, and then at most 8. How many they are, and the share that the \
            model writes out behind what stands before them",
        keys: &[
            "exposure.forgotten",
            "exposure.forgotten_highest",
            "exposure.forgotten_written",
            "exposure.forgotten_count",
            "exposure.retained",
            "exposure.retained_highest",
            "exposure.retained_written",
            "exposure.retained_count",
        ],
        range: "[0, log2 |R|], bits; written [0, 1]",
        target: Target::Retrain,
        citation: "Carlini et al., The secret sharer, USENIX Security 2019, definition 2 and section 4.3",
        needs: &[],
        needs_references: 0,
        measure: memory::measure_exposure,
    },
    Metric {
        name: "truth ratio",
        summary: "of questions with wrong answers (data.perturbed): mean of the wrong answers' probabilities over that \
            of the right one, geometric means over tokens (ratio), and mean of max(0, 1 - ratio) (known)",
        keys: &["truth.*.ratio", "truth.*.known"],
        range: "ratio [0, ∞), known [0, 1]",
        target: Target::Retrain,
        citation: "Maini et al., TOFU, COLM 2024, section 2.2",
        needs: &[],
        needs_references: 0,
        measure: truth::measure_truth,
    },
    Metric {
        name: "forget quality",
        summary: "p of the two-sample Kolmogorov-Smirnov test (exact) between the truth ratios of the forgotten \
            questions and those of a retrain; mean over retrains",
        keys: &["truth.forget.quality"],
        range: "[0, 1]",
        target: Target::Higher,
        citation: "Maini et al., TOFU, COLM 2024, section 2.2.2",
        needs: &[],
        needs_references: 1,
        measure: truth::measure_quality,
    },
    Metric {
        name: "membership of texts",
        summary: "forget against test texts, AUC by the mean loss of the fifth of tokens that are least likely \
            (Min-K%), by loss over deflated size (zlib), and by loss less a retrain's (reference; mean over retrains)",
        keys: &["membership_text.min_k_auc", "membership_text.zlib_auc", "membership_text.reference_auc"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "Shi et al., ICLR 2024 (Min-K%); Carlini et al., USENIX Security 2021 (zlib, reference)",
        needs: &[Forget, Test],
        needs_references: 0,
        measure: memory::measure_membership,
    },
    Metric {
        name: "class-request test accuracy",
        summary: "test accuracy on the forgotten classes and on the retained ones, for class requests",
        keys: &["class_request.forgotten_test_accuracy", "class_request.retained_test_accuracy"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "Golatkar et al. 2020, arXiv 1911.04933",
        needs: &[Test],
        needs_references: 0,
        measure: accuracy::measure_class_request,
    },
    Metric {
        name: "membership attack",
        summary: "loss-threshold attack, forget against test: AUC, its standard error, TPR at 1 % FPR",
        keys: &["membership.auc", "membership.se", "membership.tpr_at_1_fpr"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "Yeom et al. 2018, arXiv 1709.01604; Hanley & McNeil 1982",
        needs: &[Forget, Test],
        needs_references: 0,
        measure: membership::measure_membership,
    },
    Metric {
        name: "membership attack, same class",
        summary: "the same against test records of the forgotten classes only, for class requests",
        keys: &["membership_same_class.auc", "membership_same_class.se", "membership_same_class.tpr_at_1_fpr"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "Yeom et al. 2018, arXiv 1709.01604; Hanley & McNeil 1982",
        needs: &[Forget, Test],
        needs_references: 0,
        measure: membership::measure_same_class,
    },
    Metric {
        name: "Jensen–Shannon divergence",
        summary: "of the softmax outputs to each retrain's, natural logarithm, mean over records and retrains",
        keys: &["js.forget", "js.test"],
        range: "[0, ln 2]",
        target: Target::Lower,
        citation: "Lin 1991; Chundawat et al. 2023, arXiv 2205.08096",
        needs: &[],
        needs_references: 1,
        measure: divergence::measure_js,
    },
    Metric {
        name: "retrain-to-retrain noise floor",
        summary: "mean pairwise Jensen–Shannon divergence between the retrains: what seeds alone do",
        keys: &["js.noise_floor_forget", "js.noise_floor_test"],
        range: "[0, ln 2]",
        target: Target::Neutral,
        citation: "Lin 1991",
        needs: &[],
        needs_references: 2,
        measure: divergence::measure_noise_floor,
    },
    Metric {
        name: "distance of predictions",
        summary: "of real targets: root mean squared difference to each retrain's predictions, each target on the \
            scale that the retrain was trained on, mean over retrains",
        keys: &["distance.forget", "distance.test"],
        range: "[0, ∞)",
        target: Target::Lower,
        citation: "standard",
        needs: &[],
        needs_references: 1,
        measure: targets::measure_distance,
    },
    Metric {
        name: "retrain-to-retrain distance",
        summary: "of real targets: mean pairwise distance of predictions between the retrains: what seeds alone do",
        keys: &["distance.noise_floor_forget", "distance.noise_floor_test"],
        range: "[0, ∞)",
        target: Target::Neutral,
        citation: "standard",
        needs: &[],
        needs_references: 2,
        measure: targets::measure_noise_floor,
    },
    Metric {
        name: "Kullback–Leibler divergence",
        summary: "from each retrain's softmax outputs to the model's, natural logarithm",
        keys: &["kl.forget", "kl.test"],
        range: "[0, ∞)",
        target: Target::Lower,
        citation: "Kullback & Leibler 1951; Golatkar et al. 2020, arXiv 1911.04933",
        needs: &[],
        needs_references: 1,
        measure: divergence::measure_kl,
    },
    Metric {
        name: "activation distance",
        summary: "mean L1 distance of the softmax outputs to each retrain's",
        keys: &["activation_l1.forget", "activation_l1.test"],
        range: "[0, 2]",
        target: Target::Lower,
        citation: "Golatkar et al. 2020, arXiv 1911.04933",
        needs: &[],
        needs_references: 1,
        measure: divergence::measure_activation,
    },
    Metric {
        name: "disagreement",
        summary: "fraction of records predicted otherwise than by a retrain (1 − completeness)",
        keys: &["disagreement.forget", "disagreement.test"],
        range: "[0, 1]",
        target: Target::Lower,
        citation: "Cao & Yang 2015",
        needs: &[],
        needs_references: 1,
        measure: divergence::measure_disagreement,
    },
    Metric {
        name: "gaps to the retrain",
        summary: "|difference| of forget, retain and test accuracy and AUC; their mean; tug-of-war Π(1 − gap), 1 is \
            best",
        keys: &[
            "gaps.forget_accuracy",
            "gaps.retain_accuracy",
            "gaps.test_accuracy",
            "gaps.membership_auc",
            "gaps.average",
            "gaps.tug_of_war",
        ],
        range: "[0, 1]",
        target: Target::Lower,
        citation: "Fan et al. 2024, arXiv 2310.12508; Zhao et al. 2024, arXiv 2406.01257",
        needs: &[Forget, Retain, Test],
        needs_references: 1,
        measure: gaps::measure_gaps,
    },
    Metric {
        name: "accuracy by hop",
        summary: "test accuracy of nodes 0 to 3 hops from what a graph request deletes, and of those further away",
        keys: &["hops.*.accuracy", "hops.*.count"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "after the influenced set of Wu et al. 2023 (GIF), arXiv 2304.02835",
        needs: &[Test],
        needs_references: 0,
        measure: graph::measure_hops,
    },
    Metric {
        name: "deleted-edge attack",
        summary: "link stealing: likeness of the answers at the ends of deleted edges against pairs that never had one",
        keys: &["edges.deleted_auc", "edges.se"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "He et al. 2021, arXiv 2005.02131",
        needs: &[],
        needs_references: 0,
        measure: graph::measure_edges,
    },
    Metric {
        name: "link AUC",
        summary: "link prediction: P(an edge scores above a pair without one), of each split and of deleted edges",
        keys: &["splits.*.auc", "links.deleted_auc", "links.se"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "Kipf & Welling 2016 (VGAE), arXiv 1611.07308; Hanley & McNeil 1982",
        needs: &[],
        needs_references: 0,
        measure: graph::measure_links,
    },
    Metric {
        name: "planted-class replay",
        summary: "share of deleted nodes, and of test nodes, predicted as a class that only deleted nodes were given",
        keys: &["replay.forget", "replay.test"],
        range: "[0, 1]",
        target: Target::Retrain,
        citation: "replay test after Cong & Mahdavi 2023 (GraphEditor, Projector)",
        needs: &[Forget],
        needs_references: 0,
        measure: graph::measure_replay,
    },
];

/// Runs every metric of [`METRICS`] on one model.
pub fn measure(subject: &Subject) -> Result<Metrics> {
    let mut metrics = Metrics::default();
    for metric in METRICS {
        (metric.measure)(subject, &mut metrics)?;
    }
    Ok(metrics)
}

/// Measures retrains against each other, each with the others as its references: the target, its spread and its noise
/// floor. With one retrain everything that needs a reference is absent.
pub fn measure_references(retrains: &[&Evaluation], forgotten_classes: &[u32]) -> Result<Reference> {
    let mut runs = Vec::new();
    for (i, now) in retrains.iter().enumerate() {
        let mut others = retrains.to_vec();
        others.remove(i);
        runs.push(measure(&Subject { now, references: &others, forgotten_classes })?);
    }
    let mut reference = Reference::over(&runs);
    // The floor over *all* retrains, not the mean over the leave-one-out ones (absent for two retrains).
    for key in
        ["js.noise_floor_forget", "js.noise_floor_test", "distance.noise_floor_forget", "distance.noise_floor_test"]
    {
        reference.mean.remove(key);
        reference.sd.remove(key);
    }
    if let Some(now) = retrains.first() {
        let subject = Subject { now, references: retrains, forgotten_classes };
        divergence::measure_noise_floor(&subject, &mut reference.mean)?;
        targets::measure_noise_floor(&subject, &mut reference.mean)?;
    }
    Ok(reference)
}
