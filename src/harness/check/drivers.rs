//! Which adapters are columns. Further Vulkan drivers stand beside the system's, each in a process that is told to load
//! that one alone; and any of them can have an environment of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::Column;
use super::listing::{Listed, list};
use crate::engine::{AdapterChoice, AdapterReport, pick_adapter};
use crate::error::{Error, Result};

/// A driver under a name of the user's: a Vulkan driver by its manifest, or the system's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Driver {
    /// The label of its column.
    pub name: String,
    /// `None`: whatever the system finds.
    pub manifest: Option<PathBuf>,
    /// Variables of the driver's, which its column alone sees.
    pub given: BTreeMap<String, String>,
    /// As it was written.
    text: String,
}

impl std::str::FromStr for Driver {
    type Err = String;

    fn from_str(text: &str) -> Result<Driver, String> {
        let usage =
            || "expected NAME=FILE[,VAR=VALUE…], the FILE being a Vulkan driver's JSON manifest, or the word system";
        let (name, rest) = text.split_once('=').ok_or_else(usage)?;
        let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        let mut file = String::new();
        let mut given: Vec<(String, String)> = Vec::new();
        for (i, piece) in rest.split(',').enumerate() {
            match piece.split_once('=').filter(|(var, _)| i > 0 && variable(var)) {
                Some((var, value)) => given.push((var.to_owned(), value.to_owned())),
                // A comma within a value, or within a path.
                None => {
                    let before = given.last_mut().map_or(&mut file, |(_, value)| value);
                    *before += if i == 0 { "" } else { "," };
                    *before += piece;
                }
            }
        }
        if !plain || file.is_empty() {
            return Err(usage().to_owned());
        }
        // A fault planted in one column would not be told with the others.
        if let Some((ours, _)) = given.iter().find(|(var, _)| var.starts_with("UNLEARN_")) {
            return Err(format!("{ours} holds for all columns: set it for the whole command"));
        }
        let manifest = (file != "system").then(|| PathBuf::from(file));
        Ok(Driver { name: name.to_owned(), manifest, given: given.into_iter().collect(), text: text.to_owned() })
    }
}

fn variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
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
    /// The environment in which this driver is found, alone if it has a manifest, with the user's variables last. The
    /// driver's own folder is searched for the libraries that it was built with.
    ///
    /// # Errors
    /// The manifest cannot be read, or is none.
    pub fn env(&self) -> Result<Vec<(String, String)>> {
        let mut env = match &self.manifest {
            Some(manifest) => alone(manifest)?,
            None => Vec::new(),
        };
        env.extend(self.given.clone());
        Ok(env)
    }

    /// Its adapters as columns: every Vulkan one of a manifest; of the system every one, GL only where there is no
    /// other.
    ///
    /// # Errors
    /// The manifest cannot be read, or shows no adapter.
    fn columns(&self, program: &Path, limit: Duration) -> Result<Vec<Column>> {
        let env = self.env()?;
        let flags = format!("--driver '{}'", self.text.replace('\'', "'\\''"));
        let column = |label, adapter, dead| {
            let (env, given, flags) = (env.clone(), self.given.clone(), flags.clone());
            Column { label, adapter, env, given, flags, dead }
        };
        let mut found = match list(program, &env, limit)? {
            Ok(found) => found,
            Err(dead) => return Ok(vec![column(self.name.clone(), AdapterReport::unlisted(), Some(dead))]),
        };
        let spare = self.manifest.is_none() && found.iter().all(|a| a.backend == "gl");
        found.retain(|a| if self.manifest.is_some() { a.backend == "vulkan" } else { spare || a.backend != "gl" });
        if found.is_empty() {
            let name = &self.name;
            return Err(Error::input(match &self.manifest {
                Some(file) => format!("driver {name}: {} shows no Vulkan adapter on this machine", file.display()),
                None => format!("driver {name}: the system shows no adapter in this environment"),
            }));
        }
        let several = found.len() > 1;
        let number = |a: &AdapterReport| if several { format!(" {}", a.index) } else { String::new() };
        Ok(found.into_iter().map(|a| column(format!("{}{}", self.name, number(&a)), a, None)).collect())
    }
}

