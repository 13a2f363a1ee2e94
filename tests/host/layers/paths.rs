//! Which paths a source file names, from its tokens: comments and strings are none, groups, aliases and inline modules
//! are followed, and what macros are given is read like everything else.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path as the code names it, from the crate's root or from another crate's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Segments below the crate's root.
    Own(Vec<String>),
    /// Segments that start with a name which this file does not resolve: another crate, or something in scope.
    Other(Vec<String>),
}

/// One mention of a path.
#[derive(Clone, Debug)]
pub struct Mention {
    /// The module that names it.
    pub module: Vec<String>,
    pub target: Target,
    pub line: usize,
    /// Within a module that only tests have.
    pub tests: bool,
}

/// What a file says.
#[derive(Debug, Default)]
pub struct Source {
    pub mentions: Vec<Mention>,
    /// What a module calls by a name that it brought into scope; `*` is in `globs`.
    pub names: BTreeMap<(Vec<String>, String), Target>,
    pub globs: Vec<(Vec<String>, Target)>,
    /// Items that a module declares.
    pub items: Vec<(Vec<String>, String)>,
    /// Macros for the whole crate.
    pub macros: Vec<String>,
    /// Modules in files of their own that only tests have.
    pub tests: Vec<Vec<String>>,
}

/// Where the reader is.
#[derive(Clone, Default)]
struct Place {
    module: Vec<String>,
    tests: bool,
}

/// Reads the file of a module.
///
/// # Panics
/// The text is no Rust.
pub fn read(text: &str, module: &[&str]) -> Source {
    let tokens: TokenStream = text.parse().expect("a source file is Rust");
    let place = Place { module: module.iter().map(|s| (*s).to_owned()).collect(), tests: false };
    let mut source = Source::default();
    // Twice: what is brought into scope may stand below its use.
    source.walk(tokens.clone(), &place);
    source.mentions.clear();
    source.walk(tokens, &place);
    source
}

