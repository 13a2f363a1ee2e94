//! What experiments leave in a folder, and `unlearn report` over folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::experiment::Findings;
use super::folder::{RunFolder, State};
use super::report::{Curve, CurvePoint, Page, read_curve, write_report};
use super::results::{Row, read_results, write_results};
use crate::error::{Error, Result};
use crate::train::write_atomic;

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

/// One page over folders of results and of runs.
///
/// # Errors
/// A folder that holds neither.
pub fn report(folders: &[PathBuf], out: &Path) -> Result<()> {
    let (mut rows, mut curves): (Vec<Row>, Vec<Curve>) = (Vec::new(), Vec::new());
    for path in folders {
        let results = path.join("results.jsonl");
        let run = RunFolder::new(path);
        match (results.exists(), run.state()) {
            (true, _) => {
                rows.extend(read_results(&results)?);
                curves.extend(curves_in(path)?);
            }
            (false, State::Finished | State::Begun) if run.metrics().exists() => {
                curves.push(read_curve(&run.metrics(), &path.display().to_string())?);
            }
            _ => {
                return Err(Error::input(format!(
                    "{} holds neither results.jsonl nor a run; give a folder that `unlearn run`, `demo` or `train` wrote",
                    path.display()
                )));
            }
        }
    }
    write_report(out, &Page { title: "unlearn: report", rows: &rows, curves: &curves })
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
