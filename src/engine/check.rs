//! A dispatch against its shader and against aliasing, before anything runs.

use super::kernel::Elem;
use super::recording::{ALIGN, Dispatch, Groups};
use super::shader;
use crate::error::{Error, Result};

impl Dispatch {
    /// See [`Recording::check`](super::Recording::check).
    pub(super) fn check(&self) -> Result<()> {
        let composed = shader::composed(self.kernel)?;
        let consts = composed.consts(self.kernel, &self.consts)?;
        let shader = composed.reflection;
        let fail = |what: String| Err(Error::internal(format!("kernel {} ({}): {what}", self.kernel.name, self.label)));
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

    fn check_alias(&self, names: &[(String, bool, Elem)]) -> Result<()> {
        for (i, (a, access_a)) in self.bindings.iter().enumerate() {
            for (j, (b, access_b)) in self.bindings.iter().enumerate().skip(i + 1) {
                let mixed = a.id == b.id && access_a.writes() != access_b.writes();
                let clash = access_a.writes() && access_b.writes() && a.overlaps(b);
                if mixed || clash {
                    let how =
                        if clash { "overlap and both are written" } else { "share a buffer, one read and one written" };
                    let (x, y) = (&names[i].0, &names[j].0);
                    return Err(Error::internal(format!(
                        "kernel {} ({}): `{x}` and `{y}` {how}",
                        self.kernel.name, self.label
                    )));
                }
            }
        }
        Ok(())
    }
}