/// The environment in which the Vulkan loader finds a manifest's driver alone.
fn alone(manifest: &Path) -> Result<Vec<(String, String)>> {
    let manifest = manifest.canonicalize().map_err(Error::io("read", manifest))?;
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
        let joined = std::env::join_paths(folders).map_err(|e| Error::input(format!("{}: {e}", manifest.display())))?;
        env.push(("LD_LIBRARY_PATH".to_owned(), joined.to_string_lossy().into_owned()));
    }
    Ok(env)
}

/// The adapters to check: those of the system that `choice` names (`all`: every one), and those of each further driver.
/// Without a choice, further drivers stand alone. One whose adapters cannot be listed within `limit` is one dead
/// column.
///
/// # Errors
/// Nothing matches the choice, a driver's manifest cannot be read, or a driver shows no adapter.
pub fn columns(program: &Path, choice: &AdapterChoice, drivers: &[Driver], limit: Duration) -> Result<Vec<Column>> {
    let mut all = Vec::new();
    if drivers.is_empty() || choice.adapter.is_some() || choice.backend.is_some() {
        all.extend(of_system(list(program, &[], limit)?, choice)?);
    }
    for driver in drivers {
        all.extend(driver.columns(program, limit)?);
    }
    Ok(all)
}

fn of_system(listed: Listed, choice: &AdapterChoice) -> Result<Vec<Column>> {
    let column = |label: String, adapter: AdapterReport, dead| {
        let flags = format!("--adapter {} --backend {}", adapter.index, adapter.backend);
        Column { label, adapter, env: Vec::new(), given: BTreeMap::new(), flags, dead }
    };
    let mut found = match listed {
        Ok(found) => found,
        Err(dead) => return Ok(vec![column("system".to_owned(), AdapterReport::unlisted(), Some(dead))]),
    };
    if choice.adapter.as_deref() == Some("all") {
        found.retain(|a| choice.backend.as_ref().is_none_or(|b| a.backend == *b));
        if found.is_empty() {
            return Err(Error::input("no GPU adapter was found; nothing can be checked"));
        }
    } else {
        found = vec![pick_adapter(found, |a| a, choice)?];
    }
    Ok(found.into_iter().map(|a| column(format!("{} {}", a.index, a.backend), a, None)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_a_name_and_a_manifest_or_the_system_and_variables() {
        let driver = |text: &str| text.parse::<Driver>().expect(text);
        let plain = driver("mesa25=/x/lvp.json");
        assert_eq!((plain.name.as_str(), plain.manifest), ("mesa25", Some(PathBuf::from("/x/lvp.json"))));
        let own = driver("lanes=system,LP_NATIVE_VECTOR_WIDTH=128,GALLIVM_DEBUG=a,b,X=");
        let given = [("GALLIVM_DEBUG", "a,b"), ("LP_NATIVE_VECTOR_WIDTH", "128"), ("X", "")];
        assert!(own.manifest.is_none() && own.given.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(given));
        assert!(own.env().expect("reads nothing").iter().any(|(k, v)| k == "GALLIVM_DEBUG" && v == "a,b"));
        assert_eq!(driver("x=/a, b/d.json").manifest, Some(PathBuf::from("/a, b/d.json")));
        for bad in ["lvp.json", "=lvp.json", "a=", "a b=c", "a=,X=1", "a=system,UNLEARN_SEED=1"] {
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
            format!("x={}", file.display()).parse::<Driver>().expect("parses").env().expect("reads")
        };
        let near = env("./libx.so");
        assert!(near[0].0 == "VK_DRIVER_FILES" && near[0].1.ends_with("icd.json"));
        assert!(near[2].0 == "LD_LIBRARY_PATH" && near[2].1.contains("unlearn-driver-"), "{near:?}");
        assert!(env("/opt/lib/libx.so")[2].1.starts_with("/opt/lib"));
        assert_eq!(env("libx.so").len(), 2, "a bare name is the system's to find");
        std::fs::write(&file, "{}").expect("writes");
        let error = format!("x={}", file.display()).parse::<Driver>().expect("parses").env().expect_err("no manifest");
        assert!(error.to_string().contains("manifest"), "{error}");
        std::fs::remove_dir_all(&folder).expect("was there");
    }
}
