//! How a pack gets to the disk: a folder that is there whole or not at all, and a zip beside it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};

use super::{KEY, SIGNATURE};
use crate::base::{folder_of, sync_folder, write_atomic};
use crate::error::{Error, Result};

/// The zip of a pack: beside its folder, under its name.
pub fn zip_of(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".zip");
    folder.with_file_name(name)
}

/// Takes away what a killed writer of this pack has left. Nobody may be writing it.
///
/// # Errors
/// `Io` with the path.
pub(in crate::run) fn sweep(out: &Path) -> Result<()> {
    let begins = hidden(out);
    for entry in fs::read_dir(folder_of(out)).map_err(Error::io("read", folder_of(out)))?.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if name.as_encoded_bytes().starts_with(begins.as_encoded_bytes()) && path.is_dir() {
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    // The zip comes before the folder's name.
    let zip = zip_of(out);
    match !out.exists() && zip.exists() {
        true => fs::remove_file(&zip).map_err(Error::io("remove", &zip)),
        false => Ok(()),
    }
}

/// What the name of a folder in the making begins with.
fn hidden(out: &Path) -> std::ffi::OsString {
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(out.file_name().unwrap_or_default());
    hidden.push(".new.");
    hidden
}

/// Refuses a place where something is.
///
/// # Errors
/// [`Error::Input`] naming it.
pub(super) fn check_free(out: &Path) -> Result<()> {
    for path in [out.to_owned(), zip_of(out)] {
        if fs::symlink_metadata(&path).is_ok() {
            return Err(Error::input(format!("--out: {} is there already; give another name", path.display())));
        }
    }
    match out.file_name() {
        Some(_) => Ok(()),
        None => Err(Error::input(format!("--out {}: it names no folder; give a name", out.display()))),
    }
}

/// Writes the files into a folder that gets its name once all are on the disk, and the zip last. An error leaves
/// nothing.
///
/// # Errors
/// `Io` with the path.
pub(super) fn write(out: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let mut own = hidden(out);
    own.push(std::process::id().to_string());
    let making = out.with_file_name(own);
    let made = folder(&making, files)
        .and_then(|()| write_atomic(&zip_of(out), &zip(files)?))
        .and_then(|()| fs::rename(&making, out).map_err(Error::io("write", out)));
    made.inspect_err(|_| {
        // The first error is the one worth reading.
        fs::remove_dir_all(&making).unwrap_or_default();
        fs::remove_file(zip_of(out)).unwrap_or_default();
    })?;
    sync_folder(out)
}

fn folder(at: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    for (name, bytes) in files {
        let path = at.join(name);
        let parent = path.parent().unwrap_or(at);
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        write_atomic(&path, bytes)?;
        if name == KEY {
            private(&path)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn private(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(Error::io("close to others", path))
}

#[cfg(not(unix))]
fn private(_: &Path) -> Result<()> {
    Ok(())
}

/// The zip: every file but the key, each with the same bytes for the same content. Weights are stored as they are.
fn zip(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let broken = |e: rawzip::Error| Error::internal(format!("a zip: {e}"));
    let failed = |e: std::io::Error| Error::internal(format!("a zip: {e}"));
    let mut zip = ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in files.iter().filter(|(name, _)| name != KEY) {
        let stored = name.ends_with(".safetensors") || name == SIGNATURE;
        let method = if stored { CompressionMethod::STORE } else { CompressionMethod::DEFLATE };
        let (mut entry, config) = zip.new_file(name.as_str()).compression_method(method).start().map_err(broken)?;
        let descriptor = match stored {
            true => {
                let mut writer = config.wrap(&mut entry);
                writer.write_all(bytes).map_err(failed)?;
                writer.finish().map_err(broken)?.1
            }
            false => {
                let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
                writer.write_all(bytes).map_err(failed)?;
                let (encoder, descriptor) = writer.finish().map_err(broken)?;
                encoder.finish().map_err(failed)?;
                descriptor
            }
        };
        entry.finish(descriptor).map_err(broken)?;
    }
    zip.finish().map_err(broken)
}
