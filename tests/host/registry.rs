//! Every kernel is registered, has its shader, its twin and enough cases; names what was forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use unlearn::engine::case::{Case, POISON, Role};
use unlearn::engine::{Elem, Kernel, Lane, SHARED, composed};
use unlearn::harness::check::kernels_of;
use unlearn::harness::trial::expected;
use unlearn::kernels;

/// `<family>/<stem>` of every shader on disk.
fn on_disk() -> BTreeMap<String, String> {
    let shaders = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut all = BTreeMap::new();
    for folder in fs::read_dir(shaders).expect("shaders/").flatten() {
        for file in fs::read_dir(folder.path()).expect("a family").flatten() {
            let (folder, file_name) = (folder.file_name(), file.file_name());
            let stem = file_name.to_string_lossy().replace(".wgsl", "");
            let name = format!("{}.{stem}", folder.to_string_lossy());
            all.insert(name, fs::read_to_string(file.path()).expect("WGSL is text"));
        }
    }
    all
}

#[test]
fn every_shader_has_a_row_and_every_row_its_shader() {
    let mut disk = on_disk();
    let mut names = BTreeSet::new();
    for kernel in kernels::kernels() {
        assert!(names.insert(kernel.name), "two rows are called {}", kernel.name);
        let text = disk.remove(kernel.name).unwrap_or_else(|| panic!("{} has no .wgsl of its name", kernel.name));
        assert_eq!(text, kernel.source, "{} includes another file than its own", kernel.name);
    }
    for (name, text) in SHARED {
        let file = disk.remove(&format!("shared.{name}"));
        assert_eq!(file.as_deref(), Some(*text), "shared/{name}.wgsl");
    }
    let left: Vec<_> = disk.keys().collect();
    assert!(left.is_empty(), "no row includes {left:?}");
}

#[test]
fn families_hold_their_own_kernels() {
    for family in kernels::FAMILIES {
        for kernel in family.kernels {
            assert_eq!(kernel.family(), family.name, "{} is listed under {}", kernel.name, family.name);
        }
        for case in family.cases() {
            let starts = case.name.starts_with(&format!("{}.", family.name));
            assert!(starts, "`{}` is a case of {}; its name starts with the kernel's", case.name, family.name);
        }
    }
}

/// Access and element type of each binding.
fn bindings(kernel: &'static Kernel) -> Vec<(bool, Elem)> {
    let shader = composed(kernel).expect("composes").reflection;
    shader.storage.iter().map(|(_, written, elem)| (*written, *elem)).collect()
}

fn same_twin(a: &Kernel, b: &Kernel) -> bool {
    std::ptr::fn_addr_eq(a.twin, b.twin)
}

#[test]
fn a_variant_names_its_plain_kernel_and_shares_its_twin() {
    let (rows, mut named) = (kernels::kernels(), BTreeSet::new());
    for kernel in &rows {
        for other in rows.iter().filter(|other| same_twin(kernel, other)) {
            let of = [kernel, other].map(|k| k.plain().name);
            assert_eq!(of[0], of[1], "{} and {} share a twin: one is a variant", kernel.name, other.name);
        }
        assert!(named.insert((kernel.plain().name, kernel.variant())), "{}: two of that variant", kernel.name);
        let Some(plain) = kernel.variant_of else { continue };
        assert!(rows.iter().any(|row| std::ptr::eq(*row, plain)), "{}: {} is no row", kernel.name, plain.name);
        assert!(plain.variant_of.is_none(), "{} is a variant of a variant", kernel.name);
        assert_eq!(kernel.name, format!("{}_{}", plain.name, kernel.variant()));
        if bindings(kernel) == bindings(plain) {
            assert!(same_twin(kernel, plain), "{}: another twin than {}", kernel.name, plain.name);
            assert_eq!(kernel.params, plain.params, "{}", kernel.name);
        }
    }
}

