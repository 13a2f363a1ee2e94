use std::path::{Path, PathBuf};

use serde_json::json;

use super::output::{emit, emit_json, shown};
use super::project::ProjectArgs;
use super::{Context, Run};
use crate::base::stream;
use crate::error::{Error, Result};
use crate::run::export::{ExportJob, Format};
use crate::run::lineage::note_export;

/// Write a run's model for other programs: safetensors, ONNX, a model card, a table's encoder
///
/// safetensors has PyTorch's names, so that load_state_dict takes it. ONNX (opset 17) takes records as their source has
/// them, scales them as the run does and gives `logits` and `probabilities`; names of classes are in its metadata. The
/// encoder of a table says how its cells become the network's input: contrib/python/unfit/encode.py applies it.
/// --fold writes a network for inference without its batch norms, whose work the layers before them do under their own
/// names; beside FILE of safetensors then lies the configuration that it belongs to, FILE with the ending `.toml`.
#[derive(clap::Args, Debug)]
pub struct Export {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// What --out is written as
    #[arg(long, value_enum, requires = "out")]
    format: Option<Written>,
    /// File to write
    #[arg(long, value_name = "FILE", requires = "format")]
    out: Option<PathBuf>,
    /// Short for `--format onnx --out FILE`
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    onnx: Option<PathBuf>,
    /// Fold each batch_norm into the linear layer or convolution directly before it; refused where there is none
    #[arg(long)]
    fold: bool,
    /// Add adapters (lora) to the weights that they are beside, so that the network needs none; with the configuration
    /// beside FILE, as for --fold
    #[arg(long)]
    merge: bool,
    /// Leave adapters out: the network that they were put beside, as it was; with the configuration beside FILE
    #[arg(long, conflicts_with = "merge")]
    base: bool,
    /// Write a model card as well: Markdown with the header that Hugging Face reads
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// Write how cells of the run's table become the network's input, as JSON: columns, categories, means, scaling
    #[arg(long, value_name = "FILE")]
    encoder: Option<PathBuf>,
    #[command(flatten)]
    project: ProjectArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Written {
    Safetensors,
    Onnx,
}

impl Export {
    /// The flag, the format and the file.
    fn file(&self) -> Option<(&'static str, Format, &Path)> {
        if let Some(path) = &self.onnx {
            return Some(("--onnx", Format::Onnx, path));
        }
        let format = match self.format? {
            Written::Safetensors => Format::Safetensors,
            Written::Onnx => Format::Onnx,
        };
        Some(("--out", format, self.out.as_deref()?))
    }
}

impl Export {
    /// Notes beside the run and in the project's ledger where its weights went.
    fn remember(&self, cx: &Context, job: &ExportJob, (format, path): (Format, &Path)) -> Result<()> {
        if stream(path) {
            cx.note("the weights went to no file, so that `unlearn lineage` will not know of them");
            return Ok(());
        }
        let word = match format {
            Format::Safetensors => "safetensors",
            Format::Onnx => "onnx",
        };
        match note_export(&self.run, path, word, job.model_sha256()) {
            Ok(export) => {
                let body = json!({
                    "model_sha256": export.model_sha256, "file_sha256": export.sha256, "format": export.format,
                });
                self.project.tell(("model.exported", body))
            }
            // An archive that is closed to writing can still be exported from.
            Err(e) => {
                cx.note(&format!("{}: `unlearn lineage` will not know of {}: {e}", self.run.display(), path.display()));
                Ok(())
            }
        }
    }
}

impl Run for Export {
    fn run(self, cx: &Context) -> Result<()> {
        let file = self.file();
        if file.is_none() && self.card.is_none() && self.encoder.is_none() {
            return Err(Error::input(
                "nothing to write: give --format with --out, --onnx FILE, --card FILE, or --encoder FILE",
            ));
        }
        let outputs = cx.outputs().file("--card", self.card.as_deref()).file("--encoder", self.encoder.as_deref());
        let outputs = match file {
            Some((flag, _, path)) => outputs.file(flag, Some(path)),
            None => outputs,
        };
        let config = match file {
            Some((_, Format::Safetensors, path)) if self.fold || self.merge || self.base => {
                Some(path.with_extension("toml"))
            }
            _ => None,
        };
        let flag = if self.fold {
            "--fold"
        } else if self.merge {
            "--merge"
        } else {
            "--base"
        };
        outputs.file(flag, config.as_deref()).reads_runs([&self.run]).check()?;
        let mut job = ExportJob::read(&self.run)?;
        if self.merge || self.base {
            job = job.unadapt(self.merge)?;
        }
        if self.fold {
            job = job.fold()?;
        }
        let mut written: Vec<&Path> = Vec::new();
        if let Some((_, format, path)) = file {
            job.write(format, path)?;
            self.remember(cx, &job, (format, path))?;
            written.push(path);
        }
        if let Some(config) = &config {
            job.write_config(config)?;
            written.push(config);
        }
        if let Some(card) = &self.card {
            job.write_card(card)?;
            written.push(card);
        }
        if let Some(encoder) = &self.encoder {
            job.write_encoder(encoder)?;
            written.push(encoder);
        }
        if cx.json {
            let files: Vec<String> = written.iter().map(|path| shown(path)).collect();
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({
                "schema": "unlearn.export/1", "version": version, "files": files, "model_sha256": job.model_sha256(),
            }));
        }
        let files: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        emit(&format!("{}: of model {}\n", files.join(", "), job.model_sha256()))
    }
}
