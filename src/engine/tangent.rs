//! Forward-mode differentiation of a recording: Pearlmutter's R-operator ("Fast exact multiplication by the Hessian",
//! Neural Computation 1994) for whatever a recording computes.

mod rules;

use std::collections::HashMap;
use std::ops::Range;

use super::kernel::{Access, Tangent};
use super::recording::{Command, Dispatch, Recording};
use super::span::{Buf, BufferId, Elem, Span};
use crate::error::{Error, Extent, Mistake, Result};

/// Records the derivative's commands of one dispatch.
pub type Rule = fn(&mut Tangents, &Dispatch) -> Result<()>;

/// Records `sum += term`; the engine knows no kernels.
pub type Add = fn(rec: &mut Recording, term: Buf<f32>, sum: Buf<f32>);

/// Where the derivatives of a recording's buffers are; rules record through it.
pub struct Tangents {
    rec: Recording,
    add: Add,
    homes: HashMap<BufferId, Home>,
}

/// The derivative of one buffer. All of it holds what it should at any time: 0 outside the live parts.
struct Home {
    id: BufferId,
    /// The elements of the value's buffer that have a place here, the first of them at `start`.
    of: Range<usize>,
    start: usize,
    /// Parts of `of` whose derivative may differ from 0.
    live: Vec<Range<usize>>,
}

impl Home {
    fn place(&self, span: Span) -> Span {
        Span { id: self.id, offset: span.offset - self.of.start + self.start, ..span }
    }

    fn touches(&self, part: &Range<usize>) -> bool {
        self.live.iter().any(|l| l.start < part.end && part.start < l.end)
    }

    /// Takes `part` out of what is live.
    fn settle(&mut self, part: &Range<usize>) {
        let cut = |l: &Range<usize>| [l.start..l.end.min(part.start), l.start.max(part.end)..l.end];
        self.live = self.live.iter().flat_map(cut).filter(|l| l.start < l.end).collect();
    }
}

fn range(span: Span) -> Range<usize> {
    span.offset..span.offset + span.len
}

impl Recording {
    /// Rewrites the commands recorded so far: each is kept, and the commands of its directional derivative are put
    /// beside it. Recording then goes on, with both at hand.
    ///
    /// A seed is a value and the home of its derivative: what the home holds when the recording starts is the
    /// derivative of what the value holds then (the direction, for an input), and what it holds afterwards that of the
    /// value then. A range of a buffer has the same range of the home as its derivative, and a temporary gets a
    /// temporary. A kept buffer that is no seed is constant; it must not be given a value that has a derivative.
    ///
    /// # Errors
    /// A record function was called with arguments that do not fit, a home has another length than its value, or a
    /// derivative reaches a kernel without a rule, or a kept buffer without a home. The recording is then of no use.
    pub fn tangent(&mut self, seeds: &[(Buf<f32>, Buf<f32>)], add: Add) -> Result<Tangents> {
        self.sound()?;
        let mut homes = HashMap::new();
        for (i, (value, home)) in seeds.iter().enumerate() {
            if value.len != home.len {
                let (expected, found) = (Extent::exactly(&[value.len]), Extent::exactly(&[home.len]));
                let buffer = format!("home of seed {i}");
                return Err(Error::misuse("Recording::tangent", Mistake::Shape { buffer, expected, found }));
            }
            let of = range(value.any());
            let live = vec![of.clone()];
            if homes.insert(value.id, Home { id: home.id, of, start: home.offset, live }).is_some() {
                let what = Mistake::Other("two seeds in one buffer".to_owned());
                return Err(Error::misuse("Recording::tangent", what));
            }
        }
        let (commands, scope) = (std::mem::take(&mut self.commands), std::mem::take(&mut self.scope));
        let mut tangents = Tangents { rec: std::mem::take(self), add, homes };
        let followed = commands.into_iter().try_for_each(|command| tangents.follow(command));
        *self = std::mem::take(&mut tangents.rec);
        self.scope = scope;
        followed?;
        self.sound().map(|()| tangents)
    }
}

impl Tangents {
    /// Where the derivative of a range is; `None` if it is 0.
    pub fn of(&self, value: Buf<f32>) -> Option<Buf<f32>> {
        self.derivative(value.any()).map(Buf::over)
    }

