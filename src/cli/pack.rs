use std::path::PathBuf;

use super::output::{emit, emit_json, shown};
use super::project::ProjectArgs;
use super::{Context, Run};
use crate::error::Result;
use crate::run::pack::{CERTIFICATE, PackJob, issued, zip_of};

/// Write the evidence of a run that forgot into a folder: certificate, model, settings, ledger, signature
///
/// Everything in it is computed anew from the run's files, its data and what lies beside them. certificate.html is the
/// page for people, certificate.json the same for programs; no id, name or value of a record is in either. Beside the
/// folder lies the same as a zip, without replay.key, which says whom the requests mean to whoever has the data. Keys
/// are those of the project, and are drawn where it has none.
#[derive(clap::Args, Debug)]
pub struct Pack {
    /// Folder of the run that forgot
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Folder to write; FOLDER.zip goes beside it
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    project: ProjectArgs,
}

impl Run for Pack {
    fn run(self, cx: &Context) -> Result<()> {
        cx.outputs().folder("--out", &self.out).reads_runs([&self.run]).check()?;
        let (keys, ledger) = (self.project.keys(cx)?, self.project.entries()?);
        let pack = PackJob { run: &self.run, out: &self.out, keys: &keys, ledger: &ledger }.write()?;
        self.project.tell(issued(&pack))?;
        let zip = zip_of(&self.out);
        if cx.json {
            return emit_json(&serde_json::json!({
                "schema": "unlearn.pack/1", "version": env!("CARGO_PKG_VERSION"), "folder": shown(&self.out),
                "zip": shown(&zip), "certificate_sha256": pack.sha256, "certificate": pack.certificate,
            }));
        }
        let c = &pack.certificate;
        emit(&format!(
            "{}: {} records of {} requests, {}; tests: {}\n{} and {}: {CERTIFICATE} {}, signed by {}\n",
            self.run.display(),
            c.records.removed,
            c.requests.len(),
            c.guarantee.tier.as_str(),
            c.tests.says,
            self.out.display(),
            zip.display(),
            pack.sha256,
            c.signer.fingerprint
        ))
    }
}
