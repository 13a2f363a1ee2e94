//! A case as two models of a stack beside itself alone: the same bytes, guard zones among them, and none of another
//! model's.

use super::trial::{differing, execute, with_guards};
use crate::engine::case::Case;
use crate::engine::{Data, Engine};
use crate::error::Result;

/// Models of the stack, enough for every form, and those that run. The first does not, and holds other numbers.
const MODELS: usize = 8;
const RUN: [u32; 2] = [2, 1];

/// What differs between a case alone and in a stack, if anything does.
///
/// # Errors
/// The recording does not fit its shaders, or the device failed.
pub fn stacked(engine: &mut Engine, case: &Case) -> Result<Option<String>> {
    let alone = execute(engine, case)?;
    let base = engine.mark();
    let found = beside(engine, case, &alone, base);
    engine.release(base);
    found
}

fn beside(engine: &mut Engine, case: &Case, alone: &[Data], base: usize) -> Result<Option<String>> {
    let mut held = Vec::new();
    for buf in &case.buffers {
        let content = with_guards(buf);
        let idle = decoy(&content);
        let len = content.bytes().len() / 4;
        // Words are bits to an engine: one type of range serves both.
        let whole = engine.alloc_parts::<u32>(buf.name, len, MODELS)?;
        for model in 0..MODELS {
            let part = engine.part(whole, model);
            let numbers = if model == 0 { &idle } else { &content };
            engine.write(part, bytemuck::cast_slice(numbers.bytes()))?;
        }
        held.push((whole, idle));
    }
    let program = engine.compile(case.rec.clone().rebased(base).stacked(MODELS))?;
    engine.run_for(&program, &RUN, &[])?;
    for model in [0, 1, 2] {
        let mut now = Vec::new();
        for ((whole, _), own) in held.iter().zip(alone) {
            let part = engine.part(*whole, model);
            let words = engine.read(part)?;
            now.push(match own {
                Data::F32(_) => Data::F32(bytemuck::cast_vec(words)),
                Data::U32(_) => Data::U32(words),
            });
        }
        if model == 0 {
            let moved = held.iter().zip(&now).position(|((_, idle), now)| idle.bytes() != now.bytes());
            if let Some(at) = moved {
                return Ok(Some(format!("`{}` of a model that did not run has changed", case.buffers[at].name)));
            }
        } else if let Some(what) = differing(case, alone, &now) {
            return Ok(Some(format!("{what} in model {model} of a stack")));
        }
    }
    Ok(None)
}

/// Numbers of a model that nobody should look at; words stay, since they are places in other buffers.
fn decoy(content: &Data) -> Data {
    match content {
        Data::F32(v) => Data::F32(v.iter().map(|x| 3.0 - x).collect()),
        Data::U32(v) => Data::U32(v.clone()),
    }
}
