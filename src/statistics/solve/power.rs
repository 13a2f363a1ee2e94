//! Power iteration, and where it and Lanczos start.

use super::Flying;
use crate::base::philox::{normal, philox};
use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::{edit, map, reduce};
use crate::records::Session;
use crate::statistics::Product;

/// The largest eigenvalue of H in size, by `steps` power iterations from `start`: a lower bound that rises with each.
/// One number crosses the bus.
pub fn largest_eigenvalue(session: &mut Session, h: &dyn Product, start: Buf<f32>, steps: usize) -> Result<f64> {
    let (u, hu) = (h.u(), h.hu());
    let norm2 = session.scalar("power.norm2")?;
    let mut rec = session.recording();
    let one = rec.temp("one", 1);
    map::fill(&mut rec, one, 1.0);
    reduce::total(&mut rec, hu, norm2, 1.0, true);
    rec.copy(hu, u);
    edit::rescale(&mut rec, u, one, norm2);
    let next = session.compile(rec)?;
    session.run(|rec| {
        rec.copy(start, hu);
        Ok(())
    })?;
    let mut flying = Flying::default();
    // The first turn brings the start to length 1.
    flying.submit(session, &next, &[])?;
    for _ in 0..steps {
        flying.product(session, h)?;
        flying.submit(session, &next, &[])?;
    }
    flying.land(session)?;
    Ok(f64::from(session.engine.read(norm2)?[0]).sqrt())
}

/// Keeps these numbers apart from the seed's other uses.
const STREAM_START: u32 = 0x7374_6172;

/// Writes independent standard normal numbers of the seed to the parameters of `v`, 0 between them.
///
/// # Errors
/// A lost device.
pub fn start_vector(session: &mut Session, v: Buf<f32>, seed: u64) -> Result<()> {
    let mut flat = vec![0.0; v.len];
    for e in session.model.layout.entries() {
        for (i, value) in flat[e.offset..e.offset + e.len].iter_mut().enumerate() {
            let at = e.offset + i;
            let words = philox([at as u32 / 4, 0, 0, STREAM_START], [seed as u32, (seed >> 32) as u32]);
            *value = normal(words)[at % 4] as f32;
        }
    }
    session.engine.write(v, &flat)
}
