//! Batch normalisation by running statistics is a scale and a shift per channel, which a linear layer or convolution
//! directly before it can do itself: for inference the layer may go.

use std::ops::Range;

use super::layer::{Facts, parse_layer};
use super::model::{Model, ModelConfig};
use crate::error::{Error, Result};

/// A normalisation that goes, and the layer that does its work.
struct Pair {
    before: String,
    norm: String,
    eps: f64,
}

/// The network without its batch normalisations, and its numbers, [layout.whole()] as those of `model` are: with
/// s = weight / √(running_var + eps) the layer before has s W and s (b − running_mean) + bias under its own names.
///
/// # Errors
/// No such layer; one that has no linear layer or convolution directly before it, by its name; a scale that is not
/// finite.
pub fn folded(model: &Model, values: &[f32]) -> Result<(Model, Vec<f32>)> {
    let (mut config, mut pairs) = (model.config(), Vec::new());
    // What a part of the features ends in stands side by side before the first layer behind it.
    for input in &mut config.inputs {
        sequence(&mut input.layers, &mut pairs)?;
    }
    sequence(&mut config.layers, &mut pairs)?;
    if pairs.is_empty() {
        return Err(Error::input("this network has no batch_norm: there is nothing to fold"));
    }
    let less = Model::build(&ModelConfig { zoo: None, ..config }, &model.input, model.classes)?;
    let mut numbers = vec![0.0; less.layout.whole()];
    for (entry, at) in less.layout.tensors() {
        // A bias that the layer gets is 0 before the fold.
        if let Some(from) = place(model, &entry.name) {
            numbers[at].copy_from_slice(&values[from]);
        }
    }
    for pair in &pairs {
        apply(pair, (model, values), (&less, &mut numbers))?;
    }
    Ok((less, numbers))
}

/// Takes the normalisations out of layers that follow one another, and out of those inside them.
fn sequence(layers: &mut Vec<toml::Table>, pairs: &mut Vec<Pair>) -> Result<()> {
    let mut kept: Vec<toml::Table> = Vec::new();
    for mut layer in std::mem::take(layers) {
        if !facts(&layer)?.running_state {
            layer.iter_mut().try_for_each(|(_, value)| inside(value, pairs))?;
            kept.push(layer);
            continue;
        }
        let norm = word(&layer, "name");
        match kept.last_mut() {
            Some(before) if before.contains_key("lora") => {
                return Err(Error::input(format!(
                    "--fold: layer `{}` has an adapter beside it; export with --merge first",
                    word(before, "name")
                )));
            }
            Some(before) if facts(before)?.folds => {
                before.insert("bias".into(), true.into());
                let eps = layer.get("eps").and_then(toml::Value::as_float).unwrap_or_default();
                pairs.push(Pair { before: word(before, "name"), norm, eps });
            }
            other => {
                let follows = match other {
                    Some(before) => format!("`{}` ({})", word(before, "name"), word(before, "type")),
                    None => "no layer".into(),
                };
                return Err(Error::input(format!(
                    "--fold: layer `{norm}` (batch_norm) follows {follows}, and only a linear layer or a convolution \
                     directly before it can do its work; export without --fold"
                )));
            }
        }
    }
    *layers = kept;
    Ok(())
}

/// Goes through a layer's settings for sequences of layers.
fn inside(value: &mut toml::Value, pairs: &mut Vec<Pair>) -> Result<()> {
    match value {
        toml::Value::Table(table) => table.iter_mut().try_for_each(|(_, value)| inside(value, pairs)),
        toml::Value::Array(values) => {
            let tables: Option<Vec<toml::Table>> = values.iter().map(|value| value.as_table().cloned()).collect();
            match tables.filter(|tables| tables.iter().any(|table| table.contains_key("type"))) {
                Some(mut layers) => {
                    sequence(&mut layers, pairs)?;
                    *value = layers.into();
                    Ok(())
                }
                None => values.iter_mut().try_for_each(|value| inside(value, pairs)),
            }
        }
        _ => Ok(()),
    }
}

fn word(layer: &toml::Table, key: &str) -> String {
    layer.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
}

fn facts(layer: &toml::Table) -> Result<&'static Facts> {
    parse_layer(layer.clone()).map(|layer| &layer.row().facts)
}

fn place(model: &Model, name: &str) -> Option<Range<usize>> {
    model.layout.tensors().find(|(entry, _)| entry.name == name).map(|(_, at)| at)
}

/// Scales the rows of a weight and moves the bias.
fn apply(pair: &Pair, (model, values): (&Model, &[f32]), (less, numbers): (&Model, &mut [f32])) -> Result<()> {
    let missing = |name: &str| Error::internal(format!("no tensor is called `{name}`"));
    let of = |part: &str| {
        let name = format!("{}.{part}", pair.norm);
        place(model, &name).map(|at| &values[at]).ok_or_else(|| missing(&name))
    };
    let own = |part: &str| {
        let name = format!("{}.{part}", pair.before);
        place(less, &name).ok_or_else(|| missing(&name))
    };
    let (gamma, beta, mean, variance) = (of("weight")?, of("bias")?, of("running_mean")?, of("running_var")?);
    let (weight, bias) = (own("weight")?, own("bias")?);
    let each = weight.len() / gamma.len().max(1);
    for c in 0..gamma.len() {
        let [gamma, beta, mean, variance] = [gamma, beta, mean, variance].map(|all| f64::from(all[c]));
        let scale = gamma / (variance + pair.eps).sqrt();
        if !scale.is_finite() {
            return Err(Error::input(format!(
                "--fold: channel {c} of layer `{}` has a running variance of {variance} and eps {}, so its scale is \
                 not finite; export without --fold",
                pair.norm, pair.eps
            )));
        }
        for w in &mut numbers[weight.start + c * each..weight.start + (c + 1) * each] {
            *w = (f64::from(*w) * scale) as f32;
        }
        let b = &mut numbers[bias.start + c];
        *b = ((f64::from(*b) - mean) * scale + beta) as f32;
    }
    Ok(())
}
