//! The keys of a layer's table as a JSON Schema, made from the struct that reads them. Only the program has it.

#[cfg(feature = "cli")]
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// How the keys of a layer are described.
#[derive(Clone, Copy)]
pub struct Keys {
    /// Makes the schema of the struct that reads them.
    #[cfg(feature = "cli")]
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Settings that can be described: all of them where there is no program.
#[cfg(feature = "cli")]
pub trait Described: JsonSchema {}

#[cfg(feature = "cli")]
impl<T: JsonSchema> Described for T {}

/// Settings that can be described: all of them where there is no program.
#[cfg(not(feature = "cli"))]
pub trait Described {}

#[cfg(not(feature = "cli"))]
impl<T> Described for T {}

impl Keys {
    /// Those that the struct `T` reads.
    pub const fn of<T: Described>() -> Keys {
        Keys {
            #[cfg(feature = "cli")]
            schema: T::json_schema,
        }
    }
}

/// A list of tables, each of one of [`super::LAYERS`].
#[cfg(feature = "cli")]
pub(super) fn layers(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "array", "items": { "$ref": "#/$defs/Layer" } })
}

/// A size of one number or `[height, width]`, none of them 0.
#[cfg(feature = "cli")]
pub(super) fn window(_: &mut SchemaGenerator) -> Schema {
    let number = serde_json::json!({ "type": "integer", "minimum": 1, "description": "The same both ways." });
    let each = serde_json::json!({ "type": "integer", "minimum": 1 });
    schemars::json_schema!({ "anyOf": [number, {
        "type": "array", "items": each, "minItems": 2, "maxItems": 2, "description": "`[height, width]`.",
    }] })
}
