//! Faults planted on purpose, to show that the harness survives them and finds them: `UNLEARN_CHECK_FAULTS` holds a
//! JSON list such as `[{"case": "^linear.matmul nn 3x5x7$", "fault": "abort"}]`. A report names what was planted.

use std::time::Duration;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::item::{Item, Work};
use crate::engine::case::Case;
use crate::engine::{Command, Engine, Kernel, compose};
use crate::error::{Error, Result};
use crate::kernels;

/// The variable that plants faults.
pub const VARIABLE: &str = "UNLEARN_CHECK_FAULTS";

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum What {
    /// The process ends, as in a driver that crashes.
    Abort,
    /// The case never ends.
    Hang,
    /// The driver gives the device up.
    Lose,
    /// A barrier is missing between two writes, which the validation layers see and results do not.
    Race,
    /// A kernel's source says something else.
    Shader {
        /// Which kernel's shader.
        kernel: String,
        /// Text that is replaced, once.
        from: String,
        /// Text in its place.
        to: String,
    },
}

/// A fault in the cases whose names match.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Regular expression over names.
    pub case: String,
    /// What is done.
    pub fault: What,
}

/// The faults that the environment plants; none where it names none.
///
/// # Errors
/// The variable does not hold a list of faults.
pub fn planted() -> Result<Vec<Fault>> {
    match std::env::var(VARIABLE) {
        Ok(text) => parse(&text),
        Err(_) => Ok(Vec::new()),
    }
}

fn parse(text: &str) -> Result<Vec<Fault>> {
    let bad = |e: &dyn std::fmt::Display| Error::input(format!("{VARIABLE} is not a list of faults: {e}"));
    let all: Vec<Fault> = serde_json::from_str(text).map_err(|e| bad(&e))?;
    all.iter().try_for_each(|f| Regex::new(&f.case).map(|_| ()).map_err(|e| bad(&e)))?;
    Ok(all)
}

impl Fault {
    /// One line for reports.
    pub fn describe(&self) -> String {
        let what = match &self.fault {
            What::Abort => "the process ends".to_owned(),
            What::Hang => "never ends".to_owned(),
            What::Lose => "the device is lost".to_owned(),
            What::Race => "a barrier is missing".to_owned(),
            What::Shader { kernel, from, to } => format!("{kernel}: `{from}` says `{to}`"),
        };
        format!("{}: {what}", self.case)
    }

    /// Makes the fault happen, if it is this item's.
    ///
    /// # Errors
    /// The shader has no such text, or there are no barriers to leave out.
    pub(super) fn strike(&self, item: &mut Item, engine: &mut Engine) -> Result<()> {
        if !Regex::new(&self.case).is_ok_and(|r| r.is_match(&item.name)) {
            return Ok(());
        }
        match &self.fault {
            What::Abort => std::process::abort(),
            What::Hang => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            What::Lose => engine.lose_device(),
            What::Race => engine.race()?,
            What::Shader { kernel, from, to } => {
                let of = kernels::kernels().into_iter().find(|k| k.name == kernel);
                let of = of.ok_or_else(|| Error::input(format!("{VARIABLE}: there is no kernel {kernel}")))?;
                let by = mutated(of, from, to)?;
                if let Work::Case(case) | Work::Timed(case) | Work::Compiled(case) = &mut item.work {
                    replace(case, of, by);
                }
            }
        }
        Ok(())
    }
}

/// A copy of the kernel whose source, imports included where it is they that say it, says `to` for `from`; leaked,
/// because rows live as long as the program.
///
/// # Errors
/// The source does not say `from`.
pub fn mutated(of: &'static Kernel, from: &str, to: &str) -> Result<&'static Kernel> {
    // Imports are put in only where it takes them, so that a fault of the file's own leaves them to the composer.
    let own = of.source.contains(from).then(|| of.source.to_owned());
    let source = own.map_or_else(|| compose(of.name, of.source), Ok)?;
    if !source.contains(from) {
        return Err(Error::input(format!("the source of {} has no `{from}` to be replaced", of.name)));
    }
    let source = source.replace(from, to);
    Ok(Box::leak(Box::new(Kernel { source: source.leak(), ..*of })))
}

/// Puts `by` in the place of `of` in a case; false if the case does not record it.
pub fn replace(case: &mut Case, of: &'static Kernel, by: &'static Kernel) -> bool {
    let mut any = false;
    for command in &mut case.rec.commands {
        if let Command::Dispatch(d) = command
            && std::ptr::eq(d.kernel, of)
        {
            d.kernel = by;
            any = true;
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_nonsense_is_refused() {
        let text =
            r#"[{"case":"a","fault":"hang"},{"case":"b","fault":{"shader":{"kernel":"k","from":"x","to":"y"}}}]"#;
        let all = parse(text).expect("reads");
        assert_eq!(all[0].fault, What::Hang);
        assert_eq!(all[1].describe(), "b: k: `x` says `y`");
        for bad in ["", "{}", r#"[{"case":"(","fault":"hang"}]"#, r#"[{"case":"a","fault":"other"}]"#] {
            assert_eq!(parse(bad).expect_err(bad).exit_code(), 2);
        }
    }
}
