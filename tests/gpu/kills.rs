//! Commands that are killed at random moments, run out of disk, or are asked to end: nothing half written, and the same
//! command line finishes the work. UNLEARN_KILLS sets the number of kills: a few by default, 200 by hand.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use safetensors::SafeTensors;

use crate::shared::binary::{Desk, ends, names, stderr, unlearn};
use crate::times;

const CONFIG: &str = "seed = 3\n[data]\nloader = \"digits\"\nlimit = 400\nvalidation_fraction = 0.1\n\
    [model]\nzoo = \"mlp\"\nhidden = [64]\n[train]\noptimizer = \"adam\"\nlr = 0.001\nepochs = 30\n\
    checkpoint_steps = 10\n";
const REQUEST: &str = "{\"request_id\":\"r\",\"kind\":\"class\",\"ids\":[3]}\n";
const FORGET: &str = "[forget]\nrequest = { kind = \"class\", ids = [3] }\nreferences = 2\nmethods = [\"finetune\"]\n";

/// Kills where the environment names no number.
const FEW: usize = 5;

pub fn trials() -> Vec<Trial> {
    let mut all = vec![times::trial("kills: at random moments, nothing is wrong and all of it is finished", killed)];
    if cfg!(unix) {
        all.push(times::trial("kills: a full disk leaves nothing that cannot be continued", full));
    }
    all
}

/// A command that is killed, and how its work is told from half of it.
struct Victim {
    arguments: Vec<String>,
    /// What is added when it goes on after a kill.
    again: Vec<String>,
    /// What it writes.
    out: &'static str,
    /// The files of `out` whose bytes are the same every time; `out` itself where this is empty, or the weights of
    /// every run in it.
    same: &'static [&'static str],
    /// What else `out` holds in the end.
    others: &'static [&'static str],
}

/// Every command that writes more than a page.
fn victims(desk: &Desk) -> Vec<Victim> {
    let (config, run, request) = (desk.text("c.toml"), desk.text("run"), desk.text("q.jsonl"));
    let experiment = desk.text("e.toml");
    let line = |words: &[&str], out: &'static str| {
        let words = words.iter().map(|word| (*word).to_owned());
        words.chain(["--out".to_owned(), desk.text(out), "-q".to_owned()]).collect::<Vec<_>>()
    };
    let resume = vec!["--resume".to_owned()];
    let parts = &["config.toml", "metrics.jsonl", "model.safetensors"];
    let forgot = &["config.toml", "forgotten.jsonl", "model.safetensors", "request.jsonl"];
    let forget = |method| line(&["forget", &run, "--request", &request, "--method", method], "forgot");
    let scores = ["gradients", &run, "--kind", "per-sample", "--indices", "0..200"];
    vec![
        Victim {
            arguments: line(&["train", &config], "again"),
            again: resume.clone(),
            out: "again",
            same: &parts[..1],
            others: &["metrics.jsonl", "model.safetensors", "run.json"],
        },
        Victim {
            arguments: forget("retrain"),
            again: resume,
            out: "forgot",
            same: forgot,
            others: &["metrics.jsonl", "run.json"],
        },
        Victim {
            arguments: forget("finetune"),
            again: Vec::new(),
            out: "forgot",
            same: forgot,
            others: &["metrics.jsonl", "run.json"],
        },
        Victim {
            arguments: line(&["run", &experiment], "results"),
            again: Vec::new(),
            out: "results",
            same: &["e.metrics.jsonl", "e.toml"],
            others: &["report.html", "results.jsonl"],
        },
        Victim { arguments: line(&scores, "scores"), again: Vec::new(), out: "scores", same: &[], others: &[] },
        Victim {
            arguments: ["references", &run, "--request", &request, "--seeds", "2", "-q"].map(str::to_owned).to_vec(),
            again: Vec::new(),
            out: "run/references",
            same: &[],
            others: &[],
        },
    ]
}

fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

