//! The sources as rooms, files and what they name of one another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::paths::{self, Mention, Source, Target};

/// Where a path ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Index of the file that declares it.
    File(usize),
    /// In another crate, under a name of ours or under its own.
    Crate(String),
}

pub struct File {
    pub path: PathBuf,
    pub module: Vec<String>,
    pub mentions: Vec<Mention>,
}

pub struct House {
    pub files: Vec<File>,
    /// The file of each module, inline ones among them.
    modules: BTreeMap<Vec<String>, usize>,
    names: BTreeMap<(Vec<String>, String), Target>,
    globs: Vec<(Vec<String>, Target)>,
    items: BTreeMap<(Vec<String>, String), usize>,
    macros: BTreeMap<String, usize>,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder of the repository that end like this, by name.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
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

/// `engine/recording.rs` is `engine::recording`, `engine/mod.rs` is `engine`, and `lib.rs` the root.
fn module_of(inside: &str) -> Vec<String> {
    let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    if inside == "lib" { Vec::new() } else { inside.split('/').map(str::to_owned).collect() }
}

impl House {
    /// The crate in `src`.
    pub fn own() -> House {
        let src = root().join("src");
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path).expect("a source file is text");
            let inside = path.strip_prefix(&src).expect("a file under src").to_string_lossy().replace('\\', "/");
            (inside, text)
        };
        House::of(files(&src, "rs").into_iter().map(read))
    }

    /// Files by their path below `src`, with their text.
    pub fn of(texts: impl IntoIterator<Item = (String, String)>) -> House {
        let mut house = House {
            files: Vec::new(),
            modules: BTreeMap::new(),
            names: BTreeMap::new(),
            globs: Vec::new(),
            items: BTreeMap::new(),
            macros: BTreeMap::new(),
        };
        let mut tests = Vec::new();
        for (inside, text) in texts {
            let module = module_of(&inside);
            let borrowed: Vec<&str> = module.iter().map(String::as_str).collect();
            let source = paths::read(&text, &borrowed);
            tests.extend(source.tests.clone());
            house.add(PathBuf::from(inside), module, source);
        }
        for file in house.files.iter_mut().filter(|f| tests.iter().any(|t| f.module.starts_with(t))) {
            file.mentions.iter_mut().for_each(|m| m.tests = true);
        }
        house
    }

    fn add(&mut self, path: PathBuf, module: Vec<String>, source: Source) {
        let file = self.files.len();
        self.modules.insert(module.clone(), file);
        for (inside, name) in source.items {
            self.modules.entry(inside.clone()).or_insert(file);
            self.items.insert((inside, name), file);
        }
        self.names.extend(source.names);
        self.globs.extend(source.globs);
        self.macros.extend(source.macros.into_iter().map(|name| (name, file)));
        self.files.push(File { path, module, mentions: source.mentions });
    }

    /// The room of a file: the first segment of its module, `lib` for the root.
    pub fn room(&self, file: usize) -> &str {
        self.files[file].module.first().map_or("lib", String::as_str)
    }

    pub fn rooms(&self) -> BTreeSet<&str> {
        (0..self.files.len()).map(|f| self.room(f)).filter(|r| *r != "lib").collect()
    }

    /// The room or crate that a mention names by its first segment.
    pub fn named(&self, mention: &Mention) -> Option<String> {
        match self.seen_from(&mention.module, &mention.target) {
            Target::Own(path) => path.first().filter(|s| self.modules.contains_key(&vec![(*s).clone()])).cloned(),
            Target::Other(path) => path.into_iter().next(),
        }
    }

    /// Where what a mention names is declared; nothing for what is no path of this crate and not renamed from another.
    pub fn declared(&self, mention: &Mention) -> Option<Place> {
        match self.seen_from(&mention.module, &mention.target) {
            Target::Own(path) => self.find(&path, 0),
            Target::Other(path) => Some(Place::Crate(path[0].clone())),
        }
    }

    /// A target as a module means it, where a path may start with a child of its own.
    fn seen_from(&self, module: &[String], target: &Target) -> Target {
        let Target::Other(path) = target else { return target.clone() };
        let inside = [module, path].concat();
        // `main` calls the library by its name.
        match path[0] == "unlearn" {
            true => Target::Own(path[1..].to_vec()),
            false if self.modules.contains_key(&inside[..=module.len()]) => Target::Own(inside),
            false => target.clone(),
        }
    }

    /// Follows a path from the root through modules, what they pass on, and globs.
    fn find(&self, path: &[String], turns: usize) -> Option<Place> {
        let deepest = (0..=path.len()).rev().find(|n| self.modules.contains_key(&path[..*n]))?;
        let (module, rest) = path.split_at(deepest);
        let Some((name, further)) = rest.split_first() else {
            return self.modules.get(module).copied().map(Place::File);
        };
        let key = (module.to_vec(), name.clone());
        if let Some(file) = self.items.get(&key) {
            return Some(Place::File(*file));
        }
        if turns > 8 {
            return None;
        }
        let onward = |target: &Target, rest: &[String]| match self.seen_from(module, target) {
            Target::Own(base) => self.find(&[&base, rest].concat(), turns + 1),
            Target::Other(base) => Some(Place::Crate(base[0].clone())),
        };
        if let Some(target) = self.names.get(&key) {
            return onward(target, further);
        }
        let globs = self.globs.iter().filter(|(of, _)| *of == module);
        let mut through = globs.filter_map(|(_, target)| onward(target, rest));
        let of_ours = through.find(|place| matches!(place, Place::File(_)));
        of_ours.or_else(|| self.macros.get(name).filter(|_| module.is_empty()).copied().map(Place::File))
    }

    /// What files of each room name within it. Left out are tests, and what a module names of its own children: a table
    /// of rows names the files that hold them, which name the row's type.
    pub fn inside(&self) -> BTreeSet<(usize, usize)> {
        let mut edges = BTreeSet::new();
        for (from, file) in self.files.iter().enumerate() {
            for mention in file.mentions.iter().filter(|m| !m.tests) {
                let Some(Place::File(to)) = self.declared(mention) else { continue };
                let child = self.files[to].module.starts_with(&file.module);
                if self.room(to) == self.room(from) && !child {
                    edges.insert((from, to));
                }
            }
        }
        edges
    }
}
