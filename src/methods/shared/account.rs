//! What methods share when they account for a run: clocks, and how far the parameters moved.

use std::time::Instant;

use serde_json::{Value, json};

use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::map::{self, Binary};
use crate::kernels::reduce;
use crate::methods::{Account, Read};
use crate::records::Session;

/// Where the parameters were before a method changed them.
pub(in crate::methods) struct Origin(pub Buf<f32>);

impl Origin {
    /// Copies theta on the engine. Belongs to no clock: only the report needs it.
    pub fn of(session: &mut Session) -> Result<Origin> {
        let origin = session.vector("methods.origin")?;
        let theta = session.theta;
        session.run(|rec| {
            rec.copy(theta, origin);
            Ok(())
        })?;
        Ok(Origin(origin))
    }

    /// ‖θ − θ₀‖ / ‖θ₀‖: 0 means that a method did nothing.
    pub fn relative_change(&self, session: &mut Session) -> Result<f64> {
        let (theta, origin) = (session.theta, self.0);
        let out = session.run(|rec| {
            let (moved, change) = (rec.temp("moved", theta.len), rec.temp("change", 1));
            let norm = rec.temp("norm", 1);
            map::binary(rec, Binary::Sub, theta, origin, moved);
            reduce::total(rec, moved, change, 1.0, true);
            reduce::total(rec, origin, norm, 1.0, true);
            rec.readback(change);
            rec.readback(norm);
            Ok(())
        })?;
        let [change, norm] = [0, 1].map(|i| f64::from(out[i].f32()[0]));
        Ok(if norm > 0.0 { (change / norm).sqrt() } else { 0.0 })
    }
}

/// Runs `work` and adds its seconds to `clock`. Every call of [`Session`] that `work` ends with waits for the engine,
/// so that nothing is under way when the clock stops.
pub(in crate::methods) fn timed<T>(clock: &mut f64, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let done = work();
    *clock += start.elapsed().as_secs_f64();
    done
}

impl Account {
    pub(in crate::methods) fn reading(reads: &[Read]) -> Account {
        Account { reads: reads.to_vec(), ..Account::default() }
    }

    pub(in crate::methods) fn note(&mut self, key: &str, value: impl Into<Value>) {
        self.details.insert(key.to_owned(), value.into());
    }

    /// The last entry of every method's details.
    pub(in crate::methods) fn close(mut self, session: &mut Session, origin: &Origin) -> Result<Account> {
        let change = origin.relative_change(session)?;
        self.note("relative_change", json!(change));
        Ok(self)
    }
}
