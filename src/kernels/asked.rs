//! Cases of shapes that somebody asks for at the command line: one row for each operation that can be timed so.

use crate::engine::case::Case;
use crate::engine::{Kernel, Recording};

/// How a row makes what is timed at one shape.
type Make = Box<dyn Fn(&[usize]) -> Result<Vec<Case>, String>>;

/// How a row records, into an empty recording, the form that it is given.
type Record = Box<dyn Fn(Recording, &[usize]) -> Recording>;

/// An operation that `unlearn bench --op` times at any shape: the cases of its forms, each verified as any other case.
pub struct Op {
    /// The word after `--op`.
    pub name: &'static str,
    /// What the numbers of a shape are, from the left: `MxNxK`.
    pub dims: &'static str,
    /// Numbers that may be left out at the end.
    optional: usize,
    /// The place of a number that may be 0.
    zero: Option<usize>,
    /// One number alone stands for all.
    cube: bool,
    /// The formula.
    pub about: &'static str,
    /// A shape, where none is asked for.
    pub example: &'static [usize],
    make: Make,
    record: Option<Record>,
    small: fn(&[usize]) -> Vec<usize>,
}

/// A length of the same form: whole and broken vec4s, tiles and workgroups stay what they were.
pub fn short(length: usize) -> usize {
    if length <= 192 { length } else { 128 + length % 64 }
}

impl Op {
    /// An operation whose numbers are `dims`, with the cases of all of its forms.
    pub fn new(
        name: &'static str,
        dims: &'static str,
        about: &'static str,
        example: &'static [usize],
        make: impl Fn(&[usize]) -> Result<Vec<Case>, String> + 'static,
    ) -> Op {
        let small = |shape: &[usize]| shape.iter().copied().map(short).collect();
        Op {
            name,
            dims,
            optional: 0,
            zero: None,
            cube: false,
            about,
            example,
            make: Box::new(make),
            record: None,
            small,
        }
    }

    /// An operation over one vector, with a single form.
    pub fn of_length(name: &'static str, about: &'static str, make: fn(usize) -> Case) -> Op {
        let op = Op::new(name, "N", about, &[1 << 20], move |s| Ok(vec![make(s[0])]));
        op.scaled(|s| vec![if s[0] <= 1 << 20 { s[0] } else { 65_536 + s[0] % 1024 }])
    }

    /// Numbers at the end that may be left out; the row's function then gets a shorter slice.
    pub fn optional(mut self, count: usize) -> Op {
        self.optional = count;
        self
    }

    /// The number at this place may be 0, as no other.
    pub fn zero(mut self, at: usize) -> Op {
        self.zero = Some(at);
        self
    }

    /// One number alone stands for all of them.
    pub fn cube(mut self) -> Op {
        self.cube = true;
        self
    }

    /// A shape of the same form that the twins, in f64 on the host, compute in little time.
    pub fn scaled(mut self, small: fn(&[usize]) -> Vec<usize>) -> Op {
        self.small = small;
        self
    }

    /// How the form that a recording is given is recorded; its buffers are temporaries without content.
    pub fn chosen(mut self, record: impl Fn(Recording, &[usize]) -> Recording + 'static) -> Op {
        self.record = Some(Box::new(record));
        self
    }

    /// A shape of this operation, of the numbers asked for.
    ///
    /// # Errors
    /// A sentence: too few or too many numbers, or a 0 among them.
    pub fn shape(&self, numbers: &[usize]) -> Result<Vec<usize>, String> {
        let all = self.dims.split('x').count();
        let given = numbers.len();
        match given {
            _ if (0..given).any(|at| numbers[at] == 0 && self.zero != Some(at)) => {
                Err(format!("a size of {} is 0", self.name))
            }
            1 if self.cube && all > 1 => Ok(vec![numbers[0]; all]),
            _ if (all - self.optional..=all).contains(&given) => Ok(numbers.to_vec()),
            _ => Err(format!("a shape of {} is {}, for example {}", self.name, self.dims, word(self.example))),
        }
    }

