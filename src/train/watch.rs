//! NaN and Inf found on the GPU by bit test after every dispatch, and named by the dispatch that made them.

use crate::engine::{ALIGN, Command, Data, Elem, Recording};
use crate::error::{Error, Result};
use crate::kernels::guard;

/// What the flags of a watched recording stand for.
pub struct Watched {
    /// Kernel, scope and binding of each flag.
    names: Vec<String>,
    output: usize,
}

/// Inserts a bit test behind each dispatch for each f32 buffer it writes; the flags become one more output.
pub fn watch(rec: &mut Recording) -> Watched {
    let commands = std::mem::take(&mut rec.commands);
    let written = |c: &Command| match c {
        Command::Dispatch(d) => {
            let f32s = d.bindings.iter().filter(|(span, access)| access.writes() && span.elem == Elem::F32);
            f32s.map(|(span, _)| (*span, format!("kernel {} in {}", d.kernel.name, d.label))).collect()
        }
        _ => Vec::new(),
    };
    let total: usize = commands.iter().map(|c| written(c).len()).sum();
    let flags = rec.temp::<u32>("finite_flags", total.max(1) * ALIGN);
    rec.upload(flags);
    let mut names = Vec::new();
    for command in commands {
        let spans = written(&command);
        rec.commands.push(command);
        for (span, name) in spans {
            let at = names.len() * ALIGN;
            guard::finite(rec, span.f32(), flags.range(at..at + 1));
            names.push(name);
        }
    }
    let output = rec.readback(flags);
    Watched { names, output }
}

impl Watched {
    /// What the flags start from; the recording's last input.
    pub fn unset(&self) -> Data {
        Data::U32(vec![guard::ALL_FINITE; self.names.len().max(1) * ALIGN])
    }

    /// The first dispatch that wrote something that is not finite, as an error.
    pub fn verdict(&self, outputs: &[Data], step: u64) -> Result<()> {
        let flags = outputs[self.output].u32();
        let bad = self.names.iter().enumerate().find(|(i, _)| flags[i * ALIGN] != guard::ALL_FINITE);
        match bad {
            Some((i, name)) => Err(Error::Device(format!(
                "step {step}: {name} wrote the first NaN or Inf, at element {} of its output",
                flags[i * ALIGN]
            ))),
            None => Ok(()),
        }
    }
}
