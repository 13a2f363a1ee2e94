//! The near name for a slip of the pen.

/// ` (did you mean `x`?)` where a candidate is near enough to be a slip, else nothing.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let scored = candidates.into_iter().map(|name| (strsim::jaro_winkler(word, name), name));
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, name)) if score > 0.8 => format!(" (did you mean `{name}`?)"),
        _ => String::new(),
    }
}

/// How like two names are, from 0 to 1.
pub fn likeness(one: &str, other: &str) -> f64 {
    strsim::jaro_winkler(one, other)
}