    /// The cases of every form that takes a shape, the plain form first; some read whole vec4s alone, say.
    ///
    /// # Errors
    /// A sentence: which numbers do not go together.
    pub fn cases(&self, shape: &[usize]) -> Result<Vec<Case>, String> {
        let mut all = (self.make)(shape)?;
        let fits = |case: &Case| case.rec.misuse().is_none();
        match all.first().and_then(|plain| plain.rec.misuse()) {
            Some(mistake) => Err(mistake.to_string()),
            None => {
                all.retain(fits);
                Ok(all)
            }
        }
    }

    /// A shape of the same form that is verified in the place of one too large for the twins.
    pub fn small(&self, shape: &[usize]) -> Vec<usize> {
        (self.small)(shape)
    }

    /// The kernel that an empty recording is given at a shape, by its first dispatch, and whether a measurement chose
    /// it; nothing where there is one form.
    pub fn chosen_for(&self, empty: Recording, shape: &[usize]) -> Option<(&'static Kernel, bool)> {
        self.record.as_ref()?(empty, shape).first_form()
    }
}

/// A shape as it is written: `64x120x400`.
pub fn word(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// Every operation that can be asked for.
pub fn ops() -> Vec<Op> {
    super::FAMILIES.iter().flat_map(|family| (family.asked)()).collect()
}

/// Of a family without any.
pub(super) fn none() -> Vec<Op> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Target;

    #[test]
    fn every_example_and_its_small_form_make_cases_that_fit_their_shaders() {
        let mut names = std::collections::BTreeSet::new();
        for op in ops() {
            assert!(names.insert(op.name), "two operations are called {}", op.name);
            let shape = op.shape(op.example).expect("its own example");
            for shape in [op.small(&shape), shape] {
                let cases = op.cases(&shape).unwrap_or_else(|e| panic!("{} {shape:?}: {e}", op.name));
                assert!(!cases.is_empty(), "{}", op.name);
                for case in &cases {
                    case.rec.check().unwrap_or_else(|e| panic!("{}: {e}", case.name));
                    assert!(case.rec.dispatches().count() > 0, "{} records nothing", case.name);
                }
                let empty = Recording::new(Target::software(8));
                if let Some((chosen, _)) = op.chosen_for(empty, &shape) {
                    let there = cases.iter().any(|c| c.rec.dispatches().any(|d| d.kernel.name == chosen.name));
                    let chosen = chosen.name;
                    assert!(there, "{}: {chosen} is chosen, but not among its forms", op.name);
                }
            }
        }
        assert!(names.len() > 20, "{names:?}");
    }

    #[test]
    fn a_shape_has_its_numbers_or_says_which() {
        let all = ops();
        let op = |name: &str| all.iter().find(|op| op.name == name).expect("there");
        assert_eq!(op("matmul_nn").shape(&[7]), Ok(vec![7, 7, 7]));
        assert_eq!(op("matmul_nn").shape(&[7, 8, 9]), Ok(vec![7, 8, 9]));
        let said = op("matmul_nn").shape(&[7, 8]).expect_err("two numbers");
        assert!(said.contains("MxNxK") && said.contains("512x512x512"), "{said}");
        assert!(op("matmul_nn").shape(&[7, 0, 9]).is_err());
        assert_eq!(op("conv2d_fwd").shape(&[2, 3, 8, 8, 4, 3]), Ok(vec![2, 3, 8, 8, 4, 3]));
        let said = op("conv2d_fwd").cases(&[2, 3, 8, 8, 4, 3, 1, 1, 2]).expect_err("3 channels in 2 groups");
        assert!(said.contains("groups"), "{said}");
    }

    #[test]
    fn a_short_length_is_as_ragged_as_the_long_one() {
        assert_eq!([short(64), short(192), short(4096), short(1021)], [64, 192, 128, 128 + 61]);
    }
}
