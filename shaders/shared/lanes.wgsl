// Shares of rows of p.len elements, dealt to p.lanes lanes by turns.
struct P { rows: u32, len: u32, lanes: u32, eps: f32 }

@group(0) @binding(0) var<uniform> p: P;

// Elements that a lane of the row held.
fn count(lane: u32) -> f32 {
    return f32((p.len + p.lanes - 1u - lane) / p.lanes);
}