    fn derivative(&self, span: Span) -> Option<Span> {
        let home = self.homes.get(&span.id).filter(|_| span.elem == Elem::F32)?;
        home.touches(&range(span)).then(|| home.place(span))
    }

    fn follow(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Dispatch(d) => return self.dispatch(d),
            Command::Copy { src, dst } => {
                self.rec.commands.push(Command::Copy { src, dst });
                match self.derivative(src) {
                    Some(src) => {
                        let dst = self.written(dst, Access::Write, "a copy")?;
                        self.rec.commands.push(Command::Copy { src, dst });
                    }
                    None => self.settle(dst),
                }
            }
            Command::Clear { dst } | Command::Upload { dst, .. } => {
                self.rec.commands.push(command);
                self.settle(dst);
            }
            Command::Readback { .. } => self.rec.commands.push(command),
        }
        Ok(())
    }

    fn dispatch(&mut self, d: Dispatch) -> Result<()> {
        for (span, _) in &d.bindings {
            self.inside(*span, &d)?;
        }
        let reads = |(span, access): &(Span, Access)| *access != Access::Write && self.derivative(*span).is_some();
        let moves = d.bindings.iter().any(reads);
        let keep = |t: &mut Tangents| t.rec.commands.push(Command::Dispatch(d.clone()));
        self.rec.scope = vec![if d.label.is_empty() { "tangent".into() } else { format!("{}.tangent", d.label) }];
        match d.kernel.tangent {
            Tangent::Constant => self.constant(d.clone()),
            _ if !moves => self.constant(d.clone()),
            Tangent::Linear(groups) => {
                keep(self);
                self.linear(&d, groups)?;
            }
            Tangent::Rule(rule) => {
                keep(self);
                rule(self, &d)?;
            }
            Tangent::Before(rule) => {
                rule(self, &d)?;
                keep(self);
            }
            Tangent::Missing => return Err(d.misuse("it has no rule for its directional derivative")),
        }
        self.rec.scope.clear();
        Ok(())
    }

    /// What a dispatch overwrites has the derivative 0.
    fn constant(&mut self, d: Dispatch) {
        let written: Vec<Span> = d.bindings.iter().filter(|(_, a)| *a == Access::Write).map(|(s, _)| *s).collect();
        self.rec.commands.push(Command::Dispatch(d));
        written.into_iter().for_each(|span| self.settle(span));
    }

    /// # Errors
    /// A range that is partly in a seed and partly not.
    fn inside(&self, span: Span, d: &Dispatch) -> Result<()> {
        let Some(home) = self.homes.get(&span.id) else { return Ok(()) };
        let whole = home.of.start <= span.offset && span.offset + span.len <= home.of.end;
        match whole || !home.touches(&range(span)) {
            true => Ok(()),
            false => Err(d.misuse("it reaches over the edge of a seed")),
        }
    }

    /// The derivative of a range becomes 0.
    fn settle(&mut self, span: Span) {
        let Some(home) = self.homes.get_mut(&span.id).filter(|home| home.touches(&range(span))) else { return };
        home.settle(&range(span));
        let dst = home.place(span);
        self.rec.commands.push(Command::Clear { dst });
    }

    /// The place of the derivative of a range that is about to be given one.
    fn written(&mut self, span: Span, access: Access, by: &str) -> Result<Span> {
        if !self.homes.contains_key(&span.id) {
            let BufferId::Temp(t) = span.id else {
                let what = format!("{by} gives a kept buffer a derivative, and no seed says where it goes");
                return Err(Error::misuse("Recording::tangent", Mistake::Other(what)));
            };
            let (len, name) = (self.rec.temps[t as usize].len, format!("R {}", self.rec.temps[t as usize].name));
            let scope = std::mem::take(&mut self.rec.scope);
            let made = self.rec.temp::<f32>(&name, len);
            self.rec.scope = scope;
            if access == Access::Update || span.len < len {
                self.rec.clear(made);
            }
            self.homes.insert(span.id, Home { id: made.id, of: 0..len, start: 0, live: Vec::new() });
        }
        let home = self.homes.get_mut(&span.id).ok_or_else(|| Error::internal("a home vanished"))?;
        home.settle(&range(span));
        home.live.push(range(span));
        Ok(home.place(span))
    }
}
