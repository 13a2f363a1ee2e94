//! Can this machine run the program? What the host offers, what to install where something is missing, and a smoke test
//! of each adapter.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use super::check::expect::Expectations;
use super::check::{CheckReport, Column, Kind, Options, Selection, Shapes, check};
use crate::engine::Precision;
use crate::error::{Error, Result};

/// What a machine without a GPU driver of its own can say about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Facts {
    /// `linux`, `macos` or `windows`.
    pub os: String,
    /// `x86_64`, `aarch64`.
    pub arch: String,
    /// Name and version, as the distribution writes them.
    pub distribution: String,
    /// Ids of the distribution and of those it derives from.
    pub like: Vec<String>,
    /// libvulkan.so.1 is there.
    pub vulkan_loader: bool,
    /// File names of the manifests of Vulkan drivers.
    pub vulkan_drivers: Vec<String>,
    /// libEGL.so.1 is there.
    pub egl: bool,
    /// The manifest of the Vulkan validation layers is there.
    pub validation_layers: bool,
    /// Device files of graphics cards.
    pub devices: Vec<String>,
    /// Those that this user may not open.
    pub closed: Vec<String>,
}

/// How a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// There, and fit for use.
    Ok,
    /// Works without it.
    Note,
    /// Something does not work without it.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// What was found.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Facts {
    /// Those of this machine.
    pub fn gather() -> Facts {
        let mut facts =
            Facts { os: std::env::consts::OS.into(), arch: std::env::consts::ARCH.into(), ..Facts::default() };
        if facts.os == "linux" {
            facts.read_release(&std::fs::read_to_string("/etc/os-release").unwrap_or_default());
            let libraries = ["ldconfig", "/sbin/ldconfig"].iter().find_map(|p| Command::new(p).arg("-p").output().ok());
            let libraries = libraries.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
            facts.vulkan_loader = libraries.contains("libvulkan.so.1");
            facts.egl = libraries.contains("libEGL.so.1");
            facts.vulkan_drivers = manifests();
            facts.validation_layers =
                in_vulkan("explicit_layer.d").iter().any(|p| name(p).contains("khronos_validation"));
            let cards = listed(Path::new("/dev/dri")).into_iter().filter(|p| name(p).starts_with("renderD"));
            let others = ["/dev/nvidiactl", "/dev/dxg"].map(PathBuf::from).into_iter().filter(|p| p.exists());
            let devices: Vec<PathBuf> = cards.chain(others).collect();
            let open = |p: &Path| std::fs::OpenOptions::new().read(true).write(true).open(p);
            let denied = |p: &&PathBuf| open(p).is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied);
            facts.closed = devices.iter().filter(denied).map(|p| p.display().to_string()).collect();
            facts.devices = devices.iter().map(|p| p.display().to_string()).collect();
        }
        facts
    }

    fn read_release(&mut self, text: &str) {
        let value = |key: &str| {
            let line = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        self.distribution = value("PRETTY_NAME");
        self.like = format!("{} {}", value("ID"), value("ID_LIKE")).split_whitespace().map(str::to_owned).collect();
    }

    /// The command that installs packages by their names on Debian, Fedora and Arch.
    fn install(&self, debian: &str, fedora: &str, arch: &str) -> String {
        let is = |id: &str| self.like.iter().any(|l| l == id);
        match () {
            () if is("debian") || is("ubuntu") => format!("apt-get install -y --no-install-recommends {debian}"),
            () if is("fedora") || is("rhel") => format!("dnf install {fedora}"),
            () if is("arch") => format!("pacman -S {arch}"),
            () => format!("install what Debian calls {debian}"),
        }
    }

    /// What is there, what is missing, and what to do.
    pub fn findings(&self) -> Vec<Finding> {
        let found = |weight, what: String, todo| Finding { weight, what, todo };
        if self.os != "linux" {
            let api = if self.os == "macos" { "Metal" } else { "DX12 and Vulkan" };
            return vec![found(Weight::Ok, format!("{api} comes with the system and its graphics driver"), None)];
        }
        let mut all = vec![match self.vulkan_loader {
            true => found(Weight::Ok, "Vulkan loader (libvulkan.so.1)".into(), None),
            false => found(
                Weight::Missing,
                "the Vulkan loader libvulkan.so.1 is missing".into(),
                Some(self.install("libvulkan1", "vulkan-loader", "vulkan-icd-loader")),
            ),
        }];
        all.push(self.drivers());
        all.push(match self.egl {
            true => found(Weight::Ok, "GL as a spare (libEGL.so.1)".into(), None),
            false => found(
                Weight::Note,
                "GL, the spare, is missing (libEGL.so.1)".into(),
                Some(self.install("libegl1 libgl1-mesa-dri", "mesa-libEGL mesa-dri-drivers", "mesa")),
            ),
        });
        if !self.validation_layers {
            all.push(found(
                Weight::Note,
                "the Vulkan validation layers are missing; `unlearn check --validation` needs them".into(),
                Some(self.install("vulkan-validationlayers", "vulkan-validation-layers", "vulkan-validation-layers")),
            ));
        }
        if !self.closed.is_empty() {
            all.push(found(
                Weight::Missing,
                format!("this user may not open {}", self.closed.join(", ")),
                Some("usermod -aG render,video USER, then log in again".into()),
            ));
        }
        all
    }

    fn drivers(&self) -> Finding {
        let nvidia = self.devices.iter().any(|d| d.contains("nvidia"));
        let has = |word: &str| self.vulkan_drivers.iter().any(|d| d.contains(word));
        let (weight, what, todo) = match self.vulkan_drivers.as_slice() {
            _ if nvidia && !has("nvidia") => (
                Weight::Missing,
                "an NVIDIA card, but no Vulkan driver of NVIDIA's".to_owned(),
                Some(
                    "install the Vulkan part of the driver in use (Debian: nvidia-vulkan-icd; Ubuntu: \
                    libnvidia-gl-VERSION); in a container, NVIDIA_DRIVER_CAPABILITIES has to name graphics"
                        .to_owned(),
                ),
            ),
            [] => (
                Weight::Missing,
                "no Vulkan driver".to_owned(),
                Some(self.install("mesa-vulkan-drivers", "mesa-vulkan-drivers", "vulkan-swrast")),
            ),
            drivers => (Weight::Ok, format!("Vulkan drivers: {}", drivers.join(", ")), None),
        };
        let cards = if self.devices.is_empty() { " (no graphics card: a software driver stands in)" } else { "" };
        Finding { weight, what: what + cards, todo }
    }
}

