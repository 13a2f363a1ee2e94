//! Named architectures; each is a function from its settings to a list of layers, so a resolved config shows them
//! whole.

use crate::error::{Error, Result};

/// One row of [`ZOO`].
pub struct ZooRow {
    /// What `model.zoo` says.
    pub name: &'static str,
    /// What it is made of, in a sentence.
    pub summary: &'static str,
    /// It makes logits of single nodes of a graph.
    pub nodes: bool,
    build: fn(Option<&[usize]>) -> Vec<String>,
}

/// The architectures that `model.zoo` names; `model.hidden` sets their widths.
pub static ZOO: &[ZooRow] = &[
    ZooRow {
        name: "mlp",
        summary: "flatten, then linear + relu per hidden width (default 128, 64), then linear",
        nodes: false,
        build: mlp,
    },
    ZooRow {
        name: "lenet5",
        summary: "LeNet-5 (LeCun et al. 1998) with relu and max pooling, for 28x28 pictures",
        nodes: false,
        build: lenet5,
    },
    ZooRow {
        name: "vgg_gn",
        summary: "small VGG-like net: two 3x3 convolutions with group norm per width (default 16, 32), pooling between",
        nodes: false,
        build: vgg_gn,
    },
    ZooRow {
        name: "logistic",
        summary: "flatten, then one linear layer: multinomial logistic regression",
        nodes: false,
        build: logistic,
    },
    ZooRow {
        name: "gcn",
        summary: "GCN (Kipf & Welling 2017): dropout 0.5, graph_conv, relu per hidden width (default 16), then \
            graph_conv",
        nodes: true,
        build: |hidden| convolutions("graph_conv", hidden.unwrap_or(&[16])),
    },
    ZooRow {
        name: "sage",
        summary: "GraphSAGE with mean aggregation, built like gcn",
        nodes: true,
        build: |hidden| convolutions("sage_conv", hidden.unwrap_or(&[16])),
    },
    ZooRow {
        name: "gin",
        summary: "GIN, built like gcn (default 128); the last layer is as wide inside as the one before",
        nodes: true,
        build: |hidden| isomorphism(hidden.unwrap_or(&[128])),
    },
    ZooRow {
        name: "gat",
        summary: "GAT (Velickovic et al. 2018): dropout 0.6, gat_conv of 8 heads, elu per hidden width (default 8 a \
            head), then one head",
        nodes: true,
        build: |hidden| attention(hidden.unwrap_or(&[8])),
    },
    ZooRow {
        name: "sgc",
        summary: "SGC (Wu et al. 2019): one sgc layer of two hops",
        nodes: true,
        build: |_| vec!["type='sgc'\nname='conv1'\nk=2".into()],
    },
    ZooRow {
        name: "gcn_delete",
        summary: "gcn with GNNDelete's operator behind each hidden graph_conv, for the method gnn_delete",
        nodes: true,
        build: |hidden| deletable(hidden.unwrap_or(&[16])),
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
/// An unknown name.
pub fn layers(name: &str, hidden: Option<&[usize]>) -> Result<Vec<toml::Table>> {
    let names: Vec<_> = ZOO.iter().map(|r| r.name).collect();
    let row = ZOO.iter().find(|r| r.name == name);
    let row =
        row.ok_or_else(|| Error::input(format!("model.zoo = `{name}` is unknown; there are {}", names.join(", "))))?;
    let parse = |text: &String| toml::from_str(text).map_err(|e| Error::internal(format!("zoo {name}: {e}")));
    (row.build)(hidden).iter().map(parse).collect()
}