#[test]
fn a_variant_has_its_plain_kernels_cases_and_their_results() {
    let cases = kernels::cases();
    for kernel in kernels::kernels().into_iter().filter(|k| k.variant_of.is_some()) {
        let plain = kernel.plain();
        let mut pairs = 0;
        for case in cases.iter().filter(|c| c.test && !c.bench && kernels_of(c).contains(&kernel.name)) {
            let Some(options) = case.name.strip_prefix(kernel.name) else { continue };
            let other = cases.iter().find(|c| c.name.strip_prefix(plain.name) == Some(options));
            let Some(other) = other.filter(|_| small(case)) else { continue };
            assert!(kernels_of(other).contains(&plain.name), "`{}` does not record {}", other.name, plain.name);
            let [a, b] = [case, other].map(|c| expected(c).unwrap_or_else(|e| panic!("{}: {e}", c.name)));
            assert!(agree(&a, &b), "`{}` and `{}` differ", case.name, other.name);
            pairs += 1;
        }
        assert!(pairs >= 3, "{} has {pairs} of the cases of {}", kernel.name, plain.name);
    }
}

/// Equal up to the rounding of sums in f64.
fn agree(a: &[Lane], b: &[Lane]) -> bool {
    let near = |x: &f64, y: &f64| x == y || (x - y).abs() <= 1e-9 * (1.0 + y.abs()) || (x.is_nan() && y.is_nan());
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| match (a, b) {
            (Lane::F32(a), Lane::F32(b)) => a.len() == b.len() && a.iter().zip(b).all(|(x, y)| near(x, y)),
            (a, b) => a == b,
        })
}

/// The large shapes run on the adapters; on the twins they would only cost time.
fn small(case: &Case) -> bool {
    case.rec.dispatches().map(|d| d.flops.max(d.bytes)).sum::<u64>() <= 4_000_000
}

#[test]
fn parameter_structs_match_the_shaders() {
    for kernel in kernels::kernels() {
        let shader = composed(kernel).expect("composes").reflection;
        let ours: Vec<_> = kernel.params.iter().map(|(n, e, at)| ((*n).to_owned(), *e, *at)).collect();
        assert_eq!(ours, shader.params, "{}", kernel.name);
    }
}

#[test]
fn every_recording_of_a_case_fits_its_shaders() {
    for case in kernels::cases() {
        case.rec.check().unwrap_or_else(|e| panic!("{}: {e}", case.name));
    }
}

/// Kernels for whole vec4s alone: their tails are rows and columns that fill no tile.
const WHOLE: [&str; 1] = ["linear.matmul_quads"];

/// A length that no vec4 divides, so the tail of a shader is exercised.
fn ragged(case: &Case) -> bool {
    case.buffers.iter().any(|b| b.init.bytes().len() % 16 != 0)
}

#[test]
fn every_kernel_has_cases_and_one_of_them_is_ragged() {
    let cases = kernels::cases();
    let using = |k: &Kernel| cases.iter().filter(|c| kernels_of(c).contains(&k.name)).collect::<Vec<_>>();
    for kernel in kernels::kernels() {
        let used = using(kernel);
        let recorded = used.iter().filter(|c| c.rec.dispatches().count() > 0);
        assert!(recorded.count() >= 3, "{} is recorded by fewer than three cases", kernel.name);
        let whole = WHOLE.contains(&kernel.name);
        assert!(whole != used.iter().any(|c| ragged(c)), "{} has no case of an odd shape", kernel.name);
    }
}

#[test]
fn case_names_are_unique() {
    let mut names = BTreeSet::new();
    for case in kernels::cases() {
        assert!(names.insert(case.name.clone()), "two cases are called `{}`", case.name);
    }
}

#[test]
fn twins_write_every_output() {
    for case in kernels::cases().into_iter().filter(small) {
        let all = expected(&case).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        for (buf, lane) in case.buffers.iter().zip(&all).filter(|(b, _)| b.role == Role::Output) {
            let poisoned = match lane {
                Lane::F32(v) => v.iter().filter(|x| (**x as f32).to_bits() == POISON).count(),
                Lane::U32(v) => v.iter().filter(|x| **x == POISON).count(),
            };
            assert_eq!(poisoned, 0, "{}: the twin leaves elements of `{}` unwritten", case.name, buf.name);
        }
    }
}
