//! A smaller network of the same layers.

use super::{Model, ModelConfig};
use crate::error::{Error, Result};

/// Keys of a layer that say how wide it is inside.
const WIDTHS: [&str; 2] = ["out", "hidden"];

impl Model {
    /// The configuration of a network whose hidden layers have `width` times the outputs of this one's, rounded, 1 at
    /// least; the last layer keeps its own.
    ///
    /// # Errors
    /// One whose layers do not fit together any more, or that is the same network.
    pub fn narrowed(&self, width: f64) -> Result<ModelConfig> {
        let (config, whole) = (self.config(), self.config().layers.len());
        let inputs = config.inputs.clone();
        let mut layers = config.layers.clone();
        layers.iter_mut().take(whole.saturating_sub(1)).for_each(|layer| narrow(layer, width));
        let made = ModelConfig { inputs, layers, ..ModelConfig::default() };
        let smaller = Model::build(&made, &self.input, self.classes)
            .map_err(|e| Error::input(format!("a network of {width} times the width does not fit together: {e}")))?;
        match smaller.layout.count() < self.layout.count() {
            true => Ok(smaller.config()),
            false => Err(Error::input(format!(
                "a network of {width} times the width is no smaller: its hidden layers have no outputs to lose"
            ))),
        }
    }
}

fn narrow(layer: &mut toml::Table, width: f64) {
    for (key, value) in layer {
        match value {
            toml::Value::Integer(wide) if WIDTHS.contains(&key.as_str()) => {
                *wide = ((*wide as f64 * width).round() as i64).max(1);
            }
            toml::Value::Array(inside) => {
                inside.iter_mut().filter_map(toml::Value::as_table_mut).for_each(|layer| narrow(layer, width));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str, input: &[usize]) -> Model {
        Model::build(&toml::from_str(text).expect("TOML"), input, 3).expect("a network")
    }

    #[test]
    fn hidden_layers_lose_a_part_and_the_last_keeps_its_outputs() {
        let wide = net("zoo = 'mlp'\nhidden = [9, 4]", &[5]);
        let made = Model::build(&wide.narrowed(0.5).expect("smaller"), &[5], 3).expect("a network");
        let shapes: Vec<_> = made.layout.entries().iter().map(|e| e.shape.clone()).collect();
        assert_eq!(shapes, [vec![5, 5], vec![5], vec![2, 5], vec![2], vec![3, 2], vec![3]]);
        let lenet = net("zoo = 'lenet5'", &[1, 28, 28]);
        let made = Model::build(&lenet.narrowed(0.5).expect("smaller"), &[1, 28, 28], 3).expect("a network");
        assert!(3 * made.layout.count() < lenet.layout.count());
        assert!(net("zoo = 'logistic'", &[5]).narrowed(0.5).is_err());
        let groups = "layers = [{type='conv2d',out=4,kernel=3,groups=2},{type='flatten'},{type='linear'}]";
        let said = net(groups, &[2, 5, 5]).narrowed(0.25).unwrap_err().to_string();
        assert!(said.contains("does not fit together"), "{said}");
    }
}
