//! A network without its adapters: merged, or taken away.

use super::lora::Adapted;
use super::model::{Model, ModelConfig};
use crate::error::{Error, Result};

/// The network without its adapters, and its numbers [layout.whole()]: with (alpha / rank) B A added to the weights
/// that they are beside or, where `merge` is false, as if they had never been there.
///
/// # Errors
/// A network without adapters; a merged weight that is not finite.
pub fn unadapted(model: &Model, values: &[f32], merge: bool) -> Result<(Model, Vec<f32>)> {
    let adapted: Vec<Adapted> = model.layers().iter().flat_map(|layer| layer.adapted()).collect();
    if adapted.is_empty() {
        return Err(Error::input("this network has no adapters: no layer has `lora`"));
    }
    let mut config = model.config();
    let inputs = config.inputs.iter_mut().flat_map(|input| &mut input.layers);
    inputs.chain(&mut config.layers).for_each(without);
    let less = Model::build(&ModelConfig { zoo: None, ..config }, &model.input, model.classes)?;
    let mut numbers = less.taken_from(model, values).ok_or_else(|| Error::internal("a network lost a parameter"))?;
    if !merge {
        return Ok((less, numbers));
    }
    for Adapted { name, transposed, lora } in &adapted {
        let part = |part: &str| -> Result<(Vec<usize>, &[f32])> {
            let entry = model.layout.get(&format!("{name}.{part}"))?;
            Ok((entry.shape.clone(), &values[entry.offset..entry.offset + entry.len]))
        };
        let ((a_shape, a), (b_shape, b)) = (part("lora_A.weight")?, part("lora_B.weight")?);
        let ([inputs, outputs], scale) = ([a_shape[1], b_shape[0]], f64::from(lora.scale()));
        let at = less.layout.get(&format!("{name}.weight"))?.offset;
        for o in 0..outputs {
            for i in 0..inputs {
                let of = |r: usize| f64::from(b[o * lora.rank + r]) * f64::from(a[r * inputs + i]);
                let place = at + if *transposed { i * outputs + o } else { o * inputs + i };
                let sum = f64::from(numbers[place]) + scale * (0..lora.rank).map(of).sum::<f64>();
                numbers[place] = sum as f32;
                if !numbers[place].is_finite() {
                    return Err(Error::input(format!("`{name}.weight` is not finite with its adapter merged")));
                }
            }
        }
    }
    Ok((less, numbers))
}

/// Takes adapters out of a layer's table and of those inside it.
fn without(layer: &mut toml::Table) {
    layer.remove("lora");
    for (_, value) in layer.iter_mut() {
        let inner = value.as_array_mut().into_iter().flatten();
        inner.filter_map(toml::Value::as_table_mut).for_each(without);
    }
}
