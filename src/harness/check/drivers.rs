//! Which adapters there are, asked in a child process: a driver that crashes while it is listed costs its own column.
//! Further Vulkan drivers stand beside the system's, each in a process that is told to load that one alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::Column;
use crate::engine::{AdapterChoice, AdapterReport, pick_adapter};
use crate::error::{Error, Result};

/// A Vulkan driver by its manifest, under a name of the user's.
#[derive(Clone, Debug, PartialEq)]
pub struct Driver {
    pub name: String,
    pub manifest: PathBuf,
}

impl std::str::FromStr for Driver {
    type Err = String;

    fn from_str(text: &str) -> Result<Driver, String> {
        let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        match text.split_once('=') {
            Some((name, file)) if plain(name) && !file.is_empty() => {
                Ok(Driver { name: name.to_owned(), manifest: PathBuf::from(file) })
            }
            _ => Err("expected NAME=FILE, the FILE being a Vulkan driver's JSON manifest".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "ICD")]
    icd: Icd,
}

#[derive(Deserialize)]
struct Icd {
    library_path: PathBuf,
}

impl Driver {
    /// The environment in which the Vulkan loader finds this driver alone. The driver's own folder is searched for the
    /// libraries that it was built with.
    ///
    /// # Errors
    /// The manifest cannot be read, or is none.
    pub fn env(&self) -> Result<Vec<(String, String)>> {
        let manifest = self.manifest.canonicalize().map_err(Error::io("read", &self.manifest))?;
        let text = std::fs::read_to_string(&manifest).map_err(Error::io("read", &manifest))?;
        let read: Manifest = serde_json::from_str(&text)
            .map_err(|e| Error::input(format!("{} is no Vulkan driver's manifest: {e}", manifest.display())))?;
        let mut env = vec![
            ("VK_DRIVER_FILES".to_owned(), manifest.display().to_string()),
            ("WGPU_BACKEND".to_owned(), "vulkan".to_owned()),
        ];
        let library = read.icd.library_path;
        // A bare name is for the system's loader to find.
        let folder = manifest.parent().unwrap_or(Path::new(".")).join(&library);
        if let (true, Some(folder)) = (library.components().count() > 1, folder.parent()) {
            let mut folders = vec![folder.to_owned()];
            folders.extend(std::env::var_os("LD_LIBRARY_PATH").iter().flat_map(std::env::split_paths));
            let joined =
                std::env::join_paths(folders).map_err(|e| Error::input(format!("{}: {e}", manifest.display())))?;
            env.push(("LD_LIBRARY_PATH".to_owned(), joined.to_string_lossy().into_owned()));
        }
        Ok(env)
    }
}

#[derive(Deserialize)]
struct Listing {
    adapters: Vec<AdapterReport>,
}

/// The adapters that `program adapters` lists in an environment.
///
/// # Errors
/// The program cannot be started, or did not end well.
pub fn list(program: &Path, env: &[(String, String)]) -> Result<Vec<AdapterReport>> {
    let mut command = Command::new(program);
    command.args(["adapters", "--json"]).envs(env.iter().map(|(k, v)| (k, v))).env_remove("UNLEARN_BACKEND");
    let output = command.stdin(Stdio::null()).output().map_err(Error::io("start", program))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or_default();
        return Err(Error::Device(format!("listing the adapters ended with {}: {last}", output.status)));
    }
    let listing: Listing = serde_json::from_slice(&output.stdout)
        .map_err(|e| Error::internal(format!("the list of adapters is not as expected: {e}")))?;
    Ok(listing.adapters)
}

/// The adapters to check: those of the system that `choice` names (`all`: every one), and every Vulkan adapter of each
/// further driver. Without a choice, further drivers stand alone.
///
/// # Errors
/// Nothing matches the choice, a driver's manifest cannot be read, or a driver shows no adapter.
pub fn columns(program: &Path, choice: &AdapterChoice, drivers: &[Driver]) -> Result<Vec<Column>> {
    let mut all = Vec::new();
    if drivers.is_empty() || choice.adapter.is_some() || choice.backend.is_some() {
        all.extend(of_system(list(program, &[])?, choice)?);
    }
    for driver in drivers {
        let env = driver.env()?;
        let mut found = list(program, &env).map_err(|e| Error::Device(format!("driver {}: {e}", driver.name)))?;
        found.retain(|a| a.backend == "vulkan");
        if found.is_empty() {
            let (name, file) = (&driver.name, driver.manifest.display());
            return Err(Error::input(format!("driver {name}: {file} shows no Vulkan adapter on this machine")));
        }
        let several = found.len() > 1;
        all.extend(found.into_iter().map(|adapter| {
            let number = if several { format!(" {}", adapter.index) } else { String::new() };
            Column { label: format!("{}{number}", driver.name), adapter, env: env.clone() }
        }));
    }
    Ok(all)
}

fn of_system(mut found: Vec<AdapterReport>, choice: &AdapterChoice) -> Result<Vec<Column>> {
    if choice.adapter.as_deref() == Some("all") {
        found.retain(|a| choice.backend.as_ref().is_none_or(|b| a.backend == *b));
        if found.is_empty() {
            return Err(Error::input("no GPU adapter was found; nothing can be checked"));
        }
    } else {
        found = vec![pick_adapter(found, |a| a, choice)?];
    }
    let column = |adapter: AdapterReport| Column {
        label: format!("{} {}", adapter.index, adapter.backend),
        adapter,
        env: Vec::new(),
    };
    Ok(found.into_iter().map(column).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_a_name_and_a_manifest() {
        let driver: Driver = "mesa25=/x/lvp.json".parse().expect("parses");
        assert_eq!((driver.name.as_str(), driver.manifest), ("mesa25", PathBuf::from("/x/lvp.json")));
        for bad in ["lvp.json", "=lvp.json", "a=", "a b=c"] {
            assert!(bad.parse::<Driver>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_environment_names_the_manifest_and_the_folder_of_its_library() {
        let folder = std::env::temp_dir().join(format!("unlearn-driver-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("icd.json");
        let env = |library: &str| {
            let text = format!(
                r#"{{"file_format_version":"1.0.0","ICD":{{"library_path":"{library}","api_version":"1.1.0"}}}}"#
            );
            std::fs::write(&file, text).expect("writes");
            Driver { name: "x".into(), manifest: file.clone() }.env().expect("reads")
        };
        let near = env("./libx.so");
        assert!(near[0].0 == "VK_DRIVER_FILES" && near[0].1.ends_with("icd.json"));
        assert!(near[2].0 == "LD_LIBRARY_PATH" && near[2].1.contains("unlearn-driver-"), "{near:?}");
        assert!(env("/opt/lib/libx.so")[2].1.starts_with("/opt/lib"));
        assert_eq!(env("libx.so").len(), 2, "a bare name is the system's to find");
        std::fs::write(&file, "{}").expect("writes");
        let error = Driver { name: "x".into(), manifest: file.clone() }.env().expect_err("no manifest");
        assert!(error.to_string().contains("manifest"), "{error}");
        std::fs::remove_dir_all(&folder).expect("was there");
    }
}
