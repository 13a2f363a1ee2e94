//! Record functions over sequences, with right shapes: 5 rows of 2 sequences, 4 heads of queries for 2 of keys.

use unlearn::engine::Buf;
use unlearn::kernels::attention::{self, Sequences, Within};

use super::{Call, Rig, call};

pub const CALLS: &[Call] = &[
    call("attention.within", |r| {
        let w = within(r);
        let [q, k, v] = operands(r);
        let (y, lse) = (r.exact("y", &[5, 4, 8]), r.exact("lse", &[5, 4]));
        attention::within(&mut r.rec, &w, [q, k, v], y, lse);
    }),
    call("attention.within_bwd", |r| {
        let w = within(r);
        let [q, k, v] = operands(r);
        let (y, lse, dy) = (r.exact("y", &[5, 4, 8]), r.exact("lse", &[5, 4]), r.exact("dy", &[5, 4, 8]));
        let (dq, dk, dv) = (r.exact("dq", &[5, 4, 8]), r.exact("dk", &[5, 2, 8]), r.exact("dv", &[5, 2, 8]));
        attention::within_bwd(&mut r.rec, &w, [q, k, v], [y, lse, dy], [dq, dk, dv]);
    }),
    call("attention.rotate", |r| {
        let s = sequences(r);
        let (x, y) = (r.exact("x", &[5, 4, 8]), r.exact("y", &[5, 4, 8]));
        attention::rotate(&mut r.rec, &s, x, y, 4, 8, 1e4, false);
    }),
    call("attention.positions", |r| {
        let s = sequences(r);
        let places = r.exact("places", &[5]);
        attention::positions(&mut r.rec, &s, places);
    }),
    call("attention.aligned", |r| {
        let (ptr, rows) = (r.leads("ptr", &[3]), r.exact("rows", &[2, 4]));
        attention::aligned(&mut r.rec, ptr, rows, 4);
    }),
];

/// The number of rows is that of `seg`, so another buffer may be told to be wrong.
fn sequences(r: &mut Rig) -> Sequences {
    Sequences { ptr: r.free("ptr", &[3]), of: r.leads("seg", &[5]), longest: 3 }
}

pub fn within(r: &mut Rig) -> Within {
    Within { sequences: sequences(r), heads: 4, kv_heads: 2, width: 8, causal: true }
}

fn operands(r: &mut Rig) -> [Buf<f32>; 3] {
    [r.exact("q", &[5, 4, 8]), r.exact("k", &[5, 2, 8]), r.exact("v", &[5, 2, 8])]
}
