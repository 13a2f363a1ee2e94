//! Which tensor of a file is which parameter of a network.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use crate::base::{did_you_mean, likeness};
use crate::data::{StateDict, Tensor};
use crate::error::{Error, Result};
use crate::nn::{Init, Model, ParamEntry, ParamLayout, is_adapter};

/// What wrappers of PyTorch put before names: DataParallel, torch.compile, a module that holds the network.
const PREFIXES: [&str; 3] = ["module.", "_orig_mod.", "model."];

/// What transformers puts before the names of a language model with a head, and leaves out in files of its body.
const BODIES: [&str; 2] = ["transformer.", "model."];

/// Endings of what modules and profilers keep beside weights, and no forward pass needs: masks of GPT-2's attention and
/// speeds of Llama's rotary positions among them.
const NO_WEIGHTS: [&str; 7] = [
    "num_batches_tracked",
    "position_ids",
    "total_ops",
    "total_params",
    ".attn.bias",
    ".attn.masked_bias",
    ".rotary_emb.inv_freq",
];

/// Names of the tables of tokens in language models of the zoo.
const TABLES: [&str; 2] = ["transformer.wte.weight", "model.embed_tokens.weight"];

/// Names that are listed.
const LISTED: usize = 30;

/// How the names of a file become those of a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Naming {
    /// What stands before the names of the network; everything else is passed over.
    pub prefix: Option<String>,
    /// The file's names, or what stands before a dot in them, and the network's for them.
    pub map: BTreeMap<String, String>,
    /// A layer of the network by its name, whose tensors are not taken: it is drawn anew.
    pub anew: Option<String>,
    /// Adapters may be missing: they are drawn anew.
    pub adapts: bool,
}

/// Weights under the names of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Padded flat vector.
    pub theta: Vec<f32>,
    /// (The file's name, the network's), where they differ.
    pub renamed: Vec<(String, String)>,
    /// What is no weight of the network.
    pub ignored: Vec<String>,
    /// Adapters that the file has not, in the order of the network's parameters.
    pub lacks: Vec<String>,
}

impl Naming {
    /// With the names of a TOML file or, where it is called so, of a JSON file: `"theirs" = "ours"`.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file and the line.
    pub fn read_map(mut self, path: &Path) -> Result<Naming> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let fail = |why: String| Error::input(format!("--map {}: {}", path.display(), why.trim()));
        let table: toml::Table = match path.extension().is_some_and(|extension| extension == "json") {
            true => serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?,
            false => toml::from_str(&text).map_err(|e| fail(e.to_string()))?,
        };
        // Without quotation marks, `a.b = "c"` is a table in a table.
        let mut open: Vec<(String, toml::Value)> = table.into_iter().collect();
        while let Some((name, value)) = open.pop() {
            match value {
                toml::Value::String(ours) => drop(self.map.insert(name, ours)),
                toml::Value::Table(inner) => {
                    open.extend(inner.into_iter().map(|(part, value)| (format!("{name}.{part}"), value)));
                }
                other => return Err(fail(format!("`{name}` is {other}; expected a name in quotation marks"))),
            }
        }
        Ok(self)
    }

    /// The network's name for a name of the file; none where that lies outside the prefix.
    fn ours(&self, theirs: &str, known: &dyn Fn(&str) -> bool) -> Option<String> {
        if let Some(ours) = self.map.get(theirs) {
            return Some(ours.clone());
        }
        let inner = theirs.strip_prefix(self.prefix.as_deref().unwrap_or(""))?;
        let mut name = inner;
        loop {
            let mapped = self.mapped(name);
            let candidate = mapped.as_deref().unwrap_or(name);
            if mapped.is_some() || known(candidate) {
                return Some(candidate.to_owned());
            }
            if let Some(whole) = BODIES.iter().map(|body| format!("{body}{candidate}")).find(|name| known(name)) {
                return Some(whole);
            }
            match PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
                Some(rest) => name = rest,
                None => return Some(inner.to_owned()),
            }
        }
    }

    /// By the whole name, or by the longest part of it before a dot.
    fn mapped(&self, name: &str) -> Option<String> {
        if let Some(ours) = self.map.get(name) {
            return Some(ours.clone());
        }
        let mut ends: Vec<usize> = name.match_indices('.').map(|(at, _)| at).collect();
        ends.reverse();
        let stem = |at: usize| Some(format!("{}{}", self.map.get(&name[..at])?, &name[at..]));
        ends.into_iter().find_map(stem)
    }

    /// Whether a parameter is of the layer that is drawn anew.
    fn is_anew(&self, ours: &str) -> bool {
        self.anew
            .as_ref()
            .is_some_and(|layer| ours.strip_prefix(layer.as_str()).is_some_and(|rest| rest.starts_with('.')))
    }

    /// Refuses an entry of the map that no tensor has used.
    fn check_used(&self, dict: &StateDict, origin: &str) -> Result<()> {
        let stands = |theirs: &String| {
            let inside = |tensor: &Tensor| {
                tensor.name.match_indices(theirs.as_str()).any(|(at, _)| {
                    let (before, rest) = (&tensor.name[..at], &tensor.name[at + theirs.len()..]);
                    (before.is_empty() || before.ends_with('.')) && (rest.is_empty() || rest.starts_with('.'))
                })
            };
            dict.tensors.iter().any(inside)
        };
        match self.map.keys().find(|theirs| !stands(theirs)) {
            None => Ok(()),
            Some(stray) => {
                let near = did_you_mean(stray, dict.tensors.iter().map(|tensor| tensor.name.as_str()));
                Err(Error::input(format!("--map: `{stray}` is no tensor of {origin}{near}")))
            }
        }
    }
}

