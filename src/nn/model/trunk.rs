//! A network without its head: what it makes of a record before the last layer reads it.

use super::Model;

impl Model {
    /// The network without its last layer, whose outputs are that layer's features; none where the last layer has no
    /// parameters, is the only one, or reads something else than a vector.
    pub fn trunk(&self) -> Option<Model> {
        let shapes = self.body.shapes(&self.input).ok()?;
        let [.., features, _] = &shapes[..] else { return None };
        let &[width] = &features[..] else { return None };
        let mut config = self.config();
        config.layers.pop()?;
        if config.layers.is_empty() {
            return None;
        }
        let trunk = Model::build(&config, &self.input, width).ok()?;
        (1..self.layout.count()).contains(&trunk.layout.count()).then_some(trunk)
    }

    /// The parameters and state [layout.whole()] of this network, taken by their names from those of one that it is a
    /// part of; none where it is not.
    pub fn taken_from(&self, whole: &Model, theta: &[f32]) -> Option<Vec<f32>> {
        let mut own = vec![0.0; self.layout.whole()];
        for (entry, places) in self.layout.tensors() {
            let (_, from) = whole.layout.tensors().find(|(of, _)| of.name == entry.name && of.shape == entry.shape)?;
            own[places].copy_from_slice(theta.get(from)?);
        }
        Some(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ModelConfig;

    #[test]
    fn a_head_is_cut_off_and_what_is_before_it_keeps_its_numbers() {
        let zoo = |name: &str, input: &[usize]| {
            let config: ModelConfig = toml::from_str(&format!("zoo = '{name}'")).expect("TOML");
            Model::build(&config, input, 3).expect("a network")
        };
        let whole = zoo("mlp", &[5]);
        let trunk = whole.trunk().expect("a trunk");
        let theta: Vec<f32> = (0..whole.layout.whole()).map(|v| v as f32).collect();
        let own = trunk.taken_from(&whole, &theta).expect("its numbers");
        for (entry, places) in trunk.layout.tensors() {
            let from = whole.layout.get(&entry.name).expect("the same name").offset;
            assert_eq!(own[places.start], from as f32, "{}", entry.name);
        }
        assert!(whole.layout.count() - trunk.layout.count() == trunk.classes * 3 + 3);
        assert!(zoo("logistic", &[5]).trunk().is_none());
        assert!(whole.taken_from(&trunk, &own).is_none());
    }
}
