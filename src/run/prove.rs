//! `unlearn prove`: that a run which forgot is, byte for byte, a training that never had the records.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::Serialize;

use super::config::Config;
use super::earlier::Earlier;
use super::ensemble::{members_of, shards};
use super::folder::{Opened, RunFolder};
use super::info::RunInfo;
use crate::base::sha256;
use crate::data::{GraphRecords, Line, Naming, Place};
use crate::error::{Error, Result};

/// What a proof came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every byte that the claim is about is the same.
    Holds,
    /// Something is not.
    Fails,
    /// The two were not made by one program on one adapter and driver, whose bytes differ whatever they learned.
    NotComparable,
}

/// A tensor, or what stands for one, in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Pair {
    /// The file, from the run's folder.
    pub file: String,
    /// Name in it.
    pub tensor: String,
    /// SHA-256 of its bytes in the run; none where it is not there.
    pub run: Option<String>,
    /// The same in the other.
    pub against: Option<String>,
}

impl Pair {
    fn same(&self) -> bool {
        self.run.is_some() && self.run == self.against
    }
}

/// What `unlearn prove` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Proof {
    /// `unlearn.proof/1`
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The run that forgot.
    pub run: PathBuf,
    /// The training that never had the records.
    pub against: PathBuf,
    /// What is claimed, in a sentence.
    pub claim: String,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub reason: String,
    /// Records that the run forgot.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub forgotten: usize,
    /// Those of them that the other run's data still name; none can be told where records are known by their rows.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub still_there: Option<usize>,
    /// SHA-256 of the retained records as each run's model is given them, recomputed from the files.
    pub records: Pair,
    /// SHA-256 of every tensor of weights and of kept checkpoints, recomputed from the files.
    pub tensors: Vec<Pair>,
    /// ‖a − b‖ / ‖b‖ over the weights: what could be claimed in the place of equal bytes.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub distance: f64,
}

/// Reads both folders, and compares what they hold.
///
/// # Errors
/// A folder that holds no run, or one that was changed; a run that forgot nothing; two recipes.
pub fn prove(run: &Path, against: &Path) -> Result<Proof> {
    let [a, b] = [run, against].map(|path| RunFolder::new(path).open());
    let (a, b) = (a?, b?);
    let Some(forget) = &a.info.forget else {
        return Err(Error::input(format!("{} was trained and forgot nothing; give a run that did", run.display())));
    };
    same_recipe(&a, &b)?;
    let (forgotten, still_there) = forgotten(&a, &b);
    let claim = format!(
        "{} has the weights{} of a training on the records that it retains, {forgotten} records never among them",
        run.display(),
        if a.info.ensemble.is_some() { " and checkpoints, member by member," } else { "" },
    );
    let records =
        Pair { file: "config.toml".into(), tensor: "records".into(), run: Some(own(&a)?), against: Some(own(&b)?) };
    let (tensors, distance) = tensors(&a, &b)?;
    let (outcome, reason) = match made_alike(&a.info, &b.info) {
        Some(differs) => (
            Outcome::NotComparable,
            format!(
                "{differs}: equal bytes are promised for one program, adapter and driver alone; what could be claimed \
                 here is that the weights agree to {distance:.3e} of their length, which is no proof"
            ),
        ),
        None => judge(&records, &tensors, still_there, forget.tier),
    };
    let (schema, version) = ("unlearn.proof/1", env!("CARGO_PKG_VERSION"));
    let (run, against) = (run.to_owned(), against.to_owned());
    Ok(Proof {
        schema,
        version,
        run,
        against,
        claim,
        outcome,
        reason,
        forgotten,
        still_there,
        records,
        tensors,
        distance,
    })
}

fn judge(
    records: &Pair,
    tensors: &[Pair],
    still_there: Option<usize>,
    tier: crate::methods::Tier,
) -> (Outcome, String) {
    let fails = |what: String| (Outcome::Fails, what);
    if let Some(count) = still_there.filter(|count| *count > 0) {
        return fails(format!("{count} of the forgotten records are among those that the other was trained on"));
    }
    if !records.same() {
        return fails(
            "the two models are not given the same records: others are retained, or they are scaled or \
                      encoded in another way"
                .into(),
        );
    }
    let differ: Vec<&Pair> = tensors.iter().filter(|pair| !pair.same()).collect();
    match differ.first() {
        Some(first) => fails(format!(
            "{} of {} tensors differ, the first is `{}` of {}",
            differ.len(),
            tensors.len(),
            first.tensor,
            first.file
        )),
        None => (
            Outcome::Holds,
            format!("all {} tensors have the same SHA-256 in both; the run's tier is {}", tensors.len(), tier.as_str()),
        ),
    }
}

/// In what two runs were made differently, such that their bytes may differ.
fn made_alike(a: &RunInfo, b: &RunInfo) -> Option<String> {
    let words = |info: &RunInfo| {
        let adapter = &info.adapter;
        [
            ("program", info.version.clone()),
            ("adapter", format!("{} ({})", adapter.name, adapter.backend)),
            ("driver", adapter.driver.clone()),
            ("precision", adapter.precision.word().to_owned()),
        ]
    };
    let differs = words(a).into_iter().zip(words(b)).find(|(a, b)| a != b);
    differs.map(|((what, a), (_, b))| format!("the {what} of one is `{a}` and of the other `{b}`"))
}

