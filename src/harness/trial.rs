//! One case on one engine against its twin: poison, guard zones, repeats, and the worst error of each output.

use super::compare::{self, Distance};
use crate::engine::case::{Case, CaseBuf, GUARD, POISON, Role};
use crate::engine::{Buf, Data, Engine, Lane, Span, supported};
use crate::error::{Error, Result};

/// What a trial found.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The worst distance of its outputs.
    Pass(Distance),
    /// What differed, where.
    Fail(String),
    /// The feature that the adapter lacks.
    Unsupported(String),
}

/// A buffer with its guard zones, as the engine holds it.
enum Held {
    F32(Buf<f32>),
    U32(Buf<u32>),
}

/// Elements from the start of a buffer's data to the end of the block that vec4 views may touch.
fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}

fn with_guards(buf: &CaseBuf) -> Data {
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
    let mut held = Vec::new();
    for buf in &case.buffers {
        held.push(match with_guards(buf) {
            Data::F32(v) => {
                let b = engine.alloc::<f32>(buf.name, v.len())?;
                engine.write(b, &v)?;
                Held::F32(b)
            }
            Data::U32(v) => {
                let b = engine.alloc::<u32>(buf.name, v.len())?;
                engine.write(b, &v)?;
                Held::U32(b)
            }
        });
    }
    let program = engine.compile(case.rec.clone().rebased(base))?;
    engine.run(&program, &[])?;
    held.iter()
        .map(|h| match h {
            Held::F32(b) => Ok(Data::F32(engine.read(*b)?)),
            Held::U32(b) => Ok(Data::U32(engine.read(*b)?)),
        })
        .collect()
}

/// The twins' answer, in f64, without guards.
pub fn expected(case: &Case) -> Result<Vec<Lane>> {
    let mut engine = Engine::reference();
    let mut spans: Vec<Span> = Vec::new();
    for buf in &case.buffers {
        spans.push(match with_guards(buf) {
            Data::F32(v) => {
                let b = engine.alloc::<f32>(buf.name, v.len())?;
                engine.write(b, &v)?;
                b.range(GUARD..GUARD + buf.init.bytes().len() / 4).any()
            }
            Data::U32(v) => {
                let b = engine.alloc::<u32>(buf.name, v.len())?;
                engine.write(b, &v)?;
                b.range(GUARD..GUARD + buf.init.bytes().len() / 4).any()
            }
        });
    }
    let program = engine.compile(case.rec.clone())?;
    engine.run(&program, &[])?;
    let reference = engine.as_reference().ok_or_else(|| Error::internal("not a reference engine"))?;
    Ok(spans.iter().map(|s| reference.load(*s)).collect())
}

/// Compares one run of a case with its twin.
pub fn judge(case: &Case, got: &[Data], want: &[Lane]) -> Outcome {
    let mut worst = Distance::default();
    for ((buf, got), want) in case.buffers.iter().zip(got).zip(want) {
        let len = buf.init.bytes().len() / 4;
        if let Some(at) = broken_guard(got, len) {
            return Outcome::Fail(format!("`{}`: the guard zone was written at element {at}", buf.name));
        }
        let found = match (got, want) {
            (Data::F32(g), Lane::F32(w)) => {
                let g = &g[GUARD..GUARD + len];
                if buf.role == Role::Input { same_input(g, w) } else { compare::floats(g, w, case.rtol, case.atol) }
            }
            (Data::U32(g), Lane::U32(w)) => compare::words(&g[GUARD..GUARD + len], w),
            _ => Err("f32 and u32 were mixed".into()),
        };
        match found {
            Err(what) => return Outcome::Fail(format!("`{}`: {what}", buf.name)),
            Ok(d) if d.bad > 0 => {
                let at = d.first_bad.unwrap_or(0);
                return Outcome::Fail(format!(
                    "`{}`[{at}] is {:e}, expected {:e} ({} of {len} elements outside rtol {:e} atol {:e})",
                    buf.name, d.got, d.want, d.bad, case.rtol, case.atol
                ));
            }
            Ok(d) if d.nmse > worst.nmse || worst == Distance::default() => worst = d,
            Ok(_) => {}
        }
    }
    Outcome::Pass(worst)
}

fn same_input(got: &[f32], want: &[f64]) -> Result<Distance, String> {
    let changed = got.iter().zip(want).position(|(g, w)| f64::from(*g).to_bits() != w.to_bits() && !g.is_nan());
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

/// Runs a case twice on `engine`, compares with the twin and demands equal bits of both runs.
pub fn trial(engine: &mut Engine, case: &Case) -> Result<Outcome> {
    let subgroup = engine.target().subgroup;
    if let Some(d) =
        case.rec.dispatches().find(|d| engine.adapter().is_some() && !supported(d.kernel.requires, subgroup))
    {
        return Ok(Outcome::Unsupported(format!("{:?} ({} needs it)", d.kernel.requires, d.kernel.name)));
    }
    let want = expected(case)?;
    let first = execute(engine, case)?;
    let outcome = judge(case, &first, &want);
    if let Outcome::Pass(_) = outcome {
        let second = execute(engine, case)?;
        if let Some(i) = (0..first.len()).find(|i| !compare::same_bits(&first[*i], &second[*i])) {
            return Ok(Outcome::Fail(format!("`{}`: two runs gave different bits", case.buffers[i].name)));
        }
    }
    Ok(outcome)
}
