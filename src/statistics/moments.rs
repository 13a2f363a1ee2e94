//! Second moments of the records themselves: what bounds on linear models need.

use crate::error::Result;
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::map;
use crate::kernels::{Reduction, reduce};
use crate::records::{Records, Session, Use};

/// X̃ᵀX̃ for rows x̃ = (x, 1), [width + 1, width + 1], and its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Rows, and columns, of the matrix.
    pub side: usize,
    /// Row after row.
    pub values: Vec<f64>,
}

impl Moments {
    /// Sum of the diagonal.
    pub fn trace(&self) -> f64 {
        (0..self.side).map(|i| self.values[i * self.side + i]).sum()
    }
}

/// Second moments of records that stand alone, summed on the GPU; the square comes back.
///
/// # Errors
/// The records are those of a graph.
pub fn moments(session: &mut Session, records: Records) -> Result<Moments> {
    session.needs_alone(|| "second moments of records are those of rows, and the data are a graph".to_owned())?;
    session.check_records(records, false)?;
    let width = session.model.width();
    let (square, sums) = (session.engine.alloc("moments", width * width)?, session.engine.alloc("sums", width)?);
    session.run(|rec| {
        rec.clear(square);
        rec.clear(sums);
        Ok(())
    })?;
    for piece in session.pieces(records, session.batch, Use::Together) {
        let load = session.load(records.part, &piece, Use::Together);
        let mut rec = session.recording();
        let loaded = session.record_load(&mut rec, records.part, &load.shape)?;
        let x = loaded.batch.x.values();
        let x_mat = Mat::new(x, loaded.n, width);
        linear::product(&mut rec, x_mat.t(), x_mat, x, square, Product { beta: 1.0, ..Product::default() });
        let add = Reduction { beta: 1.0, ..Reduction::default() };
        reduce::channels(&mut rec, x, sums, loaded.n, width, 1, add);
        let program = session.compile(rec)?;
        session.engine.run(&program, &load.inputs)?;
    }
    let (square, sums) = (session.engine.read(square)?, session.engine.read(sums)?);
    let side = width + 1;
    let mut values = vec![0.0; side * side];
    for i in 0..width {
        for j in 0..width {
            values[i * side + j] = f64::from(square[i * width + j]);
        }
        values[i * side + width] = f64::from(sums[i]);
        values[width * side + i] = f64::from(sums[i]);
    }
    values[side * side - 1] = records.indices.len() as f64;
    Ok(Moments { side, values })
}

/// ‖scale (grad + decay θ) + b‖ with the gradient that lies in the session's scratch vector and b in `tilt`, on which
/// the scratch vector ends up holding scale (grad + decay θ) + b.
pub fn objective_gradient(session: &mut Session, tilt: &[f32], decay: f64, scale: f64) -> Result<f64> {
    let (theta, grad, b) = (session.theta, session.grad, session.vector("objective noise")?);
    session.engine.write(b, tilt)?;
    let out = session.run(|rec| {
        let norm2 = rec.temp("norm2", 1);
        map::axpby(rec, (decay * scale) as f32, theta, scale as f32, grad);
        map::axpby(rec, 1.0, b, 1.0, grad);
        reduce::total(rec, grad, norm2, 1.0, true);
        rec.readback(norm2);
        Ok(())
    })?;
    Ok(f64::from(out[0].f32()[0]).sqrt())
}
