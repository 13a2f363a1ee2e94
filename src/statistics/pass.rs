//! How a set of records is run in batches: the one pass that every statistic goes through.

use std::collections::{HashMap, VecDeque};

use crate::engine::{Data, Program, Recording};
use crate::error::{Error, Result};
use crate::records::{Load, Part, Shape, Use};
use crate::records::{Records, Session};

/// Runs under way at the same time.
const IN_FLIGHT: usize = 3;

/// Runs `records` through a program per shape of batch; each run takes a batch and returns the outputs. Programs
/// under a name are kept for the next call.
pub(crate) fn batches(
    session: &mut Session,
    (records, batch, how): (Records, usize, Use),
    keep: Option<&'static str>,
    mut record: impl FnMut(&mut Session, &mut Recording, &Shape, bool) -> Result<()>,
) -> Result<Vec<Vec<Data>>> {
    let mut programs: HashMap<(Shape, bool), Program> = HashMap::new();
    let mut out = Vec::new();
    let mut flying = VecDeque::new();
    for (i, indices) in session.pieces(records, batch, how).iter().enumerate() {
        let Load { shape, inputs, recurs } = session.load(records.part, indices, how);
        let kept = keep.filter(|_| recurs).map(|name| (name, records.part, shape.clone()));
        let key = (shape, i == 0);
        let known = kept.as_ref().is_some_and(|k| session.programs.contains_key(k)) || programs.contains_key(&key);
        if !known {
            let mut rec = session.recording();
            record(session, &mut rec, &key.0, key.1)?;
            let program = session.engine.compile(rec)?;
            session.planned = session.planned.max(program.temp_bytes);
            match &kept {
                Some(k) => drop(session.programs.insert(k.clone(), program)),
                None => drop(programs.insert(key.clone(), program)),
            }
        }
        let program = kept.as_ref().and_then(|k| session.programs.get(k)).or_else(|| programs.get(&key));
        let program = program.ok_or_else(|| Error::internal("a program vanished"))?;
        // A stack's models are given the same records, and each brings its own outputs.
        let inputs: Vec<Data> = match session.models() {
            Some(models) => inputs.into_iter().map(|input| input.repeated(models)).collect(),
            None => inputs,
        };
        flying.push_back(session.engine.submit(program, &inputs)?);
        if flying.len() >= IN_FLIGHT
            && let Some(ticket) = flying.pop_front()
        {
            out.push(session.engine.wait(ticket)?);
        }
    }
    for ticket in flying {
        out.push(session.engine.wait(ticket)?);
    }
    Ok(out)
}

/// The same for some models of a stack, each with as many records of its own, and each run with those of all; outputs
/// come back model by model. Programs are kept under the name.
pub(crate) fn batches_of_each(
    session: &mut Session,
    (part, asked): (Part, &[(u32, &[u32])]),
    (batch, how): (usize, Use),
    name: &'static str,
    mut record: impl FnMut(&mut Session, &mut Recording, &Shape) -> Result<()>,
) -> Result<Vec<Vec<Data>>> {
    let models: Vec<u32> = asked.iter().map(|(model, _)| *model).collect();
    let pieces: Vec<_> =
        asked.iter().map(|(_, indices)| session.pieces(Records { part, indices }, batch, how)).collect();
    let mut out = Vec::new();
    for at in 0..pieces.first().map_or(0, Vec::len) {
        let loads: Vec<Load> = pieces.iter().map(|of| session.load(part, &of[at], how)).collect();
        let key = (name, part, loads[0].shape.clone());
        hold(session, &key, &mut record)?;
        let count = loads[0].inputs.len();
        let of = |input: usize| Data::joined(loads.iter().map(|load| load.inputs[input].clone()).collect());
        let inputs = (0..count).map(of).collect::<Result<Vec<_>>>()?;
        let program = session.programs.get(&key).ok_or_else(|| Error::internal("a program vanished"))?;
        out.push(session.engine.run_for(program, &models, &inputs)?);
    }
    Ok(out)
}

/// Compiles a program, unless the session has it; returns how many numbers its outputs are.
pub(super) fn hold(
    session: &mut Session,
    key: &(&'static str, Part, Shape),
    record: &mut impl FnMut(&mut Session, &mut Recording, &Shape) -> Result<()>,
) -> Result<usize> {
    if session.programs.contains_key(key) {
        return Ok(0);
    }
    let mut rec = session.recording();
    record(session, &mut rec, &key.2)?;
    let elements = rec.outputs.iter().map(|span| span.len).sum::<usize>() * session.models().unwrap_or(1);
    let program = session.engine.compile(rec)?;
    session.planned = session.planned.max(program.temp_bytes);
    session.programs.insert(key.clone(), program);
    Ok(elements)
}

/// Compiles, and keeps under `name`, the programs that [`batches`] will run these records through, and makes the
/// buffers of its readbacks.
pub(crate) fn prepare(
    session: &mut Session,
    (records, batch, how): (Records, usize, Use),
    name: &'static str,
    mut record: impl FnMut(&mut Session, &mut Recording, &Shape) -> Result<()>,
) -> Result<()> {
    let mut elements = 0;
    for indices in &session.pieces(records, batch, how) {
        let Load { shape, recurs, .. } = session.load(records.part, indices, how);
        let key = (name, records.part, shape);
        elements = elements.max(hold(session, &key, &mut record)?);
        if !recurs {
            session.programs.remove(&key);
        }
    }
    session.engine.reserve_readback(elements, IN_FLIGHT)
}
