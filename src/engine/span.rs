//! Ranges of buffers: typed for those who record, untyped for what runs them.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// Scalar type of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Elem {
    /// `f32`.
    F32,
    /// `u32`.
    U32,
}

impl fmt::Display for Elem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Elem::F32 => "f32",
            Elem::U32 => "u32",
        })
    }
}

/// Tensors inside one buffer start at multiples of this many 4-byte elements (256 bytes): the largest storage
/// offset alignment any adapter asks for.
pub const ALIGN: usize = 64;

/// Which buffer: one the engine keeps, or one that lives only inside a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BufferId {
    /// A buffer of the engine, by its number.
    Kept(u32),
    /// A temporary of the recording, by its number.
    Temp(u32),
    /// In none. Whatever uses such a range is refused with the reason.
    Unusable(Unusable),
}

/// Why a range cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unusable {
    /// [`Buf::range`] was asked for elements that the range before it does not have.
    Range {
        /// First element asked for.
        start: u32,
        /// One behind the last.
        end: u32,
        /// Elements that there are.
        len: u32,
    },
    /// [`Buf::over`] was asked for elements of another type than these.
    Type(Elem),
}

/// Rust types that buffers hold.
pub trait Element: bytemuck::Pod {
    /// Its name in shaders.
    const ELEM: Elem;
}

impl Element for f32 {
    const ELEM: Elem = Elem::F32;
}

impl Element for u32 {
    const ELEM: Elem = Elem::U32;
}

/// A typed range of a buffer; offsets and lengths count 4-byte elements.
#[derive(Debug)]
pub struct Buf<T> {
    /// The buffer it lies in.
    pub id: BufferId,
    /// First element.
    pub offset: usize,
    /// Number of elements.
    pub len: usize,
    pub(super) elem: PhantomData<fn() -> T>,
}

impl<T> Clone for Buf<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Buf<T> {}

impl<T: Element> Buf<T> {
    pub(super) fn new(id: BufferId, len: usize) -> Self {
        Buf { id, offset: 0, len, elem: PhantomData }
    }

    /// The typed range behind an untyped one of the same element type. With another type it is
    /// [`BufferId::Unusable`], and the recording or the engine that gets it says so.
    pub fn over(span: Span) -> Self {
        let id = if span.elem == T::ELEM { span.id } else { BufferId::Unusable(Unusable::Type(span.elem)) };
        Buf { id, offset: span.offset, len: span.len, elem: PhantomData }
    }

    /// A part of this range; `range.start` must be a multiple of [`ALIGN`] to be bound to a shader. One that is not
    /// inside is [`BufferId::Unusable`], and the recording or the engine that gets it says so.
    pub fn range(self, range: Range<usize>) -> Self {
        if range.start > range.end || range.end > self.len {
            let [start, end, len] = [range.start, range.end, self.len].map(|v| u32::try_from(v).unwrap_or(u32::MAX));
            let id = BufferId::Unusable(Unusable::Range { start, end, len });
            return Buf { id, len: range.len(), ..self };
        }
        Buf { offset: self.offset + range.start, len: range.len(), ..self }
    }

    /// The same range without its type.
    pub fn any(self) -> Span {
        Span { id: self.id, offset: self.offset, len: self.len, elem: T::ELEM }
    }
}

/// An untyped range of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The buffer it lies in.
    pub id: BufferId,
    /// First element.
    pub offset: usize,
    /// Number of elements.
    pub len: usize,
    /// Type of its elements.
    pub elem: Elem,
}

impl Span {
    pub(super) fn overlaps(&self, other: &Span) -> bool {
        self.id == other.id && self.offset < other.offset + other.len && other.offset < self.offset + self.len
    }
}
