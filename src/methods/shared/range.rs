//! Ranges of real settings.

use crate::base::single;

/// Numbers between two bounds, each of which belongs to it or not; never NaN, and infinite bounds do not belong to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: Bound,
    high: Bound,
    /// In words that follow "must be".
    pub said: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound {
    at: f64,
    belongs: bool,
}

const fn from(at: f64) -> Bound {
    Bound { at, belongs: true }
}

const fn beyond(at: f64) -> Bound {
    Bound { at, belongs: false }
}

const NO_END: Bound = beyond(f64::INFINITY);

impl Range {
    /// Its ends as the words of JSON Schema have them; an infinite one has none.
    pub fn words(self) -> Vec<(&'static str, f64)> {
        let low = if self.low.belongs { "minimum" } else { "exclusiveMinimum" };
        let high = if self.high.belongs { "maximum" } else { "exclusiveMaximum" };
        [(low, self.low.at), (high, self.high.at)].into_iter().filter(|(_, at)| at.is_finite()).collect()
    }

    /// Whether it has no upper end.
    pub fn is_open(self) -> bool {
        self.high.at.is_infinite()
    }

    /// Above 0.
    pub const POSITIVE: Range = Range { low: beyond(0.0), high: NO_END, said: "a positive number" };
    /// 0 and above.
    pub const NOT_NEGATIVE: Range = Range { low: from(0.0), high: NO_END, said: "0 or more" };
    /// Where 0 turns something off.
    pub const NONE_OR_MORE: Range = Range { low: from(0.0), high: NO_END, said: "0 (none) or more" };
    /// 0 to 1, both among them.
    pub const UNIT: Range = Range { low: from(0.0), high: from(1.0), said: "in [0, 1]" };
    /// 0 to 1, 1 itself not among them.
    pub const BELOW_ONE: Range = Range { low: from(0.0), high: beyond(1.0), said: "in [0, 1)" };
    /// A part of something that may not be nothing.
    pub const PART: Range = Range { low: beyond(0.0), high: from(1.0), said: "above 0 and at most 1" };
    /// A part of something that is neither nothing nor all of it.
    pub const BELOW_WHOLE: Range = Range { said: "above 0 and below 1", ..Range::INSIDE };
    /// 0 to 1, neither among them.
    pub const INSIDE: Range = Range { low: beyond(0.0), high: beyond(1.0), said: "between 0 and 1" };

    /// Whether `v` lies in it, and still does in the 32 bits that the engine computes with.
    pub fn contains(self, v: f64) -> bool {
        single(v) && self.holds(v) && self.holds(f64::from(v as f32))
    }

    fn holds(self, v: f64) -> bool {
        let above = v > self.low.at || (v == self.low.at && self.low.belongs);
        above && (v < self.high.at || (v == self.high.at && self.high.belongs))
    }
}

#[cfg(test)]
mod tests {
    use super::Range;

    #[test]
    fn bounds_belong_as_the_words_say() {
        let ends = |range: Range| [0.0, 0.5, 1.0, 2.0].map(|v| range.contains(v));
        assert_eq!(ends(Range::POSITIVE), [false, true, true, true]);
        assert_eq!(ends(Range::NOT_NEGATIVE), [true, true, true, true]);
        assert_eq!(ends(Range::UNIT), [true, true, true, false]);
        assert_eq!(ends(Range::BELOW_ONE), [true, true, false, false]);
        assert_eq!(ends(Range::PART), [false, true, true, false]);
        assert_eq!(ends(Range::INSIDE), [false, true, false, false]);
        assert!([1e-46, 1e39].iter().all(|v| !Range::POSITIVE.contains(*v)) && !Range::BELOW_ONE.contains(1.0 - 1e-12));
        for range in [Range::POSITIVE, Range::NOT_NEGATIVE, Range::UNIT] {
            assert!([f64::NAN, f64::INFINITY, -1.0].iter().all(|v| !range.contains(*v)), "{range:?}");
        }
    }
}
