//! Measured choices of variants as files: one for each adapter and driver, in the user's cache folder.

use std::fs;
use std::path::PathBuf;

use crate::base::{cache_folder, sha256, write_atomic};
use crate::engine::{AdapterReport, CHOICES, Choices};
use crate::error::{Error, Result};

/// Where an adapter's choices are kept; none where the environment names no folder for caches.
pub fn path(adapter: &AdapterReport) -> Option<PathBuf> {
    let name = &sha256(adapter.describe().as_bytes())[..16];
    Some(cache_folder()?.join("tuned").join(format!("{name}.json")))
}

/// What was measured on this adapter with this driver. A file that is damaged or another driver's is passed over with a
/// note.
pub fn read(adapter: &AdapterReport) -> Option<Choices> {
    let path = path(adapter)?;
    let text = fs::read_to_string(&path).ok()?;
    let passed = |why: &str| log::warn!("{} is not used, {why}; `unlearn tune` writes it anew", path.display());
    parse(&text, adapter).inspect_err(|why| passed(why)).ok()
}

fn parse(text: &str, adapter: &AdapterReport) -> std::result::Result<Choices, String> {
    let choices: Choices = serde_json::from_str(text).map_err(|e| format!("it cannot be read ({e})"))?;
    match () {
        () if choices.schema != CHOICES => Err(format!("its format is {}, not {CHOICES}", choices.schema)),
        () if choices.adapter != adapter.describe() => Err(format!("it is of {}", choices.adapter)),
        () => Ok(choices),
    }
}

/// Keeps what was measured; returns where.
///
/// # Errors
/// There is no folder for caches, or it cannot be written.
pub fn write(adapter: &AdapterReport, choices: &Choices) -> Result<PathBuf> {
    let Some(path) = path(adapter) else {
        return Err(Error::input("the environment names no folder for caches: set XDG_CACHE_HOME to an absolute path"));
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    let text = serde_json::to_string_pretty(choices).map_err(|e| Error::internal(format!("choices: {e}")))?;
    write_atomic(&path, (text + "\n").as_bytes())?;
    Ok(path)
}

/// Forgets what was measured; false if nothing was.
///
/// # Errors
/// The file is there and cannot be removed.
pub fn clear(adapter: &AdapterReport) -> Result<bool> {
    match path(adapter).filter(|path| path.exists()) {
        Some(path) => fs::remove_file(&path).map_err(Error::io("remove", &path)).map(|()| true),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_driver_s_choices_are_taken() {
        let adapter = |driver: &str| AdapterReport { driver: driver.into(), ..AdapterReport::default() };
        let choices = |schema: &str, adapter: &AdapterReport| {
            let choices = Choices { schema: schema.into(), adapter: adapter.describe(), ..Choices::default() };
            serde_json::to_string(&choices).unwrap()
        };
        assert!(parse(&choices(CHOICES, &adapter("a")), &adapter("a")).is_ok());
        assert!(parse(&choices(CHOICES, &adapter("a")), &adapter("b")).unwrap_err().starts_with("it is of"));
        assert!(parse(&choices("x/9", &adapter("a")), &adapter("a")).unwrap_err().contains("not unlearn.tuned/1"));
        assert!(parse("{", &adapter("a")).unwrap_err().starts_with("it cannot be read"));
    }
}