fn name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    all.sort();
    all
}

/// Where the Vulkan loader looks for drivers.
fn manifests() -> Vec<String> {
    if let Some(chosen) = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].into_iter().find_map(std::env::var_os) {
        return std::env::split_paths(&chosen).filter(|p| p.exists()).map(|p| name(&p)).collect();
    }
    let files = in_vulkan("icd.d").into_iter();
    files.filter(|p| p.extension().is_some_and(|e| e == "json")).map(|p| name(&p)).collect()
}

/// What lies in a folder of the Vulkan loader's, wherever it looks for it.
fn in_vulkan(folder: &str) -> Vec<PathBuf> {
    let roots = ["/etc", "/usr/local/etc", "/usr/share", "/usr/local/share", "/run/opengl-driver/share"];
    roots.iter().flat_map(|root| listed(&Path::new(root).join("vulkan").join(folder))).collect()
}

/// What was found on one machine.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// Version of the document.
    pub schema: u32,
    /// Version of the program.
    pub version: &'static str,
    /// What was seen of the machine.
    pub facts: Facts,
    /// What that means.
    pub findings: Vec<Finding>,
    /// The smoke test of each adapter looked at, then what each offers against what is needed.
    pub smoke: Option<CheckReport>,
    /// A check of what the adapters support, where any answered.
    pub support: Option<CheckReport>,
}

