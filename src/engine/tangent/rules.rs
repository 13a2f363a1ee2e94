//! What the rules of kernels work with.

use super::Tangents;
use crate::engine::kernel::Access;
use crate::engine::recording::Dispatch;
use crate::engine::recording::{Command, Recording};
use crate::engine::span::Elem;
use crate::engine::span::{Buf, BufferId};
use crate::error::Result;

impl Tangents {
    /// The recording, for commands of a rule's own.
    pub fn rec(&mut self) -> &mut Recording {
        &mut self.rec
    }

    /// The derivative of what binding `i` reads; `None` if it is 0.
    pub fn read(&self, d: &Dispatch, i: usize) -> Option<Buf<f32>> {
        self.derivative(d.bindings[i].0).map(Buf::over)
    }

    /// The same, made of zeros if need be.
    pub fn read_or_zero(&mut self, d: &Dispatch, i: usize) -> Buf<f32> {
        self.read(d, i).unwrap_or_else(|| self.zero(d.bindings[i].0.len))
    }

    /// A temporary that holds zeros.
    pub fn zero(&mut self, len: usize) -> Buf<f32> {
        let zero = self.rec.temp("zero", len);
        self.rec.clear(zero);
        zero
    }

    /// Where the derivative of what binding `i` writes belongs. The rule writes all of it; where the kernel updates, it
    /// holds the derivative of the content before, and the rule adds or overwrites as the kernel does.
    ///
    /// # Errors
    /// The binding is a kept buffer that is no seed.
    pub fn write(&mut self, d: &Dispatch, i: usize) -> Result<Buf<f32>> {
        let (span, access) = d.bindings[i];
        self.written(span, access, d.kernel.name).map(Buf::over)
    }

    /// The derivative of what binding `i` writes is 0 from here on.
    pub fn still(&mut self, d: &Dispatch, i: usize) {
        self.settle(d.bindings[i].0);
    }

    /// Records a changed copy of a dispatch.
    pub fn replay(&mut self, again: Dispatch) {
        self.rec.commands.push(Command::Dispatch(again));
    }

    /// The dispatch recorded last.
    pub fn last(&mut self) -> Option<&mut Dispatch> {
        match self.rec.commands.last_mut() {
            Some(Command::Dispatch(d)) => Some(d),
            _ => None,
        }
    }

    /// Records `sum += term`.
    pub fn add(&mut self, term: Buf<f32>, sum: Buf<f32>) {
        (self.add)(&mut self.rec, term, sum);
    }

    /// Records commands and beside each those of its derivative: for a kernel that does in one what others do in
    /// several.
    ///
    /// # Errors
    /// One of them has no rule, or gives a kept buffer that is no seed a derivative.
    pub fn through(&mut self, record: impl FnOnce(&mut Recording)) -> Result<()> {
        let before = std::mem::take(&mut self.rec.commands);
        record(&mut self.rec);
        let made = std::mem::replace(&mut self.rec.commands, before);
        made.into_iter().try_for_each(|command| self.follow(command))
    }

    /// The derivative of a kernel that is linear in each of `groups`; see `Tangent::Linear`.
    pub fn linear(&mut self, d: &Dispatch, groups: &[&[usize]]) -> Result<()> {
        let moving = |t: &Tangents, group: &[usize]| group.iter().any(|i| t.read(d, *i).is_some());
        let mut terms: Vec<&[usize]> = groups.iter().copied().filter(|g| moving(self, g)).collect();
        if terms.is_empty() {
            // What an updated output held before moves alone: f(0, dy).
            terms = groups[..1].to_vec();
        }
        let mut made = Vec::new();
        for group in terms {
            let mut again = d.clone();
            group.iter().for_each(|i| again.exchange(*i, self.read_or_zero(d, *i)));
            made.push(again);
        }
        self.terms(d, made)
    }

    /// Records launches whose sum is the derivative: copies of `d` with inputs exchanged, the first of which goes on
    /// from the derivative of what an updated output held.
    pub fn terms(&mut self, d: &Dispatch, terms: Vec<Dispatch>) -> Result<()> {
        for (k, again) in terms.into_iter().enumerate() {
            self.term(d, again, k == 0)?;
        }
        Ok(())
    }

    fn term(&mut self, d: &Dispatch, mut again: Dispatch, first: bool) -> Result<()> {
        let mut sums = Vec::new();
        for (i, (span, access)) in d.bindings.iter().enumerate().filter(|(_, (_, access))| access.writes()) {
            if span.elem == Elem::U32 {
                return Err(d.misuse("it writes words and needs a rule for its directional derivative"));
            }
            if first {
                let home = self.write(d, i)?;
                again.exchange(i, home);
                continue;
            }
            let home = self.write(d, i)?;
            // Adding works on whole vec4s: past the end of a part of a larger buffer lies something else.
            let whole = self.rec.temp::<f32>("term", span.len.next_multiple_of(4));
            if *access == Access::Update || (span.len % 4 != 0 && matches!(home.id, BufferId::Kept(_))) {
                self.rec.clear(whole);
            }
            let part = whole.range(0..span.len);
            again.exchange(i, part);
            sums.push((part, home));
        }
        self.replay(again);
        sums.into_iter().for_each(|(part, home)| self.add(part, home));
        Ok(())
    }
}

impl Dispatch {
    /// # Errors
    /// The override is set: its form of the kernel has no rule.
    pub fn without(&self, name: &str) -> Result<()> {
        if self.constant(name)? == 0.0 { Ok(()) } else { self.refuse(name) }
    }

    /// # Errors
    /// Always: this form of the kernel has no rule.
    pub fn refuse(&self, form: &str) -> Result<()> {
        Err(self.misuse(format!("{form} has no rule for its directional derivative")))
    }
}
