mod batches;
mod one;
mod shown;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::requests::{Added, Finished, Project, Taken, Wish, add, read_delivery, sweep_in, turn};

/// Erasure requests from receipt to publication: a store with deadlines, a plan before anything is done, and a model
/// that is published only if it passes its gate
///
/// A project is a folder of its own. What happens is written to its signed ledger first (`unlearn ledger`), and
/// nothing there names a person: ids are pseudonyms under a key of the project. The ids themselves are in the inbox,
/// until a request ends, and in the runs that forgot them. A request is received, validated, planned, approved where
/// the project asks for it, running, verified, and published, refused or rolled back; each in its time, by somebody.
/// The file `current` names the run that serves.
#[derive(Args, Debug)]
pub struct Requests {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    Init(Init),
    Add(Add),
    List(one::List),
    Show(one::Show),
    Due(one::Due),
    Plan(batches::PlanArgs),
    Approve(batches::Approve),
    Run(batches::RunArgs),
    Refuse(one::Refuse),
    Extend(one::Extend),
    Explain(one::Explain),
    Watch(Watch),
}

/// Which project, and who acts.
#[derive(Args, Debug)]
pub(super) struct ProjectArgs {
    /// Folder of the project
    #[arg(long, value_name = "DIR", default_value = ".", env = "UNLEARN_PROJECT")]
    pub(super) project: PathBuf,
    /// Who does this, by role or name; kept in the ledger
    #[arg(long, value_name = "WHO", default_value = "operator")]
    pub(super) actor: String,
}

impl ProjectArgs {
    /// The project, whose words go to stderr.
    pub(super) fn open<'a>(&self, said: &'a dyn Fn(&str)) -> Result<Project<'a>> {
        Project::open(&self.project, said)
    }
}

/// Make a folder the project of a run, which then serves
#[derive(Args, Debug)]
struct Init {
    /// Folder of the run that serves now
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A plan is done only once somebody approved it
    #[arg(long)]
    approval: bool,
    #[command(flatten)]
    on: ProjectArgs,
}

/// Take requests in from a file: JSON Lines or CSV, or JSON Lines from stdin as `-`
///
/// The same request twice is one; another body under a known `request_id` is an error, and then nothing of the file is
/// kept. What requests name is looked for in the data of the run that serves; one that names what is not there stays
/// received, and waits for a person.
#[derive(Args, Debug)]
struct Add {
    /// Request file, or `-`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    on: ProjectArgs,
}

/// Take in every request file that is put into a folder, and with --run plan and do what it asks for
///
/// A file that could be taken is moved to `done` in that folder, one that could not to `refused`, with the reason
/// beside it. Write a file under a name that begins with a dot and rename it, or leave it alone for --quiet seconds.
#[derive(Args, Debug)]
struct Watch {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Seconds between looks
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    /// Seconds that a file must not have been written to
    #[arg(long = "quiet-for", value_name = "S", default_value_t = 2)]
    quiet_for: u64,
    /// Look once and end
    #[arg(long)]
    once: bool,
    /// Plan what waits and do it, as `unlearn requests plan` and `run` would; what fails is said and waits
    #[arg(long)]
    run: bool,
    #[command(flatten)]
    limits: batches::Limits,
    #[command(flatten)]
    on: ProjectArgs,
}

impl Run for Requests {
    fn run(self, cx: &Context) -> Result<()> {
        match self.action {
            Action::Init(action) => action.run(cx),
            Action::Add(action) => action.run(cx),
            Action::List(action) => action.run(cx),
            Action::Show(action) => action.run(cx),
            Action::Due(action) => action.run(cx),
            Action::Plan(action) => action.run(cx),
            Action::Approve(action) => action.run(cx),
            Action::Run(action) => action.run(cx),
            Action::Refuse(action) => action.run(cx),
            Action::Extend(action) => action.run(cx),
            Action::Explain(action) => action.run(cx),
            Action::Watch(action) => action.run(cx),
        }
    }
}