/// Reads a model's file into a padded flat vector, by the network's names.
///
/// # Errors
/// As [`StateDict::read`] and [`fit`].
pub fn weights(path: &Path, layout: &ParamLayout) -> Result<Vec<f32>> {
    let dict = StateDict::read(path, None)?;
    fit(&dict, layout, &Naming::default(), &path.display().to_string()).map(|named| named.theta)
}

/// What a training begins with: the numbers of a model's file by the network's names; with `new_head` the last layer's
/// are drawn by the seed.
///
/// # Errors
/// As [`StateDict::read`] and [`fit`]; a last layer that has no name to find its parameters by.
pub fn start(path: &Path, model: &Model, new_head: bool, seed: u64) -> Result<Vec<f32>> {
    let dict = StateDict::read(path, None)?;
    let (layout, origin) = (&model.layout, path.display().to_string());
    let head = head(model);
    let adapts = Naming { adapts: true, ..Naming::default() };
    if !new_head {
        let fitted = fit(&dict, layout, &adapts, &origin);
        return fitted.map(|named| drawn(named, &adapts, model, seed)).map_err(|error| match &head {
            // Only where it would help.
            Some(head) if fit(&dict, layout, &without(head), &origin).is_ok() => Error::input(format!(
                "{error}; with train.new_head = true the last layer, `{head}`, is drawn anew, and the others begin \
                 with what the file holds"
            )),
            _ => error,
        });
    }
    let head = head.ok_or_else(|| Error::input("train.new_head: the last layer has no parameters of its own name"))?;
    let own = without(&head);
    Ok(drawn(fit(&dict, layout, &own, &origin)?, &own, model, seed))
}

/// The numbers of a file with those that it has not drawn by the seed.
fn drawn(named: Named, naming: &Naming, model: &Model, seed: u64) -> Vec<f32> {
    let (mut theta, drawn) = (named.theta, model.init(seed));
    let is_new = |name: &String| naming.is_anew(name) || named.lacks.contains(name);
    for (_, at) in model.layout.tensors().filter(|(e, _)| is_new(&e.name)) {
        theta[at.clone()].copy_from_slice(&drawn[at]);
    }
    theta
}

fn without(head: &str) -> Naming {
    Naming { anew: Some(head.to_owned()), adapts: true, ..Naming::default() }
}

/// The last layer by its name, where parameters are called by it.
pub fn head(model: &Model) -> Option<String> {
    let head = model.layers().last()?.label();
    let named = without(&head);
    model.layout.entries().iter().any(|e| named.is_anew(&e.name)).then_some(head)
}

