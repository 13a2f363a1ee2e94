//! Steps of an optimiser along gradients that a method makes itself.

use crate::engine::{Buf, Data, Program};
use crate::error::Result;
use crate::records::Session;
use crate::train::Optimizer;

/// An optimiser of the session's parameters, with moments of its own.
pub struct Steps {
    optimizer: Optimizer,
    lr: f64,
    taken: u64,
    program: Program,
}

/// Adam with its usual constants.
pub const ADAM: Optimizer = Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };

impl Steps {
    /// One that has taken no step; `names` are those of its moments in the session.
    ///
    /// # Errors
    /// No memory.
    pub fn new(session: &mut Session, names: [&'static str; 2], optimizer: Optimizer, lr: f64) -> Result<Steps> {
        let mut moments: Vec<Buf<f32>> = Vec::new();
        for name in names.into_iter().take(optimizer.states()) {
            let moment = session.vector(name)?;
            // Another method may have left its own.
            session.engine.write(moment, &vec![0.0; moment.len])?;
            moments.push(moment);
        }
        let (theta, grad) = (session.theta, session.grad);
        let mut rec = session.recording();
        let hyper = rec.temp("hyper", 3);
        rec.upload(hyper);
        optimizer.record(&mut rec, theta, grad, &moments, hyper);
        Ok(Steps { optimizer, lr, taken: 0, program: session.compile(rec)? })
    }

    /// Moves the parameters against the gradient in the session's scratch vector.
    ///
    /// # Errors
    /// A lost device.
    pub fn take(&mut self, session: &mut Session) -> Result<()> {
        self.taken += 1;
        let hyper = self.optimizer.hyper(self.lr, self.taken).to_vec();
        session.engine.run(&self.program, &[Data::F32(hyper)])?;
        Ok(())
    }

    /// Steps so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }
}
