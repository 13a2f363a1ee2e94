//! Memory before the start: which temporaries share storage, and how many bytes a recording needs.

use super::recording::{Command, Recording};
use super::span::{BufferId, Span};

/// Where each temporary of a recording lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Slot of each temporary; `None` for one that no command touches.
    pub slot_of: Vec<Option<usize>>,
    /// Elements each slot must hold.
    pub slots: Vec<usize>,
}

impl Plan {
    /// Bytes of all slots together.
    pub fn bytes(&self) -> u64 {
        self.slots.iter().map(|n| *n as u64 * 4).sum()
    }
}

/// First and last command that touches each temporary.
fn lifetimes(rec: &Recording) -> Vec<Option<(usize, usize)>> {
    let mut live: Vec<Option<(usize, usize)>> = vec![None; rec.temps.len()];
    let mut touch = |span: &Span, at: usize| {
        if let BufferId::Temp(t) = span.id {
            let entry = live[t as usize].get_or_insert((at, at));
            entry.1 = at;
        }
    };
    for (at, command) in rec.commands.iter().enumerate() {
        match command {
            Command::Upload { dst, .. } | Command::Clear { dst } => touch(dst, at),
            Command::Readback { src, .. } => touch(src, at),
            Command::Copy { src, dst } => {
                touch(src, at);
                touch(dst, at);
            }
            Command::Dispatch(d) => d.bindings.iter().for_each(|(span, _)| touch(span, at)),
        }
    }
    live
}

/// Greedy best fit by lifetime. Uploads happen before the first command of a submission, and readbacks after the
/// last, so what is uploaded or read back is live from the start or to the end.
pub fn plan(rec: &Recording) -> Plan {
    let mut live = lifetimes(rec);
    let last = rec.commands.len();
    for command in &rec.commands {
        match command {
            Command::Upload { dst: Span { id: BufferId::Temp(t), .. }, .. } => {
                live[*t as usize].get_or_insert((0, 0)).0 = 0;
            }
            Command::Readback { src: Span { id: BufferId::Temp(t), .. }, .. } => {
                live[*t as usize].get_or_insert((last, last)).1 = last;
            }
            _ => {}
        }
    }
    let mut order: Vec<usize> = (0..rec.temps.len()).collect();
    order.sort_by_key(|t| live[*t].map_or((usize::MAX, *t), |(first, _)| (first, *t)));
    let mut plan = Plan { slot_of: vec![None; rec.temps.len()], slots: Vec::new() };
    let mut busy_until: Vec<usize> = Vec::new();
    for t in order {
        let Some((first, end)) = live[t] else { continue };
        let need = rec.temps[t].len.max(1);
        let free = (0..plan.slots.len()).filter(|s| busy_until[*s] < first);
        // The smallest slot that is large enough, else the largest, grown.
        let best = free.min_by_key(|s| (plan.slots[*s] < need, plan.slots[*s].abs_diff(need), *s));
        let slot = best.unwrap_or_else(|| {
            plan.slots.push(0);
            busy_until.push(0);
            plan.slots.len() - 1
        });
        plan.slots[slot] = plan.slots[slot].max(need);
        busy_until[slot] = end;
        plan.slot_of[t] = Some(slot);
    }
    plan
}
