//! Statistics over sets of records on the twins. The same checks run on each adapter in `tests/gpu`.

use unlearn::engine::Engine;

use super::statistics_checks::{CHECKS, NETS, check, footprint};

#[test]
fn statistics_are_those_of_the_records_own_gradients() {
    let mut faults = Vec::new();
    for net in NETS {
        for (name, what) in CHECKS {
            faults.extend(check(&mut Engine::reference(), net, what).err().map(|e| format!("{name}: {e}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_memory_plan_of_a_fisher_pass_knows_neither_records_nor_records_times_parameters() {
    footprint(&mut Engine::reference()).unwrap_or_else(|e| panic!("{e}"));
}
