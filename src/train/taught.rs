//! What the terms of a fit have in the place of the records' own loss, and how far single parameters follow it.

use crate::engine::{Buf, Recording};
use crate::kernels::edit;
use crate::records::Lesson;

/// Of each term, and of the parameters.
#[derive(Default)]
pub(crate) struct Taught {
    pub terms: Vec<Task>,
    pub gains: Option<Buf<f32>>,
}

/// Of one term.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    pub lesson: Lesson,
    /// Running statistics do not follow its records.
    pub still: bool,
}

impl Default for Task {
    fn default() -> Task {
        Task { lesson: Lesson::Own, still: false }
    }
}

impl Taught {
    pub fn term(&self, i: usize) -> Task {
        self.terms.get(i).copied().unwrap_or_default()
    }

    /// Records the gains of a gradient.
    pub fn record_gains(&self, rec: &mut Recording, grad: Buf<f32>) {
        if let Some(gains) = self.gains {
            edit::mask(rec, grad, gains);
        }
    }
}
