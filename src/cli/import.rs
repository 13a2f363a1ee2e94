use std::path::PathBuf;

use super::marks::MarkArgs;
use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::config::Loaded;
use crate::run::import::{ImportJob, TOLERANCE};
use crate::run::info::RunInfo;
use crate::run::naming::Naming;

/// Make a run of weights that were trained elsewhere
///
/// MODEL is a file of safetensors, or the zip that torch.save wrote of a state dict or of a checkpoint with one; it is
/// read as data, and nothing in it is run. A [train] section of the configuration is the recipe that methods retrain
/// by; without one those methods are refused, the others work.
#[derive(clap::Args, Debug)]
pub struct Import {
    /// File of the weights: .safetensors, .pt or .pth
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Configuration file (TOML) with the data and the network
    #[arg(long, value_name = "CONFIG")]
    config: PathBuf,
    /// Folder to write the run to
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Change a setting: `--set data.normalize=standard`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Key of the checkpoint that has the state dict (looked for: state_dict, model_state_dict, model, net)
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// What stands before the names of the network; `module.`, `_orig_mod.` and `model.` are known
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Names in TOML or JSON, "the file's" = "the network's": whole names, or what stands before a dot in them
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Compare with logits that the model gave elsewhere: a NumPy archive with `logits`, for the records in `x` or,
    /// without it, for the test records in order; 4 where they differ
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Difference that --check lets pass, as a share of the largest logit
    #[arg(long, value_name = "SHARE", default_value_t = TOLERANCE, value_parser = share)]
    tolerance: f64,
    #[command(flatten)]
    marks: MarkArgs,
}

fn share(text: &str) -> Result<f64, String> {
    let parsed = text.parse::<f64>().ok().filter(|share| *share >= 0.0 && share.is_finite());
    parsed.ok_or_else(|| "expected a number of at least 0".to_owned())
}

impl Run for Import {
    fn run(self, cx: &Context) -> Result<()> {
        let loaded = Loaded::read(&self.config, &self.set, cx.seed)?;
        let reads = [&self.model, &self.config].into_iter().chain(&self.map).chain(&self.check);
        cx.outputs().folder("--out", &self.out).reads(loaded.config.reads()).reads(reads).check()?;
        let naming = Naming { prefix: self.prefix.clone(), ..Naming::default() };
        let naming = match &self.map {
            Some(path) => naming.read_map(path)?,
            None => naming,
        };
        let mut job = ImportJob::prepare(loaded, &self.model, (self.key.as_deref(), &naming), &self.out)?;
        job.marks = self.marks.marks();
        if let Some(file) = &self.check {
            let mut engine = cx.engine()?;
            job.check(&mut engine, file, self.tolerance)?;
            cx.write_trace(&engine.take_timings())?;
        }
        let info = job.write()?;
        if cx.json { emit_json(&info) } else { emit(&self.text(&info)) }
    }
}

impl Import {
    fn text(&self, info: &RunInfo) -> String {
        let run = self.out.display();
        let mut text = format!("{run}: {} parameters imported, model {}\n", info.parameters, info.model_sha256);
        let Some(imported) = &info.imported else { return text };
        if let Some(key) = &imported.key {
            text += &format!("found under `{key}`\n");
        }
        if let Some((theirs, ours)) = imported.renamed.first() {
            text += &format!("{} names are others in the network: `{theirs}` is `{ours}`", imported.renamed.len());
            text += if imported.renamed.len() > 1 { ", …\n" } else { "\n" };
        }
        if !imported.ignored.is_empty() {
            text += &format!("ignored, no weights of the network: {}\n", imported.ignored.join(", "));
        }
        if let (Some(agreement), Some(file)) = (&imported.agreement, &self.check) {
            text += &format!(
                "logits of {} records agree with {}: largest difference {:.1e} of the largest logit\n",
                agreement.records,
                file.display(),
                agreement.difference
            );
        }
        if !imported.recipe {
            text += "no [train] section: methods that train by a recipe are refused\n";
        }
        text
    }
}