impl Init {
    fn run(self, cx: &Context) -> Result<()> {
        cx.outputs().reads_runs([&self.run]).check()?;
        let said = |what: &str| cx.note(what);
        let project = Project::create(&self.on.project, &self.run, self.approval, &self.on.actor, &said)?;
        let key = crate::ledger::PublicKey::read(&project.keys().join(crate::ledger::keys::PUBLIC))?;
        match cx.json {
            true => emit_json(&serde_json::json!({
                "schema": "unlearn.project/1", "version": env!("CARGO_PKG_VERSION"),
                "project": super::output::shown(&project.folder), "key": key.fingerprint(),
            })),
            false => emit(&format!(
                "{}: a project, whose ledger is signed by key {}\nkeep a copy of {}, and give {} to whoever is to \
                 check it\n",
                project.folder.display(),
                &key.fingerprint()[..16],
                project.keys().display(),
                project.keys().join(crate::ledger::keys::PUBLIC).display()
            )),
        }
    }
}

impl Add {
    fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        let (text, name) = match self.file.as_os_str() == "-" {
            true => (read_delivery(std::io::stdin(), Path::new("stdin"))?, PathBuf::from("stdin")),
            false => {
                let file = std::fs::File::open(&self.file).map_err(Error::io("open", &self.file))?;
                (read_delivery(file, &self.file)?, self.file.clone())
            }
        };
        let added = add(&project, &text, &name, &self.on.actor)?;
        match cx.json {
            true => emit_json(&serde_json::json!({
                "schema": "unlearn.added/1", "version": env!("CARGO_PKG_VERSION"), "added": added,
            })),
            false => emit(&format!("{}: {}\n", name.display(), words(&added))),
        }
    }
}

fn words(added: &Added) -> String {
    let Added { received, known, validated, questioned } = added;
    let mut text = format!("{received} received, {known} known before, {validated} validated");
    if !questioned.is_empty() {
        let short: Vec<&str> = questioned.iter().take(5).map(|request| &request[..12]).collect();
        let more = if questioned.len() > 5 { ", …" } else { "" };
        text += &format!(
            "; {} mean nothing in these data and wait for a person: {}{more}",
            questioned.len(),
            short.join(", ")
        );
    }
    text
}

impl Watch {
    fn run(self, cx: &Context) -> Result<()> {
        if !self.run && !self.limits.is_empty() {
            return Err(Error::input("limits say how requests are done, and are of no use without --run; add it"));
        }
        let wish = self.limits.wish()?;
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        let mut first = true;
        loop {
            let all = sweep_in(&project, &self.folder, self.quiet_for, &self.on.actor)?;
            for taken in &all {
                match cx.json {
                    true => emit(&(serde_json::to_string(taken).unwrap_or_default() + "\n"))?,
                    false => emit(&line(taken))?,
                }
            }
            // Where plans are approved, that may have happened since.
            let worth = first || project.needs_approval() || all.iter().any(|taken| taken.added.is_some());
            let done = if self.run && worth { self.work(cx, &project, &wish)? } else { Vec::new() };
            if self.once {
                return batches::rolled_back(&done);
            }
            first = false;
            std::thread::sleep(Duration::from_secs(self.every));
        }
    }

    /// Plans and does what waits. What cannot be planned or done says so, and waits.
    fn work(&self, cx: &Context, project: &Project, wish: &Wish) -> Result<Vec<Finished>> {
        let done = match batches::with(cx, true, |how| turn(project, wish, how, &self.on.actor)) {
            Ok(turn) => turn.done,
            Err(e @ (Error::Input(_) | Error::CheckFailed(_) | Error::Inconclusive(_))) if !self.once => {
                cx.note(&e.to_string());
                Vec::new()
            }
            Err(e) => return Err(e),
        };
        match cx.json {
            _ if done.is_empty() => {}
            true => emit(&(batches::document(&done).to_string() + "\n"))?,
            false => emit(&done.iter().map(shown::finished).collect::<String>())?,
        }
        Ok(done)
    }
}

fn line(taken: &Taken) -> String {
    let file = taken.file.display();
    match (&taken.added, &taken.refused) {
        (Some(added), _) => format!("{file}: {}\n", words(added)),
        // The reason may repeat what the file says, and this is a log.
        (None, why) => {
            let why = why.as_ref().map_or(String::new(), |why| format!("; {} says why", why.display()));
            format!("{file}: refused{why}\n")
        }
    }
}