impl Diagnosis {
    /// Looks at the host and at these adapters; `program` runs their children.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn make(program: PathBuf, columns: &[Column], timeout: Duration) -> Result<Diagnosis> {
        let facts = Facts::gather();
        let findings = facts.findings();
        let expectations = Expectations::own()?;
        let run = |kind: Kind, only: &str| {
            let filter = regex::Regex::new(only).map_err(|e| Error::internal(e.to_string()))?;
            let selection = Selection { filter: Some(filter), shapes: Shapes::Full, ..Selection::all(kind) };
            let plan = selection.plan()?;
            let options = Options {
                program: program.clone(),
                selection,
                timeout,
                expectations: &expectations,
                jobs: 1,
                validation: false,
                precision: Precision::F32,
            };
            check(columns, &plan, &options, |_, _| {})
        };
        let reports = match columns {
            [] => [None, None],
            _ => [Some(run(Kind::Smoke, "")?), Some(run(Kind::Support, "^(limit|network) ")?)],
        };
        let [smoke, support] = reports;
        Ok(Diagnosis { schema: 1, version: env!("CARGO_PKG_VERSION"), facts, findings, smoke, support })
    }

    /// Whether every adapter looked at can be used.
    ///
    /// # Errors
    /// There is none (`Unsupported`), or one gives wrong or unsteady results (`CheckFailed`).
    pub fn verdict(&self) -> Result<()> {
        let (Some(smoke), Some(support)) = (&self.smoke, &self.support) else {
            return Err(Error::Unsupported("no adapter was found; this machine cannot run unlearn as it is".into()));
        };
        match smoke.failures() + support.failures() {
            0 => Ok(()),
            n => Err(Error::CheckFailed(format!("{n} of {} trials failed", smoke.trials() + support.trials()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debian() -> Facts {
        let mut facts = Facts { os: "linux".into(), ..Facts::default() };
        facts.read_release("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n");
        facts
    }

    fn todos(facts: &Facts) -> Vec<String> {
        facts.findings().into_iter().filter(|f| f.weight == Weight::Missing).filter_map(|f| f.todo).collect()
    }

    #[test]
    fn a_bare_debian_is_told_which_packages() {
        let facts = debian();
        assert_eq!(facts.distribution, "Debian GNU/Linux 12 (bookworm)");
        let all = todos(&facts).join("; ");
        assert!(
            all.contains("apt-get install") && all.contains("libvulkan1") && all.contains("mesa-vulkan-drivers"),
            "{all}"
        );
        let notes = facts.findings();
        assert!(
            notes.iter().any(|f| f.weight == Weight::Note && f.todo.as_ref().is_some_and(|t| t.contains("libegl1")))
        );
        let mut other = debian();
        other.read_release("ID=fedora\n");
        assert!(todos(&other).iter().all(|t| t.starts_with("dnf install")));
        other.read_release("ID=void\n");
        assert!(todos(&other).iter().all(|t| t.contains("Debian calls")));
        other.read_release("ID=neon\nID_LIKE=\"ubuntu debian\"\n");
        assert!(todos(&other).iter().all(|t| t.starts_with("apt-get install")));
    }

    #[test]
    fn a_machine_that_has_everything_is_told_nothing() {
        let whole = Facts {
            vulkan_loader: true,
            egl: true,
            validation_layers: true,
            vulkan_drivers: vec!["lvp.json".into()],
            ..debian()
        };
        assert!(whole.findings().iter().all(|f| f.weight == Weight::Ok && f.todo.is_none()));
        let card = Facts { devices: vec!["/dev/nvidiactl".into()], ..whole.clone() };
        assert!(todos(&card)[0].contains("NVIDIA_DRIVER_CAPABILITIES"));
        let closed = Facts { closed: vec!["/dev/dri/renderD128".into()], ..whole };
        assert!(todos(&closed)[0].contains("usermod"));
    }
}
