//! Scripts that start `unlearn jobs run` by what a site has: an array of Slurm, HyperQueue, Kubernetes, make.

use std::fmt::Write as _;

use super::Jobs;
use crate::base::quoted;
use crate::error::{Error, Result};

/// What starts the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// A job array for `sbatch`.
    Slurm,
    /// A task array of HyperQueue.
    Hq,
    /// An indexed Job of Kubernetes.
    K8s,
    /// A makefile with a target for each job.
    Make,
}

/// What the script says besides the plan.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Processes at once; as many as there are jobs if none.
    pub tasks: Option<usize>,
    /// How the program is called.
    pub program: String,
    /// Words behind `unlearn jobs run DIR`.
    pub words: Vec<String>,
    /// Kubernetes: the image that holds the program, and the volume claim that holds the folder.
    pub image: String,
    /// Kubernetes: the persistent volume claim that is mounted where the folder lies.
    pub volume: String,
}

impl Jobs {
    /// The script.
    ///
    /// # Errors
    /// A folder whose name is no text.
    pub fn emit(&self, launcher: Launcher, asked: &Asked) -> Result<String> {
        let Some(folder) = self.path.to_str() else {
            let at = self.path.display();
            return Err(Error::input(format!(
                "{at}: the name is not UTF-8, and a script can hold no other; rename it"
            )));
        };
        let tasks = asked.tasks.unwrap_or(self.plan.jobs.len()).clamp(1, self.plan.jobs.len().max(1));
        let words = [&[asked.program.clone(), "jobs".into(), "run".into(), folder.into()][..], &asked.words].concat();
        let command = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        Ok(match launcher {
            Launcher::Slurm => slurm(tasks, folder, &command),
            Launcher::Hq => format!(
                "#!/bin/sh\n# {tasks} tasks share the jobs of the plan; each takes the next that is free.\n\
                 exec hq submit --name=unlearn --array=0-{} -- {command}\n",
                tasks - 1
            ),
            Launcher::K8s => k8s(tasks, folder, &words, asked),
            Launcher::Make => self.make(&command, folder)?,
        })
    }

    /// A target for each job, behind those that it needs; `make -j 4` does four at once.
    fn make(&self, command: &str, folder: &str) -> Result<String> {
        // Names of files in a makefile have no quotation marks.
        if let Some(odd) = folder.chars().find(|c| c.is_whitespace() || ":#$%=;|\\*?[]".contains(*c)) {
            return Err(Error::input(format!(
                "{folder}: make knows no file with {odd:?} in its name; rename the folder"
            )));
        }
        let marker = |id: &str| format!("{folder}/jobs/{id}/{}", super::unit::MARKER);
        let all: Vec<String> = self.plan.jobs.iter().map(|job| marker(&job.id)).collect();
        let mut text = format!("# make -j N does N jobs at once.\nall: {}\n", all.join(" "));
        for job in &self.plan.jobs {
            let needs: Vec<String> = job.unit.needs().into_iter().map(marker).collect();
            let behind = if needs.is_empty() { String::new() } else { format!(" {}", needs.join(" ")) };
            let label = job.unit.label();
            let _ = write!(text, "\n# {label}\n{}:{behind}\n\t{command} --only {}\n", marker(&job.id), job.id);
        }
        Ok(text + "\n.PHONY: all\n")
    }
}

fn slurm(tasks: usize, folder: &str, command: &str) -> String {
    format!(
        "#!/bin/bash\n\
         # sbatch this file: {tasks} tasks share the jobs of the plan; each takes the next that is free.\n\
         # Sent again it goes on with what is left. Put in what your site asks for: partition, account, gpus.\n\
         #SBATCH --job-name=unlearn\n\
         #SBATCH --array=0-{}\n\
         #SBATCH --ntasks=1\n\
         #SBATCH --output=/dev/null\n\
         set -eu\n\
         mkdir -p {logs}\n\
         exec >{logs}/\"${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}.log\" 2>&1\n\
         exec {command}\n",
        tasks - 1,
        logs = quoted(&format!("{folder}/logs")),
    )
}

fn k8s(tasks: usize, folder: &str, words: &[String], asked: &Asked) -> String {
    // JSON is YAML, and quotes what needs it.
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let words: Vec<String> = words.iter().map(|word| json(word)).collect();
    format!(
        "# {tasks} pods share the jobs of the plan; each takes the next that is free.\n\
         apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: unlearn\nspec:\n  completionMode: Indexed\n  \
         completions: {tasks}\n  parallelism: {tasks}\n  backoffLimit: {tasks}\n  template:\n    spec:\n      \
         restartPolicy: OnFailure\n      containers:\n        - name: unlearn\n          image: {}\n          \
         command: [{}]\n          volumeMounts:\n            - name: plan\n              mountPath: {}\n      \
         volumes:\n        - name: plan\n          persistentVolumeClaim:\n            claimName: {}\n",
        json(&asked.image),
        words.join(", "),
        json(folder),
        json(&asked.volume),
    )
}
