//! Scripts for clusters: their text, and that shells and make read it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use unlearn::run::jobs::{Asked, Jobs, Launcher};

use super::{CONFIG, options, planned};
use crate::shared::binary::Desk;

fn asked() -> Asked {
    let words = vec!["--adapter-map".to_owned(), "0,1".into()];
    Asked { tasks: None, program: "unlearn".into(), words, image: "site/unlearn:1".into(), volume: "work".into() }
}

/// The script, with the folder and the jobs by their places.
fn emitted(jobs: &Jobs, launcher: Launcher) -> (String, String) {
    let text = jobs.emit(launcher, &asked()).unwrap();
    let mut told = text.replace(jobs.path.to_str().unwrap(), "DIR");
    for (at, job) in jobs.plan.jobs.iter().enumerate() {
        told = told.replace(&job.id, &format!("JOB{at}"));
    }
    (text, told)
}

#[test]
fn scripts_are_as_they_were_written_down() {
    let desk = Desk::new();
    let jobs = planned(&desk, "plan", CONFIG, &options(&desk, &[3])).unwrap();
    let (slurm, told) = emitted(&jobs, Launcher::Slurm);
    assert_eq!(
        told,
        "#!/bin/bash\n\
         # sbatch this file: 3 tasks share the jobs of the plan; each takes the next that is free.\n\
         # Sent again it goes on with what is left. Put in what your site asks for: partition, account, gpus.\n\
         #SBATCH --job-name=unlearn\n#SBATCH --array=0-2\n#SBATCH --ntasks=1\n#SBATCH --output=/dev/null\n\
         set -eu\nmkdir -p DIR/logs\n\
         exec >DIR/logs/\"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}.log\" 2>&1\n\
         exec unlearn jobs run DIR --adapter-map 0,1\n"
    );
    let (hq, told) = emitted(&jobs, Launcher::Hq);
    assert_eq!(
        told,
        "#!/bin/sh\n# 3 tasks share the jobs of the plan; each takes the next that is free.\n\
         exec hq submit --name=unlearn --array=0-2 -- unlearn jobs run DIR --adapter-map 0,1\n"
    );
    let (_, told) = emitted(&jobs, Launcher::K8s);
    let lines = [
        "  completionMode: Indexed",
        "  completions: 3",
        "          image: \"site/unlearn:1\"",
        "          command: [\"unlearn\", \"jobs\", \"run\", \"DIR\", \"--adapter-map\", \"0,1\"]",
        "              mountPath: \"DIR\"",
        "            claimName: \"work\"",
    ];
    lines.iter().for_each(|line| assert!(told.lines().any(|found| found == *line), "{line}: {told}"));
    let (make, told) = emitted(&jobs, Launcher::Make);
    assert_eq!(
        told,
        "# make -j N does N jobs at once.\n\
         all: DIR/jobs/JOB0/done.json DIR/jobs/JOB1/done.json DIR/jobs/JOB2/done.json\n\n\
         # train, seed 3\nDIR/jobs/JOB0/done.json:\n\tunlearn jobs run DIR --adapter-map 0,1 --only JOB0\n\n\
         # retrain, seed 4\nDIR/jobs/JOB1/done.json: DIR/jobs/JOB0/done.json\n\
         \tunlearn jobs run DIR --adapter-map 0,1 --only JOB1\n\n\
         # retrain, seed 5\nDIR/jobs/JOB2/done.json: DIR/jobs/JOB0/done.json\n\
         \tunlearn jobs run DIR --adapter-map 0,1 --only JOB2\n\n.PHONY: all\n"
    );
    read_by("bash", &["-n"], &slurm);
    read_by("sh", &["-n"], &hq);
    read_by("make", &["-n", "-f", "-"], &make);
}

/// Whether a program takes the text; where it is not installed nothing is known.
fn read_by(program: &str, arguments: &[&str], text: &str) {
    let piped = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let Ok(mut child) = piped else { return };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{program}: {text}");
}

#[test]
fn odd_names_are_quoted_or_refused() {
    let desk = Desk::new();
    let jobs = planned(&desk, "it's a $HOME", CONFIG, &options(&desk, &[3])).unwrap();
    let (slurm, _) = emitted(&jobs, Launcher::Slurm);
    assert!(slurm.contains("it'\\''s a $HOME'"), "{slurm}");
    read_by("bash", &["-n"], &slurm);
    let said = jobs.emit(Launcher::Make, &asked()).unwrap_err().to_string();
    assert!(said.contains("make knows no file") && said.contains("rename"), "{said}");
    let few = jobs.emit(Launcher::Hq, &Asked { tasks: Some(2), ..asked() }).unwrap();
    assert!(few.contains("--array=0-1 "), "{few}");
}
