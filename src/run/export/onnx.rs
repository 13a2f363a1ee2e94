//! A network in ONNX, opset 17: it takes records as their source has them and gives logits and probabilities.

use super::curves::{activation, adaptive};
use super::graph::{Attribute, Graph};
use super::protobuf::Message;
use super::settings::Settings;
use crate::data::{Normalization, Normalize, TargetFit, TargetKind};
use crate::error::{Error, Result};
use crate::nn::{Layer, Model};
use crate::run::folder::Opened;

/// Version of the format (IR) that came with the operators below.
const IR: i64 = 8;
/// The set of operators: the first with `LayerNormalization`.
const OPSET: i64 = 17;

/// The bytes of a network of a run, with the names of its classes and the numbers of its normalisation as metadata
/// before `more` of it.
///
/// # Errors
/// A layer that has no such form, by its name.
pub(super) fn model(run: &Opened, network: &Model, theta: &[f32], more: &[(&str, &str)]) -> Result<Vec<u8>> {
    if run.data.graph.is_some() {
        return Err(Error::input(
            "ONNX has no graphs of nodes and edges: this run's records are on one; export safetensors",
        ));
    }
    let mut writer = Writer { graph: Graph::default(), model: network, theta };
    let x = writer.scaled("input", &run.data.normalization);
    let y = writer.layers(network.layers(), x, &network.input)?;
    let outputs = writer.outputs(&y, run.data.targets.as_ref());
    let out = [network.classes];
    let outputs: Vec<(&str, &[usize])> = outputs.iter().map(|name| (*name, &out[..])).collect();
    let graph = writer.graph.finish(&run.data.name, &[("input", &network.input)], &outputs);
    let opset = Message::default().text(1, "").int(2, OPSET);
    let head = Message::default().int(1, IR).text(2, "unlearn").text(3, env!("CARGO_PKG_VERSION"));
    let mut metadata = metadata(run)?;
    metadata.extend(more.iter().map(|(key, value)| Message::default().text(1, key).text(2, value)));
    Ok(head.message(7, &graph).message(8, &opset).messages(14, &metadata).finish())
}

/// `StringStringEntryProto` each.
fn metadata(run: &Opened) -> Result<Vec<Message>> {
    let fitted = &run.info.data.fitted;
    let json = |value: serde_json::Result<String>| value.map_err(|e| Error::internal(format!("metadata: {e}")));
    let mut all = vec![
        ("labels", json(serde_json::to_string(&fitted.class_names))?),
        ("normalization", json(serde_json::to_string(&fitted.normalization))?),
        ("model_sha256", run.model_sha256().to_owned()),
    ];
    if let Some(fit) = &fitted.targets {
        all.push(("targets", json(serde_json::to_string(fit))?));
    }
    if !fitted.columns.is_empty() {
        all.push(("columns", json(serde_json::to_string(&fitted.columns))?));
    }
    Ok(all.iter().map(|(key, value)| Message::default().text(1, key).text(2, value)).collect())
}

struct Writer<'a> {
    graph: Graph,
    model: &'a Model,
    theta: &'a [f32],
}

