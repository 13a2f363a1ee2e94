//! What a language model says of each token of some texts.

use super::batches;
use crate::error::Result;
use crate::records::{Records, Session, Use};

/// Rows of 2 · `places` numbers, one for each record: the log-probability of each of its tokens given those before it,
/// 0 behind the last; then 1 where the token is the likeliest and 0 where another is, -1 behind the last. Tokens that
/// do not count in the record's loss are as those behind the last. Dropout is off.
///
/// # Errors
/// Records that do not exist, or are no texts; a text of more tokens than places.
pub fn tokens(session: &mut Session, records: Records, places: usize) -> Result<Vec<f32>> {
    session.check_records(records, true)?;
    let how = (records, session.batch, Use::Together);
    let runs = batches(session, how, Some("tokens"), |s, rec, shape, _| {
        for each in s.record_tokens(rec, records.part, shape)? {
            rec.readback(each);
        }
        Ok(())
    })?;
    let mut rows = Vec::with_capacity(2 * places * records.indices.len());
    for (piece, run) in session.pieces(records, session.batch, Use::Together).iter().zip(&runs) {
        let (losses, right) = (run[0].f32(), run[1].f32());
        let mut from = 0;
        for record in piece {
            let counts = session.predicts(records.part, *record);
            let (start, to) = (rows.len(), from + counts.len());
            let one = |(value, counts): (f32, &bool), else_: f32| if *counts { value } else { else_ };
            rows.extend(losses[from..to].iter().map(|loss| -loss).zip(&counts).map(|pair| one(pair, 0.0)));
            rows.resize(start + places, 0.0);
            rows.extend(right[from..to].iter().copied().zip(&counts).map(|pair| one(pair, -1.0)));
            rows.resize(start + 2 * places, -1.0);
            from = to;
        }
    }
    Ok(rows)
}