impl Victim {
    fn words(&self, again: bool) -> Vec<&str> {
        self.arguments.iter().chain(self.again.iter().filter(|_| again)).map(String::as_str).collect()
    }

    /// Whether all of it is there, to the byte where the bytes are settled.
    fn whole(&self, desk: &Desk, whole: &Path) -> Result<(), Failed> {
        let out = desk.path(self.out);
        let differs = |name: &str| Failed::from(format!("{:?}: {name} has other bytes", self.arguments));
        let kept = whole.join(self.name());
        if self.same.is_empty() {
            let same = if out.is_dir() { weights(&out)? == weights(&kept)? } else { read(&out)? == read(&kept)? };
            return if same { legible(&out) } else { Err(differs(self.out)) };
        }
        let mut want: Vec<&str> = self.same.iter().chain(self.others).copied().collect();
        want.sort_unstable();
        let found = names(&out);
        if found != want {
            return Err(format!("{:?} left {found:?}, expected {want:?}", self.arguments).into());
        }
        // Weights are settled wherever they are.
        for name in self.same.iter().chain(self.others.iter().filter(|name| name.ends_with(".safetensors"))) {
            if read(&out.join(name))? != read(&kept.join(name))? {
                return Err(differs(name));
            }
        }
        legible(&out)
    }

    /// The last part of what it writes.
    fn name(&self) -> &str {
        self.out.rsplit('/').next().unwrap_or(self.out)
    }

    fn clear(&self, desk: &Desk) {
        let out = desk.path(self.out);
        // One of the two is not what it is.
        fs::remove_dir_all(&out).ok();
        fs::remove_file(&out).ok();
    }
}

/// The weights of every run in a folder, by where they lie.
fn weights(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Failed> {
    let mut all = Vec::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            all.extend(weights(&path)?.into_iter().map(|(inside, bytes)| (format!("{name}/{inside}"), bytes)));
        } else if name.ends_with(".safetensors") {
            all.push((name, read(&path)?));
        }
    }
    Ok(all)
}

/// Every file is whole as far as its kind can tell: a kill leaves the old content, the new one or nothing.
fn legible(folder: &Path) -> Result<(), Failed> {
    for name in names(folder).iter().filter(|name| !name.starts_with('.')) {
        if folder.join(name).is_dir() {
            legible(&folder.join(name))?;
            continue;
        }
        let bytes = read(&folder.join(name))?;
        let text = String::from_utf8_lossy(&bytes);
        let good = match name.rsplit_once('.').map_or("", |(_, kind)| kind) {
            "safetensors" => SafeTensors::deserialize(&bytes).is_ok(),
            "json" => serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            "jsonl" => text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
            "toml" => toml::from_str::<toml::Table>(&text).is_ok() && !text.is_empty(),
            "html" => text.trim_end().ends_with("</html>"),
            _ => true,
        };
        if !good {
            return Err(format!("{}/{name} is cut off", folder.display()).into());
        }
    }
    Ok(())
}

/// A desk with configurations and a trained run.
fn desk() -> Result<Desk, Failed> {
    let desk = Desk::new();
    desk.put("q.jsonl", REQUEST);
    desk.put("e.toml", format!("{CONFIG}{FORGET}"));
    ends(&["train", &desk.put("c.toml", CONFIG), "--out", &desk.text("run"), "-q"], 0)?;
    Ok(desk)
}

