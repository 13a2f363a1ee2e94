//! The layers of a network that have weights, in their order: which of them a method trains anew.

use std::ops::Range;

use serde_json::Value;

use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::methods::View;
use crate::nn::{Model, ParamEntry, ParamLayout};
use crate::records::Session;

/// A layer with weights (a parameter of two dimensions or more), and what follows it without any, such as a norm.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightLayer {
    /// What its parameters' names begin with.
    pub name: String,
    /// Places of its parameters and running statistics in [`ParamLayout::whole`] numbers.
    pub places: Vec<Range<usize>>,
}

/// What the names of a layer's parameters have in common.
fn stem(name: &str) -> &str {
    let cut = |name: &str| name.rsplit_once('.').map_or(name.len(), |(stem, _)| stem.len());
    let stem = &name[..cut(name)];
    // A layer of a graph network keeps its projections in linear layers of its own.
    match stem.rsplit_once('.') {
        Some((outer, "lin" | "lin_l" | "lin_r" | "lin_edge" | "lin_src" | "lin_dst")) => outer,
        Some((outer, number)) if number.parse::<usize>().is_ok() && outer.ends_with(".lins") => {
            outer.trim_end_matches(".lins")
        }
        _ => stem,
    }
}

/// Every layer with weights, from the input to the output.
pub fn weight_layers(layout: &ParamLayout) -> Vec<WeightLayer> {
    let mut stems: Vec<(&str, bool)> = Vec::new();
    for entry in layout.entries() {
        let (name, weights) = (stem(&entry.name), entry.shape.len() > 1);
        match stems.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known |= weights,
            None => stems.push((name, weights)),
        }
    }
    let mut layers: Vec<WeightLayer> = Vec::new();
    let first = stems.iter().position(|(_, weights)| *weights).unwrap_or(0);
    for (i, (name, weights)) in stems.iter().enumerate() {
        // What comes before the first weights belongs to them.
        if i == 0 || (*weights && i > first) {
            layers.push(WeightLayer { name: (*name).to_owned(), places: Vec::new() });
        }
        let of = |e: &ParamEntry| stem(&e.name) == *name;
        if let Some(layer) = layers.last_mut() {
            layer.places.extend(layout.tensors().filter(|(e, _)| of(e)).map(|(_, place)| place));
        }
    }
    layers
}

/// How many layers a method takes that was not told: half of them, rounded up.
pub fn half(layers: &[WeightLayer]) -> usize {
    layers.len().div_ceil(2)
}

/// The last `count` layers; half of them without a number.
///
/// # Errors
/// The network has fewer.
pub fn last(method: &str, model: &Model, count: Option<usize>) -> Result<Vec<WeightLayer>> {
    let mut layers = weight_layers(&model.layout);
    let count = count.unwrap_or(half(&layers));
    if count > layers.len() {
        return Err(Error::input(format!(
            "method {method}: k = {count}, and the network has {} layers with weights; take fewer, or finetune or \
             retrain, which train all",
            layers.len()
        )));
    }
    Ok(layers.split_off(layers.len() - count))
}

/// 1 for the parameters of these layers, 0 for the others and between tensors.
pub fn mask(layout: &ParamLayout, layers: &[WeightLayer]) -> Vec<f32> {
    let mut mask = vec![0.0; layout.total()];
    let places = layers.iter().flat_map(|layer| layer.places.clone()).filter(|place| place.end <= mask.len());
    places.collect::<Vec<_>>().into_iter().for_each(|place| mask[place].fill(1.0));
    mask
}

/// A mask on the engine that lets these layers alone move.
pub fn keep(session: &mut Session, layers: &[WeightLayer]) -> Result<Buf<f32>> {
    let kept = session.vector("layers.mask")?;
    session.engine.write(kept, &mask(&session.model.layout, layers))?;
    Ok(kept)
}

/// For a method's account.
pub fn describe(layers: &[WeightLayer]) -> Vec<(&'static str, Value)> {
    vec![("layers", layers.iter().map(|layer| layer.name.as_str()).collect())]
}

/// Gives these layers the numbers that a training begins with, running statistics among them.
pub fn reset(session: &mut Session, view: &View, layers: &[WeightLayer]) -> Result<()> {
    let fresh = view.past.start(session.model, view.seed);
    let mut theta = session.read_theta()?;
    for place in layers.iter().flat_map(|layer| layer.places.clone()) {
        theta[place.clone()].copy_from_slice(&fresh[place]);
    }
    session.write_theta(&theta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ModelConfig;

    fn layers(text: &str, input: &[usize], classes: usize) -> (ParamLayout, Vec<WeightLayer>) {
        let config: ModelConfig = toml::from_str(text).unwrap();
        let layout = Model::build(&config, input, classes).unwrap().layout;
        let layers = weight_layers(&layout);
        (layout, layers)
    }

    #[test]
    fn layers_are_told_by_their_weights_and_counted_from_the_output() {
        let (_, mlp) = layers("zoo = \"mlp\"\nhidden = [5, 4]", &[3], 2);
        assert_eq!(mlp.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(), ["fc1", "fc2", "fc3"]);
        assert_eq!(half(&mlp), 2);
        let (layout, cnn) = layers("zoo = \"lenet5\"", &[1, 28, 28], 10);
        assert_eq!(cnn.len(), 5);
        let all: usize = cnn.iter().flat_map(|layer| &layer.places).map(Range::len).sum();
        assert_eq!(all, layout.count(), "a parameter is in no layer, or in two");
    }

    /// A norm goes with the layer before it, its running statistics too, and a graph layer is one layer.
    #[test]
    fn what_has_no_weights_goes_with_the_layer_before_it() {
        let norm =
            "[[layers]]\ntype = \"linear\"\nname = \"a\"\nout = 4\n[[layers]]\ntype = \"batch_norm\"\nname = \"n\"
            [[layers]]\ntype = \"linear\"\nname = \"b\"";
        let (layout, found) = layers(norm, &[3], 2);
        assert_eq!(found.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let statistics = found[0].places.iter().filter(|place| place.start >= layout.total()).count();
        assert_eq!(statistics, layout.state().len(), "{found:?}");
        let one = mask(&layout, &found[1..]);
        assert_eq!(one.iter().sum::<f32>(), 10.0);
        for (zoo, count) in [("gcn", 2), ("gat", 2), ("sage", 2), ("sgc", 1)] {
            let hidden = if zoo == "sgc" { "" } else { "hidden = [4]" };
            let (_, found) = layers(&format!("zoo = \"{zoo}\"\n{hidden}"), &[3], 2);
            assert_eq!(found.len(), count, "{zoo}: {found:?}");
        }
    }
}
