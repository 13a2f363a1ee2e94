//! Shaders without a GPU: composition, validation, translation to every backend's language, and lints.

use std::collections::BTreeMap;

use unlearn::engine::{Consts, Kernel, Language, Requires, compose, composed, parse, translate};
use unlearn::kernels;

/// Each kernel with each set of override values that some case uses.
fn used() -> Vec<(&'static Kernel, Consts)> {
    let mut sets: BTreeMap<(&str, String), (&'static Kernel, Consts)> = BTreeMap::new();
    for case in kernels::cases() {
        for d in case.rec.dispatches() {
            let consts = composed(d.kernel).and_then(|c| c.consts(d.kernel, &d.consts));
            let consts = consts.unwrap_or_else(|e| panic!("{}: {e}", case.name));
            sets.insert((d.kernel.name, format!("{consts:?}")), (d.kernel, consts));
        }
    }
    sets.into_values().collect()
}

/// The composed text without comments.
fn code(kernel: &'static Kernel) -> String {
    let text = composed(kernel).expect("composes").text;
    text.lines().map(|l| l.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_kernel_composes_and_validates() {
    for kernel in kernels::kernels() {
        let text = compose(kernel.name, kernel.source).expect("imports are known");
        assert!(!text.contains("#import"), "{}: an import is left", kernel.name);
        let (module, _) = parse(kernel.name, &text).unwrap_or_else(|e| panic!("{e}"));
        let entries: Vec<_> = module.entry_points.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(entries, ["main"], "{}", kernel.name);
    }
}

#[test]
fn an_unknown_import_is_refused_and_named() {
    let error = compose("x.y", "#import nothing\n").expect_err("no such file").to_string();
    assert!(error.contains("nothing") && error.contains("grid"), "{error}");
}

#[test]
fn every_kernel_translates_for_every_backend_with_the_overrides_in_use() {
    let sets = used();
    assert!(sets.len() >= kernels::kernels().len());
    for (kernel, consts) in sets {
        let run = |language| translate(kernel, &consts, language).unwrap_or_else(|e| panic!("{consts:?}: {e}"));
        let spirv = run(Language::Spirv);
        assert_eq!(spirv[..4], 0x0723_0203u32.to_le_bytes(), "{}: SPIR-V magic", kernel.name);
        let hlsl = String::from_utf8(run(Language::Hlsl)).expect("HLSL is text");
        let size = consts.get("WG").map(|wg| format!("[numthreads({wg}, "));
        assert!(size.is_none_or(|s| hlsl.contains(&s)), "{}: {consts:?}", kernel.name);
        let msl = String::from_utf8(run(Language::Msl)).expect("MSL is text");
        assert!(msl.contains("kernel void") && !msl.contains("fake"), "{}", kernel.name);
    }
}

#[test]
fn a_translation_refuses_an_override_that_does_not_exist() {
    let unknown = Consts::from([("NO_SUCH_OVERRIDE".to_owned(), 1.0)]);
    let error = translate(kernels::kernels()[0], &unknown, Language::Spirv).expect_err("unknown").to_string();
    assert!(error.contains("NO_SUCH_OVERRIDE"), "{error}");
}

/// Operands of `!=` and `==` that are the same expression: a NaN test that a driver may fold away.
fn self_comparison(code: &str) -> Option<String> {
    let word = |c: char| c.is_alphanumeric() || "_.[]".contains(c);
    for operator in ["!=", "=="] {
        for (at, _) in code.match_indices(operator) {
            let (left, right) = (code[..at].trim_end(), code[at + 2..].trim_start());
            let from = left.rfind(|c| !word(c)).map_or(0, |i| i + 1);
            let to = right.find(|c| !word(c)).unwrap_or(right.len());
            if !left[from..].is_empty() && left[from..] == right[..to] {
                return Some(format!("{} {operator} {}", &left[from..], &right[..to]));
            }
        }
    }
    None
}

#[test]
fn no_shader_tests_for_nan_by_comparing_with_itself() {
    assert_eq!(self_comparison("if (x[i] != x[i]) {").as_deref(), Some("x[i] != x[i]"));
    assert_eq!(self_comparison("if (ax != x || a == b) {"), None);
    for kernel in kernels::kernels() {
        assert_eq!(self_comparison(&code(kernel)), None, "{}", kernel.name);
    }
}

#[test]
fn no_shader_has_float_atomics() {
    for kernel in kernels::kernels() {
        let code = code(kernel).replace(' ', "");
        assert!(!code.contains("atomic<f"), "{}: the order of float atomics is not fixed", kernel.name);
        // A compare-and-swap loop over float bits is the same thing in disguise.
        let swap = code.contains("atomicCompareExchange") && code.contains("bitcast<f32>");
        assert!(!swap, "{}: float sums through compare-and-swap", kernel.name);
    }
}

#[test]
fn no_shader_relies_on_a_subgroup_size_it_does_not_require() {
    for kernel in kernels::kernels() {
        let code = code(kernel);
        let subgroup = code.contains("subgroup");
        assert_eq!(subgroup, kernel.requires != Requires::Nothing, "{} says what it requires", kernel.name);
        for line in code.lines().filter(|l| subgroup && (l.contains("lane") || l.contains("subgroup"))) {
            let literals =
                line.split(|c: char| !c.is_alphanumeric()).filter_map(|w| w.strip_suffix('u')?.parse::<u32>().ok());
            let beyond = literals.filter(|l| *l > 8).max();
            assert_eq!(beyond, None, "{}: `{}`; only eight lanes are promised", kernel.name, line.trim());
        }
    }
}

#[test]
fn no_shader_asks_for_more_than_eight_storage_buffers() {
    for kernel in kernels::kernels() {
        let count = composed(kernel).expect("composes").reflection.storage.len();
        assert!(count <= 8, "{} binds {count}; core WebGPU promises eight", kernel.name);
    }
}

#[test]
fn reflection_knows_workgroups_and_what_they_share() {
    let of = |name: &str| {
        let kernel = kernels::kernels().into_iter().find(|k| k.name == name).expect("a row");
        let shader = composed(kernel).expect("composes").reflection;
        (shader.workgroup, shader.shared_bytes)
    };
    assert_eq!(of("linear.matmul"), (64, 0));
    assert_eq!(of("linear.matmul_tiled"), (256, 2 * 256 * 16));
    assert_eq!(of("reduce.row_norms_shared").1, 64 * 8);
}