/// Finds every parameter in the file.
///
/// # Errors
/// [`Error::Input`] beginning with `origin`: another shape or type, NaN or Inf, two tensors for one parameter; names
/// that are missing and names that are left over, side by side.
pub fn fit(dict: &StateDict, layout: &ParamLayout, naming: &Naming, origin: &str) -> Result<Named> {
    let fail = |what: String| Error::input(format!("{origin}: {what}"));
    naming.check_used(dict, origin)?;
    let places: HashMap<&str, (&ParamEntry, Range<usize>)> =
        layout.tensors().map(|(e, at)| (e.name.as_str(), (e, at))).collect();
    let buffers: HashMap<&str, f32> = layout.buffers().iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let aliases: HashMap<&str, &str> = layout.aliases().iter().map(|(a, of)| (a.as_str(), of.as_str())).collect();
    let known = |name: &str| places.contains_key(name) || buffers.contains_key(name) || aliases.contains_key(name);
    let mut named = Named {
        theta: vec![0.0; layout.whole()],
        renamed: Vec::new(),
        ignored: dict.others.clone(),
        lacks: Vec::new(),
    };
    let (mut found, mut extra): (HashMap<String, &str>, Vec<&Tensor>) = (HashMap::new(), Vec::new());
    let mut twins: Vec<(&Tensor, String)> = Vec::new();
    for tensor in &dict.tensors {
        let Some(ours) = naming.ours(&tensor.name, &known) else {
            named.ignored.push(tensor.name.clone());
            continue;
        };
        if naming.is_anew(&ours) {
            named.ignored.push(tensor.name.clone());
            continue;
        }
        if !known(&ours) {
            match NO_WEIGHTS.iter().any(|ending| tensor.name.ends_with(ending)) {
                true => named.ignored.push(tensor.name.clone()),
                false => extra.push(tensor),
            }
            continue;
        }
        if let Some(other) = found.insert(ours.clone(), &tensor.name) {
            return Err(fail(format!(
                "`{other}` and `{}` are both the model's `{ours}`; --prefix names one",
                tensor.name
            )));
        }
        match (places.get(ours.as_str()), aliases.get(ours.as_str())) {
            (Some((place, at)), _) => named.theta[at.clone()].copy_from_slice(values(tensor, place, origin)?),
            (None, Some(_)) => twins.push((tensor, ours.clone())),
            (None, None) => check_buffer(tensor, &ours, buffers[ours.as_str()], origin)?,
        }
        if ours != tensor.name {
            named.renamed.push((tensor.name.clone(), ours));
        }
    }
    for (tensor, ours) in twins {
        let of = aliases[ours.as_str()];
        let (place, at) = &places[of];
        if values(tensor, place, origin)? != &named.theta[at.clone()] {
            let own = match TABLES.contains(&of) {
                true => "; the file's head has a matrix of its own: leave model.sizes.tied out",
                false => "",
            };
            return Err(fail(format!(
                "`{}` is not `{of}`, and the model's configuration says that they are one{own}",
                tensor.name
            )));
        }
    }
    // PyTorch counted no batches before version 0.4.1.
    let wanted = layout.tensors().map(|(e, _)| e).filter(|e| e.init != Init::Count && !naming.is_anew(&e.name));
    let (lacks, missing): (Vec<&ParamEntry>, Vec<&ParamEntry>) =
        wanted.filter(|e| !found.contains_key(&e.name)).partition(|e| naming.adapts && is_adapter(&e.name));
    named.lacks = lacks.iter().map(|e| e.name.clone()).collect();
    match missing.is_empty() && extra.is_empty() {
        true => Ok(named),
        false => Err(fail(tied_there(&missing, &extra, &found).unwrap_or_else(|| side_by_side(&missing, &extra)))),
    }
}

/// What is said of a language model's file that lacks the head alone.
fn tied_there(missing: &[&ParamEntry], extra: &[&Tensor], found: &HashMap<String, &str>) -> Option<String> {
    let ([head], [], Some(table)) = (missing, extra, TABLES.iter().find(|name| found.contains_key(**name))) else {
        return None;
    };
    (head.name == "lm_head.weight").then(|| {
        format!(
            "`lm_head.weight` is missing: the file's head is its table of tokens, `{table}`; say so by \
             model.sizes = {{ tied = true }}"
        )
    })
}

