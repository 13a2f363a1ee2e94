//! `unlearn guess`: a draft of `[[model.layers]]` from the names and shapes of a file. What a file of weights does not
//! say (activations, pooling, strides, the order of branches) is marked as a guess.

use std::fmt::Write as _;
use std::path::Path;

use crate::data::{StateDict, Tensor};
use crate::error::Result;

/// Tensors of one module, by what stands behind the last dot of their names.
struct Module<'a> {
    name: String,
    parts: Vec<(&'a str, &'a Tensor)>,
}

/// What a module is taken for.
enum Kind {
    Conv {
        out: usize,
        inputs: usize,
        kernel: Vec<usize>,
    },
    /// The first map of a squeeze-and-excitation; the second says nothing more.
    Squeeze {
        inside: usize,
    },
    Linear {
        out: usize,
        inputs: usize,
    },
    Norm {
        channels: usize,
    },
    BatchNorm,
    Other(&'static str),
}

/// The draft for a file, with what it holds as comments.
///
/// # Errors
/// As [`StateDict::read`].
pub fn draft(file: &Path, key: Option<&str>) -> Result<String> {
    let dict = StateDict::read(file, key)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut text = format!("# A draft from the names and shapes of {}. ", name.escape_debug());
    text += "Lines that end with `?` are guesses: a file of\n# weights does not say which activations, poolings, \
             strides or paddings its network has.\n";
    if dict.format == "safetensors" {
        text += "# Files of safetensors keep no order: layers stand in that of their names.\n";
    }
    let modules = modules(&dict);
    let prefix = shared_prefix(&modules);
    if !prefix.is_empty() {
        let _ = writeln!(text, "# All names begin with `{prefix}`: import with --prefix {prefix}");
    }
    let last = modules.iter().rposition(|module| matches!(module.kind(), Kind::Conv { .. } | Kind::Linear { .. }));
    let mut flow = Flow::default();
    for (at, module) in modules.iter().enumerate().filter(|(_, module)| !second(module, &modules)) {
        let called = module.name.strip_prefix(prefix.as_str()).unwrap_or(&module.name);
        flow.layer(&mut text, module, called, last.is_some_and(|last| at >= last));
    }
    Ok(text)
}

/// What came before.
#[derive(Default)]
struct Flow {
    /// Channels, where the values are pictures.
    channels: Option<usize>,
    /// A layer with weights was written, and no activation behind it.
    open: bool,
}

impl Flow {
    fn layer(&mut self, text: &mut String, module: &Module, name: &str, last: bool) {
        let kind = module.kind();
        let shapes = module.shapes();
        if self.open && matches!(kind, Kind::Conv { .. } | Kind::Linear { .. }) {
            layer(text, "relu", "# or another activation ?", &[]);
        }
        if ["downsample", "shortcut"].iter().any(|part| name.split('.').any(|word| word == *part)) {
            let _ = writeln!(text, "\n# `{name}`: by its name in the `shortcut` of a `residual` around its block ?");
        }
        match kind {
            Kind::Conv { out, inputs, kernel } => {
                let groups = self.channels.filter(|channels| *channels != inputs && channels % inputs == 0);
                let same = kernel.iter().all(|side| *side == kernel[0]);
                let size = if same { kernel[0].to_string() } else { format!("{kernel:?}") };
                let mut keys = vec![("name", format!("\"{name}\"")), ("out", out.to_string()), ("kernel", size)];
                keys.extend(groups.map(|channels| ("groups", (channels / inputs).to_string())));
                keys.extend((!module.has("bias")).then(|| ("bias", "false".to_owned())));
                let kind = if kernel.len() == 1 { "conv1d" } else { "conv2d" };
                layer(text, kind, &format!("# {shapes}; stride, padding, a pooling behind it ?"), &keys);
                (self.channels, self.open) = (Some(out), true);
            }
            Kind::Squeeze { inside } => {
                let stem = name.trim_end_matches(".fc1");
                let keys = [("name", format!("\"{stem}\"")), ("squeeze", inside.to_string())];
                layer(text, "squeeze_excite", &format!("# {shapes}; `fc2` is its second map; gate ?"), &keys);
            }
            Kind::Linear { out, inputs } => {
                if let Some(channels) = self.channels.take() {
                    let says = match inputs % channels {
                        0 => format!("# {channels} channels of {} positions", inputs / channels),
                        _ => format!("# {inputs} inputs, and {channels} channels do not divide them ?"),
                    };
                    layer(text, "flatten", &says, &[]);
                }
                let mut keys = vec![("name", format!("\"{name}\""))];
                // The last layer's width is that of the classes.
                keys.extend((!last).then(|| ("out", out.to_string())));
                keys.extend((!module.has("bias")).then(|| ("bias", "false".to_owned())));
                layer(text, "linear", &format!("# {shapes}"), &keys);
                self.open = true;
            }
            Kind::Norm { channels } => {
                let named = ("name", format!("\"{name}\""));
                match self.channels {
                    Some(_) => {
                        let groups = ("groups", if channels % 8 == 0 { "8" } else { "1" }.to_owned());
                        layer(text, "group_norm", &format!("# {shapes}; groups ?"), &[named, groups]);
                    }
                    None => layer(text, "layer_norm", &format!("# {shapes} ?"), &[named]),
                }
            }
            Kind::BatchNorm => {
                let _ = writeln!(text, "\n# `{name}` {shapes}: batch norm, by its running_mean");
                let known = crate::nn::LAYERS.iter().find(|row| row.kind == "batch_norm");
                match known {
                    Some(row) => layer(text, row.kind, "", &[("name", format!("\"{name}\""))]),
                    None => text.push_str("# This program has no such layer: fold it into the layer before it.\n"),
                }
            }
            Kind::Other(what) => {
                let _ = writeln!(text, "\n# `{name}` {shapes}: {what}");
            }
        }
    }
}

fn layer(text: &mut String, kind: &str, comment: &str, keys: &[(&str, String)]) {
    let line = format!("\n[[model.layers]]\ntype = \"{kind}\"  {comment}");
    text.push_str(line.trim_end());
    text.push('\n');
    for (key, value) in keys {
        let _ = writeln!(text, "{key} = {value}");
    }
}

/// The second map of a squeeze-and-excitation, written with the first.
fn second(module: &Module, modules: &[Module]) -> bool {
    let first = |stem: &str| {
        let name = format!("{stem}.fc1");
        modules.iter().any(|other| other.name == name && matches!(other.kind(), Kind::Squeeze { .. }))
    };
    module.name.strip_suffix(".fc2").is_some_and(first)
}

/// In the order of the file.
fn modules(dict: &StateDict) -> Vec<Module<'_>> {
    let mut all: Vec<Module> = Vec::new();
    for tensor in &dict.tensors {
        let (name, part) = tensor.name.rsplit_once('.').unwrap_or(("", &tensor.name));
        match all.iter_mut().rev().find(|module| module.name == name) {
            Some(module) => module.parts.push((part, tensor)),
            None => all.push(Module { name: name.to_owned(), parts: vec![(part, tensor)] }),
        }
    }
    all
}

