//! The house rules that the compiler does not hold: which way imports flow, what circles inside a room there are, how
//! many macros. `layers/` reads the sources.

mod circles;
mod house;
mod paths;
mod table;

use std::collections::BTreeSet;
use std::fs;

use house::{House, Place, files, root};
use table::{EVERYONE, Table};

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What the sources name against the table, and rights that nothing uses.
fn wrong(house: &House, table: &Table) -> Vec<String> {
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    let mut used = BTreeSet::new();
    for room in house.rooms().into_iter().filter(|r| !table.speaks_of(r)) {
        wrong.insert(format!("{room} is not in the table"));
    }
    for (at, file) in house.files.iter().enumerate().filter(|(at, _)| house.room(*at) != "lib") {
        let room = house.room(at);
        for mention in &file.mentions {
            let declared = house.declared(mention).map(|place| match place {
                Place::File(file) => house.room(file).to_owned(),
                Place::Crate(name) => name,
            });
            for name in [house.named(mention), declared].into_iter().flatten() {
                // A room's own tests may look up to what makes them easy to write.
                let looks_up = mention.tests && house.rooms().contains(name.as_str());
                if name == room || !table.speaks_of(&name) || looks_up {
                    continue;
                }
                if table.may(room, &name) {
                    used.insert((room.to_owned(), name));
                } else {
                    wrong.insert(format!("src/{}:{} names {name}", file.path.display(), mention.line));
                }
            }
        }
    }
    for (room, rights) in &table.0 {
        let uses = |right: &String| used.iter().any(|(r, n)| n == right && (r == room || room == EVERYONE));
        wrong.extend(rights.iter().filter(|r| !uses(r)).map(|r| format!("nothing in {room} needs {r}")));
    }
    wrong.into_iter().collect()
}