/// The numbers of a tensor, where they are those of the parameter.
fn values<'a>(tensor: &'a Tensor, place: &ParamEntry, origin: &str) -> Result<&'a [f32]> {
    let fail = |what: String| Error::input(format!("{origin}: {what}"));
    if tensor.shape != place.shape {
        let called = if tensor.name == place.name { String::new() } else { format!(" (the model's `{}`)", place.name) };
        let words = match (&tensor.shape[..], &place.shape[..]) {
            ([theirs, width], [ours, own]) if width == own && TABLES.contains(&place.name.as_str()) => format!(
                ": a vocabulary of {theirs} tokens, and the data's tokenizer has {ours}; data.tokenizer must be the \
                 file's own"
            ),
            _ => String::new(),
        };
        return Err(fail(format!(
            "`{}`{called} has shape {:?}, the model wants {:?}{words}",
            tensor.name, tensor.shape, place.shape
        )));
    }
    let whole = tensor.kind == "I64" && place.init != Init::Count;
    let values = tensor.values.as_deref().filter(|_| !whole);
    let values = values.ok_or_else(|| {
        fail(format!("`{}` holds {}, expected floats of 64, 32 or 16 bits", tensor.name, tensor.kind))
    })?;
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(fail(format!("`{}` holds {} at element {at}", tensor.name, values[at]))),
        None => Ok(values),
    }
}

/// Refuses a number beside the parameters that is not what the configuration says.
fn check_buffer(tensor: &Tensor, ours: &str, value: f32, origin: &str) -> Result<()> {
    match tensor.values.as_deref() == Some(&[value]) {
        true => Ok(()),
        false => {
            Err(Error::input(format!("{origin}: `{ours}` is not the {value} that the model's configuration says")))
        }
    }
}

/// What is missing beside what is left over, each with the nearest of the others.
fn side_by_side(missing: &[&ParamEntry], extra: &[&Tensor]) -> String {
    let first = |names: Vec<&str>| names.first().map_or(String::new(), |name| format!(" (`{name}`)"));
    let mut text = format!(
        "{} of the model's parameters{} are missing and {} of the file's tensors{} are not the model's; give the \
         layers the file's names, or --map FILE with lines `\"theirs\" = \"ours\"`",
        missing.len(),
        first(missing.iter().map(|e| e.name.as_str()).collect()),
        extra.len(),
        first(extra.iter().map(|tensor| tensor.name.as_str()).collect()),
    );
    let shown = |name: &str, shape: &[usize]| format!("{name} {shape:?}");
    let mut left: Vec<(String, String)> = Vec::new();
    let mut taken: HashSet<&str> = HashSet::new();
    for entry in missing.iter().take(LISTED) {
        let score = |tensor: &&&Tensor| likeness(&entry.name, &tensor.name) + f64::from(tensor.shape == entry.shape);
        let free = extra.iter().filter(|tensor| !taken.contains(tensor.name.as_str()));
        let near = free.max_by(|a, b| score(a).total_cmp(&score(b)));
        let theirs = near.map(|tensor| {
            taken.insert(&tensor.name);
            shown(&tensor.name, &tensor.shape)
        });
        left.push((shown(&entry.name, &entry.shape), theirs.unwrap_or_else(|| "-".into())));
    }
    let rest = extra.iter().filter(|tensor| !taken.contains(tensor.name.as_str()));
    left.extend(rest.take(LISTED).map(|tensor| ("-".into(), shown(&tensor.name, &tensor.shape))));
    let width = left.iter().map(|(ours, _)| ours.len()).max().unwrap_or(0).max("the model".len());
    let _ = write!(text, "\n  {:<width$}  the file", "the model");
    for (ours, theirs) in &left {
        let _ = write!(text, "\n  {ours:<width$}  {theirs}");
    }
    if missing.len() + extra.len() > left.len() + taken.len() {
        text += "\n  …";
    }
    text
}
