use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use regex::Regex;

use super::output::{emit, emit_json, shown};
use super::{Context, Run};
use crate::base::{folder_of, write_atomic};
use crate::engine::{Checks, Consts, Kernel, Language, composed, translate};
use crate::error::{Error, Result};
use crate::harness::sets::{self, Sets};
use crate::kernels;
use crate::run::outputs::Outputs;

/// Write the composed shaders, or what a driver is given for them
#[derive(clap::Args, Debug)]
pub struct Shaders {
    /// Folder to write to; made if absent
    #[arg(long, value_name = "DIR")]
    dump: PathBuf,
    /// Language to write
    #[arg(long, value_enum, default_value_t = Target::Wgsl)]
    target: Target,
    /// One file more for every set of override values in use, `matmul@BIAS=1,WG=64.spv`; in the folder `checked` too,
    /// where the run-time guards of `unlearn check` change it
    #[arg(long)]
    sets: bool,
    /// Only the kernels whose name matches
    #[arg(short = 'k', long = "filter", value_name = "REGEX", value_parser = Regex::new)]
    filter: Option<Regex>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    Wgsl,
    Spirv,
    Hlsl,
    Msl,
    /// What wgpu gives a driver of desktop OpenGL
    Glsl,
    /// What it gives a driver of OpenGL ES
    Essl,
}

impl From<Target> for Language {
    fn from(target: Target) -> Language {
        match target {
            Target::Wgsl => Language::Wgsl,
            Target::Spirv => Language::Spirv,
            Target::Hlsl => Language::Hlsl,
            Target::Msl => Language::Msl,
            Target::Glsl => Language::Glsl,
            Target::Essl => Language::Essl,
        }
    }
}

/// What a dump writes, and the kernels that the language's backend does not run.
#[derive(Default)]
struct Dump {
    files: Vec<(PathBuf, Vec<u8>)>,
    left_out: BTreeMap<&'static str, String>,
}

impl Dump {
    fn kernel(&mut self, dir: &Path, kernel: &'static Kernel, language: Language, used: Option<&Sets>) -> Result<()> {
        let plain = translate(kernel, &consts(kernel)?, language, Checks::Trusted);
        if let Err(Error::Unsupported(reason)) = plain {
            self.left_out.insert(kernel.name, reason);
            return Ok(());
        }
        self.add(dir, kernel, "", language, plain?);
        for (set, consts) in used.into_iter().flatten().filter(|(set, _)| !set.is_empty()) {
            let name = format!("@{set}");
            let trusted = translate(kernel, consts, language, Checks::Trusted)?;
            let checked = translate(kernel, consts, language, Checks::Checked)?;
            if checked != trusted {
                self.add(&dir.join("checked"), kernel, &name, language, checked);
            }
            self.add(dir, kernel, &name, language, trusted);
        }
        Ok(())
    }

    fn add(&mut self, dir: &Path, kernel: &Kernel, set: &str, language: Language, content: Vec<u8>) {
        let name = format!("{}{set}.{}", kernel.stem(), language.extension());
        self.files.push((dir.join(kernel.family()).join(name), content));
    }

    /// Writes everything, if it may all be written.
    fn write(&self, cx: &Context) -> Result<()> {
        let there = self.files.iter().filter(|(path, _)| path.exists());
        there.fold(Outputs::new(cx.force), |all, (path, _)| all.file("--dump", Some(path))).check()?;
        for (path, content) in &self.files {
            let folder = folder_of(path);
            std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
            write_atomic(path, content)?;
        }
        Ok(())
    }
}

impl Run for Shaders {
    fn run(self, cx: &Context) -> Result<()> {
        let language = Language::from(self.target);
        let wanted = |k: &&Kernel| self.filter.as_ref().is_none_or(|f| f.is_match(k.name));
        let used = if self.sets && language != Language::Wgsl { sets::used()? } else { BTreeMap::new() };
        let mut dump = Dump::default();
        for kernel in kernels::kernels().into_iter().filter(wanted) {
            dump.kernel(&self.dump, kernel, language, used.get(kernel.name))?;
        }
        if dump.files.is_empty() && dump.left_out.is_empty() {
            return Err(Error::input("no kernel matches the filter; `unlearn list kernels` names them"));
        }
        dump.write(cx)?;
        let files: Vec<String> = dump.files.iter().map(|(path, _)| shown(path)).collect();
        if cx.json {
            let (version, left_out) = (env!("CARGO_PKG_VERSION"), dump.left_out);
            let document = serde_json::json!({ "schema": 1, "version": version, "files": files, "left_out": left_out });
            return emit_json(&document);
        }
        dump.left_out.values().for_each(|reason| cx.note(&format!("left out: {reason}")));
        emit(&files.iter().map(|file| format!("{file}\n")).collect::<String>())
    }
}

/// The shader's defaults where each override has one, else the values of the kernel's first case.
fn consts(kernel: &'static Kernel) -> Result<Consts> {
    let composed = composed(kernel)?;
    if let Ok(consts) = composed.consts(kernel, &[]) {
        return Ok(consts);
    }
    let cases = kernels::cases();
    let used = cases.iter().flat_map(|c| c.rec.dispatches()).find(|d| std::ptr::eq(d.kernel, kernel));
    composed.consts(kernel, used.map_or(&[], |d| &d.consts))
}
