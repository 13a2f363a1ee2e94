//! What hidden layers make of records.

use super::pass::batches;
use crate::error::Result;
use crate::nn::Mode;
use crate::records::{Lesson, Records, Session, Towards, Use};

/// The root mean square length of what the first `layers` layers make of the records' rows: of a record, or of each
/// token that counts in a text, texts weighing the same. Dropout is off.
///
/// # Errors
/// Records that do not exist, or do not stand alone.
pub fn activation_length(session: &mut Session, records: Records, layers: usize) -> Result<f64> {
    session.check_records(records, true)?;
    let width = session.model.width_after(layers)?;
    let origin = session.block("activations.origin", width)?;
    let lesson = Lesson::Steered { layers, towards: Towards::Direction(origin), weight: width as f64 };
    let runs = batches(session, (records, session.batch, Use::Together), None, |s, rec, shape, _| {
        let scored = s.record_taught(rec, (records.part, shape), lesson, Mode::Eval, None)?;
        rec.readback(scored.sums.range(0..scored.n));
        Ok(())
    })?;
    let squares: f64 = runs.iter().flat_map(|run| run[0].f32()).map(|square| f64::from(*square)).sum();
    Ok((squares / records.indices.len().max(1) as f64).sqrt())
}
