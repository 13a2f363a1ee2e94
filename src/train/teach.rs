//! How a fit is told what its terms have in the place of the records' own loss.

use super::fit::Fit;
use super::taught::Task;
use crate::engine::Buf;
use crate::records::Lesson;

impl Fit {
    /// Gives term `i` another loss than its records' own. With `still` running statistics do not follow its records,
    /// as they never do those of a climbed or a further term.
    pub fn teach(&mut self, i: usize, lesson: Lesson, still: bool) {
        let terms = &mut self.taught.terms;
        terms.resize(terms.len().max(i + 1), Task::default());
        terms[i] = Task { lesson, still };
        self.programs.clear();
    }

    /// Multiplies each parameter's gradient by a number of its own, in the parameters' layout, before it is clipped.
    /// Decay is not part of it.
    pub fn weigh_gradients(&mut self, gains: Buf<f32>) {
        self.taught.gains = Some(gains);
        self.programs.clear();
    }
}
