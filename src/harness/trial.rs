//! One case on one engine against its twin: poison, guard zones, both lanes, repeats, and the worst error.

use super::compare::{self, Distance};
use crate::engine::case::{Case, CaseBuf, GUARD, OnNan, POISON, Role};
use crate::engine::{Buf, Checks, Data, Engine, Lane};
use crate::error::{Error, Result};

/// What a trial found.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The worst distance of its outputs.
    Pass(Distance),
    /// Something differed.
    Fail(Failure),
    /// The feature that the adapter lacks.
    Unsupported(String),
}

/// What differed, where.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// In a sentence.
    pub what: String,
    /// Of the buffer that differs, where it was compared with the twin's.
    pub distance: Option<Distance>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl From<String> for Outcome {
    fn from(what: String) -> Outcome {
        Outcome::Fail(Failure { what, distance: None })
    }
}

/// A buffer with its guard zones, as the engine holds it.
pub(super) enum Held {
    F32(Buf<f32>),
    U32(Buf<u32>),
}

/// Elements from the start of a buffer's data to the end of the block that vec4 views may touch.
fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}

pub(super) fn with_guards(buf: &CaseBuf) -> Data {
    match &buf.init {
        Data::F32(v) => {
            let mut all = vec![f32::from_bits(POISON); GUARD];
            all.extend_from_slice(v);
            all.resize(GUARD + padded(v.len()) + GUARD, f32::from_bits(POISON));
            Data::F32(all)
        }
        Data::U32(v) => {
            let mut all = vec![POISON; GUARD];
            all.extend_from_slice(v);
            all.resize(GUARD + padded(v.len()) + GUARD, POISON);
            Data::U32(all)
        }
    }
}

/// Runs a case once on `engine` and returns every buffer, guards included.
///
/// # Errors
/// The recording does not fit its shaders, or the device failed.
pub fn execute(engine: &mut Engine, case: &Case) -> Result<Vec<Data>> {
    let base = engine.mark();
    let result = execute_from(engine, case, base);
    engine.release(base);
    result
}

fn execute_from(engine: &mut Engine, case: &Case, base: usize) -> Result<Vec<Data>> {
    let held = place(engine, case)?;
    let program = engine.compile(case.rec.clone().rebased(base))?;
    engine.run(&program, &[])?;
    held.iter()
        .map(|h| match h {
            Held::F32(b) => Ok(Data::F32(engine.read(*b)?)),
            Held::U32(b) => Ok(Data::U32(engine.read(*b)?)),
        })
        .collect()
}

/// Gives a case its buffers, guard zones included, in the order its recording numbers them.
pub(super) fn place(engine: &mut Engine, case: &Case) -> Result<Vec<Held>> {
    let put = |buf: &CaseBuf| match with_guards(buf) {
        Data::F32(v) => {
            let b = engine.alloc::<f32>(buf.name, v.len())?;
            engine.write(b, &v)?;
            Ok(Held::F32(b))
        }
        Data::U32(v) => {
            let b = engine.alloc::<u32>(buf.name, v.len())?;
            engine.write(b, &v)?;
            Ok(Held::U32(b))
        }
    };
    case.buffers.iter().map(put).collect()
}

/// The twins' answer, in f64, without guards.
pub fn expected(case: &Case) -> Result<Vec<Lane>> {
    let mut engine = Engine::reference();
    let held = place(&mut engine, case)?;
    let program = engine.compile(case.rec.clone())?;
    engine.run(&program, &[])?;
    let reference = engine.as_reference().ok_or_else(|| Error::internal("not a reference engine"))?;
    let content = |(held, buf): (&Held, &CaseBuf)| {
        let range = GUARD..GUARD + buf.init.bytes().len() / 4;
        reference.load(match held {
            Held::F32(b) => b.range(range).any(),
            Held::U32(b) => b.range(range).any(),
        })
    };
    Ok(held.iter().zip(&case.buffers).map(content).collect())
}

/// Compares one run of a case with its twin.
pub fn judge(case: &Case, got: &[Data], want: &[Lane]) -> Outcome {
    let mut worst = Distance::default();
    for ((buf, got), want) in case.buffers.iter().zip(got).zip(want) {
        let len = buf.init.bytes().len() / 4;
        if let Some(at) = broken_guard(got, len) {
            return format!("`{}`: the guard zone was written at element {at}", buf.name).into();
        }
        let found = match (got, want) {
            (Data::F32(g), Lane::F32(w)) => {
                let g = &g[GUARD..GUARD + len];
                match buf.role {
                    Role::Input => same_input(g, &buf.init),
                    _ => compare::odd_floats(g, w, case.rtol, case.atol, case.on_nan),
                }
            }
            (Data::U32(g), Lane::U32(w)) => compare::words(&g[GUARD..GUARD + len], w),
            _ => Err("f32 and u32 were mixed".into()),
        };
        match found {
            Err(what) => return format!("`{}`: {what}", buf.name).into(),
            Ok(d) if d.bad > 0 => {
                let at = d.first_bad.unwrap_or(0);
                let what = format!(
                    "`{}`[{at}] is {:e}, expected {:e} ({} of {len} elements outside rtol {:e} atol {:e})",
                    buf.name, d.got, d.want, d.bad, case.rtol, case.atol
                );
                return Outcome::Fail(Failure { what, distance: Some(d) });
            }
            Ok(d) => worst.widen(&d),
        }
    }
    Outcome::Pass(worst)
}