fn killed() -> Result<(), Failed> {
    let kills = std::env::var("UNLEARN_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(FEW);
    let desk = desk()?;
    let all = victims(&desk);
    let whole = desk.path("whole");
    fs::create_dir(&whole).map_err(|e| e.to_string())?;
    let mut took = Vec::new();
    for victim in &all {
        // Two of them write to one place; their results have a folder each.
        let clock = Instant::now();
        ends(&victim.words(false), 0)?;
        took.push(clock.elapsed());
        let kept = whole.join(format!("{}", took.len()));
        fs::create_dir(&kept)
            .and_then(|()| fs::rename(desk.path(victim.out), kept.join(victim.name())))
            .map_err(|e| e.to_string())?;
    }
    let mut hits = 0;
    for kill in 0..kills {
        let (at, victim) = (kill % all.len(), &all[kill % all.len()]);
        // Golden steps: spread over the whole of the work, and never twice at the same place.
        let part = (kill as f64 * 0.618_033_988_75 + 0.31).fract() * 0.95;
        hits += usize::from(once(&desk, victim, took[at].mul_f64(part))?);
        victim.whole(&desk, &whole.join(format!("{}", at + 1)))?;
        victim.clear(&desk);
        let strays: Vec<_> = desk.names().into_iter().filter(|name| name.starts_with('.')).collect();
        if !strays.is_empty() {
            return Err(format!("{:?} left {strays:?}", victim.arguments).into());
        }
    }
    println!("{hits} of {kills} kills met a process at work");
    match hits >= kills / 2 {
        true => Ok(()),
        false => Err(format!("only {hits} of {kills} kills met a process at work").into()),
    }
}

/// Kills a command after a while, looks at what it left, kills its continuation as well now and then, and lets the
/// next one end. Whether the first was still at work.
fn once(desk: &Desk, victim: &Victim, after: Duration) -> Result<bool, Failed> {
    let kill = |again: bool, after: Duration| -> Result<bool, Failed> {
        let mut command = unlearn(&victim.words(again));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|e| e.to_string())?;
        std::thread::sleep(after);
        let at_work = child.try_wait().map_err(|e| e.to_string())?.is_none();
        child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;
        if desk.path(victim.out).exists() {
            legible(&desk.path(victim.out))?;
        }
        Ok(at_work)
    };
    let at_work = kill(false, after)?;
    if at_work && after.as_micros().is_multiple_of(3) {
        kill(true, after / 2)?;
    }
    // What had ended before the kill is refused, or is there as it should be.
    let output = unlearn(&victim.words(true)).output().map_err(|e| e.to_string())?;
    let finished = stderr(&output).contains("already") || stderr(&output).contains("the file exists");
    match output.status.code() {
        Some(0) => Ok(at_work),
        Some(2) if finished => Ok(at_work),
        _ => Err(format!("{:?} cannot be continued: {}", victim.arguments, stderr(&output)).into()),
    }
}

/// A command that cannot write more than a few kilobytes to a file.
fn limited(victim: &Victim, more: &[&str]) -> Result<Output, Failed> {
    let plain = unlearn(&victim.words(false));
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"]).arg(plain.get_program());
    limited.args(plain.get_args()).args(more).output().map_err(|e| e.to_string().into())
}

/// Files may not grow beyond a few kilobytes, as on a full disk.
fn full() -> Result<(), Failed> {
    let desk = desk()?;
    for victim in victims(&desk) {
        ends(&victim.words(false), 0)?;
        let kept = desk.path("kept");
        fs::create_dir(&kept)
            .and_then(|()| fs::rename(desk.path(victim.out), kept.join(victim.name())))
            .map_err(|e| e.to_string())?;
        let told = |output: &Output| output.status.code() == Some(1) && stderr(output).contains("cannot write");
        let mut output = limited(&victim, &["--backend", "gl"])?;
        if !told(&output) {
            output = limited(&victim, &[])?;
        }
        // Newer Vulkan drivers keep memory in files without a name, and do not outlive a limit on those.
        if !told(&output) && output.status.code().is_some() {
            return Err(format!("{:?} ended with {}: {}", victim.arguments, output.status, stderr(&output)).into());
        }
        if desk.path(victim.out).exists() {
            legible(&desk.path(victim.out))?;
        }
        // Without a word more than before.
        ends(&victim.words(false), 0)?;
        victim.whole(&desk, &kept)?;
        victim.clear(&desk);
        fs::remove_dir_all(&kept).map_err(|e| e.to_string())?;
    }
    Ok(())
}
