//! Configurations to start from. A line `#key = value` is a key with another value than its default, ready to be
//! switched on; a comment of words starts with `# `.

/// Name and text of each.
pub static TEMPLATES: &[(&str, &str)] = &[
    ("csv", include_str!("../../assets/templates/csv.toml")),
    ("regression", include_str!("../../assets/templates/regression.toml")),
    ("images", include_str!("../../assets/templates/images.toml")),
    ("graph", include_str!("../../assets/templates/graph.toml")),
    ("experiment", include_str!("../../assets/templates/experiment.toml")),
];
