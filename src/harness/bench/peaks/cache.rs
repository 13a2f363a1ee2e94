//! Peaks kept in the user's cache, one file for each adapter, driver and number of host threads.

use std::path::PathBuf;

use super::{Peaks, SCHEMA, host_threads};
use crate::base::{Digest, cache_folder, write_atomic};
use crate::engine::AdapterReport;
use crate::error::{Error, Result};

/// The file of an adapter's peaks, where there is a place for caches.
fn file(adapter: &AdapterReport) -> Option<PathBuf> {
    let mut key = Digest::new("unlearn peaks 1");
    let fields = [&adapter.name, &adapter.backend, &adapter.driver, &adapter.driver_info];
    ["name", "backend", "driver", "driver_info"].iter().zip(fields).for_each(|(name, field)| {
        key.field(name, field.as_bytes());
    });
    // The threads of the host are a software adapter's cores.
    let threads = if adapter.is_software() { host_threads() } else { 0 };
    key.field("threads", &threads.to_le_bytes()).field("device", &adapter.device_id.to_le_bytes());
    let name = key.finish();
    Some(cache_folder()?.join("peaks").join(format!("{}.json", &name[..16])))
}

/// The peaks kept for an adapter; nothing where there are none, or none that this program reads.
pub fn load(adapter: &AdapterReport) -> Option<Peaks> {
    let text = std::fs::read_to_string(file(adapter)?).ok()?;
    serde_json::from_str(&text).ok().filter(|p: &Peaks| p.schema == SCHEMA && p.roofs().is_some())
}

/// Keeps peaks for later; where it went.
///
/// # Errors
/// The folder cannot be made or the file not be written.
pub fn store(peaks: &Peaks) -> Result<Option<PathBuf>> {
    let Some(path) = file(&peaks.adapter) else { return Ok(None) };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
    }
    let text = serde_json::to_string_pretty(peaks).map_err(|e| Error::internal(e.to_string()))?;
    write_atomic(&path, text.as_bytes())?;
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_driver_or_adapter_has_a_file_of_its_own() {
        let one = AdapterReport { name: "a".into(), driver_info: "1".into(), ..Default::default() };
        let newer = AdapterReport { driver_info: "2".into(), ..one.clone() };
        let other = AdapterReport { name: "b".into(), ..one.clone() };
        let moved = AdapterReport { index: 7, ..one.clone() };
        assert_eq!(file(&one), file(&moved));
        if file(&one).is_some() {
            assert_ne!(file(&one), file(&newer));
            assert_ne!(file(&one), file(&other));
        }
    }
}
