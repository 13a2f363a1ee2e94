//! Experiments that come with the program: one TOML file and one row each.

use std::path::Path;

use super::config::Loaded;
use crate::error::Result;

/// One experiment.
pub struct ExperimentRow {
    /// What `unlearn run` says.
    pub name: &'static str,
    /// What it shows, in a sentence.
    pub summary: &'static str,
    /// Part of `unlearn demo`: its data are embedded.
    pub demo: bool,
    /// Its configuration.
    pub toml: &'static str,
}

/// Every experiment, in the order in which the demo runs them.
pub static EXPERIMENTS: &[ExperimentRow] = &[
    ExperimentRow {
        name: "demo_mlp",
        summary: "a dense network forgets a person whose pictures of digits were wrongly labelled",
        demo: true,
        toml: include_str!("../../assets/experiments/demo_mlp.toml"),
    },
    ExperimentRow {
        name: "demo_cnn",
        summary: "a CNN forgets pictures with a backdoor: a square in the corner that means 0",
        demo: true,
        toml: include_str!("../../assets/experiments/demo_cnn.toml"),
    },
    ExperimentRow {
        name: "demo_gnn",
        summary: "GraphSAGE on Cora forgets papers that were given a class of their own",
        demo: true,
        toml: include_str!("../../assets/experiments/demo_gnn.toml"),
    },
    ExperimentRow {
        name: "demo_gpt",
        summary: "a small GPT forgets secret numbers that stand in some of its sentences, and keeps the sentences",
        demo: true,
        toml: include_str!("../../assets/experiments/demo_gpt.toml"),
    },
    ExperimentRow {
        name: "mlp_masks",
        summary: "MLP on digits forgets the digit 3 by saliency masks and Fisher steps",
        demo: false,
        toml: include_str!("../../assets/experiments/mlp_masks.toml"),
    },
    ExperimentRow {
        name: "mlp_catalog",
        summary: "MLP on digits forgets 10 % of the samples by layers, teachers and bounded ascents",
        demo: false,
        toml: include_str!("../../assets/experiments/mlp_catalog.toml"),
    },
    ExperimentRow {
        name: "cnn_kernels",
        summary: "CNN on digits forgets the digit 3 by what is done to its kernels",
        demo: false,
        toml: include_str!("../../assets/experiments/cnn_kernels.toml"),
    },
    ExperimentRow {
        name: "logistic_certified",
        summary: "logistic regression on digits with a noisy objective: certified removal of 1 % of the samples",
        demo: false,
        toml: include_str!("../../assets/experiments/logistic_certified.toml"),
    },
    ExperimentRow {
        name: "logistic_delta_grad",
        summary: "logistic regression on digits: DeltaGrad's replay of the training without 1 % of the samples",
        demo: false,
        toml: include_str!("../../assets/experiments/logistic_delta_grad.toml"),
    },
    ExperimentRow {
        name: "mlp_back",
        summary: "MLP on digits forgets three records by going back into its training, and by noise",
        demo: false,
        toml: include_str!("../../assets/experiments/mlp_back.toml"),
    },
    ExperimentRow {
        name: "logistic_rewind",
        summary: "logistic regression on digits by plain steps: a rewound training with an (epsilon, delta)",
        demo: false,
        toml: include_str!("../../assets/experiments/logistic_rewind.toml"),
    },
    ExperimentRow {
        name: "mlp_private",
        summary: "MLP on digits trained with DP-SGD; its epsilon stands in run.json",
        demo: false,
        toml: include_str!("../../assets/experiments/mlp_private.toml"),
    },
    ExperimentRow {
        name: "sage_replay",
        summary: "GraphSAGE on Cora forgets nodes that were given a class of their own",
        demo: false,
        toml: include_str!("../../assets/experiments/sage_replay.toml"),
    },
    ExperimentRow {
        name: "gcn_edge",
        summary: "GCN on Cora forgets 5 % of the edges",
        demo: false,
        toml: include_str!("../../assets/experiments/gcn_edge.toml"),
    },
    ExperimentRow {
        name: "gcn_feature",
        summary: "GCN on Cora forgets ten words of the papers' texts",
        demo: false,
        toml: include_str!("../../assets/experiments/gcn_feature.toml"),
    },
    ExperimentRow {
        name: "gcn_catalog",
        summary: "GCN on Cora forgets 5 % of its training nodes by methods for graphs and by teachers",
        demo: false,
        toml: include_str!("../../assets/experiments/gcn_catalog.toml"),
    },
    ExperimentRow {
        name: "sgc_certified",
        summary: "SGC on Cora with a noisy objective: certified removal of 1 % of its training nodes",
        demo: false,
        toml: include_str!("../../assets/experiments/sgc_certified.toml"),
    },
    ExperimentRow {
        name: "gcn_link_cora",
        summary: "GCN on Cora predicts links and forgets 5 % of the edges",
        demo: false,
        toml: include_str!("../../assets/experiments/gcn_link_cora.toml"),
    },
    ExperimentRow {
        name: "cnn_mnist",
        summary: "LeNet-5 on MNIST from files, 4 epochs",
        demo: false,
        toml: include_str!("../../assets/experiments/cnn_mnist.toml"),
    },
    ExperimentRow {
        name: "mlp_mnist",
        summary: "MLP 784-256-128-10 on MNIST from files",
        demo: false,
        toml: include_str!("../../assets/experiments/mlp_mnist.toml"),
    },
    ExperimentRow {
        name: "gat_cora",
        summary: "GAT on Cora's Planetoid split from files",
        demo: false,
        toml: include_str!("../../assets/experiments/gat_cora.toml"),
    },
    ExperimentRow {
        name: "sage_cora",
        summary: "GraphSAGE on Cora's Planetoid split from files",
        demo: false,
        toml: include_str!("../../assets/experiments/sage_cora.toml"),
    },
    ExperimentRow {
        name: "gin_cora",
        summary: "GIN on Cora's Planetoid split from files",
        demo: false,
        toml: include_str!("../../assets/experiments/gin_cora.toml"),
    },
    ExperimentRow {
        name: "gin_proteins",
        summary: "GIN with a read-out on PROTEINS from files, one of ten folds",
        demo: false,
        toml: include_str!("../../assets/experiments/gin_proteins.toml"),
    },
];

impl ExperimentRow {
    /// The parsed file; its paths, where it has any, start at `base`.
    ///
    /// # Errors
    /// Bad overrides.
    pub fn load(&self, base: &Path, sets: &[String], seed: Option<u64>) -> Result<Loaded> {
        Loaded::parse(self.toml, &format!("{}.toml", self.name), base, sets, seed)
    }
}
