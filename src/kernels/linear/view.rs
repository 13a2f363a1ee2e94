//! Matrices over buffers, by strides.

use crate::engine::{Arguments, Buf};
use crate::error::{Extent, Mistake};

/// A matrix view over a buffer. Views that do not fit can be made; the product that is given one refuses it.
#[derive(Clone, Copy, Debug)]
pub struct Mat {
    pub(super) buf: Buf<f32>,
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
    misfit: Option<Misfit>,
}

/// Why a view does not fit.
#[derive(Clone, Copy, Debug)]
enum Misfit {
    /// The buffer has another size than the matrix.
    Size { rows: usize, cols: usize },
    /// Columns that the matrix does not have.
    Columns { start: usize, end: usize, cols: usize },
    /// Columns of a transpose do not lie side by side.
    Transposed,
}

impl Mat {
    /// Row-major [rows, cols].
    pub fn new(buf: Buf<f32>, rows: usize, cols: usize) -> Mat {
        let fits = rows.checked_mul(cols) == Some(buf.len);
        let misfit = (!fits).then_some(Misfit::Size { rows, cols });
        Mat { buf, rows, cols, row_stride: cols, col_stride: 1, misfit }
    }

    /// Some columns of a row-major matrix; nothing moves. The first one's place must be a multiple of
    /// [`crate::engine::ALIGN`].
    pub fn columns(self, range: std::ops::Range<usize>) -> Mat {
        let misfit = match (self.misfit, self.col_stride) {
            (Some(earlier), _) => Some(earlier),
            (None, 1) if range.start <= range.end && range.end <= self.cols => None,
            (None, 1) => Some(Misfit::Columns { start: range.start, end: range.end, cols: self.cols }),
            _ => Some(Misfit::Transposed),
        };
        if misfit.is_some() {
            return Mat { misfit, ..self };
        }
        let end = self.rows.saturating_sub(1) * self.row_stride + range.end;
        Mat { buf: self.buf.range(range.start..end.max(range.start)), cols: range.len(), ..self }
    }

    /// The first of several row-major [rows, cols] matrices in one buffer; see [`products`](super::products).
    pub fn first(buf: Buf<f32>, rows: usize, cols: usize) -> Mat {
        Mat { misfit: None, ..Mat::new(buf, rows, cols) }
    }

    /// The diagonal of a row-major [size, size] matrix as one row: its product with ones is the trace.
    pub fn diagonal(buf: Buf<f32>, size: usize) -> Mat {
        let whole = Mat::new(buf, size, size);
        Mat { rows: 1, row_stride: 0, col_stride: size.saturating_add(1), ..whole }
    }

    /// The transpose; nothing moves.
    pub fn t(self) -> Mat {
        Mat { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// Adds to a record function's checks that the view fits its buffer.
    pub(super) fn fits<'r>(&self, checks: Arguments<'r>, name: &str) -> Arguments<'r> {
        checks.mistake(self.misfit.map(|misfit| match misfit {
            Misfit::Size { rows, cols } => {
                let (expected, found) = (Extent::exactly(&[rows, cols]), Extent::exactly(&[self.buf.len]));
                Mistake::Shape { buffer: name.to_owned(), expected, found }
            }
            Misfit::Columns { start, end, cols } => Mistake::Range { start, end, len: cols },
            Misfit::Transposed => Mistake::Other(format!("`{name}`: columns of a transpose")),
        }))
    }

    /// Elements from the first one of the matrix to behind its last.
    pub(super) fn extent(&self) -> usize {
        match self.rows * self.cols {
            0 => 0,
            _ => (self.rows - 1) * self.row_stride + (self.cols - 1) * self.col_stride + 1,
        }
    }
}
