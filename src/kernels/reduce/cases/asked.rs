//! Sums of shapes asked for.

use super::{ROW_NORMS, ROW_NORMS_SHARED, norms_case, rows_case, total_case};
use crate::kernels::asked::Op;
use crate::kernels::reduce::row_norms;

/// Of everything, of rows, of their squares.
pub fn asked() -> Vec<Op> {
    vec![
        Op::of_length("total", "Σ x", |n| total_case(n, 1.0, false)),
        Op::new("row_sums", "ROWSxCOLS", "Σ of each row", &[2048, 784], |s| Ok(vec![rows_case((s[0], s[1]))])),
        Op::new("row_norms", "ROWSxCOLS", "Σ of each row's squares", &[128, 784], |s| {
            Ok([&ROW_NORMS, &ROW_NORMS_SHARED].map(|kernel| norms_case(kernel, s[0], s[1], None)).into())
        })
        .chosen(|mut rec, s| {
            let (a, y) = (rec.temp("a", s[0] * s[1]), rec.temp("y", s[0]));
            row_norms(&mut rec, a, y);
            rec
        }),
    ]
}
