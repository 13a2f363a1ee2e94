//! A dispatch against its shader and against aliasing, a recording against its buffers, before anything runs.

use super::recording::{Command, Dispatch, Groups, Recording, Temp};
use super::span::{ALIGN, BufferId, Elem, Span};
use super::{Data, shader};
use crate::error::{Error, Extent, Mistake, Misuse, Result};

impl Dispatch {
    /// See [`Recording::check`](super::Recording::check).
    pub(super) fn check(&self) -> Result<()> {
        let composed = shader::composed(self.kernel)?;
        let consts = composed.consts(self.kernel, &self.consts)?;
        let shader = composed.reflection;
        let fail = |what| Err(self.misuse(what));
        if self.bindings.len() != shader.storage.len() {
            let names: Vec<_> = shader.storage.iter().map(|(n, ..)| n.as_str()).collect();
            return fail(format!("{} buffers bound, the shader has {}", self.bindings.len(), names.join(" ")));
        }
        for ((span, access), (name, writable, elem)) in self.bindings.iter().zip(&shader.storage) {
            if access.writes() != *writable || span.elem != *elem {
                let is = if *writable { "read_write" } else { "read" };
                return fail(format!("binding `{name}` is {is} {elem}, got {access:?} {}", span.elem));
            }
            if span.offset % ALIGN != 0 {
                return fail(format!("binding `{name}` starts at element {}, not a multiple of {ALIGN}", span.offset));
            }
        }
        let same = shader.params.len() == self.fields.len()
            && shader.params.iter().zip(self.fields).all(|((n, e, _), (m, f, _))| n == m && e == f);
        if !same {
            return fail(format!("parameters are {:?}, the shader's `p` is {:?}", self.fields, shader.params));
        }
        let apart = shader.params.iter().zip(self.fields).find(|((.., at), (.., ours))| at != ours);
        if let Some(((name, kind, at), (.., ours))) = apart {
            return fail(format!(
                "parameter `{name}` ({kind:?}) lies at byte {ours}, in the shader's `p` at {at}; \
                 vec2 must come at a multiple of 8 bytes and vec4 at one of 16"
            ));
        }
        if matches!(self.groups, Groups::Threads(_)) && !consts.contains_key("WG") {
            return fail("launched by threads, but the shader has no override `WG` for its workgroup size".into());
        }
        self.check_alias(&shader.storage)
    }

    /// A mistake of whoever recorded this.
    pub(super) fn misuse(&self, what: impl Into<String>) -> Error {
        let mistake = Mistake::Other(what.into());
        Error::Misuse(Box::new(Misuse { function: self.kernel.name, scope: self.label.clone(), mistake }))
    }

    fn check_alias(&self, names: &[(String, bool, Elem)]) -> Result<()> {
        for (i, (a, access_a)) in self.bindings.iter().enumerate() {
            for (j, (b, access_b)) in self.bindings.iter().enumerate().skip(i + 1) {
                let mixed = a.id == b.id && access_a.writes() != access_b.writes();
                let clash = access_a.writes() && access_b.writes() && a.overlaps(b);
                if mixed || clash {
                    let how =
                        if clash { "overlap and both are written" } else { "share a buffer, one read and one written" };
                    let (x, y) = (&names[i].0, &names[j].0);
                    return Err(self.misuse(format!("`{x}` and `{y}` {how}")));
                }
            }
        }
        Ok(())
    }
}

impl Span {
    /// # Errors
    /// The range is not inside its buffer; kept buffers have the lengths `kept`.
    pub(super) fn inside(&self, kept: &[usize], temps: &[Temp]) -> Result<(), Mistake> {
        let len = match self.id {
            BufferId::Kept(i) => kept.get(i as usize).copied(),
            BufferId::Temp(i) => temps.get(i as usize).map(|t| t.len),
            BufferId::Unusable(_) => None,
        };
        let (start, end) = (self.offset, self.offset + self.len);
        match len {
            Some(len) if end <= len => Ok(()),
            Some(len) => Err(Mistake::Range { start, end, len }),
            None => Err(self
                .mistake()
                .unwrap_or_else(|| Mistake::Other(format!("{:?} was released, or is another engine's", self.id)))),
        }
    }
}

impl Recording {
    /// # Errors
    /// A command reaches beyond its buffer, or to a buffer that is not there.
    pub(super) fn check_places(&self, kept: &[usize]) -> Result<()> {
        let inside =
            |function, span: &Span| span.inside(kept, &self.temps).map_err(|mistake| Error::misuse(function, mistake));
        self.commands.iter().try_for_each(|command| match command {
            Command::Upload { dst, .. } => inside("Recording::upload", dst),
            Command::Readback { src, .. } => inside("Recording::readback", src),
            Command::Clear { dst } => inside("Recording::clear", dst),
            Command::Copy { src, dst } => [src, dst].into_iter().try_for_each(|span| inside("Recording::copy", span)),
            Command::Dispatch(d) => d.bindings.iter().try_for_each(|(span, _)| inside(d.kernel.name, span)),
        })
    }

    /// # Errors
    /// Not what the recording uploads.
    pub(super) fn check_inputs(&self, inputs: &[Data], models: usize) -> Result<()> {
        let fail = |mistake| Err(Error::misuse("Engine::submit", mistake));
        if inputs.len() != self.inputs.len() {
            return fail(Mistake::Other(format!("a run takes {} inputs, got {}", self.inputs.len(), inputs.len())));
        }
        for (i, (data, len)) in inputs.iter().zip(&self.inputs).enumerate() {
            let (given, len) = (data.bytes().len() / 4, len * models);
            if given != len {
                let (expected, found) = (Extent::exactly(&[len]), Extent::exactly(&[given]));
                return fail(Mistake::Shape { buffer: format!("input {i}"), expected, found });
            }
        }
        Ok(())
    }

    /// The uploads' types, by the number of the input.
    pub(super) fn input_types(&self) -> Vec<(usize, Elem)> {
        let types = self.commands.iter().filter_map(|command| match command {
            Command::Upload { dst, input } => Some((*input, dst.elem)),
            _ => None,
        });
        types.collect()
    }
}

/// # Errors
/// An input of another type than the recording uploads.
pub(super) fn types(types: &[(usize, Elem)], inputs: &[Data]) -> Result<()> {
    for (input, elem) in types {
        if let Some(data) = inputs.get(*input).filter(|data| data.elem() != *elem) {
            let what = format!("`input {input}` holds {}, not {elem}", data.elem());
            return Err(Error::misuse("Engine::submit", Mistake::Other(what)));
        }
    }
    Ok(())
}