fn same_input(got: &[f32], before: &Data) -> Result<Distance, String> {
    let before: Vec<u32> = bytemuck::pod_collect_to_vec(before.bytes());
    let changed = got.iter().zip(before).position(|(g, b)| g.to_bits() != b);
    match changed {
        Some(at) => Err(format!("an input was changed at element {at}")),
        None => Ok(Distance::default()),
    }
}

/// First element of either guard zone that is not the poison, counted from the buffer's data.
fn broken_guard(got: &Data, len: usize) -> Option<isize> {
    let bits: &[u32] = bytemuck::cast_slice(got.bytes());
    let end = GUARD + padded(len);
    let bad = |i: &usize| bits[*i] != POISON;
    (0..GUARD).chain(end..bits.len()).find(bad).map(|i| i as isize - GUARD as isize)
}

/// Floating point operations above which a case is not run a third time: a software adapter takes seconds, and the two
/// lanes have already given the same bits.
const REPEATED: u64 = 50_000_000;

/// Runs a case on `engine` with the shaders' run-time guards on, and twice with them off; the first run must agree
/// with the twin and the others with the first, bit for bit. Leaves the engine with the guards off.
///
/// # Errors
/// The recording does not fit its shaders, or the device failed.
pub fn trial(engine: &mut Engine, case: &Case) -> Result<Outcome> {
    match lacks(engine, case) {
        Some(feature) => Ok(Outcome::Unsupported(feature)),
        None => trial_against(engine, case, &expected(case)?),
    }
}

/// The feature that the engine's adapter lacks for a case, if any.
pub fn lacks(engine: &Engine, case: &Case) -> Option<String> {
    case.rec.dispatches().find_map(|d| engine.lacks(d.kernel))
}

/// [`trial`] with the twins' answer at hand.
///
/// # Errors
/// As [`trial`].
pub fn trial_against(engine: &mut Engine, case: &Case, want: &[Lane]) -> Result<Outcome> {
    if let Some(feature) = lacks(engine, case) {
        return Ok(Outcome::Unsupported(feature));
    }
    engine.set_checks(Checks::Checked);
    let checked = execute(engine, case);
    engine.set_checks(Checks::Trusted);
    let checked = match checked {
        // A limit of the adapter, named by the engine.
        Err(Error::Unsupported(what)) => return Ok(Outcome::Unsupported(what)),
        other => other?,
    };
    let outcome = judge(case, &checked, want);
    if !matches!(outcome, Outcome::Pass(_)) {
        return Ok(outcome);
    }
    let trusted = execute(engine, case)?;
    match differing(case, &checked, &trusted) {
        Some(_) if case.contracts => {
            let outcome = judge(case, &trusted, want);
            if !matches!(outcome, Outcome::Pass(_)) {
                return Ok(outcome);
            }
        }
        Some(what) => return Ok(format!("{what} with the run-time guards on and off").into()),
        None => {}
    }
    if case.rec.dispatches().map(|d| d.flops).sum::<u64>() > REPEATED {
        return Ok(outcome);
    }
    let again = execute(engine, case)?;
    match differing(case, &trusted, &again) {
        Some(what) => Ok(format!("{what} from one run to the next").into()),
        None => Ok(outcome),
    }
}

/// Names the first element of two runs of a case that has different bits. Where results may be NaN, two that
/// arithmetic made are the same.
pub(super) fn differing(case: &Case, one: &[Data], other: &[Data]) -> Option<String> {
    let words = |d: &Data| -> Vec<u32> { bytemuck::pod_collect_to_vec(d.bytes()) };
    let nan = |word: u32| case.on_nan != OnNan::Wrong && compare::arithmetic_nan(f32::from_bits(word));
    for (i, buf) in case.buffers.iter().enumerate().filter(|(i, _)| !compare::same_bits(&one[*i], &other[*i])) {
        let (a, b) = (words(&one[i]), words(&other[i]));
        if let Some(at) = (0..a.len()).find(|at| a[*at] != b[*at] && !(nan(a[*at]) && nan(b[*at]))) {
            let element = at as isize - GUARD as isize;
            return Some(format!("`{}`[{element}] differs ({:#010x} and {:#010x})", buf.name, a[at], b[at]));
        }
    }
    None
}
