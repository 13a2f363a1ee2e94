//! What each trial takes, told at the end: where the suite's time goes. Seconds on the clock, and of processors (with
//! children's) where /proc tells them, which depend less on what else the machine does; those are the process's, so
//! they are a trial's own only with `--test-threads 1`.

use std::fmt;
use std::ops::AddAssign;
use std::panic::Location;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use libtest_mimic::{Completion, Failed, Trial};

/// Slowest trials that are named.
const NAMED: usize = 20;

struct Took {
    module: String,
    trial: String,
    seconds: Seconds,
}

static TOOK: Mutex<Vec<Took>> = Mutex::new(Vec::new());

/// A trial whose time counts for the file that calls this.
#[track_caller]
pub fn trial(name: impl Into<String>, run: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    let (name, module) = (name.into(), Path::new(Location::caller().file()).file_stem());
    let (trial, module) = (name.clone(), module.unwrap_or_default().to_string_lossy().into_owned());
    Trial::ignorable_test(name, move || {
        if is_over() {
            return Ok(Completion::ignored_with(format!("left out: {UNTIL} has passed")));
        }
        let watch = Watch { module, trial, clock: Instant::now(), cpu: cpu() };
        let outcome = run();
        drop(watch);
        outcome.map(|()| Completion::Completed)
    })
}

/// Seconds since 1970 after which no trial begins, so that a run ends where the time for it does.
const UNTIL: &str = "UNLEARN_UNTIL";

fn is_over() -> bool {
    let until = std::env::var(UNTIL).ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    until.is_some_and(|until| now > until)
}

/// Notes the time when it goes, so that a trial that panics is counted as well.
struct Watch {
    module: String,
    trial: String,
    clock: Instant,
    cpu: Option<f64>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let seconds = Seconds {
            clock: self.clock.elapsed().as_secs_f64(),
            cpu: self.cpu.and_then(|before| Some(cpu()? - before)),
        };
        let took = Took { module: std::mem::take(&mut self.module), trial: std::mem::take(&mut self.trial), seconds };
        TOOK.lock().unwrap_or_else(|e| e.into_inner()).push(took);
    }
}

#[derive(Clone, Copy)]
struct Seconds {
    clock: f64,
    cpu: Option<f64>,
}

impl AddAssign for Seconds {
    fn add_assign(&mut self, other: Seconds) {
        self.clock += other.clock;
        self.cpu = self.cpu.and_then(|cpu| Some(cpu + other.cpu?));
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.cpu {
            Some(cpu) => write!(f, "{:8.1} {cpu:8.1}", self.clock),
            None => write!(f, "{:8.1} {:>8}", self.clock, "-"),
        }
    }
}

/// Processor seconds of this process and of the children that it has waited for, at Linux's 100 ticks a second.
fn cpu() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name in parentheses; utime, stime, cutime and cstime are the fields 14 to 17 of all.
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(4).map(str::parse::<f64>);
    Some(ticks.sum::<Result<f64, _>>().ok()? / 100.0)
}

/// Prints the modules and the slowest trials, on stderr: stdout may be for a program.
pub fn tell() {
    let mut took = std::mem::take(&mut *TOOK.lock().unwrap_or_else(|e| e.into_inner()));
    let mut modules: Vec<(String, usize, Seconds)> = Vec::new();
    for Took { module, seconds, .. } in &took {
        match modules.iter_mut().find(|(name, ..)| name == module) {
            Some((_, trials, sum)) => {
                *trials += 1;
                *sum += *seconds;
            }
            None => modules.push((module.clone(), 1, *seconds)),
        }
    }
    modules.sort_by(|a, b| b.2.clock.total_cmp(&a.2.clock));
    took.sort_by(|a, b| b.seconds.clock.total_cmp(&a.seconds.clock));
    if !took.is_empty() {
        eprintln!("time by module: seconds, of processors, trials");
    }
    for (module, trials, seconds) in modules {
        eprintln!("{seconds} {trials:6}  {module}");
    }
    if !took.is_empty() {
        eprintln!("the slowest trials: seconds, of processors");
    }
    for Took { module, trial, seconds } in took.iter().take(NAMED) {
        eprintln!("{seconds}  {module}: {trial}");
    }
}