/// What all names have before their first dot, where that is one word and more follows.
fn shared_prefix(modules: &[Module]) -> String {
    let first = |module: &Module| module.name.split_once('.').map(|(word, _)| format!("{word}."));
    let Some(prefix) = modules.first().and_then(first) else { return String::new() };
    let known = ["module.", "_orig_mod.", "model."].contains(&prefix.as_str());
    let shared = modules.iter().all(|module| module.name.starts_with(&prefix));
    if shared && (known || modules.len() > 1) { prefix } else { String::new() }
}

impl Module<'_> {
    fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|(known, _)| *known == part)
    }

    fn shapes(&self) -> String {
        let each: Vec<String> = self.parts.iter().map(|(part, tensor)| format!("{part} {:?}", tensor.shape)).collect();
        each.join(", ")
    }

    fn kind(&self) -> Kind {
        let weight = self.parts.iter().find(|(part, _)| *part == "weight").map(|(_, tensor)| tensor.shape.as_slice());
        let last = self.name.rsplit('.').next().filter(|last| *last != self.name);
        let graph = last.is_some_and(|last| {
            ["lin", "lin_l", "lin_r", "lin_edge", "lin_key", "lin_query", "lin_value", "lin_skip"].contains(&last)
        });
        match weight {
            _ if self.has("running_mean") => Kind::BatchNorm,
            _ if self.has("att_edge") => Kind::Other("attention over a graph with features of edges; see `gat_conv`"),
            _ if self.has("att_src") => Kind::Other("attention over a graph; see `gat_conv`"),
            _ if self.has("att") => Kind::Other("attention over a graph; see `gatv2_conv`"),
            _ if self.has("in_proj_weight") => Kind::Other("attention, which is no layer here"),
            _ if self.has("weight_ih_l0") => Kind::Other("a recurrent layer, which is none here"),
            Some(&[_, _]) if graph => {
                Kind::Other("of a layer over a graph; see `graph_conv`, `sage_conv`, `gat_conv`, `transformer_conv`")
            }
            Some(&[_, _]) if self.name.rsplit('.').next().is_some_and(|name| name.contains("emb")) => {
                Kind::Other("by its name an embedding of categories")
            }
            Some(&[out, inputs]) => Kind::Linear { out, inputs },
            Some(&[inside, _, 1, 1]) if self.name.ends_with(".fc1") => Kind::Squeeze { inside },
            Some(&[out, inputs, ref kernel @ ..]) if matches!(kernel.len(), 1 | 2) => {
                Kind::Conv { out, inputs, kernel: kernel.to_vec() }
            }
            Some(&[channels]) => Kind::Norm { channels },
            _ => Kind::Other("no layer that is known by such names"),
        }
    }
}
