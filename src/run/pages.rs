//! What experiments leave in a folder, and `unlearn report` over folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::curve::{Curve, CurvePoint, read_curve};
use super::experiment::Findings;
use super::folder::{Opened, RunFolder, State};
use super::report::{Page, write_report};
use super::results::{Row, read_results, write_results};
use crate::base::write_atomic;
use crate::error::{Error, Result};

/// Ending of an original's training curve in a folder of results.
const CURVE: &str = ".metrics.jsonl";

/// Makes the folder and tries that it can be written to: better now than after the work.
///
/// # Errors
/// `Io`, exit code 2.
pub fn writable(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let probe = dir.join(format!(".probe.{}", std::process::id()));
    fs::write(&probe, b"").map_err(Error::io("write to", dir))?;
    fs::remove_file(&probe).map_err(Error::io("write to", dir))
}

/// Writes `results.jsonl`, `report.html`, and each experiment's resolved configuration and curve.
///
/// # Errors
/// `Io`.
pub fn write_findings(dir: &Path, title: &str, findings: &Findings) -> Result<()> {
    for (name, config) in &findings.configs {
        write_atomic(&dir.join(format!("{name}.toml")), config.as_bytes())?;
    }
    for curve in &findings.curves {
        write_atomic(&dir.join(format!("{}{CURVE}", curve.label)), curve_text(curve)?.as_bytes())?;
    }
    write_results(&dir.join("results.jsonl"), &findings.rows)?;
    write_report(&dir.join("report.html"), &Page { title, rows: &findings.rows, curves: &findings.curves })
}

fn curve_text(curve: &Curve) -> Result<String> {
    let mut text = String::new();
    for CurvePoint { epoch, step, loss, accuracy, lr, .. } in &curve.points {
        let line = serde_json::json!({ "epoch": epoch, "step": step, "loss": loss, "accuracy": accuracy, "lr": lr });
        text.push_str(&format!("{line}\n"));
    }
    Ok(text)
}

/// What `unlearn report` puts on its page.
#[derive(Default)]
pub struct Sources {
    rows: Vec<Row>,
    curves: Vec<Curve>,
    /// Whole runs, which have to be read on their data again.
    pub runs: Vec<Opened>,
}

impl Sources {
    /// Reads folders of results and of runs.
    ///
    /// # Errors
    /// A folder that holds neither.
    pub fn read(folders: &[PathBuf]) -> Result<Sources> {
        let mut all = Sources::default();
        for path in folders {
            let (results, run) = (path.join("results.jsonl"), RunFolder::new(path));
            match (results.exists(), run.state()) {
                (true, _) => {
                    all.rows.extend(read_results(&results)?);
                    all.curves.extend(curves_in(path)?);
                }
                (false, State::Finished) => all.runs.push(run.open()?),
                // Under way or interrupted: its curve can be looked at.
                (false, State::Begun) => {}
                (false, State::Free) => {
                    return Err(Error::input(format!(
                        "{} holds neither results.jsonl nor a run; give a folder that `unlearn run`, `demo` or `train` \
                            wrote",
                        path.display()
                    )));
                }
            }
            if run.metrics().exists() {
                all.curves.push(read_curve(&run.metrics(), &path.display().to_string())?);
            }
        }
        all.curves.retain(|curve| !curve.points.is_empty());
        Ok(all)
    }

    /// Writes the page; `measured` are the rows of the runs.
    pub fn write(&self, measured: &[Row], out: &Path) -> Result<()> {
        let rows = [&self.rows[..], measured].concat();
        write_report(out, &Page { title: "unlearn: report", rows: &rows, curves: &self.curves })
    }
}

fn curves_in(dir: &Path) -> Result<Vec<Curve>> {
    let entries = fs::read_dir(dir).map_err(Error::io("read", dir))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut curves = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(label) = name.strip_suffix(CURVE).filter(|label| !label.is_empty()) {
            curves.push(read_curve(&path, label)?);
        }
    }
    Ok(curves)
}
