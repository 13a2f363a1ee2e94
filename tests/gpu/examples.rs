//! The programs in `examples/` run, on the adapter that they choose.

#[path = "../../examples/forget.rs"]
mod forget;
#[path = "../../examples/own_kernel.rs"]
mod own_kernel;
#[path = "../../examples/own_method.rs"]
mod own_method;
#[path = "../../examples/statistics.rs"]
mod statistics;

use libtest_mimic::Trial;

use crate::adapters::Shared;
use crate::times;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    if devices.is_empty() {
        return Vec::new();
    }
    type Main = fn() -> unlearn::Result<()>;
    let all: [(&str, Main); 4] = [
        ("forget", forget::main),
        ("own_kernel", own_kernel::main),
        ("own_method", own_method::main),
        ("statistics", statistics::main),
    ];
    all.map(|(name, main)| times::trial(format!("examples::{name}"), move || Ok(main()?))).into()
}