#[test]
fn imports_flow_as_the_map_says() {
    let table = Table::read(&page("ARCHITECTURE.md")).expect("the table of imports");
    let wrong = wrong(&House::own(), &table);
    assert!(wrong.is_empty(), "against the table of imports in ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

/// A house of a few files, each a path and its text.
fn small(texts: &[(&str, &str)]) -> House {
    House::of(texts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

#[test]
fn no_way_of_naming_a_room_is_missed() {
    let table = Table::read("```imports\na → b, gpu\nb → \nc → a, b\neveryone → error\n```").expect("a table");
    let rest = [
        ("lib.rs", "pub mod a; pub mod b; pub mod c; pub mod error; pub use error::Error;"),
        ("b.rs", "pub struct B; // use crate::c::C;\n/// [`crate::c::C`]\nconst S: &str = \"crate::c::C\";"),
        ("c/mod.rs", "mod deep; pub struct C; use crate::a::deep::D; use crate::b::B;"),
        ("c/deep.rs", "fn f() { super::super::b::make(); }"),
        ("error.rs", "pub struct Error;"),
    ];
    let with = |file: &str, text: &str| {
        let plain = ("a/mod.rs", "pub mod deep; use gpu::Device; pub(crate) use gpu as graphics; use crate::b::B;");
        let mut all = rest.to_vec();
        all.push(if file == "a/mod.rs" { (file, text) } else { plain });
        all.push(if file == "a/deep.rs" { (file, text) } else { ("a/deep.rs", "pub struct D; use crate::Error;") });
        if let Some(at) = all.iter().position(|(f, _)| *f == file) {
            all[at].1 = text;
        }
        wrong(&small(&all), &table)
    };
    assert_eq!(with("none", ""), Vec::<String>::new());
    for text in [
        "use crate::c::C;",
        "use crate::{b::{B, self}, c};",
        "use super::super::c::C;",
        "use crate as root; use root::c::C;",
        "use crate as root; fn f() { root::c::f() }",
        "use super as up; use up::super::c;",
        "fn f() { crate::c::f() }",
        "fn f() { println!(\"{}\", crate::c::f()) }",
        "mod deeper { use super::super::super::c::C; }",
        "fn f() { fn g() { use crate::{self as root}; root::c::f() } }",
        "pub use crate::b::B as C; extern crate self as own; use own::c::C as D;",
    ] {
        let found = with("a/deep.rs", &format!("pub struct D; use crate::Error; {text}"));
        assert_eq!(found, ["src/a/deep.rs:1 names c"], "{text}");
    }
    for text in [
        "use gpu as g; fn f() { g::call() }",
        "use {gpu as g};",
        "extern crate gpu as g;",
        "fn f() { gpu::call() }",
        "fn f() { ::gpu::call() }",
        "use gpu;",
    ] {
        let found = with("b.rs", &format!("pub struct B; {text}"));
        assert_eq!(found, ["src/b.rs:1 names gpu"], "{text}");
    }
    let tests = with("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::c::C; use gpu::Device; }");
    assert_eq!(tests, ["src/b.rs:1 names gpu"]);
    let through = with("c/mod.rs", "mod deep; use crate::a::deep::D; use crate::b::B; use crate::a::graphics::Device;");
    assert_eq!(through, ["src/c/mod.rs:1 names gpu"], "handed on under another name");
    let unused = with("c/mod.rs", "mod deep;");
    assert_eq!(unused, ["nothing in c needs a"]);
    let mut more = rest.to_vec();
    more.extend([
        ("a/mod.rs", "use gpu::Device; use crate::b::B; use crate::Error;"),
        ("c/mod.rs", "use crate::a; use crate::b;"),
        ("d.rs", ""),
    ]);
    assert_eq!(wrong(&small(&more), &table), ["d is not in the table"]);
}

#[test]
fn the_table_is_one_block_of_rows() {
    assert!(Table::read("no table").is_err() && Table::read("```imports\na → b\n```\n```imports\n```").is_err());
    assert!(Table::read("```imports\na b\n```").is_err() && Table::read("```imports\na → b\na → c\n```").is_err());
    let table = Table::read("```imports\na → b, c · a remark, with a comma\nb →\n```").expect("a table");
    assert!(table.may("a", "b") && table.may("a", "c") && !table.may("b", "a") && !table.speaks_of("a remark"));
}

#[test]
fn circles_inside_a_room_only_shrink() {
    const LIST: &str = "tests/host/layers/circles.txt";
    let house = House::own();
    let name = |file: usize| house.files[file].path.display().to_string();
    let found = circles::circular(&house.inside());
    let found: BTreeSet<String> = found.into_iter().map(|(a, b)| format!("{} → {}", name(a), name(b))).collect();
    let text = page(LIST);
    let listed: BTreeSet<String> = text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect();
    let new: Vec<_> = found.difference(&listed).cloned().collect();
    assert!(new.is_empty(), "imports that close a circle inside a room and are not in {LIST}:\n{}", new.join("\n"));
    let gone: Vec<_> = listed.difference(&found).cloned().collect();
    assert!(gone.is_empty(), "these close no circle any more; take them out of {LIST}:\n{}", gone.join("\n"));
}

#[test]
fn a_circle_is_found_and_a_facade_is_none() {
    let house = small(&[
        ("lib.rs", "pub mod a;"),
        ("a/mod.rs", "mod x; mod y; mod z; pub use x::X; pub use z::Z;"),
        ("a/x.rs", "pub struct X; use super::y::Y;"),
        ("a/y.rs", "pub struct Y; use super::Z; #[cfg(test)] mod tests { use crate::a::X; }"),
        ("a/z.rs", "pub struct Z; fn f() { crate::a::X; }"),
    ]);
    let name = |file: usize| house.files[file].path.display().to_string();
    let found = circles::circular(&house.inside());
    let found: Vec<_> = found.into_iter().map(|(a, b)| format!("{} {}", name(a), name(b))).collect();
    assert_eq!(found, ["a/x.rs a/y.rs", "a/y.rs a/z.rs", "a/z.rs a/x.rs"]);
    let open = small(&[("lib.rs", "pub mod a;"), ("a/mod.rs", "mod x; pub use x::X;"), ("a/x.rs", "pub struct X;")]);
    assert!(circles::circular(&open.inside()).is_empty());
}

#[test]
fn every_room_is_a_module() {
    let lib = page("src/lib.rs");
    for room in House::own().rooms().into_iter().filter(|r| *r != "main") {
        assert!(lib.contains(&format!("mod {room};")), "{room} is not in lib.rs");
    }
}

/// What names the reader of test records, besides its own room and evaluation's.
fn readers(house: &House) -> Vec<String> {
    let reader = house.files.iter().position(|file| file.path.ends_with("records/part/reader.rs"));
    let Some(reader) = reader else { return vec!["there is no reader".to_owned()] };
    let mut found = Vec::new();
    let others = (0..house.files.len()).filter(|at| !["records", "run"].contains(&house.room(*at)));
    for file in others.map(|at| &house.files[at]) {
        let named = file.mentions.iter().filter(|m| matches!(house.declared(m), Some(Place::File(to)) if to == reader));
        found.extend(named.map(|m| format!("src/{}:{}", file.path.display(), m.line)));
    }
    found
}

#[test]
fn evaluation_alone_names_the_reader_of_test_records() {
    let found = readers(&House::own());
    assert!(found.is_empty(), "only run may name records::Reader:\n{}", found.join("\n"));
    let house = small(&[
        ("lib.rs", "pub mod records; pub mod methods; pub mod run;"),
        ("records/mod.rs", "mod part; pub use part::{Part, Reader};"),
        ("records/part.rs", "mod reader; pub use reader::Reader; pub enum Part { Train }"),
        ("records/part/reader.rs", "pub struct Reader; use super::Part;"),
        ("methods.rs", "use crate::records::{Part, Reader as R};\nfn f(r: &R) -> Part { Part::Train }"),
        ("run.rs", "use crate::records::Reader;"),
    ]);
    assert!(!readers(&house).is_empty() && readers(&house).iter().all(|at| at.starts_with("src/methods.rs")));
    assert_eq!(readers(&small(&[("lib.rs", "")])), ["there is no reader"]);
}

#[test]
fn there_is_at_most_one_macro() {
    let sources = files(&root().join("src"), "rs");
    let code = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).expect("a source file is text");
        text.lines().map(|l| l.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
    };
    let count: usize = sources.iter().map(|p| code(p).matches("macro_rules!").count()).sum();
    assert!(count <= 1, "{count} macros");
    assert!(!root().join("build.rs").exists(), "the crate has no build script");
}

/// Where our own sources lie, and how they end.
const SOURCES: [(&str, &str); 9] = [
    ("src", "rs"),
    ("tests", "rs"),
    ("benches", "rs"),
    ("examples", "rs"),
    ("shaders", "wgsl"),
    ("tools", "sh"),
    ("tools", "py"),
    ("tools", "mjs"),
    ("tools", "wgsl"),
];

#[test]
fn no_file_names_a_path_of_one_machine() {
    // Spelt apart, or this file would be the first to fail.
    let machines = [["/ro", "ot/"].concat(), ["/ho", "me/"].concat(), ["/wo", "rk/"].concat()];
    for (folder, extension) in SOURCES {
        for path in files(&root().join(folder), extension) {
            let text = fs::read_to_string(&path).expect("a source file is text");
            let named = machines.iter().find(|m| text.contains(*m));
            assert!(named.is_none(), "{} names {}", path.display(), named.map_or("", |m| m));
        }
    }
}

/// Lines of code and comments that are wider than the house's measure.
fn wide(text: &str) -> Vec<usize> {
    text.lines().enumerate().filter(|(_, line)| line.chars().count() > 120).map(|(at, _)| at + 1).collect()
}

#[test]
fn no_line_is_wider_than_120_columns() {
    let (fits, over) = ("é".repeat(120), "x".repeat(121));
    assert_eq!(wide(&format!("{fits}\n{over}\n")), [2]);
    let mut found = Vec::new();
    for (folder, extension) in SOURCES {
        for path in files(&root().join(folder), extension) {
            let text = fs::read_to_string(&path).expect("a source file is text");
            found.extend(wide(&text).into_iter().map(|line| format!("{}:{line}", path.display())));
        }
    }
    assert!(found.is_empty(), "{} lines are too wide:\n{}", found.len(), found.join("\n"));
}
