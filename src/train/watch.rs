//! NaN and Inf found on the GPU by bit test after every dispatch, and named by the dispatch that made them.

use crate::engine::{ALIGN, Buf, Data, Elem, Recording};
use crate::error::{Error, Result};
use crate::kernels::guard;

/// What the flags of a watched recording stand for.
pub struct Watched {
    /// Kernel and scope of each flag.
    names: Vec<String>,
    output: usize,
    /// Words of the flags' buffer.
    len: usize,
}

/// Inserts a bit test behind each dispatch for each f32 buffer it writes; the flags become one more input and output.
pub fn watch(rec: &mut Recording) -> Result<Watched> {
    let most = rec.dispatches().flat_map(|d| &d.bindings).filter(|(_, access)| access.writes()).count();
    let len = most.max(1) * ALIGN;
    let flags = rec.temp::<u32>("finite_flags", len);
    let mut names = Vec::new();
    rec.behind_each_write(|rec, one| {
        if one.span.elem == Elem::F32 {
            let at = names.len() * ALIGN;
            guard::finite(rec, Buf::over(one.span), flags.range(at..at + 1));
            names.push(format!("kernel {} in {}", one.kernel.name, one.label));
        }
    })?;
    rec.upload(flags);
    let output = rec.readback(flags);
    Ok(Watched { names, output, len })
}

impl Watched {
    /// What the flags start from; the recording's last input.
    pub fn unset(&self) -> Data {
        Data::U32(vec![guard::ALL_FINITE; self.len])
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
