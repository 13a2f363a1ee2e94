//! Where things are kept that can be made again.

use std::path::{Path, PathBuf};

/// The program's folder among the user's caches, if the environment names one; nothing is made here.
pub fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let root = variable("XDG_CACHE_HOME").filter(|p| p.is_absolute()).or_else(|| match std::env::consts::OS {
        "windows" => variable("LOCALAPPDATA"),
        "macos" => Some(variable("HOME")?.join("Library/Caches")),
        _ => Some(variable("HOME")?.join(".cache")),
    });
    root.map(|root| root.join(Path::new("unlearn")))
}
