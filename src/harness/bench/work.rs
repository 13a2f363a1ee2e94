//! What is to be timed: cases that there are, or forms of an operation at shapes asked for, one group after the other.

use super::super::trial::{self, Outcome};
use super::{Refused, Verified};
use crate::engine::case::{Case, Role};
use crate::engine::{Data, Engine, Lane};
use crate::error::{Error, Result};
use crate::kernels::asked::{Op, word};

/// Cases that stand side by side: forms of one kernel at one shape.
#[derive(Clone, Debug)]
pub enum Work {
    /// Of the registry.
    Known(Vec<Case>),
    /// An operation, by its name, at a shape; its cases are made when their turn comes.
    Asked {
        /// Name of the operation.
        op: &'static str,
        /// Its numbers.
        shape: Vec<usize>,
    },
}

impl Work {
    /// Groups cases by what they compute: the plain kernel, and what their names say beside the kernel.
    pub fn grouped(cases: Vec<Case>) -> Vec<Work> {
        let mut groups: Vec<(String, Vec<Case>)> = Vec::new();
        for case in cases {
            let key = case.rec.dispatches().next().map_or_else(
                || case.name.clone(),
                |d| match case.name.strip_prefix(d.kernel.name) {
                    Some(options) => format!("{}{options}", d.kernel.plain().name),
                    None => case.name.clone(),
                },
            );
            match groups.iter_mut().find(|(k, _)| *k == key) {
                Some((_, group)) => group.push(case),
                None => groups.push((key, vec![case])),
            }
        }
        groups.into_iter().map(|(_, cases)| Work::Known(cases)).collect()
    }

    /// For a progress bar.
    pub fn title(&self) -> String {
        match self {
            Work::Known(cases) => cases.first().map_or_else(String::new, |c| c.name.clone()),
            Work::Asked { op, shape } => format!("{op} {}", word(shape)),
        }
    }
}

/// Which forms of a group are timed.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    /// Stems (`matmul_tiled`) or what a variant's name has beyond the plain kernel's (`tiled`, `plain`).
    pub names: Vec<String>,
    /// The form that the choice takes here. Without it and without names all forms are timed.
    pub chosen: bool,
}

impl Forms {
    /// Whether a case is among them.
    pub fn take(&self, case: &Case, chosen: Option<&str>) -> bool {
        let Some(kernel) = case.rec.dispatches().next().map(|d| d.kernel) else { return true };
        let named = |n: &String| n == kernel.stem() || n == kernel.variant();
        let picked = self.chosen && chosen.is_none_or(|name| name == kernel.name);
        picked || self.names.iter().any(named) || (!self.chosen && self.names.is_empty())
    }
}

/// The cases of a work, made.
pub(super) struct Group {
    pub op: Option<&'static str>,
    pub shape: Vec<usize>,
    pub cases: Vec<Case>,
    /// A shape that the twins can take, and the same forms there.
    small: Option<(Vec<usize>, Vec<Case>)>,
    /// Name of the kernel that the choice takes, and whether a measurement chose it.
    pub chosen: Option<(&'static str, bool)>,
    /// Floating-point operations and bytes of the plain form: what the operation needs, however a form goes about it.
    pub needs: (u64, u64),
}

/// Operations or bytes above which the twins, in f64 on the host, verify a smaller shape of the same form.
const TWINS: u64 = 60_000_000;

fn needs(case: &Case) -> (u64, u64) {
    case.rec.dispatches().fold((0, 0), |(flops, bytes), d| (flops + d.flops, bytes + d.bytes))
}

impl Group {
    /// # Errors
    /// A shape whose numbers do not go together.
    pub fn make(engine: &Engine, work: &Work, ops: &[Op], forms: &Forms) -> Result<Group> {
        let (op, shape) = match work {
            Work::Known(cases) => {
                let needs = cases.first().map_or((0, 0), needs);
                let cases = cases.iter().filter(|c| forms.take(c, None)).cloned().collect();
                return Ok(Group { op: None, shape: Vec::new(), cases, small: None, chosen: None, needs });
            }
            Work::Asked { op, shape } => (op, shape),
        };
        let row = ops.iter().find(|o| o.name == *op).ok_or_else(|| Error::internal(format!("no operation {op}")))?;
        let chosen = row.chosen_for(engine.recording(), shape).map(|(kernel, tuned)| (kernel.name, tuned));
        let cases = |shape: &[usize]| -> Result<Vec<Case>> {
            row.cases(shape).map_err(|why| Error::input(format!("--shape {} of {op}: {why}", word(shape))))
        };
        let mut all = cases(shape)?;
        let needs = all.first().map_or((0, 0), needs);
        let there: Vec<String> = all.iter().map(|c| form(c).to_owned()).collect();
        all.retain(|c| forms.take(c, chosen.map(|(name, _)| name)));
        if all.is_empty() {
            let (asked, there) = (forms.names.join(", "), there.join(", "));
            return Err(Error::input(format!("--variant {asked}: {op} {} has {there}", word(shape))));
        }
        let reduced = row.small(shape);
        let small = match needs.0.max(needs.1) > TWINS && reduced != *shape {
            true => Some((reduced.clone(), cases(&reduced)?)),
            false => None,
        };
        Ok(Group { op: Some(op), shape: shape.clone(), cases: all, small, chosen, needs })
    }

