//! The stacked form of a shader, written mechanically from its text: one dispatch does for several models what the
//! plain form does for one. Each layer z of the grid is a model (or eight, by lanes), and each access `x[e]` becomes
//! `x[base + (e)]` with the base of that model's part. The instructions between are the same, in the same order, so
//! that the bytes are.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex};

use crate::engine::kernel::Kernel;
use crate::engine::shader::{Reflection, composed};
use crate::engine::stack::{LANES, Sharing};
use crate::error::{Error, Result};

/// Models that one table holds: a uniform binding of 16 KiB, which every adapter takes.
pub(in crate::engine) const MOST_MODELS: usize = 4080;

/// Storage bindings that the places of one dispatch, 256 bytes, have room for.
pub(in crate::engine) const MOST_BINDINGS: usize = 15;

/// A shader's stacked form.
pub(in crate::engine) struct Form {
    /// Its WGSL.
    pub text: String,
    /// Numbers in an element of each storage binding: 4 for `array<vec4<f32>>`.
    pub widths: Vec<usize>,
}

/// Stacked forms, by kernel and the address of its source.
type Forms = HashMap<(&'static str, usize, Sharing), Arc<Form>>;

/// Whether a kernel may be run in [`Sharing::Lanes`] and gains by it: it walks rows of a sparse matrix, and no
/// invocation knows of its neighbours.
pub(in crate::engine) fn walks(kernel: &'static Kernel) -> Result<bool> {
    let text = composed(kernel)?.text;
    let knows = ["var<workgroup>", "Barrier", "subgroup"].iter().any(|word| text.contains(word));
    Ok(text.contains("ptr[") && text.contains("override WG: u32 = ") && !knows)
}

/// The stacked form of a kernel's shader; kept for the life of the process.
pub(in crate::engine) fn form(kernel: &'static Kernel, sharing: Sharing) -> Result<Arc<Form>> {
    static CACHE: LazyLock<Mutex<Forms>> = LazyLock::new(Default::default);
    let key = (kernel.name, kernel.source.as_ptr() as usize, sharing);
    let mut cache = CACHE.lock().unwrap_or_else(|e| e.into_inner());
    if let Some(hit) = cache.get(&key) {
        return Ok(hit.clone());
    }
    let plain = composed(kernel)?;
    let made = Arc::new(stacked(kernel.name, &plain.text, &plain.reflection, sharing)?);
    cache.insert(key, made.clone());
    Ok(made)
}

/// The texts of a kernel's stacked forms: what runs where several models share a dispatch.
///
/// # Errors
/// A shader that reads otherwise than those of this crate do.
pub fn stacked_texts(kernel: &'static Kernel) -> Result<Vec<String>> {
    let lanes = walks(kernel)?.then_some(Sharing::Lanes);
    [Sharing::Layers].into_iter().chain(lanes).map(|sharing| Ok(form(kernel, sharing)?.text.clone())).collect()
}

/// Rewrites composed WGSL whose reflection is `shader`.
///
/// # Errors
/// More bindings than there is room for, or text that does not read as the shaders of this crate do.
fn stacked(name: &str, text: &str, shader: &Reflection, sharing: Sharing) -> Result<Form> {
    let names: Vec<&str> = shader.storage.iter().map(|(n, ..)| n.as_str()).collect();
    let fail = |what: &str| Error::internal(format!("{name}.wgsl has no stacked form: {what}"));
    if names.len() > MOST_BINDINGS {
        return Err(fail("it binds too many buffers"));
    }
    let widths: Option<Vec<usize>> = names.iter().map(|name| width(text, name)).collect();
    let widths = widths.ok_or_else(|| fail("the element type of a buffer is not a number or a vector of 2 or 4"))?;
    let tokens = tokens(text);
    let functions: Vec<&str> = tokens.windows(3).filter(|t| t[0] == "fn").map(|t| t[2]).collect();
    let helpers = functions.iter().filter(|f| **f != "main" && **f != "group_index").copied().collect();
    let (out, brackets) = (declarations(names.len()), Vec::new());
    let mut writer = Writer { out, names: &names, helpers, sharing, brackets };
    writer.write(&tokens).ok_or_else(|| fail("its brackets or its entry point read otherwise than expected"))?;
    Ok(Form { text: writer.out, widths })
}

/// Numbers in an element of the array that `name` is.
fn width(text: &str, name: &str) -> Option<usize> {
    let line = text.lines().find(|l| l.contains("var<storage") && l.contains(&format!("> {name}: array<")))?;
    let inner = line.split_once(&format!("> {name}: array<"))?.1;
    match inner {
        _ if inner.starts_with("vec4<") => Some(4),
        _ if inner.starts_with("vec2<") => Some(2),
        _ if ["f32>", "u32>", "atomic<u32>"].iter().any(|plain| inner.starts_with(plain)) => Some(1),
        _ => None,
    }
}

/// Words, single signs, and stretches of space and comments.
fn tokens(text: &str) -> Vec<&str> {
    let (mut all, mut rest) = (Vec::new(), text);
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    while let Some(first) = rest.chars().next() {
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else if first.is_whitespace() {
            rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        all.push(&rest[..end]);
        rest = &rest[end..];
    }
    all
}

/// What the stacked form adds before the shader's own text. Directives must come first, so there must be none that
/// `enable` something; [`Writer::write`] puts them in front.
fn declarations(bindings: usize) -> String {
    let mut fields = String::new();
    for i in 0..bindings {
        // Writing to a string does not fail.
        let _ = write!(fields, "b{i}: u32, n{i}: u32, ");
    }
    format!(
        "// Where each binding has its parts: elements from slot to slot, from model to model, elements of a part.
struct StackPlaces {{ at: array<vec4<u32>, {bindings}> }}
// The models of a run by slot.
struct StackModels {{ numbers: array<vec4<u32>, {}> }}
// The first element and the number of elements of this model's part of each binding.
struct Stack {{ {fields}}}

@group(0) @binding({}) var<uniform> stack_places: StackPlaces;
@group(0) @binding({}) var<uniform> stack_models: StackModels;

",
        MOST_MODELS / 4,
        bindings + 1,
        bindings + 2,
    )
}

/// What the entry point begins with.
fn preamble(bindings: usize, sharing: Sharing) -> String {
    let mut parts = String::new();
    for i in 0..bindings {
        let at = format!("stack_places.at[{i}]");
        let _ = write!(parts, "\n        stack_slot * {at}.x + stack_model * {at}.y, {at}.z,");
    }
    // Which workgroup of its model's one is, x and y say.
    let slot = match sharing {
        Sharing::Alone | Sharing::Layers => "
    let stack_slot = wid.z;"
            .to_owned(),
        Sharing::Lanes => format!(
            "
    let stack_all = (wid.y * nwg.x + wid.x) * WG + stack_lid;
    let stack_slot = wid.z * {LANES}u + stack_all % {LANES}u;
    let stack_group = stack_all / {LANES}u / WG;
    let lid = stack_all / {LANES}u % WG;"
        ),
    };
    // Behind the last model of a run there are lanes without one.
    format!(
        "{slot}
    let stack_model = stack_models.numbers[stack_slot / 4u][stack_slot % 4u];
    if (stack_model == {}u) {{
        return;
    }}
    let stack = Stack({parts}
    );",
        u32::MAX
    )
}

/// The builtin that an entry point without a grid lacks.
const GRID: &str = "@builtin(workgroup_id) wid: vec3<u32>, ";

struct Writer<'a> {
    out: String,
    names: &'a [&'a str],
    helpers: Vec<&'a str>,
    sharing: Sharing,
    /// For each open bracket, whether it closes an index that was added to.
    brackets: Vec<bool>,
}

