// What a row and head has for the backward passes of attention: the logarithm of its sum of exponentials, and the sum
// of y dy over the head. stats holds the first of all, [rows,heads], and from the next multiple of 64 on the second.

fn lse(e: u32) -> f32 {
    return stats[e];
}

fn delta(e: u32) -> f32 {
    return stats[(p.rows * p.heads + 63u) / 64u * 64u + e];
}