    /// Which of the cases give right results, and how that was seen; what does not goes to `refused`. Where the twins
    /// would take too long, a smaller shape of the same form is held to them, and the results at full size are held to
    /// each other.
    pub fn verified(&mut self, engine: &mut Engine, refused: &mut Vec<Refused>) -> Result<Vec<(Case, Verified)>> {
        let mut right = Vec::new();
        let mut known: Option<(Case, Vec<Lane>)> = None;
        let mut first: Option<(Case, Vec<Data>)> = None;
        for case in std::mem::take(&mut self.cases) {
            let small = self.small_of(&case);
            let tried = small.map_or(&case, |(_, small)| small);
            if known.as_ref().is_none_or(|(of, _)| !same_inputs(of, tried)) {
                known = Some((tried.clone(), trial::expected(tried)?));
            }
            let want = known.as_ref().map(|(_, want)| want.as_slice()).unwrap_or_default();
            let outcome = match (trial::trial_against(engine, tried, want)?, small) {
                (Outcome::Pass(distance), None) => Ok(Verified { how: "whole".to_owned(), distance }),
                (Outcome::Pass(distance), Some((shape, _))) => {
                    whole(engine, &case, &mut first)?.map(|more| Verified { how: word(shape) + &more, distance })
                }
                (Outcome::Fail(why), _) => Err((why.what, true)),
                (Outcome::Unsupported(why), _) => Err((why, false)),
            };
            match outcome {
                Ok(verified) => right.push((case, verified)),
                Err((why, wrong)) => refused.push(Refused { case: case.name.clone(), why, wrong }),
            }
        }
        Ok(right)
    }

    /// The smaller shape that stands in for a case, and the same form there.
    fn small_of(&self, case: &Case) -> Option<(&[usize], &Case)> {
        let form = |c: &Case| c.rec.dispatches().next().map(|d| (d.kernel.name, d.consts.clone()));
        let (shape, all) = self.small.as_ref()?;
        Some((shape, all.iter().find(|c| form(c) == form(case))?))
    }
}

/// What stood in the way of a case, and whether that is its fault.
type Reason = (String, bool);

/// Holds a case at full size to the first one of its group, which it becomes where there is none yet.
fn whole(
    engine: &mut Engine,
    case: &Case,
    first: &mut Option<(Case, Vec<Data>)>,
) -> Result<std::result::Result<String, Reason>> {
    let got = match trial::execute(engine, case) {
        Err(e @ (Error::Unsupported(_) | Error::TooLarge { .. })) => return Ok(Err((e.to_string(), false))),
        other => other?,
    };
    let Some((of, want)) = first else {
        *first = Some((case.clone(), got));
        return Ok(Ok(" to the twin".to_owned()));
    };
    Ok(match agree(case, &got, want) {
        Ok(()) => Ok(format!(" to the twin, whole to {}", form(of))),
        Err(what) => Err((format!("{what}, against {}", of.name), true)),
    })
}

fn form(case: &Case) -> &'static str {
    case.rec.dispatches().next().map_or("it", |d| d.kernel.variant())
}

/// The twins of two cases get the same numbers.
pub(super) fn same_inputs(a: &Case, b: &Case) -> bool {
    let plain = |c: &Case| c.rec.dispatches().next().map(|d| d.kernel.plain().name);
    let same = |(a, b): (&crate::engine::case::CaseBuf, &crate::engine::case::CaseBuf)| {
        a.role == b.role && a.init.bytes() == b.init.bytes()
    };
    plain(a) == plain(b) && a.buffers.len() == b.buffers.len() && a.buffers.iter().zip(&b.buffers).all(same)
}

/// Whether the results of two forms differ by no more than each may from the twin's.
fn agree(case: &Case, got: &[Data], want: &[Data]) -> Result<(), String> {
    if got.len() != want.len() {
        return Err("another number of buffers".to_owned());
    }
    let written = case.buffers.iter().zip(got.iter().zip(want)).filter(|(b, _)| b.role != Role::Input);
    for (buf, pair) in written {
        let (Data::F32(got), Data::F32(want)) = pair else { continue };
        let range = crate::engine::case::GUARD..crate::engine::case::GUARD + buf.init.bytes().len() / 4;
        let (Some(got), Some(want)) = (got.get(range.clone()), want.get(range)) else {
            return Err(format!("`{}` has another length", buf.name));
        };
        let far = |(g, w): (&f32, &f32)| {
            let (g, w) = (f64::from(*g), f64::from(*w));
            (g - w).is_nan() != (g.is_nan() && w.is_nan()) || (g - w).abs() > 2.0 * (case.atol + case.rtol * w.abs())
        };
        if let Some(at) = got.iter().zip(want).position(far) {
            return Err(format!("`{}`[{at}] is {:e}, expected {:e}", buf.name, got[at], want[at]));
        }
    }
    Ok(())
}