impl Source {
    fn walk(&mut self, tokens: TokenStream, place: &Place) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at] {
                // `use<'a>` of a returned type brings nothing into scope.
                TokenTree::Ident(word) if word == "use" && !punct(&tokens, at + 1, '<') => {
                    self.uses(&tokens, at, place)
                }
                TokenTree::Ident(word) if word == "extern" && ident(&tokens, at + 1).as_deref() == Some("crate") => {
                    self.extern_crate(&tokens, at + 2, place)
                }
                TokenTree::Ident(word) if word == "mod" => self.module(&tokens, at, place),
                TokenTree::Ident(_) => self.word(&tokens, at, place),
                TokenTree::Group(group) => {
                    self.walk(group.stream(), place);
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// `mod name { … }` is a place of its own, and `mod name;` an item.
    fn module(&mut self, tokens: &[TokenTree], at: usize, place: &Place) -> usize {
        let Some(name) = ident(tokens, at + 1) else { return at + 1 };
        let mut inside = place.clone();
        inside.module.push(name);
        inside.tests |= for_tests(&tokens[..at]);
        match tokens.get(at + 2) {
            Some(TokenTree::Group(body)) => self.walk(body.stream(), &inside),
            _ if inside.tests => self.tests.push(inside.module),
            _ => {}
        }
        at + 3
    }

    /// A path, or an item's declaration, or any other word.
    fn word(&mut self, tokens: &[TokenTree], at: usize, place: &Place) -> usize {
        const ITEMS: [&str; 9] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro_rules"];
        let word = ident(tokens, at).unwrap_or_default();
        if ITEMS.contains(&word.as_str()) {
            let name = if word == "macro_rules" { at + 2 } else { at + 1 };
            if let Some(name) = ident(tokens, name) {
                if word == "macro_rules" && attribute(&tokens[..at]).is_some_and(|a| a == "macro_export") {
                    self.macros.push(name.clone());
                }
                self.items.push((place.module.clone(), name));
                return at + 1;
            }
        }
        let mut path = vec![word];
        let mut next = at + 1;
        while separator(tokens, next) {
            let Some(segment) = ident(tokens, next + 2) else { break };
            path.push(segment);
            next += 3;
        }
        // `<T as Trait>::NAME::…` goes on from a type; `::name::…` starts at another crate.
        let goes_on =
            at > 2 && separator(tokens, at - 2) && (punct(tokens, at - 3, '>') || ident(tokens, at - 3).is_some());
        if path.len() > 1 && !goes_on {
            self.mention(path, tokens[at].span().start().line, place);
        }
        next
    }

    fn extern_crate(&mut self, tokens: &[TokenTree], at: usize, place: &Place) -> usize {
        let Some(name) = ident(tokens, at) else { return at + 1 };
        let renamed = (ident(tokens, at + 1).as_deref() == Some("as")).then(|| ident(tokens, at + 2)).flatten();
        let target = if name == "self" { Target::Own(Vec::new()) } else { Target::Other(vec![name.clone()]) };
        self.keep(target.clone(), tokens[at].span().start().line, place);
        if let Some(renamed) = renamed {
            self.names.insert((place.module.clone(), renamed), target);
        }
        at + 1
    }

    /// A whole `use …;`.
    fn uses(&mut self, tokens: &[TokenTree], at: usize, place: &Place) -> usize {
        let end = (at..tokens.len()).find(|&i| punct(tokens, i, ';')).unwrap_or(tokens.len());
        self.tree(&tokens[at + 1..end], &[], place);
        end
    }

    /// One tree of a `use`: a path, and what follows it.
    fn tree(&mut self, tokens: &[TokenTree], before: &[String], place: &Place) {
        let mut path = before.to_vec();
        let mut at = if separator(tokens, 0) { 2 } else { 0 };
        while let Some(segment) = ident(tokens, at) {
            // `a::{self}` is `a`.
            if segment != "self" || path.is_empty() {
                path.push(segment);
            }
            at += 1;
            if !separator(tokens, at) {
                break;
            }
            at += 2;
        }
        let Some(line) = tokens.first().map(|t| t.span().start().line) else { return };
        match tokens.get(at) {
            Some(TokenTree::Group(group)) => self.trees(group, &path, place),
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                let target = self.mention(path, line, place);
                self.globs.push((place.module.clone(), target));
            }
            _ => {
                let renamed = (ident(tokens, at).as_deref() == Some("as")).then(|| ident(tokens, at + 1)).flatten();
                self.mention(path.clone(), line, place);
                if let Some(name) = renamed.or(path.last().cloned()) {
                    self.bring(name, path, place);
                }
            }
        }
    }

    fn trees(&mut self, group: &Group, before: &[String], place: &Place) {
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        for tree in tokens.split(|t| matches!(t, TokenTree::Punct(p) if p.as_char() == ',')) {
            self.tree(tree, before, place);
        }
    }

    fn bring(&mut self, name: String, path: Vec<String>, place: &Place) {
        let target = self.resolve(&path, &place.module);
        // A name that stands for itself would never be resolved further.
        if target != Target::Other(vec![name.clone()]) {
            self.names.insert((place.module.clone(), name), target);
        }
    }

    fn mention(&mut self, path: Vec<String>, line: usize, place: &Place) -> Target {
        let target = self.resolve(&path, &place.module);
        self.keep(target.clone(), line, place);
        target
    }

    fn keep(&mut self, target: Target, line: usize, place: &Place) {
        let (module, tests) = (place.module.clone(), place.tests);
        self.mentions.push(Mention { module, target, line, tests });
    }

    /// What a path means in a module: `crate`, `self`, `super` and what was brought into scope there.
    fn resolve(&self, path: &[String], module: &[String]) -> Target {
        let (head, rest) = path.split_first().expect("a path has a head");
        let mut own = match head.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module[..module.len().saturating_sub(1)].to_vec(),
            name => match self.names.get(&(module.to_vec(), name.to_owned())) {
                Some(Target::Own(base)) => base.clone(),
                Some(Target::Other(base)) => return Target::Other([base, rest].concat()),
                None => return Target::Other(path.to_vec()),
            },
        };
        for segment in rest {
            match segment.as_str() {
                "super" => drop(own.pop()),
                "self" => {}
                name => own.push(name.to_owned()),
            }
        }
        Target::Own(own)
    }
}

fn ident(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        // A macro's argument arrives in a group without delimiters.
        Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::None => {
            ident(&g.stream().into_iter().collect::<Vec<_>>(), 0)
        }
        _ => None,
    }
}

fn punct(tokens: &[TokenTree], at: usize, what: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == what)
}

fn separator(tokens: &[TokenTree], at: usize) -> bool {
    punct(tokens, at, ':') && punct(tokens, at + 1, ':')
}

/// The name in the attribute that these tokens end with: `cfg` of `#[cfg(test)]`.
fn attribute(before: &[TokenTree]) -> Option<String> {
    match before {
        [.., TokenTree::Punct(hash), TokenTree::Group(g)] if hash.as_char() == '#' => {
            g.stream().into_iter().next().map(|t| t.to_string())
        }
        _ => None,
    }
}

fn for_tests(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Punct(hash), TokenTree::Group(g)]
        if hash.as_char() == '#' && g.stream().to_string().replace(' ', "") == "cfg(test)")
}
