//! The house rules that the compiler does not hold: which way imports flow, who names wgpu, how many macros there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom; `error` is everyone's. `run` and `cli` may reach what the layers they call may reach.
const ALLOWED: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "run",
            "methods",
            "eval",
            "train",
            "statistics",
            "records",
            "data",
            "nn",
            "kernels",
            "engine",
            "harness",
            "base",
        ],
    ),
    ("run", &["methods", "eval", "train", "statistics", "records", "data", "nn", "kernels", "engine", "base"]),
    ("methods", &["train", "statistics", "records", "nn", "kernels", "engine", "data", "base"]),
    ("eval", &["nn", "engine", "data", "base"]),
    ("train", &["statistics", "records", "nn", "kernels", "engine", "data", "base"]),
    ("statistics", &["records", "nn", "kernels", "engine", "base"]),
    ("records", &["nn", "kernels", "engine", "data", "base"]),
    ("nn", &["kernels", "engine", "base"]),
    ("kernels", &["engine", "base"]),
    ("engine", &["base"]),
    ("data", &["base"]),
    ("base", &[]),
    ("error", &[]),
    ("harness", &["kernels", "nn", "engine", "base"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            all.push(path);
        }
    }
    all.sort();
    all
}

/// The text without line comments, so that doc links do not count as imports.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file is text");
    text.lines().map(|l| l.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The first path segments named behind every `prefix::` in the code, through nested braces.
fn imports(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let start = format!("{prefix}::");
    for (at, _) in code.match_indices(&start) {
        let own_word = code[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_');
        if own_word {
            heads(&code[at + start.len()..], &mut found);
        }
    }
    found
}

/// The head of a path, or of each path of a `{…}` group.
fn heads(rest: &str, found: &mut BTreeSet<String>) {
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        found.insert(rest[..end].to_owned());
        return;
    };
    let (mut depth, mut at_head) = (0, true);
    for (i, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            c if c.is_whitespace() => {}
            _ if at_head => {
                heads(&group[i..], found);
                at_head = false;
            }
            _ => {}
        }
    }
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("a file under src");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn the_parser_sees_nested_braces_and_plain_paths() {
    let text = "use crate::{a::{b, c}, d::e,\n f};\nlet x = crate::g::h(); $crate::i!(); mycrate::no::x; use crate::j::{k, l};";
    let found: Vec<_> = imports(text, "crate").into_iter().collect();
    assert_eq!(found, ["a", "d", "f", "g", "i", "j"]);
}

#[test]
fn imports_flow_one_way() {
    let mut wrong = Vec::new();
    for path in files(&root().join("src"), "rs") {
        let module = module_of(&path);
        if module == "lib" {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(name, _)| *name == module);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{module} is not in the table of layers"));
        let code = code(&path);
        let mut named = imports(&code, "crate");
        if module == "main" {
            named.extend(imports(&code, "unlearn"));
        }
        for import in named {
            let common = ["error", "Error", "Result", "params"].contains(&import.as_str());
            if !common && import != module && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}; {module} may import {allowed:?}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_layer_of_the_table_that_exists_is_a_module() {
    let lib = code(&root().join("src/lib.rs"));
    for path in files(&root().join("src"), "rs") {
        let module = module_of(&path);
        assert!(
            module == "lib" || module == "main" || lib.contains(&format!("mod {module};")),
            "{module} is not in lib.rs"
        );
    }
}

#[test]
fn only_the_engine_names_wgpu_and_naga() {
    for path in files(&root().join("src"), "rs").into_iter().filter(|p| module_of(p) != "engine") {
        let code = code(&path);
        for name in ["wgpu", "naga"] {
            let named = [format!("{name}::"), format!("use {name};"), format!("extern crate {name}")];
            assert!(!named.iter().any(|n| code.contains(n)), "{} names {name}", path.display());
        }
    }
}

#[test]
fn there_is_at_most_one_macro() {
    let sources = files(&root().join("src"), "rs");
    let count: usize = sources.iter().map(|p| code(p).matches("macro_rules!").count()).sum();
    assert!(count <= 1, "{count} macros");
    assert!(!root().join("build.rs").exists(), "the crate has no build script");
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    // Spelt apart, or this file would be the first to fail.
    let machines = [["/ro", "ot/"].concat(), ["/ho", "me/"].concat(), ["/wo", "rk/"].concat()];
    for (folder, extension) in [("src", "rs"), ("tests", "rs"), ("shaders", "wgsl"), ("tools", "sh"), ("tools", "py")] {
        for path in files(&root().join(folder), extension) {
            let text = fs::read_to_string(&path).expect("a source file is text");
            let named = machines.iter().find(|m| text.contains(*m));
            assert!(named.is_none(), "{} names {}", path.display(), named.map_or("", |m| m));
        }
    }
}
