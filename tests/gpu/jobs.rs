//! Jobs that several processes share, one of which is killed: what they make together is what one process makes alone.
//! They are started by `mpirun` where it is installed (`tools/setup.sh --with mpi`), by themselves elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use crate::shared::binary::{Desk, ends, stderr, unlearn};
use crate::times;

const CONFIG: &str = "[data]\nloader = \"digits\"\nlimit = 400\n[model]\nzoo = \"mlp\"\nhidden = [64]\n\
    [train]\noptimizer = \"adam\"\nlr = 0.001\nepochs = 60\ncheckpoint_steps = 10\n";
const REQUEST: &str = "{\"request_id\":\"r\",\"kind\":\"class\",\"ids\":[3]}\n";

pub fn trials() -> Vec<Trial> {
    let mut all = vec![times::trial("jobs: four processes, one killed, make what one makes alone", || four(None))];
    if cfg!(unix) {
        all.push(times::trial("jobs: a full disk fails nothing for good", full));
    }
    // Root, as in a container, has to say so.
    let there = Command::new("mpirun").arg("--version").output().is_ok_and(|output| output.status.success());
    let name = "jobs: four ranks of mpirun, one killed, make what one makes alone (needs Open MPI: tools/setup.sh \
        --with mpi)";
    let ranks = times::trial(name, || four(Some("mpirun")));
    all.push(ranks.with_ignored_flag(!there));
    all
}

/// Weights of every finished job, by its name.
fn weights(plan: &Path) -> Result<BTreeMap<String, Vec<u8>>, Failed> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(plan.join("jobs")).map_err(|e| e.to_string())?.flatten() {
        let file = entry.path().join("run/model.safetensors");
        let bytes = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        all.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
    }
    Ok(all)
}

fn plan(desk: &Desk, out: &str) -> Result<String, Failed> {
    let (config, request, out) = (desk.put("c.toml", CONFIG), desk.put("q.jsonl", REQUEST), desk.text(out));
    let seeds = ["--seeds", "1..6", "--request", &request, "--references", "2", "-q"];
    ends(&[&["jobs", "plan", &config, "--out", &out], &seeds[..]].concat(), 0)?;
    Ok(out)
}

/// Four processes at the plan.
fn start(launcher: Option<&str>, plan: &str) -> Result<Vec<Child>, Failed> {
    let begin = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let words = ["jobs", "run", plan, "--wait", "-q"];
    let children = match launcher {
        Some(launcher) => {
            let program = unlearn(&words);
            let mut command = Command::new(launcher);
            command.args(["--oversubscribe", "-n", "4"]).arg(program.get_program()).args(program.get_args());
            command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
            vec![begin(&mut command)]
        }
        None => {
            let rank = |rank: &str| begin(unlearn(&words).args(["--rank", rank, "--of", "4"]));
            ["0", "1", "2", "3"].map(rank).into()
        }
    };
    children.into_iter().map(|child| child.map_err(|e| e.to_string().into())).collect()
}

/// A process that has begun a job, and saved something of it; none where all came to an end before.
fn victim(plan: &str) -> Option<String> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        for entry in fs::read_dir(Path::new(plan).join("begun")).ok()?.flatten() {
            if entry.path().join("run/checkpoint.safetensors").exists() {
                let claim = Path::new(plan).join("claims").join(entry.file_name());
                let claim: serde_json::Value = serde_json::from_slice(&fs::read(claim).ok()?).ok()?;
                return Some(claim["pid"].as_u64()?.to_string());
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}

fn four(launcher: Option<&str>) -> Result<(), Failed> {
    let desk = Desk::new();
    let (alone, shared) = (plan(&desk, "alone")?, plan(&desk, "shared")?);
    ends(&["jobs", "run", &alone, "-q"], 0)?;
    let want = weights(Path::new(&alone))?;
    let mut all = start(launcher, &shared)?;
    let pid = victim(&shared).ok_or("no process was met at work")?;
    // `mpirun` ends the others as well; by themselves they take over what the killed one had.
    let killed = Command::new("kill").args(["-9", &pid]).status().map_err(|e| e.to_string())?;
    let codes: Vec<_> = all.iter_mut().map(|child| child.wait().map(|status| status.code())).collect();
    if !killed.success() || codes.iter().all(|code| matches!(code, Ok(Some(0)))) {
        return Err(format!("nobody was killed: {codes:?}").into());
    }
    let left = weights(Path::new(&shared))?;
    if launcher.is_none() && left != want {
        return Err("the other three have not done what the killed one had".into());
    }
    for mut child in start(launcher, &shared)? {
        child.wait().map_err(|e| e.to_string())?;
    }
    match weights(Path::new(&shared))? == want && want.len() == 7 {
        true => Ok(()),
        false => Err("four processes made other weights than one alone".into()),
    }
}

/// Files may not grow beyond a few kilobytes, as on a full disk.
fn full() -> Result<(), Failed> {
    let desk = Desk::new();
    let folder = plan(&desk, "plan")?;
    let limited = |more: &[&str]| -> Result<Output, Failed> {
        let plain = unlearn(&[&["jobs", "run", &folder, "-q"], more].concat());
        let mut limited = Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"]).arg(plain.get_program());
        limited.args(plain.get_args()).output().map_err(|e| e.to_string().into())
    };
    let told = |output: &Output| output.status.code() == Some(1) && stderr(output).contains("cannot write");
    let mut output = limited(&["--backend", "gl"])?;
    if !told(&output) {
        output = limited(&[])?;
    }
    // Newer Vulkan drivers keep memory in files without a name, and do not outlive a limit on those.
    if !told(&output) && output.status.code().is_some() {
        return Err(format!("a full disk: {}", stderr(&output)).into());
    }
    let status = ends(&["jobs", "status", &folder], 0)?;
    let told = String::from_utf8_lossy(&status.stdout).into_owned();
    if !told.contains("0 of 7 done, 1 left") || told.contains("failed") {
        return Err(told.into());
    }
    ends(&["jobs", "run", &folder, "-q"], 0)?;
    Ok(())
}
