//! What every dispatch of a recording wrote, for comparing two engines dispatch by dispatch.

use super::kernel::{Elem, Kernel};
use super::recording::{Buf, Command, Element, Recording, Span};
use super::shader;
use crate::error::Result;

/// One range that one dispatch wrote.
#[derive(Clone, Debug)]
pub struct Written {
    /// Position among the commands of the recording.
    pub command: usize,
    pub kernel: &'static Kernel,
    /// The scope the dispatch was recorded under.
    pub label: String,
    /// The shader's name of the binding.
    pub binding: String,
    pub span: Span,
}

impl Recording {
    /// The same work, with every written range copied right behind its dispatch and returned as a further output.
    ///
    /// # Errors
    /// A kernel's shader does not compose.
    pub fn probed(&self) -> Result<(Recording, Vec<Written>)> {
        let mut out = self.clone();
        out.commands.clear();
        let mut all = Vec::new();
        for (at, command) in self.commands.iter().enumerate() {
            out.commands.push(command.clone());
            let Command::Dispatch(d) = command else { continue };
            let names = shader::composed(d.kernel)?.reflection.storage;
            for ((span, access), (name, ..)) in d.bindings.iter().zip(names) {
                if !access.writes() || span.len == 0 {
                    continue;
                }
                match span.elem {
                    Elem::F32 => probe(&mut out, Buf::<f32>::over(*span)),
                    Elem::U32 => probe(&mut out, Buf::<u32>::over(*span)),
                }
                all.push(Written { command: at, kernel: d.kernel, label: d.label.clone(), binding: name, span: *span });
            }
        }
        Ok((out, all))
    }
}

fn probe<T: Element>(rec: &mut Recording, span: Buf<T>) {
    let copy = rec.temp::<T>("probe", span.len);
    rec.copy(span, copy);
    rec.readback(copy);
}
