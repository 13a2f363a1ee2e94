//! What experiments leave in a folder, and `unlearn report` over folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::audit::Audit;
use super::curve::{Curve, CurvePoint, read_curve};
use super::experiment::{Findings, Ready};
use super::folder::{Opened, PARTS, RESULTS, RunFolder, State};
use super::hold::Hold;
use super::outputs::{CURVE, Outputs};
use super::report::tensorboard::write_events;
use super::report::{Page, render, write_report};
use super::results::{Row, read_results, results_text};
use crate::base::{sha256, sweep, write_atomic};
use crate::error::{Error, Result};

/// The page of a folder of results.
const PAGE: &str = "report.html";

/// Bytes of an experiment's name that go into names of files.
const LONGEST_NAME: usize = 160;

/// Locks a folder for the results of experiments and says beforehand whether all of them can be written there. Results
/// that are there are replaced by the same command after it was killed, and by force.
///
/// # Errors
/// Another process writes there; the folder holds a run, or results; a file that is read would be written over.
pub fn claim(dir: &Path, all: &[Ready], outputs: impl Fn(bool) -> Outputs) -> Result<Hold> {
    if RunFolder::new(dir).state() != State::Free {
        return Err(Error::input(format!("--out {} already holds a run; use another folder", dir.display())));
    }
    let hold = Hold::take(dir, "run")?;
    let texts = all.iter().map(|ready| ready.config.to_toml()).collect::<Result<Vec<_>>>()?;
    let digest = sha256(texts.concat().as_bytes());
    let names = all.iter().flat_map(|ready| [file_of(&ready.name, ".toml"), file_of(&ready.name, CURVE)]);
    let paths: Vec<PathBuf> = names.chain([RESULTS.into(), PAGE.into()]).map(|name| dir.join(name)).collect();
    let mut checked = outputs(hold.left().is_some_and(|left| left.digest == digest));
    for (ready, path) in all.iter().zip(paths.chunks(2)) {
        checked = path.iter().fold(checked, |all, path| all.file("--out", Some(path)));
        checked = checked.reads(ready.config.reads());
    }
    paths[2 * all.len()..].iter().fold(checked, |all, path| all.file("--out", Some(path))).check()?;
    paths.iter().for_each(|path| sweep(path));
    hold.begin(&digest)?;
    Ok(hold)
}

/// Writes `results.jsonl`, `report.html`, and each experiment's resolved configuration and curve; an error takes back
/// what was written before it.
///
/// # Errors
/// `Io`.
pub fn write_findings(dir: &Path, title: &str, findings: &Findings) -> Result<()> {
    let mut written = Vec::new();
    let outcome = write_each(dir, title, findings, &mut written);
    outcome.inspect_err(|_| written.iter().for_each(|path| fs::remove_file(path).unwrap_or_default()))
}

fn write_each(dir: &Path, title: &str, findings: &Findings, written: &mut Vec<PathBuf>) -> Result<()> {
    let mut write = |name: String, text: &str| {
        let path = dir.join(name);
        write_atomic(&path, text.as_bytes()).map(|()| written.push(path))
    };
    for (name, config) in &findings.configs {
        write(file_of(name, ".toml"), config)?;
    }
    for curve in &findings.curves {
        write(file_of(&curve.label, CURVE), &curve_text(curve)?)?;
    }
    write(RESULTS.to_owned(), &results_text(&findings.rows)?)?;
    write(PAGE.to_owned(), &render(&Page { title, rows: &findings.rows, curves: &findings.curves, audits: &[] }))
}

/// The name of an experiment's file; a long one is cut, and told from others by a digest. None is a run's.
fn file_of(name: &str, ending: &str) -> String {
    let plain = format!("{name}{ending}");
    match name.len() {
        _ if PARTS.contains(&plain.as_str()) => format!("{name}.experiment{ending}"),
        0..=LONGEST_NAME => plain,
        _ => {
            let end = (0..=LONGEST_NAME).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
            format!("{}-{}{ending}", &name[..end], &sha256(name.as_bytes())[..8])
        }
    }
}

fn curve_text(curve: &Curve) -> Result<String> {
    let mut text = String::new();
    let mut write = |point: &CurvePoint, method: Option<&str>| {
        let CurvePoint { epoch, step, loss, accuracy, lr, validation, .. } = point;
        let mut line =
            serde_json::json!({ "epoch": epoch, "step": step, "loss": loss, "accuracy": accuracy, "lr": lr });
        if let Some(validation) = validation {
            line["validation"] = serde_json::json!(validation);
        }
        if let Some(method) = method {
            line["method"] = method.into();
        }
        text.push_str(&format!("{line}\n"));
    };
    curve.points.iter().for_each(|point| write(point, None));
    for phase in &curve.forgetting {
        phase.points.iter().for_each(|point| write(point, Some(&phase.method)));
    }
    Ok(text)
}

/// What `unlearn report` puts on its page.
#[derive(Default)]
pub struct Sources {
    rows: Vec<Row>,
    curves: Vec<Curve>,
    audits: Vec<Audit>,
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
        let mut changed = Vec::new();
        for path in folders {
            let (results, run) = (path.join(RESULTS), RunFolder::new(path));
            match (results.exists(), run.state()) {
                (true, _) => {
                    all.rows.extend(read_results(&results)?);
                    all.curves.extend(curves_in(path)?);
                }
                (false, State::Finished) => match run.open() {
                    Ok(opened) => all.runs.push(opened),
                    Err(error) => changed.push((run.clone(), error)),
                },
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
            all.audits.extend(Audit::left(path)?);
            if run.metrics().exists() {
                let curve = read_curve(&run.metrics(), &path.display().to_string())?;
                let forgot = run.read_info().is_ok_and(|info| info.forget.is_some());
                all.curves.push(if forgot { curve.after() } else { curve });
            }
        }
        // Trained on records that another of these has forgotten, and that have left the source since.
        for (run, error) in changed {
            let kin = all.runs.iter().find_map(|other| run.open_beside(other).ok());
            all.runs.push(kin.ok_or(error)?);
        }
        all.curves.retain(|curve| !curve.points.is_empty() || !curve.forgetting.is_empty());
        Ok(all)
    }

    /// The rows of results.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    /// Writes every file, and the events; `measured` are the rows of the runs.
    ///
    /// # Errors
    /// `Io`; a file whose ending no report has.
    pub fn write(&self, title: &str, measured: &[Row], outs: &[PathBuf], events: Option<&Path>) -> Result<()> {
        let rows = [&self.rows[..], measured].concat();
        let page = Page { title, rows: &rows, curves: &self.curves, audits: &self.audits };
        outs.iter().try_for_each(|out| write_report(out, &page))?;
        events.map_or(Ok(()), |dir| write_events(dir, &page).map(drop))
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
