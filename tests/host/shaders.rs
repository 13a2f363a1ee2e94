//! Shaders without a GPU: composition, validation, translation to every backend's language, and lints.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use unlearn::engine::{Checks, Consts, Kernel, Language, Requires, compose, composed, parse, translate};
use unlearn::harness::sets;
use unlearn::kernels;

use crate::shared::binary::{Desk, ends};

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
    let used = sets::used().expect("every dispatch fits its shader");
    for kernel in kernels::kernels() {
        let sets = &used[kernel.name];
        assert!(!sets.is_empty(), "{}: no case and no network records it", kernel.name);
        for (consts, checks) in sets.values().flat_map(|c| [(c, Checks::Trusted), (c, Checks::Checked)]) {
            translates(kernel, consts, checks);
        }
    }
}

fn translates(kernel: &'static Kernel, consts: &Consts, checks: Checks) {
    let run =
        |language| translate(kernel, consts, language, checks).unwrap_or_else(|e| panic!("{consts:?} {checks:?}: {e}"));
    let text = |language| String::from_utf8(run(language)).expect("text");
    assert_eq!(run(Language::Spirv)[..4], 0x0723_0203u32.to_le_bytes(), "{}: SPIR-V magic", kernel.name);
    if kernel.requires.units() {
        for language in [Language::Hlsl, Language::Msl, Language::Glsl, Language::Essl] {
            let error = translate(kernel, consts, language, checks).expect_err("Vulkan alone");
            assert!(error.exit_code() == 6 && error.to_string().contains(kernel.name), "{error}");
        }
        return;
    }
    let size = |before: &str| consts.get("WG").map_or(String::new(), |wg| format!("{before}{wg}"));
    let (hlsl, msl) = (text(Language::Hlsl), text(Language::Msl));
    assert!(hlsl.contains(&size("[numthreads(")), "{}: {consts:?}", kernel.name);
    assert!(msl.contains("kernel void") && !msl.contains("fake"), "{}", kernel.name);
    if kernel.requires != Requires::Nothing {
        let error = translate(kernel, consts, Language::Glsl, checks).expect_err("no subgroups").to_string();
        assert!(error.contains(kernel.name) && error.contains("OpenGL"), "{error}");
        return;
    }
    for (language, version) in [(Language::Glsl, "#version 450 core\n"), (Language::Essl, "#version 310 es\n")] {
        let glsl = text(language);
        assert!(glsl.starts_with(version) && glsl.contains(&size("local_size_x = ")), "{}", kernel.name);
        let unbound = glsl.lines().find(|l| l.starts_with("layout(std") && !l.contains("binding = "));
        assert_eq!(unbound, None, "{}: a buffer without a slot", kernel.name);
    }
}

#[test]
fn the_sets_in_use_are_those_of_cases_and_of_networks_named_in_full() {
    let used = sets::used().expect("every dispatch fits its shader");
    for case in kernels::cases() {
        for d in case.rec.dispatches() {
            let consts = composed(d.kernel).and_then(|c| c.consts(d.kernel, &d.consts)).expect("fits");
            assert_eq!(used[d.kernel.name].get(&sets::name(&consts)), Some(&consts), "{}", case.name);
        }
    }
    // Every override is in the name, in the order of the alphabet, defaults included.
    let of: Vec<&str> = used["linear.matmul"].keys().map(String::as_str).collect();
    let whole =
        |s: &&str| s.split(',').filter_map(|p| p.split('=').next()).eq(["BIAS", "MASK", "RELU", "SQUARE", "WG"]);
    assert!(of.iter().all(whole) && of.contains(&"BIAS=1,MASK=0,RELU=0,SQUARE=0,WG=64"), "{of:?}");
}

/// Files under a folder, by their paths from it.
fn files_of(folder: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.path() {
            inner if inner.is_dir() => all.extend(files_of(&inner).into_iter().map(|f| format!("{name}/{f}"))),
            _ => drop(all.insert(name)),
        }
    }
    all
}

#[test]
fn shaders_are_written_once_more_for_every_set_in_use() {
    let desk = Desk::new();
    let dump = |target: &str, more: &[&str]| {
        let to = format!("{target}{}", more.len());
        let fixed = ["--json", "shaders", "--dump", &desk.text(&to), "--target", target, "-k", "matmul"];
        let output = ends(&[&fixed[..], more].concat(), 0).unwrap_or_else(|e| panic!("{e}"));
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let (files, listed) = (files_of(&desk.path(&to)), document["files"].as_array().expect("a list").len());
        assert_eq!(listed, files.len(), "{target}");
        (files, document["left_out"].as_object().expect("a map").clone())
    };
    let (plain, none) = dump("spirv", &[]);
    assert!(none.is_empty() && plain.contains("linear/matmul_broadcast.spv"), "{plain:?}");
    assert!(plain.iter().all(|f| !f.contains('@')), "{plain:?}");
    let (all, none) = dump("spirv", &["--sets"]);
    assert!(none.is_empty() && all.is_superset(&plain), "{all:?}");
    for set in ["BIAS=0", "BIAS=1"].map(|bias| format!("linear/matmul@{bias},MASK=0,RELU=0,SQUARE=0,WG=64.spv")) {
        assert!(all.contains(&set) && all.contains(&format!("checked/{set}")), "{set} is not in {all:?}");
    }
    // WGSL holds all of its sets, and OpenGL has no subgroups.
    assert_eq!(dump("wgsl", &["--sets"]).0.len(), plain.len());
    let (glsl, left_out) = dump("glsl", &["--sets"]);
    assert!(glsl.contains("linear/matmul_tiled.glsl") && !glsl.contains("linear/matmul_broadcast.glsl"), "{glsl:?}");
    assert!(left_out["linear.matmul_broadcast"].as_str().is_some_and(|why| why.contains("subgroups")), "{left_out:?}");
}

#[test]
fn a_translation_refuses_an_override_that_does_not_exist() {
    let unknown = Consts::from([("NO_SUCH_OVERRIDE".to_owned(), 1.0)]);
    let refused = translate(kernels::kernels()[0], &unknown, Language::Spirv, Checks::Trusted);
    let error = refused.expect_err("unknown").to_string();
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
    assert_eq!(of("linear.matmul_tiled"), (256, 2 * 16 * (16 + 1) * 16));
    assert_eq!(of("reduce.row_norms_shared").1, 64 * 8);
}