impl Writer<'_> {
    /// `None` where the text reads otherwise than expected.
    fn write(&mut self, tokens: &[&str]) -> Option<()> {
        let mut at = 0;
        while at < tokens.len() {
            at += self.step(tokens, at)?;
        }
        self.brackets.is_empty().then_some(())
    }

    /// Writes what stands at `at`; how many tokens that were.
    fn step(&mut self, tokens: &[&str], at: usize) -> Option<usize> {
        let (token, next) = (tokens[at], tokens.get(at + 1).copied().unwrap_or_default());
        let member = at > 0 && tokens[at - 1] == ".";
        let declared = at > 1 && tokens[at - 2] == "fn";
        match token {
            "enable" | "requires" => return self.directive(tokens, at),
            "[" => self.brackets.push(false),
            "]" if self.brackets.pop()? => self.out.push(')'),
            "main" if declared => return self.entry(tokens, at),
            "group_index" if !declared && self.sharing == Sharing::Lanes => {
                self.out.push_str("stack_group");
                return Some(closing(tokens, at + 1)? + 1 - at);
            }
            "arrayLength" if next == "(" && tokens.get(at + 2) == Some(&"&") => {
                let i = self.names.iter().position(|n| Some(n) == tokens.get(at + 3))?;
                let _ = write!(self.out, "stack.n{i}");
                return Some(5);
            }
            _ if next == "(" && self.helpers.contains(&token) => {
                self.out.push_str(token);
                self.out.push_str(if declared { "(stack: Stack" } else { "(stack" });
                let empty = tokens[at + 2..].iter().find(|t| !t.trim().is_empty()) == Some(&")");
                self.out.push_str(if empty { "" } else { ", " });
                return Some(2);
            }
            _ if next == "[" && !member => {
                if let Some(i) = self.names.iter().position(|n| *n == token) {
                    let _ = write!(self.out, "{token}[stack.b{i} + (");
                    self.brackets.push(true);
                    return Some(2);
                }
            }
            _ => {}
        }
        self.out.push_str(token);
        Some(1)
    }

    /// Directives stand before everything else.
    fn directive(&mut self, tokens: &[&str], at: usize) -> Option<usize> {
        let end = at + tokens[at..].iter().position(|t| *t == ";")?;
        self.out.insert_str(0, &format!("{}\n", tokens[at..=end].concat()));
        Some(end + 1 - at)
    }

    /// The entry point's head, and the preamble behind its brace.
    fn entry(&mut self, tokens: &[&str], at: usize) -> Option<usize> {
        let close = closing(tokens, at + 1)?;
        let mut head = tokens[at + 2..close].concat();
        if self.sharing == Sharing::Lanes {
            const LID: &str = "(local_invocation_index) lid";
            head = head.find(LID).map(|_| head.replace(LID, "(local_invocation_index) stack_lid"))?;
        }
        let brace = close + tokens[close..].iter().position(|t| *t == "{")?;
        let grid = if head.contains(") wid: ") { "" } else { GRID };
        let _ = write!(self.out, "main({grid}{head}{}", tokens[close..=brace].concat());
        self.out.push_str(&preamble(self.names.len(), self.sharing));
        Some(brace + 1 - at)
    }
}

/// The parenthesis that closes the one at `open`.
fn closing(tokens: &[&str], open: usize) -> Option<usize> {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        depth += i32::from(*token == "(") - i32::from(*token == ")");
        if depth == 0 {
            return Some(i);
        }
    }
    None
}
