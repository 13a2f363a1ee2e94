use std::path::PathBuf;

use super::marks::MarkArgs;
use super::output::{emit, emit_json};
use super::train::interruption;
use super::{Context, Run};
use crate::error::Result;
use crate::run::config::settings;
use crate::run::follow::{CURVE, Follow as Job, Point};

/// Follow a graph over time: train on as nodes and edges arrive, forget those that leave
///
/// `data.events` of the configuration names what happens, and when. The first time's graph is trained on from the
/// start. At each later time what leaves is forgotten by --method, and where something arrives training goes on from
/// the weights there are; a run for each is in --out, and follow.jsonl has a line for each time. The same command line
/// goes on where a killed one was.
#[derive(clap::Args, Debug)]
pub struct Follow {
    /// Configuration file (TOML)
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Folder to write the runs to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Method for what leaves, by its name in `unlearn list methods`
    #[arg(long, value_name = "NAME", default_value = "graph_repair")]
    method: String,
    /// A setting of the method: `--method-set epochs=20`
    #[arg(long, value_name = "KEY=VALUE")]
    method_set: Vec<String>,
    /// Epochs of training on a graph to which something came
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Change a setting: `--set train.lr=0.01`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    marks: MarkArgs,
}

impl Run for Follow {
    fn run(self, cx: &Context) -> Result<()> {
        cx.outputs().folder("--out", &self.out).reads([&self.config]).check()?;
        let interrupted = interruption()?;
        let job = Job {
            config: &self.config,
            sets: &self.set,
            seed: cx.seed,
            method: &self.method,
            settings: settings(&self.method_set)?,
            epochs: self.epochs as usize,
            out: &self.out,
            marks: self.marks.marks(),
            interrupted: &interrupted,
        };
        let mut engine = cx.engine()?;
        let points = job.run(&mut engine, &mut |point| cx.note(&line(point)))?;
        let curve = self.out.join(CURVE);
        let last = points.last().map(|point| &point.run);
        match cx.json {
            true => emit_json(&serde_json::json!({
                "schema": "unlearn.follow/1", "version": env!("CARGO_PKG_VERSION"), "run": last, "curve": curve,
                "times": points,
            })),
            false => emit(&format!(
                "{}: followed through {} times; the curve is {}\n",
                last.unwrap_or(&self.out).display(),
                points.len(),
                curve.display()
            )),
        }
    }
}

fn line(point: &Point) -> String {
    let test = point.metrics["splits"]["test"]["accuracy"].as_f64();
    let test = test.map_or(String::new(), |test| format!(", test {:.2} %", 100.0 * test));
    let Point { time, arrived, left, seconds, .. } = point;
    format!("time {time}: {arrived} arrived, {left} left, {seconds:.3} s{test}")
}
