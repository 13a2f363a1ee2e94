//! What every dispatch of a recording wrote: for comparing two engines dispatch by dispatch, and for finding who made a
//! NaN.

use super::kernel::Kernel;
use super::recording::{Command, Dispatch, Recording};
use super::shader;
use super::span::{Buf, Elem, Element, Span};
use crate::error::Result;

/// One range that one dispatch wrote.
#[derive(Clone, Debug)]
pub struct Written {
    /// Position among the commands of the recording.
    pub command: usize,
    /// The kernel that wrote.
    pub kernel: &'static Kernel,
    /// The scope the dispatch was recorded under.
    pub label: String,
    /// The shader's name of the binding.
    pub binding: String,
    /// Where it wrote.
    pub span: Span,
}

impl Recording {
    /// Records `behind` right after each dispatch, once for each range that it wrote; returns those ranges in order.
    ///
    /// # Errors
    /// A kernel's shader does not compose.
    pub fn behind_each_write(&mut self, mut behind: impl FnMut(&mut Recording, &Written)) -> Result<Vec<Written>> {
        let mut all = Vec::new();
        for (at, command) in std::mem::take(&mut self.commands).into_iter().enumerate() {
            let written = match &command {
                Command::Dispatch(d) => written_by(at, d)?,
                _ => Vec::new(),
            };
            self.commands.push(command);
            for one in written {
                behind(self, &one);
                all.push(one);
            }
        }
        Ok(all)
    }

    /// The same work, with every written range copied right behind its dispatch and returned as a further output.
    ///
    /// # Errors
    /// A kernel's shader does not compose.
    pub fn probed(&self) -> Result<(Recording, Vec<Written>)> {
        let mut out = self.clone();
        let all = out.behind_each_write(|rec, one| match one.span.elem {
            Elem::F32 => probe(rec, Buf::<f32>::over(one.span)),
            Elem::U32 => probe(rec, Buf::<u32>::over(one.span)),
        })?;
        Ok((out, all))
    }
}

fn written_by(command: usize, d: &Dispatch) -> Result<Vec<Written>> {
    let names = shader::composed(d.kernel)?.reflection.storage;
    let bound = d.bindings.iter().zip(names).filter(|((span, access), _)| access.writes() && span.len > 0);
    let one = |((span, _), (binding, ..)): (&(Span, _), (String, _, _))| Written {
        command,
        kernel: d.kernel,
        label: d.label.clone(),
        binding,
        span: *span,
    };
    Ok(bound.map(one).collect())
}

fn probe<T: Element>(rec: &mut Recording, span: Buf<T>) {
    let copy = rec.temp::<T>("probe", span.len);
    rec.copy(span, copy);
    rec.readback(copy);
}
