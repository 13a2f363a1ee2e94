//! The pages: those of docs/reference say what the registries hold, and every link inside the project leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use unlearn::cli::REGISTRIES;

use crate::shared::binary::ends;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The page of a registry as the program prints it.
fn printed(registry: &str) -> String {
    let output = ends(&["list", registry, "--markdown"], 0).expect("the list is printed");
    String::from_utf8(output.stdout).expect("Markdown is text")
}

/// With `UNLEARN_UPDATE_DOCS` (tools/docs.sh sets it) the pages are written anew in the place of being compared.
#[test]
fn the_reference_is_what_the_registries_hold() {
    let folder = root().join("docs/reference");
    let update = std::env::var_os("UNLEARN_UPDATE_DOCS").is_some();
    let mut stale = Vec::new();
    for registry in REGISTRIES {
        let path = folder.join(format!("{}.md", registry.name));
        let text = printed(registry.name);
        if update {
            fs::write(&path, text).expect("the page is written");
        } else if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            stale.push(registry.name);
        }
    }
    assert!(stale.is_empty(), "docs/reference is out of date for {stale:?}: run tools/docs.sh");
}

#[test]
fn the_reference_has_no_page_without_a_registry() {
    let known: Vec<String> = REGISTRIES.iter().map(|registry| format!("{}.md", registry.name)).collect();
    let pages = fs::read_dir(root().join("docs/reference")).expect("docs/reference").flatten();
    let names = pages.map(|page| page.file_name().to_string_lossy().into_owned());
    let strays: Vec<String> = names.filter(|name| name != "README.md" && !known.contains(name)).collect();
    assert!(strays.is_empty(), "no registry writes {strays:?}");
}

/// A README that grows is where tables and manuals went before they had pages of their own.
#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).expect("README.md").lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; what is over 150 belongs into docs");
}

/// The Markdown files of the project: at its root and under docs and benches.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let inner = folder != root() || ["docs", "benches", "tools", "examples"].contains(&name.as_str());
            if path.is_dir() && inner {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

/// Targets of `[text](target)` outside code blocks, without those on the web and without the place inside a page.
fn links(text: &str) -> Vec<String> {
    let mut in_block = false;
    let lines = text.lines().filter(|line| {
        in_block ^= line.trim_start().starts_with("```");
        !in_block
    });
    let targets = lines.flat_map(|line| line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
    let inside = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    inside.map(|target| target.split('#').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn links_inside_the_project_lead_somewhere() {
    let mut broken = Vec::new();
    let pages = pages();
    assert!(pages.len() > 10, "found {pages:?}");
    for page in pages {
        let folder = page.parent().expect("a page lies in a folder");
        let text = fs::read_to_string(&page).expect("Markdown is text");
        let missing = links(&text).into_iter().filter(|target| !folder.join(target).exists());
        broken.extend(missing.map(|target| format!("{} -> {target}", page.display())));
    }
    assert!(broken.is_empty(), "these lead nowhere: {broken:#?}");
}
