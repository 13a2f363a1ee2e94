//! Checks of what record functions are called with. A recording keeps the first mistake and hands it out as an error
//! when it is compiled or differentiated, so that record functions need no results and nothing runs on wrong shapes.

use super::recording::Recording;
use super::span::{Buf, BufferId, Elem, Element, Span, Unusable};
use crate::error::{Error, Extent, Mistake, Misuse, Result};

/// The checks of one call, in order; the first that fails is kept by the recording.
#[must_use = "a record function returns where `wrong()` says so"]
pub struct Arguments<'r> {
    rec: &'r mut Recording,
    function: &'static str,
}

impl Recording {
    /// Starts the checks of a record function's arguments, before it computes with them:
    ///
    /// ```
    /// # use unlearn::engine::{Buf, Recording};
    /// fn scale(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>, rows: usize, cols: usize) {
    ///     if rec.arguments("mine.scale").shape("x", x, &[rows, cols]).shape("y", y, &[rows, cols]).wrong() {
    ///         return;
    ///     }
    ///     // …
    /// }
    /// ```
    pub fn arguments(&mut self, function: &'static str) -> Arguments<'_> {
        Arguments { rec: self, function }
    }

    /// The first call that did not fit, if one did not. Nothing was recorded since.
    pub fn misuse(&self) -> Option<&Misuse> {
        self.misuse.as_deref()
    }

    /// # Errors
    /// That call.
    pub(super) fn sound(&self) -> Result<()> {
        self.misuse.clone().map_or(Ok(()), |misuse| Err(Error::Misuse(misuse)))
    }
}

impl Arguments<'_> {
    /// `found` holds a tensor of this shape, no more and no less.
    pub fn shape<T: Element>(self, buffer: &str, found: Buf<T>, expected: &[usize]) -> Self {
        self.buffer(buffer, found, Extent::exactly(expected))
    }

    /// [`Arguments::shape`], if there is a buffer.
    pub fn optional<T: Element>(self, buffer: &str, found: Option<Buf<T>>, expected: &[usize]) -> Self {
        match found {
            Some(found) => self.shape(buffer, found, expected),
            None => self,
        }
    }

    /// `found` holds a tensor of this shape; what lies behind it is not looked at.
    pub fn at_least<T: Element>(self, buffer: &str, found: Buf<T>, expected: &[usize]) -> Self {
        self.buffer(buffer, found, Extent::at_least(expected))
    }

    /// Sizes that are not those of a buffer: of a view, say.
    pub fn extent(self, what: &str, found: Extent, expected: Extent) -> Self {
        let least = expected.at_least && expected.elements().is_some_and(|n| found.elements() >= Some(n));
        if found.dims == expected.dims || least {
            return self;
        }
        self.fails(|| Mistake::Shape { buffer: what.to_owned(), expected, found })
    }

    /// `found` holds `n` results of `size` elements that start `stride` elements apart and do not overlap.
    pub fn strided<T: Element>(self, buffer: &str, found: Buf<T>, [n, size]: [usize; 2], stride: usize) -> Self {
        let apart = n < 2 || stride >= size;
        let checks = self.holds(apart, || format!("`{buffer}`: results of {size} elements start {stride} apart"));
        let need = n.checked_sub(1).map_or(Some(0), |last| last.checked_mul(stride)?.checked_add(size));
        checks.at_least(buffer, found, &[need.unwrap_or(usize::MAX)])
    }

    /// Something else that must hold; `message` says what does not, in the words of the arguments.
    pub fn holds(self, condition: bool, message: impl FnOnce() -> String) -> Self {
        if condition { self } else { self.fails(|| Mistake::Other(message())) }
    }

    /// A mistake that was found elsewhere, if one was.
    pub fn mistake(self, found: Option<Mistake>) -> Self {
        match found {
            Some(mistake) => self.fails(|| mistake),
            None => self,
        }
    }

    /// Whether anything failed, here or in an earlier call: the function must then return and record nothing.
    pub fn wrong(self) -> bool {
        self.rec.misuse.is_some()
    }

    pub(super) fn usable<T: Element>(self, buf: Buf<T>) -> Self {
        self.usable_span(buf.any())
    }

    pub(super) fn usable_span(self, span: Span) -> Self {
        self.mistake(span.mistake())
    }

    fn buffer<T: Element>(self, buffer: &str, found: Buf<T>, expected: Extent) -> Self {
        let checks = self.usable(found);
        let fits = expected.elements().is_some_and(|n| found.len == n || (expected.at_least && found.len > n));
        if fits {
            return checks;
        }
        checks.fails(|| Mistake::Shape { buffer: buffer.to_owned(), expected, found: Extent::exactly(&[found.len]) })
    }

    fn fails(self, mistake: impl FnOnce() -> Mistake) -> Self {
        if self.rec.misuse.is_none() {
            let scope = self.rec.scope.join("/");
            self.rec.misuse = Some(Box::new(Misuse { function: self.function, scope, mistake: mistake() }));
        }
        self
    }
}

impl Span {
    /// Why the range cannot be used, if it cannot.
    pub(super) fn mistake(&self) -> Option<Mistake> {
        match self.id {
            BufferId::Kept(_) | BufferId::Temp(_) => None,
            BufferId::Unusable(Unusable::Range { start, end, len }) => {
                let [start, end, len] = [start, end, len].map(|v| v as usize);
                Some(Mistake::Range { start, end, len })
            }
            BufferId::Unusable(Unusable::Type(elem)) => {
                let wanted: Elem = self.elem;
                Some(Mistake::Other(format!("a range of {elem} is used as one of {wanted}")))
            }
        }
    }
}
