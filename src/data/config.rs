//! The `[data]` table of a configuration file.

mod columns;
mod defaults;
mod targets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DATASETS, NodeSplit, Plant, Poison, Scaling, TargetKind, Task};

pub use columns::{Column, ColumnKind, Label, Layout};

/// Every key of `[data]`. Which ones a loader reads is in its row of [`DATASETS`](super::DATASETS); setting another is
/// an error. Paths are relative to the folder of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// A name from [`DATASETS`](super::DATASETS).
    pub loader: String,
    /// `npz`, `graph_npz`, `csv`, `parquet`: the file. `class_folder`: the folder of class folders, or of `train`,
    /// `val` and `test` with class folders each. `idx`: the folder of the files, if not the configuration's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Bytes that loading may take, for files as they unpack and for the records made of them. Default: a quarter of
    /// the memory that is free.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "bytes")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// `planetoid`, `tudataset`: NAME in the names of the files in the folder `path`. `ogb`: the folder in `split`,
    /// where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `csv`, `parquet`, `class_folder`: the test part, where it has a file or folder of its own; it comes before a
    /// folder `test` in `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_path: Option<PathBuf>,
    /// `idx`: images of the training part, gzip or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_images: Option<PathBuf>,
    /// `idx`: labels of the training part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_labels: Option<PathBuf>,
    /// `idx`: images of the test part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_images: Option<PathBuf>,
    /// `idx`: labels of the test part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
    /// `cifar`: binary batches, read one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_files: Option<Vec<PathBuf>>,
    /// `cifar`: the batches of the test part; without them a part of the training records is held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_files: Option<Vec<PathBuf>>,
    /// How features are scaled: a word, or `{ mean = [0.49, 0.48, 0.45], std = [0.25, 0.24, 0.26] }` as torchvision's
    /// `Normalize` takes them; the loader's own way where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Scaling>,
    /// Part of the records that becomes the test part, where the files have none: about so many, each drawn by what it
    /// is called or, without a name, what it holds, so that no other record's coming or going moves it. Default 0.25.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// Part of the training part that becomes the validation part, where the files have none. Default 0.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_fraction: Option<f64>,
    /// Seed of the split, apart from the training seed. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_seed: Option<u64>,
    /// Graphs of nodes: `node` (the default; the records are nodes with classes) or `link` (they are edges:
    /// `test_fraction` of them, default 0.1, and `validation_fraction`, default 0.05, are held out with as many pairs
    /// without an edge).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Graphs: `standard` (the files' own), `planetoid` (20 nodes of each class train, 500 validate, 1000 test) or
    /// `random` (by the two fractions).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<NodeSplit>,
    /// `tudataset`: the test part is the fold `fold` (from 0; default 0) of so many, in place of `test_fraction`.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 2)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Collections of graphs: which of the `folds` is the test part, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// What is put into the training part to see whether it can be forgotten. Records that stand alone: `{ fraction =
    /// 0.02, subject = "ann" }`, wrong labels; pictures: `{ fraction = 0.02, trigger = 2, label = "0" }`, a backdoor;
    /// graphs of nodes: `{ fraction = 0.1, columns = 10 }`, nodes with a class and features of their own; texts: `{
    /// canaries = 10, repeats = 5 }`, sentences with a secret. A request names them by `planted = true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plant: Option<Plant>,
    /// Graphs of nodes: `{ edges = 0.05, seed = 0 }`, further edges between classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poison: Option<Poison>,
    /// Graphs of nodes: a file of JSON Lines of nodes and edges that arrive and leave, `{"time":3,"event":"arrive",
    /// "kind":"node","ids":[5]}`; what arrives is in the other files too. See `until`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<PathBuf>,
    /// The graph as it is once all `events` up to this time have happened; absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    /// Keep only the first so many training records.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "records")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `npz`: the array of records, where the file does not use a known pair of names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// `npz`: the array of labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// `npz`: where the channels of `[n, ?, ?, ?]` stand, `nchw` or `nhwc`. Without it the one of the two is taken that
    /// has 1, 3 or 4 channels, and where both have, the array is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// `csv`, `parquet`, `edge_list`: the column of the class; with `targets` the column or columns to predict, such as
    /// `["height", "weight"]`. `cifar`: `fine` (100 classes) or `coarse` (20) where the files are CIFAR-100's; without
    /// it they are CIFAR-10's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// What is to be predicted: `class` (the default), `real` (one number or several, of the columns `label` or the
    /// array `y` [n] or [n, k]) or `multi_label` (for each of k labels 1 or 0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetKind>,
    /// Real targets: train on (t − mean) / standard deviation of the training part, for each target. Metrics are in the
    /// units of the data all the same. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standardize_targets: Option<bool>,
    /// `csv`: names of all columns, for files without a header line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// `csv`: whether the first line names the columns. Default: true, unless `columns` is given. `edge_list`: the same
    /// of `edges`. A first line that is a record itself is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// `edge_list`: whether the first lines of `labels` and `node_features` name their columns. Default: true. Without
    /// names, columns are called by their positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_header: Option<bool>,
    /// `csv`: the separator, one character. Default `,`.
    #[cfg_attr(feature = "cli", schemars(extend("minLength" = 1, "maxLength" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// `csv`, `text`: whether `"` around a cell is no part of it, so that it can hold the separator. Default true;
    /// false for files that never quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotes: Option<bool>,
    /// `text`: the field of JSON Lines (default `text`), or the column of a table; without it a file that is neither is
    /// read line by line, a document each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `text`, JSON Lines: the field of a question; the document is that, a space and `data.text`, its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// `text`, with `question`: the field of a list of wrong answers, which are not trained on but compared with the
    /// answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perturbed: Option<String>,
    /// `text`: `bytes` (the default: 256 and an end of text), `bpe` (word pieces, learned from the training documents),
    /// or a file `….json` of Hugging Face's tokenizers with byte-level BPE, GPT-2's kind.
    #[cfg_attr(feature = "cli", schemars(extend("pattern" = "^(bytes|bpe|.*\\.json)$")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// `text`: tokens of the learned vocabulary, the 256 bytes and the end of text among them; fewer where no pair of
    /// tokens comes twice. Default 1024.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 257, "maximum" = 65536, "unit" = "tokens")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<usize>,
    /// `text`: most tokens that a record predicts; a longer document is read in windows of so many. Default 128.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 65536, "unit" = "tokens")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// `csv`, `parquet`: how columns are read, by name or position; a column not named is numeric where its values are
    /// numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<BTreeMap<String, ColumnKind>>,
    /// Columns not read. `edge_list`: of `edges`. `tudataset`, `ogb`: files, such as `edge_labels` or
    /// `edge-feat`. `graph_npz`: `adj_data`, the weights of edges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop: Option<Vec<Column>>,
    /// `csv`: what stands before the decimals of a number, one character. Default `.`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<String>,
    /// `csv`: what stands between groups of three digits of a number, one character. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thousands: Option<String>,
    /// `csv`, `parquet`: values that stand for a missing one. Default `["", "?"]`. A null is missing in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<String>>,
    /// `csv`, `parquet`: add a 0/1 feature to each numeric column that misses values in training. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_indicator: Option<bool>,
    /// `csv`: lines to skip at the start of `path`. Default 0.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "lines")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_rows: Option<usize>,
    /// `csv`: lines to skip at the start of `test_path`. Default 0.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "lines")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_skip_rows: Option<usize>,
    /// `csv`, `parquet`: characters to strip from the end of a label. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_strip: Option<String>,
    /// `class_folder`: resize every picture to `[height, width]`, bilinear and antialiased as Pillow does.
    #[cfg_attr(feature = "cli", schemars(inner(range(min = 1, max = 4096)), extend("unit" = "pixels")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<[u32; 2]>,
    /// `class_folder`: one channel, the brightness of ITU-R BT.601 as in Pillow, instead of three. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grayscale: Option<bool>,
    /// `synth`: `blobs` (one Gaussian per class) or `stripes` (pictures). Default `blobs`. With `targets`: `waves`,
    /// sines of projections of Gaussian features with noise, the default, or labels by their signs.
    #[cfg_attr(feature = "cli", schemars(extend("enum" = ["blobs", "stripes", "waves"])))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// `synth`: number of records before the split. Default 400.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 2, "unit" = "records")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
    /// `synth`, `sbm`: number of classes, of which there are 2 or more. Default 4. `synth` with `targets`: number of
    /// targets. Default 1 of real ones, 3 labels.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// `edge_list`: a table of edges, its first two columns nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<PathBuf>,
    /// What edges weigh, numbers of 0 or more: `edge_list`: a column of `edges`; `graph_npz`: an array of a number for
    /// each entry of adj, such as `adj_data`. `graph_conv` and `sgc` read weights as PyTorch Geometric does. An edge of
    /// weight 0 is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_weight: Option<Column>,
    /// Features of edges, side by side: `edge_list`: columns of `edges`; `graph_npz`: arrays of a number or a row for
    /// each entry of adj; `tudataset`: `edge_attributes`, `edge_labels` (one-hot); `ogb`: `edge-feat`. Layers with
    /// `edge_dim` read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_features: Option<Vec<Column>>,
    /// `edge_list`: a table of features by node, or a JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_features: Option<PathBuf>,
    /// `edge_list`: a table of classes by node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// `csv`, `parquet`: the column whose values are the ids of records, in requests and lists; `npz`: the array, which
    /// each part has of its own (`id_train` beside `x_train`, `train_id` beside `train_images`). It is no feature.
    /// Without it ids are source rows, from 0 in the order of the file. `edge_list`: the column that names the
    /// nodes in the tables of features and labels; without it row k is node k.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `csv`, `parquet`: the column that says which person a record is of, for requests of kind `subject`; `npz`: the
    /// array, as for `id`. It is no feature, and all records of a subject are in one part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `edge_list`, `graph_npz`, `ogb`: edges lead from source to target only. Default false: both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directed: Option<bool>,
    /// `sbm`: number of nodes. Default 400.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 2)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<usize>,
    /// `sbm`: part of the pairs of nodes of one class that are edges. Default 0.05.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_in: Option<f64>,
    /// `sbm`: part of the pairs of nodes of two classes that are edges. Default 0.005.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_out: Option<f64>,
    /// `sbm`: features of a node. Default 32.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<usize>,
    /// `synth`: shape of a record, `[features]` or `[channels, height, width]`. Default `[8]`, or `[1, 8, 8]` for
    /// stripes.
    #[cfg_attr(feature = "cli", schemars(inner(range(min = 1))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
    /// `synth`: standard deviation of the noise. Default 1 for blobs, 0.3 for stripes, 0.1 for waves.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// `synth`, `sbm`: seed of the records. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl DataConfig {
    /// Every file and folder that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let single = [
            &self.path,
            &self.test_path,
            &self.train_images,
            &self.train_labels,
            &self.test_images,
            &self.test_labels,
            &self.edges,
            &self.node_features,
            &self.labels,
            &self.events,
        ];
        let lists = [&self.train_files, &self.test_files];
        let lists = lists.into_iter().flatten().flatten();
        single.into_iter().flatten().chain(lists).map(PathBuf::as_path).chain(self.tokenizer_file().map(Path::new))
    }

    /// The file of word pieces, where the tokenizer is one.
    pub fn tokenizer_file(&self) -> Option<&str> {
        let json = |name: &&str| Path::new(name).extension().is_some_and(|extension| extension == "json");
        self.tokenizer.as_deref().filter(json)
    }

    /// The configuration of a loader with nothing else set.
    pub fn new(loader: &str) -> Self {
        DataConfig { loader: loader.to_owned(), ..DataConfig::default() }
    }

    /// A file of `idx`, in the folder `path` if that is set.
    pub fn beside_path(&self, name: &Path) -> PathBuf {
        self.path.as_ref().map_or_else(|| name.to_owned(), |folder| folder.join(name))
    }

    /// Every key of `[data]`, for suggestions.
    pub fn known_keys() -> Vec<&'static str> {
        let mut keys = vec!["loader"];
        for key in DATASETS.iter().flat_map(|row| row.keys) {
            if !keys.contains(key) {
                keys.push(key);
            }
        }
        keys
    }
}