/// Refuses two trainings that were not set up alike; where the data lie is not compared.
fn same_recipe(a: &Opened, b: &Opened) -> Result<()> {
    let text = |run: &Opened| {
        let paths = Config { data: a.config.data.clone(), forget: None, ..run.config.clone() };
        // A class that is gone makes a narrower network.
        Config { model: a.config.model.clone(), ..paths }.to_toml()
    };
    let (ours, theirs) = (text(a)?, text(b)?);
    let differs = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b);
    match (ours == theirs, differs) {
        (true, _) => Ok(()),
        (false, differs) => Err(Error::input(format!(
            "{} and {} were trained by two recipes{}; train the other by the same one",
            a.folder.path.display(),
            b.folder.path.display(),
            differs.map_or(String::new(), |(a, b)| format!(" (`{a}` and `{b}`)"))
        ))),
    }
}

/// How many records a run forgot, and how many of them the other's data name.
fn forgotten(a: &Opened, b: &Opened) -> (usize, Option<usize>) {
    let records = || a.forgotten.iter().flat_map(|line: &Line| &line.records);
    let gone: HashSet<Place> = gone(b);
    let there = records().filter(|who| b.data.find(&who.id).is_some_and(|place| !gone.contains(&place))).count();
    let named = a.data.graph.is_none() && a.data.who.naming != Naming::Rows;
    (records().count(), named.then_some(there))
}

/// Places that a run has forgotten, of those that its data still have.
fn gone(run: &Opened) -> HashSet<Place> {
    let records = run.forgotten.iter().flat_map(|line| &line.records);
    records.filter_map(|who| run.data.who.find_then(&who.id)).collect()
}

/// Hash of what a run's model is given of the records that it retains.
fn own(run: &Opened) -> Result<String> {
    let Some(graph) = &run.data.graph else {
        return Ok(run.data.retained_sha256(&gone(run)));
    };
    if let Some(hash) = shards(run)? {
        return Ok(hash);
    }
    match graph.records {
        GraphRecords::Nodes => {
            let earlier = Earlier::of(run)?;
            let mut left = run.data.clone();
            earlier.lose(&mut left);
            let gone = earlier.target.deletion().map_or(&[][..], |deletion| &deletion.nodes);
            let nodes = left.graph.as_ref().map(|graph| graph.retained_sha256(gone, &left.class_names));
            nodes.ok_or_else(|| Error::internal("a graph that is none"))
        }
        _ => Ok(run.data.sha256()),
    }
}

/// Every tensor of both, and how far the weights are apart.
fn tensors(a: &Opened, b: &Opened) -> Result<(Vec<Pair>, f64)> {
    let folders = |run: &Opened| match run.info.ensemble {
        Some(_) => members_of(run)?.into_iter().map(|(folder, info)| folder.check(&info).map(|()| folder)).collect(),
        None => Ok(vec![run.folder.clone()]),
    };
    let (ours, theirs): (Vec<RunFolder>, Vec<RunFolder>) = (folders(a)?, folders(b)?);
    if ours.len() != theirs.len() {
        return Err(Error::input(format!("one run has {} networks and the other {}", ours.len(), theirs.len())));
    }
    let (mut pairs, mut apart, mut length) = (Vec::new(), 0.0, 0.0);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let (weights, moved, long) = compared(&a.folder.path, &ours.model(), &theirs.model())?;
        pairs.extend(weights);
        (apart, length) = (apart + moved, length + long);
        // What the run keeps must be there in the other; what it does not keep holds nothing.
        for step in ours.kept_steps() {
            pairs.extend(compared(&a.folder.path, &ours.kept_at(step), &theirs.kept_at(step))?.0);
        }
    }
    pairs.extend(compared(&a.folder.path, &a.folder.aggregator(), &b.folder.aggregator())?.0);
    Ok((pairs, if length > 0.0 { (apart / length).sqrt() } else { 0.0 }))
}

/// The tensors of two files, ‖a − b‖² and ‖b‖².
fn compared(root: &Path, ours: &Path, theirs: &Path) -> Result<(Vec<Pair>, f64, f64)> {
    let file = ours.strip_prefix(root).unwrap_or(ours).display().to_string();
    let (a, b) = (read(ours)?, read(theirs)?);
    let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let hash = |all: &BTreeMap<String, Vec<u8>>, name: &String| all.get(name).map(|bytes| sha256(bytes));
    let pair = |name: &&String| Pair {
        file: file.clone(),
        tensor: (*name).clone(),
        run: hash(&a, name),
        against: hash(&b, name),
    };
    let numbers = |bytes: &Vec<u8>| bytemuck::pod_collect_to_vec::<u8, f32>(bytes);
    let (mut apart, mut length) = (0.0, 0.0);
    for (name, bytes) in &b {
        let theirs = numbers(bytes);
        let ours = a.get(name).map(numbers).unwrap_or_default();
        length += theirs.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        apart += ours.iter().zip(&theirs).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
    }
    Ok((names.iter().map(pair).collect(), apart, length))
}

/// The tensors of a file by name; none where there is no such file.
fn read(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let corrupt = |e| Error::input(format!("{}: not a whole safetensors file: {e}", path.display()));
    let file = SafeTensors::deserialize(&bytes).map_err(corrupt)?;
    Ok(file.tensors().into_iter().map(|(name, tensor)| (name, tensor.data().to_vec())).collect())
}
