//! Noise on the parameters, after each step of a fit or once, and the ball that they are brought into before it.

use crate::engine::{Buf, Data, Recording};
use crate::error::Result;
use crate::kernels::{edit, reduce};
use crate::records::Session;

/// What is done to the parameters behind a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noisy {
    /// They are brought into a ball of this radius around 0 first, where there is one.
    pub radius: Option<f64>,
    /// Standard deviation of what is then added to each of them.
    pub sigma: f64,
}

/// Keeps the noise behind steps, and the noise at an end, apart from the seed's other uses.
const STREAM_BEHIND: u32 = 0x6e73_7465;
const STREAM_ONCE: u32 = 0x6e6f_6e63;

impl Noisy {
    /// Records it; `words` hold seed and step.
    pub(crate) fn record(&self, session: &mut Session, rec: &mut Recording, words: Buf<u32>) -> Result<()> {
        let theta = session.theta;
        if let Some(radius) = self.radius {
            record_ball(rec, theta, radius);
        }
        session.record_normal(rec, theta, (self.sigma, STREAM_BEHIND), words)
    }
}

/// Records the projection of a vector into a ball of this radius around 0.
pub(crate) fn record_ball(rec: &mut Recording, v: Buf<f32>, radius: f64) {
    let norm2 = rec.temp("norm2", 1);
    reduce::total(rec, v, norm2, 1.0, true);
    edit::clip(rec, v, norm2, radius as f32);
}

impl Session<'_> {
    /// Brings the parameters into a ball of this radius around 0.
    ///
    /// # Errors
    /// A lost device.
    pub fn into_ball(&mut self, radius: f64) -> Result<()> {
        let theta = self.theta;
        let done = self.run(|rec| {
            record_ball(rec, theta, radius);
            Ok(())
        });
        done.map(drop)
    }

    /// Adds N(0, `sigma`²) to every parameter, by the seed.
    ///
    /// # Errors
    /// A lost device.
    pub fn add_noise(&mut self, sigma: f64, seed: u64) -> Result<()> {
        let (theta, mut rec) = (self.theta, self.recording());
        let words = rec.temp("seed", 4);
        rec.upload(words);
        self.record_normal(&mut rec, theta, (sigma, STREAM_ONCE), words)?;
        let program = self.compile(rec)?;
        self.engine.run(&program, &[Data::U32(vec![seed as u32, (seed >> 32) as u32, 0, 0])]).map(drop)
    }
}
