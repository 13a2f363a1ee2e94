//! Words about single requests.

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use super::{ProjectArgs, shown};
use crate::base::utc_now;
use crate::cli::Context;
use crate::cli::output::{emit, emit_json};
use crate::error::Result;
use crate::ledger::state::{EXTENSIONS, REFUSALS, seconds_after, within};
use crate::ledger::{Standing, State};
use crate::run::requests::{explain, extend, refuse};

/// List requests and where they stand
#[derive(Args, Debug)]
pub(in crate::cli) struct List {
    /// Those in this state alone
    #[arg(long, value_name = "STATE")]
    #[arg(value_parser = PossibleValuesParser::new(State::ALL.map(State::word)))]
    state: Option<String>,
    #[command(flatten)]
    on: ProjectArgs,
}

/// Show one request and its history
#[derive(Args, Debug)]
pub(in crate::cli) struct Show {
    /// Its `request_id`, or six or more digits of its pseudonym
    #[arg(value_name = "REQUEST")]
    request: String,
    #[command(flatten)]
    on: ProjectArgs,
}

/// List the requests without an end that are due soon, or were; the exit code is 4 where one is overdue
#[derive(Args, Debug)]
pub(in crate::cli) struct Due {
    /// How soon: hours, days or weeks
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = within)]
    within: i64,
    #[command(flatten)]
    on: ProjectArgs,
}

/// Refuse a request; what it said is dropped
#[derive(Args, Debug)]
pub(in crate::cli) struct Refuse {
    /// Its `request_id`, or six or more digits of its pseudonym
    #[arg(value_name = "REQUEST")]
    request: String,
    /// Why, as a code
    #[arg(long, value_name = "CODE", value_parser = codes(REFUSALS))]
    reason: String,
    #[command(flatten)]
    on: ProjectArgs,
}

/// Extend a request's deadline once, by up to two months; the person must be told within the first month
#[derive(Args, Debug)]
pub(in crate::cli) struct Extend {
    /// Its `request_id`, or six or more digits of its pseudonym
    #[arg(value_name = "REQUEST")]
    request: String,
    /// Why
    #[arg(long, value_name = "CODE", value_parser = codes(EXTENSIONS))]
    reason: String,
    /// Months that are added
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=2))]
    months: u32,
    #[command(flatten)]
    on: ProjectArgs,
}

/// Write the paragraph for the answer to a person
#[derive(Args, Debug)]
pub(in crate::cli) struct Explain {
    /// The `request_id`, or six or more digits of its pseudonym
    #[arg(value_name = "REQUEST")]
    request: String,
    #[command(flatten)]
    on: ProjectArgs,
}

fn codes(all: &'static [(&str, &str)]) -> PossibleValuesParser {
    PossibleValuesParser::new(all.iter().map(|(code, _)| *code))
}

fn document(all: &[Standing]) -> serde_json::Value {
    json!({"schema": "unlearn.requests/1", "version": env!("CARGO_PKG_VERSION"), "requests": all})
}

impl List {
    pub fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let mut all = self.on.open(&said)?.view()?.store.requests()?;
        all.retain(|one| self.state.as_ref().is_none_or(|state| *state == one.state));
        match cx.json {
            true => emit_json(&document(&all)),
            false => emit(&shown::table(&all).to_string()),
        }
    }
}

impl Show {
    pub fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        let view = project.view()?;
        let one = view.find(&self.request)?;
        let steps = view.store.history(&one.request)?;
        let batch = one.batch.as_deref().filter(|_| one.pack.is_some());
        let evidence = batch.map(|batch| project.issued(&view.store, batch)).transpose()?.flatten();
        if cx.json {
            return emit_json(&json!({
                "schema": "unlearn.request_history/1", "version": env!("CARGO_PKG_VERSION"), "request": one,
                "history": steps, "evidence": evidence,
            }));
        }
        let mut table = crate::cli::Table::new(&["entry", "state", "at", "by", "batch", "why"]);
        for step in &steps {
            let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
            let seq = step.seq.to_string();
            table.row([
                seq,
                step.state.clone(),
                step.at.clone(),
                step.actor.clone(),
                dash(&step.batch),
                dash(&step.reason),
            ]);
        }
        let pack = evidence.map_or(String::new(), |pack| {
            let (folder, zip) = (pack.folder.display(), pack.zip.display());
            format!("\nevidence: {folder} and {zip}, certificate {}\n", pack.certificate_sha256)
        });
        emit(&format!("{}\n{table}{pack}", shown::table(std::slice::from_ref(&one))))
    }
}

impl Due {
    pub fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let now = utc_now();
        let all = self.on.open(&said)?.view()?.store.due_before(&seconds_after(&now, self.within)?)?;
        match cx.json {
            true => emit_json(&document(&all))?,
            false => emit(&shown::table(&all).to_string())?,
        }
        match all.iter().filter(|one| one.due_at < now).count() {
            0 => Ok(()),
            late => Err(crate::Error::CheckFailed(format!("{late} of the requests are overdue"))),
        }
    }
}

impl Refuse {
    pub fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        told(cx, &refuse(&project, &self.request, &self.reason, &self.on.actor)?)
    }
}

impl Extend {
    pub fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        told(cx, &extend(&project, &self.request, self.months, &self.reason, &self.on.actor)?)
    }
}

fn told(cx: &Context, one: &Standing) -> Result<()> {
    let all = std::slice::from_ref(one);
    match cx.json {
        true => emit_json(&document(all)),
        false => emit(&shown::table(all).to_string()),
    }
}

impl Explain {
    pub fn run(self, cx: &Context) -> Result<()> {
        let said = |what: &str| cx.note(what);
        let project = self.on.open(&said)?;
        let text = explain(&project, &project.view()?, &self.request)?;
        match cx.json {
            true => emit_json(&json!({
                "schema": "unlearn.explanation/1", "version": env!("CARGO_PKG_VERSION"), "text": text.trim_end(),
            })),
            false => emit(&text),
        }
    }
}