impl Writer<'_> {
    /// Logits and probabilities or, of real targets, their values in the units of the data.
    fn outputs(&mut self, y: &str, targets: Option<&TargetFit>) -> Vec<&'static str> {
        let g = &mut self.graph;
        let single = |all: &[f64]| all.iter().map(|v| *v as f32).collect::<Vec<f32>>();
        match targets.map(|fit| (fit.kind, fit)) {
            Some((TargetKind::Real, fit)) if fit.offset.is_empty() => g.named_node("Identity", &[y], "values", &[]),
            Some((TargetKind::Real, fit)) => {
                let shape = [fit.offset.len()];
                let scale = g.floats("targets.scale", &shape, &single(&fit.scale));
                let offset = g.floats("targets.offset", &shape, &single(&fit.offset));
                let y = g.node("Mul", &[y, &scale], &[]);
                g.named_node("Add", &[&y, &offset], "values", &[]);
            }
            labels => {
                g.named_node("Identity", &[y], "logits", &[]);
                match labels {
                    Some(_) => g.named_node("Sigmoid", &["logits"], "probabilities", &[]),
                    None => g.named_node("Softmax", &["logits"], "probabilities", &[Attribute::Int("axis", 1)]),
                }
                return vec!["logits", "probabilities"];
            }
        }
        vec!["values"]
    }

    /// (x − offset) / scale, each record over its sum, or x itself.
    fn scaled(&mut self, x: &str, by: &Normalization) -> String {
        let g = &mut self.graph;
        let input = &self.model.input;
        let axes: Vec<i64> = (1..=input.len() as i64).collect();
        match by.kind {
            Normalize::Row => {
                let axes = g.ints(&axes);
                let sum = g.node("ReduceSum", &[x, &axes], &[Attribute::Int("keepdims", 1)]);
                let (none, one) = (g.float(0.0), g.float(1.0));
                let empty = g.node("Equal", &[&sum, &none], &[]);
                let sum = g.node("Where", &[&empty, &one, &sum], &[]);
                g.node("Div", &[x, &sum], &[])
            }
            _ if by.offset.is_empty() => x.to_owned(),
            _ => {
                // One number for all, one per channel, or one per feature.
                let mut shape = vec![by.offset.len()];
                shape.resize(if by.offset.len() == 1 { 1 } else { input.len() }, 1);
                let single = |all: &[f64]| all.iter().map(|v| *v as f32).collect::<Vec<f32>>();
                let offset = g.floats("input.offset", &shape, &single(&by.offset));
                let scale = g.floats("input.scale", &shape, &single(&by.scale));
                let x = g.node("Sub", &[x, &offset], &[]);
                g.node("Div", &[&x, &scale], &[])
            }
        }
    }

    fn layers(&mut self, layers: &[Box<dyn Layer>], x: String, input: &[usize]) -> Result<String> {
        let (mut x, mut shape) = (x, input.to_vec());
        for layer in layers {
            x = self.layer(layer.as_ref(), &x, &shape)?;
            shape = layer.out_shape(&shape)?;
        }
        Ok(x)
    }

    fn layer(&mut self, layer: &dyn Layer, x: &str, input: &[usize]) -> Result<String> {
        let (kind, keys) = (layer.row().kind, Settings::of(layer));
        let name = keys.name();
        Ok(match kind {
            "linear" if layer.tied().is_none() => {
                let inputs = self.weight_and_bias(&name)?;
                let all: Vec<&str> = std::iter::once(x).chain(inputs.iter().map(String::as_str)).collect();
                self.graph.node("Gemm", &all, &[Attribute::Int("transB", 1)])
            }
            "conv1d" => {
                let inputs = self.weight_and_bias(&name)?;
                // One line for each channel, whatever stood around it.
                let lines = match *input {
                    [_, _] => x.to_owned(),
                    _ => {
                        let channels = if input.len() == 1 { 1 } else { input[1] as i64 };
                        let shape = self.graph.ints(&[0, channels, -1]);
                        self.graph.node("Reshape", &[x, &shape], &[])
                    }
                };
                let all: Vec<&str> = [&lines].into_iter().chain(&inputs).map(String::as_str).collect();
                let [window, step, pad, apart] = ["kernel", "stride", "padding", "dilation"].map(|key| keys.int(key));
                let attributes = [
                    Attribute::Ints("kernel_shape", &[window]),
                    Attribute::Ints("strides", &[step]),
                    Attribute::Ints("pads", &[pad; 2]),
                    Attribute::Ints("dilations", &[apart]),
                    Attribute::Int("group", keys.int("groups")),
                ];
                self.graph.node("Conv", &all, &attributes)
            }
            "conv2d" => {
                let inputs = self.weight_and_bias(&name)?;
                let all: Vec<&str> = std::iter::once(x).chain(inputs.iter().map(String::as_str)).collect();
                let [window, steps, pads, apart] =
                    ["kernel", "stride", "padding", "dilation"].map(|key| keys.pair(key));
                let attributes = [
                    Attribute::Ints("kernel_shape", &window),
                    Attribute::Ints("strides", &steps),
                    Attribute::Ints("pads", &[pads, pads].concat()),
                    Attribute::Ints("dilations", &apart),
                    Attribute::Int("group", keys.int("groups")),
                ];
                self.graph.node("Conv", &all, &attributes)
            }
            "max_pool" | "avg_pool" => {
                let sides = ["kernel", "stride", "padding"].map(|key| keys.pair(key));
                // Over a line the one number counts along it.
                let [window, steps, pads] = sides.each_ref().map(|side| &side[3 - input.len()..]);
                let pads = [pads, pads].concat();
                let mut attributes = vec![
                    Attribute::Ints("kernel_shape", window),
                    Attribute::Ints("strides", steps),
                    Attribute::Ints("pads", &pads),
                ];
                if kind == "max_pool" {
                    self.graph.node("MaxPool", &[x], &attributes)
                } else {
                    attributes.push(Attribute::Int("count_include_pad", 1));
                    self.graph.node("AveragePool", &[x], &attributes)
                }
            }
            "adaptive_avg_pool" => adaptive(&mut self.graph, keys.pair("size"), x, input),
            "squeeze_excite" => self.squeeze_excite(&name, &keys, x)?,
            "global_avg_pool" => self.graph.node("GlobalAveragePool", &[x], &[]),
            "silu" | "leaky_relu" | "softplus" | "hard_swish" | "relu6" => activation(&mut self.graph, kind, &keys, x),
            "identity" => x.to_owned(),
            "flatten" => self.graph.node("Flatten", &[x], &[Attribute::Int("axis", 1)]),
            "relu" => self.graph.node("Relu", &[x], &[]),
            "tanh" => self.graph.node("Tanh", &[x], &[]),
            "sigmoid" => self.graph.node("Sigmoid", &[x], &[]),
            "elu" => self.graph.node("Elu", &[x], &[Attribute::Float("alpha", 1.0)]),
            "gelu" => self.gelu(x),
            "dropout" => x.to_owned(),
            "layer_norm" => {
                let [scale, bias] = [self.parameter(&name, "weight", None)?, self.parameter(&name, "bias", None)?];
                let attributes = [Attribute::Int("axis", -1), Attribute::Float("epsilon", keys.float("eps"))];
                self.graph.node("LayerNormalization", &[x, &scale, &bias], &attributes)
            }
            "batch_norm" => {
                let parts = ["weight", "bias", "running_mean", "running_var"];
                let inputs = parts.iter().map(|part| self.parameter(&name, part, None)).collect::<Result<Vec<_>>>()?;
                let all: Vec<&str> = std::iter::once(x).chain(inputs.iter().map(String::as_str)).collect();
                self.graph.node("BatchNormalization", &all, &[Attribute::Float("epsilon", keys.float("eps"))])
            }
            "group_norm" => self.group_norm(&name, &keys, x, input)?,
            "pad_channels" => {
                let mut pads = vec![0; 2 * (input.len() + 1)];
                (pads[1], pads[input.len() + 2]) = (keys.int("before"), keys.int("behind"));
                let pads = self.graph.ints(&pads);
                self.graph.node("Pad", &[x, &pads], &[])
            }
            "concat" => self.concat(layer, &keys, x, input)?,
            "embedding" => {
                let table = self.parameter(&name, "weight", None)?;
                self.graph.node("MatMul", &[x, &table], &[])
            }
            "residual" => {
                let branches = layer.inner().into_iter().map(|branch| self.layers(branch, x.to_owned(), input));
                let branches = branches.collect::<Result<Vec<_>>>()?;
                self.graph.node("Add", &branches.iter().map(String::as_str).collect::<Vec<_>>(), &[])
            }
            other => {
                let called = if name.is_empty() { String::new() } else { format!(" `{name}`") };
                return Err(Error::input(format!(
                    "layer{called} of type `{other}` over {input:?} has no form in ONNX here; export safetensors"
                )));
            }
        })
    }

    /// The means of the channels through two convolutions of one pixel.
    fn squeeze_excite(&mut self, name: &str, keys: &Settings, x: &str) -> Result<String> {
        let [first, second] = ["fc1", "fc2"].map(|map| self.weight_and_bias(&format!("{name}.{map}")));
        let g = &mut self.graph;
        let map = |g: &mut Graph, x: &str, of: &[String]| g.node("Conv", &[x, &of[0], &of[1]], &[]);
        let mean = g.node("GlobalAveragePool", &[x], &[]);
        let inside = map(g, &mean, &first?);
        let inside = g.node("Relu", &[&inside], &[]);
        let outside = map(g, &inside, &second?);
        let sixth = [Attribute::Float("alpha", 1.0 / 6.0), Attribute::Float("beta", 0.5)];
        let gate = match keys.word("gate") {
            "hard_sigmoid" => g.node("HardSigmoid", &[&outside], &sixth),
            _ => g.node("Sigmoid", &[&outside], &[]),
        };
        Ok(g.node("Mul", &[x, &gate], &[]))
    }

    /// x Φ(x) by the error function: the operator of that name came later.
    fn gelu(&mut self, x: &str) -> String {
        let g = &mut self.graph;
        let (root, one, half) = (g.float(std::f32::consts::SQRT_2), g.float(1.0), g.float(0.5));
        let inner = g.node("Div", &[x, &root], &[]);
        let inner = g.node("Erf", &[&inner], &[]);
        let inner = g.node("Add", &[&inner, &one], &[]);
        let y = g.node("Mul", &[x, &inner], &[]);
        g.node("Mul", &[&y, &half], &[])
    }

    /// Groups as instances: the operator for groups came later.
    fn group_norm(&mut self, name: &str, keys: &Settings, x: &str, input: &[usize]) -> Result<String> {
        let groups = keys.int("groups");
        let mut shape = vec![1; input.len()];
        shape[0] = input[0];
        let [scale, bias] = ["weight", "bias"].map(|part| self.parameter(name, part, Some(&shape)));
        let (scale, bias) = (scale?, bias?);
        let g = &mut self.graph;
        let count = groups as usize;
        let ones = g.floats(&format!("{name}.ones"), &[count], &vec![1.0; count]);
        let zeros = g.floats(&format!("{name}.zeros"), &[count], &vec![0.0; count]);
        let apart = g.ints(&[0, groups, -1]);
        let back: Vec<i64> = std::iter::once(0).chain(input.iter().map(|dim| *dim as i64)).collect();
        let back = g.ints(&back);
        let x = g.node("Reshape", &[x, &apart], &[]);
        let epsilon = Attribute::Float("epsilon", keys.float("eps"));
        let x = g.node("InstanceNormalization", &[&x, &ones, &zeros], &[epsilon]);
        let x = g.node("Reshape", &[&x, &back], &[]);
        let x = g.node("Mul", &[&x, &scale], &[]);
        Ok(g.node("Add", &[&x, &bias], &[]))
    }

    /// Branches over slices of the features, side by side.
    fn concat(&mut self, layer: &dyn Layer, keys: &Settings, x: &str, input: &[usize]) -> Result<String> {
        let branches = keys.list("branches");
        let mut outs = Vec::new();
        for (branch, inner) in branches.iter().zip(layer.inner()) {
            let ranges: Option<Vec<[i64; 2]>> = branch.get("features").and_then(|found| found.clone().try_into().ok());
            let Some(ranges) = ranges else {
                outs.push(self.layers(inner, x.to_owned(), input)?);
                continue;
            };
            let slice = |(first, end): (i64, i64)| {
                let [first, end, axis] = [first, end, 1].map(|at| self.graph.ints(&[at]));
                self.graph.node("Slice", &[x, &first, &end, &axis], &[])
            };
            let parts: Vec<String> = ranges.iter().map(|[first, end]| (*first, *end)).map(slice).collect();
            let taken = self.side_by_side(&parts);
            let width = ranges.iter().map(|[first, end]| (end - first) as usize).sum();
            outs.push(self.layers(inner, taken, &[width])?);
        }
        Ok(self.side_by_side(&outs))
    }

    fn side_by_side(&mut self, parts: &[String]) -> String {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.graph.node("Concat", &parts, &[Attribute::Int("axis", 1)])
    }

    /// The weight of a layer and, where it has one, its bias.
    fn weight_and_bias(&mut self, name: &str) -> Result<Vec<String>> {
        let mut all = vec![self.parameter(name, "weight", None)?];
        if self.model.layout.get(&format!("{name}.bias")).is_ok() {
            all.push(self.parameter(name, "bias", None)?);
        }
        Ok(all)
    }

    /// A parameter as a constant under its own name, in its own shape or in this one.
    fn parameter(&mut self, layer: &str, part: &str, shape: Option<&[usize]>) -> Result<String> {
        let name = format!("{layer}.{part}");
        let found = self.model.layout.tensors().find(|(entry, _)| entry.name == name);
        let (entry, at) = found.ok_or_else(|| Error::internal(format!("no tensor is called `{name}`")))?;
        let values = &self.theta[at];
        Ok(self.graph.floats(&name, shape.unwrap_or(&entry.shape), values))
    }
}
