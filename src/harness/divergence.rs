//! Where two engines part ways: the first dispatch of a recording whose result differs from the twin's.

use super::compare;
use crate::engine::{Data, Engine, Recording, Written};
use crate::error::Result;

/// The first range that differs, and how.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// The write that differed first.
    pub at: Written,
    /// Element, both values, and how many elements differ.
    pub what: String,
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Written { command, kernel, label, binding, .. } = &self.at;
        let of = if label.is_empty() { String::new() } else { format!(" ({label})") };
        write!(f, "command {command}, kernel {}{of}: `{binding}`{}", kernel.name, self.what)
    }
}

/// Runs a recording on both engines, compares what every dispatch wrote (|got − want| ≤ atol + rtol·|want|), and names
/// the first dispatch that differs; a NaN on either side differs. The kept buffers of both engines must hold the same
/// values and be numbered alike.
///
/// # Errors
/// The recording does not fit its shaders, or the device failed.
pub fn first_divergence(
    engine: &mut Engine,
    reference: &mut Engine,
    rec: &Recording,
    inputs: &[Data],
    (rtol, atol): (f64, f64),
) -> Result<Option<Divergence>> {
    let (probed, written) = rec.probed()?;
    let skip = rec.outputs.len();
    let program = engine.compile(probed.clone())?;
    let got = engine.run(&program, inputs)?;
    let program = reference.compile(probed)?;
    let want = reference.run(&program, inputs)?;
    for ((got, want), at) in got.iter().zip(&want).skip(skip).zip(written) {
        let found = match (got, want) {
            (Data::F32(g), Data::F32(w)) => {
                let w: Vec<f64> = w.iter().map(|x| f64::from(*x)).collect();
                compare::floats(g, &w, rtol, atol)
            }
            (Data::U32(g), Data::U32(w)) => compare::words(g, w),
            _ => Err("f32 and u32 were mixed".into()),
        };
        let what = match found {
            Ok(d) if d.bad == 0 => continue,
            Ok(d) => {
                let element = d.first_bad.unwrap_or(0);
                format!(
                    "[{element}] is {:e}, expected {:e} ({} of {} elements differ)",
                    d.got, d.want, d.bad, at.span.len
                )
            }
            Err(what) => format!(": {what}"),
        };
        return Ok(Some(Divergence { at, what }));
    }
    Ok(None)
}
