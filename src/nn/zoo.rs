//! Named architectures; each is a function from its settings to a list of layers, so a resolved config shows them
//! whole.

mod language;
mod pictures;

pub use language::Sizes;
use pictures::Shortcut;
use serde::{Deserialize, Serialize};

use super::layer::Rows;
use crate::error::{Error, Result};

/// What normalises in an architecture that leaves the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Batch norm, as published.
    #[default]
    Batch,
    /// Group norm: groups of four channels where that divides, else one group.
    Group,
}

/// One row of [`ZOO`].
pub struct ZooRow {
    /// What `model.zoo` says.
    pub name: &'static str,
    /// What it is made of, in a sentence.
    pub summary: &'static str,
    /// What the rows are that it makes logits of: records, nodes of a graph, or tokens.
    pub rows: Rows,
    build: Build,
}

/// How the layers are made.
enum Build {
    /// Tables as text, of widths that may be left out; as many as the user likes.
    Text(fn(Option<&[usize]>) -> Vec<String>),
    /// Of its own number of widths and a norm.
    Pictures(&'static [usize], fn(&[usize], Norm) -> Vec<toml::Table>),
    /// Of sizes that have names.
    Language(fn(&Sizes) -> Result<Vec<toml::Table>>),
}

impl ZooRow {
    /// It leaves its norm to the configuration. Such networks are large: what runs every architecture passes them by,
    /// and their blocks are run as layers.
    pub fn has_norm(&self) -> bool {
        matches!(self.build, Build::Pictures(..))
    }
}

/// The architectures that `model.zoo` names; `model.hidden` sets their widths.
pub static ZOO: &[ZooRow] = &[
    ZooRow {
        name: "mlp",
        summary: "flatten, then linear + relu per hidden width (default 128, 64), then linear",
        rows: Rows::Any,
        build: Build::Text(mlp),
    },
    ZooRow {
        name: "lenet5",
        summary: "LeNet-5 (LeCun et al. 1998) with relu and max pooling, for 28x28 pictures",
        rows: Rows::Any,
        build: Build::Text(lenet5),
    },
    ZooRow {
        name: "vgg_gn",
        summary: "small VGG-like net: two 3x3 convolutions with group norm per width (default 16, 32), pooling between",
        rows: Rows::Any,
        build: Build::Text(vgg_gn),
    },
    ZooRow {
        name: "logistic",
        summary: "flatten, then one linear layer: multinomial logistic regression",
        rows: Rows::Any,
        build: Build::Text(logistic),
    },
    ZooRow {
        name: "resnet20",
        summary: "ResNet-20 for CIFAR (He et al. 2016), 0.27 M parameters; projections as shortcuts (option \
            B), torchvision's names",
        rows: Rows::Any,
        build: Build::Pictures(&[16, 32, 64], |w, norm| pictures::small_resnet(w, 3, norm, Shortcut::Projected)),
    },
    ZooRow {
        name: "resnet32",
        summary: "ResNet-32, built like resnet20",
        rows: Rows::Any,
        build: Build::Pictures(&[16, 32, 64], |w, norm| pictures::small_resnet(w, 5, norm, Shortcut::Projected)),
    },
    ZooRow {
        name: "resnet56",
        summary: "ResNet-56, built like resnet20",
        rows: Rows::Any,
        build: Build::Pictures(&[16, 32, 64], |w, norm| pictures::small_resnet(w, 9, norm, Shortcut::Projected)),
    },
    ZooRow {
        name: "resnet20_pad",
        summary: "resnet20 with shortcuts without parameters (option A): every second place and zero channels",
        rows: Rows::Any,
        build: Build::Pictures(&[16, 32, 64], |w, norm| pictures::small_resnet(w, 3, norm, Shortcut::Padded)),
    },
    ZooRow {
        name: "resnet32_pad",
        summary: "resnet32 with shortcuts without parameters",
        rows: Rows::Any,
        build: Build::Pictures(&[16, 32, 64], |w, norm| pictures::small_resnet(w, 5, norm, Shortcut::Padded)),
    },
    ZooRow {
        name: "resnet56_pad",
        summary: "resnet56 with shortcuts without parameters",
        rows: Rows::Any,
        build: Build::Pictures(&[16, 32, 64], |w, norm| pictures::small_resnet(w, 9, norm, Shortcut::Padded)),
    },
    ZooRow {
        name: "resnet18",
        summary: "ResNet-18 with a 3x3 convolution as its stem, for pictures of 32x32; torchvision's names",
        rows: Rows::Any,
        build: Build::Pictures(&[64, 128, 256, 512], |w, norm| pictures::small_resnet(w, 2, norm, Shortcut::Projected)),
    },
    ZooRow {
        name: "resnet18_imagenet",
        summary: "ResNet-18 as torchvision has it: a stem of 7x7 at stride 2 and max pooling",
        rows: Rows::Any,
        build: Build::Pictures(&[64, 128, 256, 512], |w, norm| pictures::large_resnet(w, 2, norm)),
    },
    ZooRow {
        name: "resnet9",
        summary: "ResNet-9 of the CIFAR-10 speed runs (Page 2018), for 32x32 pictures",
        rows: Rows::Any,
        build: Build::Pictures(&[64, 128, 256, 512], pictures::resnet9),
    },
    ZooRow {
        name: "all_cnn",
        summary: "All-CNN-C (Springenberg et al. 2015) with norms; strides in the place of pooling, dropout",
        rows: Rows::Any,
        build: Build::Pictures(&[96, 192], pictures::all_cnn),
    },
    ZooRow {
        name: "vgg16_bn",
        summary: "VGG-16 with norms as torchvision has it; 134 M parameters and those of the classes",
        rows: Rows::Any,
        build: Build::Pictures(&[64, 128, 256, 512, 512, 4096, 4096], pictures::vgg16_bn),
    },
    ZooRow {
        name: "mobilenet_v2",
        summary: "MobileNetV2 (Sandler et al. 2018) as torchvision has it",
        rows: Rows::Any,
        build: Build::Pictures(&[32, 16, 24, 32, 64, 96, 160, 320, 1280], pictures::mobilenet_v2),
    },
    ZooRow {
        name: "gcn",
        summary: "GCN (Kipf & Welling 2017): dropout 0.5, graph_conv, relu per hidden width (default 16), then \
            graph_conv",
        rows: Rows::Nodes,
        build: Build::Text(|hidden| convolutions("graph_conv", hidden.unwrap_or(&[16]))),
    },
    ZooRow {
        name: "sage",
        summary: "GraphSAGE with mean aggregation, built like gcn",
        rows: Rows::Nodes,
        build: Build::Text(|hidden| convolutions("sage_conv", hidden.unwrap_or(&[16]))),
    },
    ZooRow {
        name: "gin",
        summary: "GIN, built like gcn (default 128); the last layer is as wide inside as the one before",
        rows: Rows::Nodes,
        build: Build::Text(|hidden| isomorphism(hidden.unwrap_or(&[128]))),
    },
    ZooRow {
        name: "gat",
        summary: "GAT (Velickovic et al. 2018): dropout 0.6, gat_conv of 8 heads, elu per hidden width (default 8 a \
            head), then one head",
        rows: Rows::Nodes,
        build: Build::Text(|hidden| attention(hidden.unwrap_or(&[8]))),
    },
    ZooRow {
        name: "sgc",
        summary: "SGC (Wu et al. 2019): one sgc layer of two hops",
        rows: Rows::Nodes,
        build: Build::Text(|_| vec!["type='sgc'\nname='conv1'\nk=2".into()]),
    },
    ZooRow {
        name: "gcn_delete",
        summary: "gcn with GNNDelete's operator behind each hidden graph_conv, for the method gnn_delete",
        rows: Rows::Nodes,
        build: Build::Text(|hidden| deletable(hidden.unwrap_or(&[16]))),
    },
    ZooRow {
        name: "gpt",
        summary: "GPT-2 (Radford et al. 2019) of the sizes in model.sizes (4 blocks 128 wide if absent), names and \
            layouts as in transformers",
        rows: Rows::Tokens,
        build: Build::Language(language::gpt),
    },
    ZooRow {
        name: "llama",
        summary: "Llama (Touvron et al. 2023): rms_norm, rotary positions, swiglu, fewer heads of keys and values if \
            wanted; transformers' names",
        rows: Rows::Tokens,
        build: Build::Language(language::llama),
    },
];

/// [`convolutions`] of graph_conv with a deletion operator behind each but the last.
fn deletable(hidden: &[usize]) -> Vec<String> {
    let (mut layers, mut operators) = (Vec::new(), 0);
    for layer in convolutions("graph_conv", hidden) {
        if layer.starts_with("type='relu'") {
            operators += 1;
            layers.push(format!("type='deletion'\nname='deletion{operators}'"));
        }
        layers.push(layer);
    }
    layers
}

/// [`convolutions`] of gin_conv. As wide inside as its outputs, the last layer would see no more than one number a
/// class.
fn isomorphism(hidden: &[usize]) -> Vec<String> {
    let mut layers = convolutions("gin_conv", hidden);
    if let (Some(last), Some(width)) = (layers.last_mut(), hidden.last()) {
        *last += &format!("\nhidden={width}");
    }
    layers
}

/// Graph layers with dropout before and relu behind each but the last.
fn convolutions(kind: &str, hidden: &[usize]) -> Vec<String> {
    let mut layers = Vec::new();
    for (i, width) in hidden.iter().enumerate() {
        layers.push("type='dropout'\np=0.5".to_owned());
        layers.push(format!("type='{kind}'\nname='conv{}'\nout={width}", i + 1));
        layers.push("type='relu'".into());
    }
    layers.push("type='dropout'\np=0.5".into());
    layers.push(format!("type='{kind}'\nname='conv{}'", hidden.len() + 1));
    layers
}

/// The published recipe: dropout of features and of attention weights alike.
fn attention(hidden: &[usize]) -> Vec<String> {
    let mut layers = Vec::new();
    for (i, width) in hidden.iter().enumerate() {
        layers.push("type='dropout'\np=0.6".to_owned());
        layers.push(format!("type='gat_conv'\nname='conv{}'\nout={width}\nheads=8\ndropout=0.6", i + 1));
        layers.push("type='elu'".into());
    }
    layers.push("type='dropout'\np=0.6".into());
    layers.push(format!("type='gat_conv'\nname='conv{}'\ndropout=0.6", hidden.len() + 1));
    layers
}

fn logistic(_: Option<&[usize]>) -> Vec<String> {
    vec!["type='flatten'".into(), "type='linear'\nname='fc'".into()]
}

fn mlp(hidden: Option<&[usize]>) -> Vec<String> {
    let widths = hidden.unwrap_or(&[128, 64]);
    let mut layers = vec!["type='flatten'".to_owned()];
    for (i, width) in widths.iter().enumerate() {
        layers.push(format!("type='linear'\nname='fc{}'\nout={width}", i + 1));
        layers.push("type='relu'".into());
    }
    layers.push(format!("type='linear'\nname='fc{}'", widths.len() + 1));
    layers
}

fn lenet5(_: Option<&[usize]>) -> Vec<String> {
    [
        "type='conv2d'\nname='conv1'\nout=6\nkernel=5\npadding=2",
        "type='relu'",
        "type='max_pool'\nkernel=2",
        "type='conv2d'\nname='conv2'\nout=16\nkernel=5",
        "type='relu'",
        "type='max_pool'\nkernel=2",
        "type='flatten'",
        "type='linear'\nname='fc1'\nout=120",
        "type='relu'",
        "type='linear'\nname='fc2'\nout=84",
        "type='relu'",
        "type='linear'\nname='fc3'",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn vgg_gn(hidden: Option<&[usize]>) -> Vec<String> {
    let mut layers = Vec::new();
    for (block, width) in hidden.unwrap_or(&[16, 32]).iter().enumerate() {
        for half in 1..=2 {
            let i = 2 * block + half;
            layers.push(format!("type='conv2d'\nname='conv{i}'\nout={width}\nkernel=3\npadding=1"));
            layers.push(format!("type='group_norm'\nname='gn{i}'\ngroups={}", groups(*width)));
            layers.push("type='relu'".into());
        }
        layers.push("type='max_pool'\nkernel=2".into());
    }
    layers.push("type='flatten'".into());
    layers.push("type='linear'\nname='fc'".into());
    layers
}

/// Groups of four channels where that divides, else one group.
fn groups(width: usize) -> usize {
    if width.is_multiple_of(4) { width / 4 } else { 1 }
}

/// The layers of a named architecture.
///
/// # Errors
/// An unknown name, another number of widths than it has, a norm or sizes for one that has none to choose.
pub fn layers(
    name: &str,
    hidden: Option<&[usize]>,
    norm: Option<Norm>,
    sizes: Option<&Sizes>,
) -> Result<Vec<toml::Table>> {
    let names: Vec<_> = ZOO.iter().map(|r| r.name).collect();
    let row = ZOO.iter().find(|r| r.name == name);
    let row =
        row.ok_or_else(|| Error::input(format!("model.zoo = `{name}` is unknown; there are {}", names.join(", "))))?;
    let parse = |text: &String| toml::from_str(text).map_err(|e| Error::internal(format!("zoo {name}: {e}")));
    if let (Some(_), false) = (sizes, matches!(row.build, Build::Language(_))) {
        return Err(Error::input(format!("model.sizes: `{name}` is no language model; its widths are model.hidden")));
    }
    match (&row.build, norm) {
        (Build::Language(_), _) if hidden.is_some() => {
            Err(Error::input(format!("model.hidden: the sizes of `{name}` are model.sizes; leave it out")))
        }
        (Build::Language(build), None) => build(sizes.unwrap_or(&Sizes::default())),
        (Build::Text(build), None) => build(hidden).iter().map(parse).collect(),
        (Build::Text(_) | Build::Language(_), Some(_)) => {
            let with: Vec<_> = ZOO.iter().filter(|r| r.has_norm()).map(|r| r.name).collect();
            let with = with.join(", ");
            Err(Error::input(format!("model.norm: `{name}` has no norm to choose; leave it out ({with} have one)")))
        }
        (Build::Pictures(widths, build), norm) => {
            let hidden = hidden.unwrap_or(widths);
            if hidden.len() != widths.len() || hidden.contains(&0) {
                return Err(Error::input(format!(
                    "model.hidden of `{name}` needs {} widths of 1 or more, as in {widths:?}; it is {hidden:?}",
                    widths.len()
                )));
            }
            Ok(build(hidden, norm.unwrap_or_default()))
        }
    }
}
