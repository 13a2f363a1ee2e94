//! The settings of a layer that is written as ONNX.

use crate::nn::Layer;

/// A layer's table, every default in it.
pub(super) struct Settings(toml::Table);

impl Settings {
    pub fn of(layer: &dyn Layer) -> Settings {
        Settings(layer.config())
    }

    pub fn name(&self) -> String {
        self.0.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    }

    pub fn word(&self, key: &str) -> &str {
        self.0.get(key).and_then(toml::Value::as_str).unwrap_or_default()
    }

    pub fn list(&self, key: &str) -> Vec<toml::Value> {
        self.0.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default()
    }

    pub fn int(&self, key: &str) -> i64 {
        self.0.get(key).and_then(toml::Value::as_integer).unwrap_or(1)
    }

    pub fn float(&self, key: &str) -> f32 {
        self.0.get(key).and_then(toml::Value::as_float).unwrap_or_default() as f32
    }

    /// One number for both ways, or [down, along].
    pub fn pair(&self, key: &str) -> [i64; 2] {
        match self.0.get(key) {
            Some(toml::Value::Integer(both)) => [*both; 2],
            Some(toml::Value::Array(each)) => {
                let at = |i: usize| each.get(i).and_then(toml::Value::as_integer).unwrap_or_default();
                [at(0), at(1)]
            }
            _ => [0; 2],
        }
    }
}
