//! Gradients of losses that the host makes of what a network puts out, where no objective has them: of pairs of
//! records, or behind a head that is no part of the network. Outputs go to the host, and their slopes come back.

use crate::engine::{Data, Program};
use crate::error::{Error, Result};
use crate::nn::{Mode, Sink};
use crate::records::{Records, Session, Shape, Use};

/// Sets of records whose outputs are read and then pulled along slopes. Dropout is off, running statistics stay, and
/// labels are not looked at. A step costs two forward passes and a backward one over each set.
pub struct Steered {
    sets: Vec<Vec<Piece>>,
}

/// A batch of a set.
struct Piece {
    inputs: Vec<Data>,
    numbers: usize,
    read: Program,
    pull: Program,
}

impl Steered {
    /// Compiles what steps over these sets will run. An empty set has no outputs.
    ///
    /// # Errors
    /// Records that do not exist; no record in any set; no memory.
    pub fn new(session: &mut Session, sets: &[Records]) -> Result<Steered> {
        let mut made = Steered { sets: Vec::new() };
        for records in sets {
            session.check_records(*records, false)?;
            made.sets.push(Vec::new());
            for indices in session.pieces(*records, session.batch, Use::Together) {
                if indices.is_empty() {
                    continue;
                }
                let load = session.load(records.part, &indices, Use::Together);
                let first = made.sets.iter().all(Vec::is_empty);
                let (read, pull) = programs(session, (*records, &load.shape), first)?;
                let numbers = indices.len() * session.model.classes;
                if let Some(set) = made.sets.last_mut() {
                    set.push(Piece { inputs: load.inputs, numbers, read, pull });
                }
            }
        }
        match made.sets.iter().all(Vec::is_empty) {
            true => Err(Error::internal("a loss over no record")),
            false => Ok(made),
        }
    }

    /// The outputs of each set, row after row.
    ///
    /// # Errors
    /// A lost device.
    pub fn outputs(&self, session: &mut Session) -> Result<Vec<Vec<f64>>> {
        let of = |set: &Vec<Piece>| {
            let mut rows = Vec::new();
            for piece in set {
                let out = session.engine.run(&piece.read, &piece.inputs)?;
                rows.extend(out[0].f32().iter().map(|v| f64::from(*v)));
            }
            Ok(rows)
        };
        self.sets.iter().map(of).collect()
    }

    /// Puts the gradient of a loss into the session's scratch vector, from its derivatives to [`Steered::outputs`].
    ///
    /// # Errors
    /// Other numbers of slopes than of outputs; a lost device.
    pub fn pull(&self, session: &mut Session, slopes: &[Vec<f64>]) -> Result<()> {
        let lengths = |set: &Vec<Piece>| set.iter().map(|piece| piece.numbers).sum::<usize>();
        if !self.sets.iter().map(lengths).eq(slopes.iter().map(Vec::len)) {
            return Err(Error::internal("not one slope for each output"));
        }
        for (set, slopes) in self.sets.iter().zip(slopes) {
            let mut left = slopes.as_slice();
            for piece in set {
                let (own, rest) = left.split_at(piece.numbers);
                left = rest;
                let mut inputs = piece.inputs.clone();
                inputs.push(Data::F32(own.iter().map(|v| *v as f32).collect()));
                session.engine.run(&piece.pull, &inputs)?;
            }
        }
        Ok(())
    }
}

/// What reads a batch's outputs, and what adds its gradient to those of the batches before it.
fn programs(session: &mut Session, (records, shape): (Records, &Shape), first: bool) -> Result<(Program, Program)> {
    let mut rec = session.recording();
    let loaded = session.record_load(&mut rec, records.part, shape)?;
    let tape = session.record_forward(&mut rec, &loaded, Mode::Eval, None)?;
    rec.readback(tape.logits);
    let read = session.compile(rec)?;
    let mut rec = session.recording();
    let loaded = session.record_load(&mut rec, records.part, shape)?;
    let tape = session.record_forward(&mut rec, &loaded, Mode::Eval, None)?;
    let slopes = rec.temp("slopes", tape.logits.len);
    rec.upload(slopes);
    let sink = Sink::Mean { grad: session.grad, scale: 1.0, accumulate: !first };
    session.model.backward(&mut rec, session.theta, &tape, slopes, None, sink)?;
    Ok((read, session.compile(rec)?))
}
