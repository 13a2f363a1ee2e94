//! What a driver keeps of its pipelines, in a file of the cache folder: a second start then compiles less.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::base::{folder_of, sha256, sweep, write_atomic};
use crate::error::{self, Error};

/// First line of a file; a reader of another number leaves it alone.
const FORMAT: &str = "unlearn.pipelines/1";

/// Bytes from which on a file is begun anew: drivers forget nothing, and every start reads all of it.
const LARGEST: u64 = 64 << 20;

/// The driver's cache and its file. The file is written when this is dropped, if pipelines were made meanwhile.
pub(super) struct Kept {
    cache: wgpu::PipelineCache,
    path: PathBuf,
    owner: String,
    grew: bool,
}

impl Kept {
    /// The file in `folder` of this adapter and driver, which `owner` names, where the back end has such a cache. A
    /// file that is damaged or another driver's is passed over with a note, and written anew.
    pub fn open(folder: &Path, device: &wgpu::Device, owner: &str) -> Option<Kept> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let key = wgpu::util::pipeline_cache_key(&device.adapter_info())?;
        let owner = owner.replace('\n', " ");
        let path = folder.join("pipelines").join(format!("{key}-{}.bin", &sha256(owner.as_bytes())[..12]));
        sweep(&path);
        let data = load(&path, &owner)
            .inspect_err(|why| log::warn!("{} is not used, {why}; it is written anew", path.display()))
            .unwrap_or_default();
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
        // The work is done either way; only the next start is slower.
        if let Err(e) = store(&self.path, &data, &self.owner) {
            log::info!("what the driver compiled is not kept for the next start: {e}");
        }
    }
}

/// What a file holds; nothing where there is none.
///
/// # Errors
/// Why it is not to be used.
fn load(path: &Path, owner: &str) -> Result<Option<Vec<u8>>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        // The first run with this driver.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("it cannot be read ({e})")),
        Ok(_) if bytes.len() as u64 > LARGEST => Err(format!("it is larger than {} MiB", LARGEST >> 20)),
        Ok(_) => Ok(Some(unpack(&bytes, owner)?.to_vec())),
    }
}

/// Writes a file as a whole or not at all: another process may be reading it, or writing its own.
fn store(path: &Path, data: &[u8], owner: &str) -> error::Result<()> {
    fs::create_dir_all(folder_of(path)).map_err(Error::io("create", folder_of(path)))?;
    write_atomic(path, &pack(data, owner))
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
    use super::*;

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

    #[test]
    fn a_file_that_cannot_be_used_says_why_and_one_that_is_not_there_says_nothing() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("a.bin");
        assert_eq!(load(&path, "llvmpipe 1"), Ok(None));
        store(&path, b"code", "llvmpipe 1").unwrap();
        assert_eq!(load(&path, "llvmpipe 1"), Ok(Some(b"code".to_vec())));
        assert_eq!(load(&path, "llvmpipe 2"), Err("it is another driver's".to_owned()));
        File::options().write(true).open(&path).unwrap().set_len(LARGEST + 1).unwrap();
        assert_eq!(load(&path, "llvmpipe 1"), Err("it is larger than 64 MiB".to_owned()));
        assert!(load(desk.path(), "llvmpipe 1").unwrap_err().starts_with("it cannot be read"));
    }

    #[test]
    fn a_place_that_takes_nothing_leaves_nothing() {
        let desk = tempfile::tempdir().unwrap();
        let folder = desk.path().join("folder");
        fs::write(&folder, "a file").unwrap();
        assert!(store(&folder.join("a.bin"), b"code", "llvmpipe 1").is_err());
        assert_eq!(fs::read(&folder).unwrap(), b"a file");
    }

    #[test]
    fn readers_beside_two_writers_find_whole_files() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("a.bin");
        let (short, long) = (vec![1; 10], vec![2; 400_000]);
        store(&path, &short, "a").unwrap();
        let write = |data: &[u8]| (0..20).for_each(|_| store(&path, data, "a").unwrap());
        std::thread::scope(|scope| {
            let writers = [scope.spawn(|| write(&short)), scope.spawn(|| write(&long))];
            while !writers.iter().all(|writer| writer.is_finished()) {
                let found = load(&path, "a").unwrap().unwrap();
                assert!(found == short || found == long, "{} bytes of neither", found.len());
            }
        });
        assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 1, "a temporary is left");
    }
}
