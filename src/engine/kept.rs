//! What a driver keeps of its pipelines, in a file of the cache folder: a second start then compiles less.

use std::path::{Path, PathBuf};

use crate::base::{sha256, write_atomic};

/// First line of a file; a reader of another number leaves it alone.
const FORMAT: &str = "unlearn.pipelines/1";

/// The driver's cache and its file. The file is written when this is dropped, if pipelines were made meanwhile.
pub(super) struct Kept {
    cache: wgpu::PipelineCache,
    path: PathBuf,
    owner: String,
    grew: bool,
}

impl Kept {
    /// The file in `folder` of this adapter and driver, which `owner` names, where the back end has such a cache. A file that is damaged or
    /// another driver's is passed over with a note, and written anew.
    pub fn open(folder: &Path, device: &wgpu::Device, owner: &str) -> Option<Kept> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let key = wgpu::util::pipeline_cache_key(&device.adapter_info())?;
        let owner = owner.replace('\n', " ");
        let path = folder.join("pipelines").join(format!("{key}-{}.bin", &sha256(owner.as_bytes())[..12]));
        let data = match std::fs::read(&path) {
            Ok(bytes) => unpack(&bytes, &owner)
                .inspect_err(|why| log::warn!("{} is not used, {why}; it is written anew", path.display()))
                .ok()
                .map(<[u8]>::to_vec),
            // Absent: the first run with this driver.
            Err(_) => None,
        };
        // SAFETY: the bytes are what `get_data` gave under this adapter and driver: the hash in the file says so. What
        // does not suit the driver after all, wgpu drops, for `fallback` is set.
        let cache = unsafe {
            device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("pipelines"),
                data: data.as_deref(),
                fallback: true,
            })
        };
        Some(Kept { cache, path, owner, grew: false })
    }

    pub fn cache(&self) -> &wgpu::PipelineCache {
        &self.cache
    }

    /// Pipelines were made.
    pub fn grew(&mut self) {
        self.grew = true;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Some(data) = self.grew.then(|| self.cache.get_data()).flatten() else { return };
        let bytes = pack(&data, &self.owner);
        let folder = self.path.parent().map_or(Ok(()), std::fs::create_dir_all);
        // The work is done either way; only the next start is slower.
        if folder.is_err() || write_atomic(&self.path, &bytes).is_err() {
            log::info!("the driver's pipelines cannot be kept in {}", self.path.display());
        }
    }
}

/// Format, owner and hash of the data, a line each, then the data.
fn pack(data: &[u8], owner: &str) -> Vec<u8> {
    let mut bytes = format!("{FORMAT}\n{owner}\n{}\n", sha256(data)).into_bytes();
    bytes.extend_from_slice(data);
    bytes
}

/// The data of a file.
///
/// # Errors
/// Why it is not to be used.
fn unpack<'a>(bytes: &'a [u8], owner: &str) -> Result<&'a [u8], &'static str> {
    let mut rest = bytes;
    let mut line = || {
        let at = rest.iter().position(|b| *b == b'\n').ok_or("it is cut short")?;
        let (line, tail) = rest.split_at(at);
        rest = &tail[1..];
        Ok::<_, &'static str>(line)
    };
    let (format, whose, hash) = (line()?, line()?, line()?);
    match () {
        () if format != FORMAT.as_bytes() => Err("it has another format"),
        () if whose != owner.as_bytes() => Err("it is another driver's"),
        () if hash != sha256(rest).as_bytes() => Err("its hash is not that of its content"),
        () => Ok(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn only_whole_files_of_the_same_driver_are_used() {
        let whole = pack(b"code\nand more", "llvmpipe 1");
        assert_eq!(unpack(&whole, "llvmpipe 1"), Ok(&b"code\nand more"[..]));
        assert_eq!(unpack(&whole, "llvmpipe 2"), Err("it is another driver's"));
        assert_eq!(unpack(&whole[..whole.len() - 1], "llvmpipe 1"), Err("its hash is not that of its content"));
        assert_eq!(unpack(&whole[..9], "llvmpipe 1"), Err("it is cut short"));
        assert_eq!(unpack(b"x\ny\nz\n", "y"), Err("it has another format"));
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(unpack(&flipped, "llvmpipe 1").is_err());
    }
}
