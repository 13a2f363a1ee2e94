use std::path::PathBuf;

use clap::ValueEnum;
use regex::Regex;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::engine::{Consts, Kernel, Language, composed, translate};
use crate::error::{Error, Result};
use crate::kernels;
use crate::train::write_atomic;

/// Write the composed shaders, or what a driver is given for them
#[derive(clap::Args, Debug)]
pub struct Shaders {
    /// Folder to write to; made if absent
    #[arg(long, value_name = "DIR")]
    dump: PathBuf,
    /// Language to write
    #[arg(long, value_enum, default_value_t = Target::Wgsl)]
    target: Target,
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
}

impl From<Target> for Language {
    fn from(target: Target) -> Language {
        match target {
            Target::Wgsl => Language::Wgsl,
            Target::Spirv => Language::Spirv,
            Target::Hlsl => Language::Hlsl,
            Target::Msl => Language::Msl,
        }
    }
}

impl Run for Shaders {
    fn run(self, cx: &Context) -> Result<()> {
        let language = Language::from(self.target);
        let mut written = Vec::new();
        for kernel in kernels::kernels() {
            if self.filter.as_ref().is_some_and(|f| !f.is_match(kernel.name)) {
                continue;
            }
            let content = translate(kernel, &consts(kernel)?, language)?;
            let folder = self.dump.join(kernel.family());
            std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
            let path = folder.join(kernel.stem()).with_extension(language.extension());
            write_atomic(&path, &content)?;
            written.push(path);
        }
        if written.is_empty() {
            return Err(Error::input("no kernel matches the filter; `unlearn list kernels` names them"));
        }
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({ "schema": 1, "version": version, "files": written }));
        }
        let lines: Vec<_> = written.iter().map(|p| p.display().to_string()).collect();
        emit(&(lines.join("\n") + "\n"))
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
