//! Runs models over every split and records what they say.

mod links;
mod nodes;
mod rows;
mod texts;

use std::borrow::Cow;

use super::target::Target;
use crate::data::{Dataset, GraphRecords, Portion};
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::{Evaluation, Memory, Outputs};
use crate::nn::Model;
use crate::records::{Reader, Records, Session};
use crate::statistics;

/// A model to be read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Flat parameters.
    pub theta: &'a [f32],
    /// The network.
    pub model: &'a Model,
    /// The records as they are fed to it. All readings of one evaluation are of the same records, which an exact method
    /// may have scaled and encoded in its own way.
    pub data: &'a Dataset,
    /// It stands after the request: on a graph it is read without what was deleted, and deleted nodes where they were.
    pub forgot: bool,
}

/// Records of one kind, as evaluation reads them: in tables whose every record a model is run on.
trait Subject {
    /// How many tables there are.
    fn tables(&self) -> usize {
        1
    }

    /// A table on the engine, and the ids of its records.
    ///
    /// # Errors
    /// No memory.
    fn open<'e>(
        &self,
        engine: &'e mut Engine,
        model: &'e Model,
        table: usize,
        theta: &[f32],
    ) -> Result<(Reader<'e>, Vec<u32>)>;

    /// True where the request changes what a model is given of this table, so that it is read before and after.
    fn changes(&self, table: usize) -> bool;

    /// True where every model is read after the request, those that know nothing of it too.
    fn always(&self) -> bool {
        false
    }

    /// Whether the records of a part are in this table.
    fn holds(&self, _table: usize, _portion: Portion) -> bool {
        true
    }

    /// What a model says of records of a table, a row each.
    ///
    /// # Errors
    /// A lost device.
    fn say(&self, session: &mut Session, records: Records) -> Result<Vec<f32>> {
        statistics::logits(session, records)
    }

    /// What is read of a model besides, where that is scored, with the records of a table as they were.
    ///
    /// # Errors
    /// A lost device.
    fn besides(&self, _session: &mut Session, _records: Records, _table: usize) -> Result<Memory> {
        Ok(Memory::default())
    }

    /// Logits [records, classes] of a part, in order.
    ///
    /// # Errors
    /// Records that have no classes.
    fn logits(&self, said: &[Said], portion: Portion) -> Result<Vec<f32>>;

    /// What is to be scored of a model's outputs on each table.
    ///
    /// # Errors
    /// Outputs that are not finite.
    fn evaluation(&self, said: &[Said]) -> Result<Evaluation>;
}

/// A model's outputs on a table: before the request and, if it stands after one that changes them, after it.
#[derive(Default)]
struct Said {
    before: Vec<f32>,
    now: Option<Vec<f32>>,
    memory: Memory,
}

impl Said {
    fn latest(&self) -> &[f32] {
        self.now.as_ref().unwrap_or(&self.before)
    }
}

/// Reads models on every split: one evaluation for each, or why it cannot be scored.
///
/// # Errors
/// A lost device; memory over the budget.
pub fn evaluate(engine: &mut Engine, target: Option<&Target>, readings: &[Reading]) -> Result<Vec<Result<Evaluation>>> {
    let mut all = Vec::new();
    // Models of one network share what is uploaded.
    for alike in readings.chunk_by(|a, b| std::ptr::eq(a.model, b.model)) {
        all.extend(evaluate_alike(engine, target, alike)?);
    }
    Ok(all)
}

/// As [`evaluate`] of one model, without what is read of it besides.
///
/// # Errors
/// As [`evaluate`]; outputs that are not finite.
pub fn without_memory(engine: &mut Engine, target: Option<&Target>, reading: &Reading) -> Result<Evaluation> {
    let subject = subject(reading.data, reading.model, target);
    let said = run(engine, subject.as_ref(), &[*reading], &|_| true, false)?;
    subject.evaluation(&said[0])
}

fn evaluate_alike(
    engine: &mut Engine,
    target: Option<&Target>,
    readings: &[Reading],
) -> Result<Vec<Result<Evaluation>>> {
    let Some(first) = readings.first() else { return Ok(Vec::new()) };
    let model = first.model;
    let subject = subject(first.data, model, target);
    let said = run(engine, subject.as_ref(), readings, &|_| true, true)?;
    Ok(said.iter().map(|said| subject.evaluation(said)).collect())
}

/// A model's logits [records, classes] for the records of each part, in order.
///
/// # Errors
/// Records that are pairs of nodes; a lost device.
pub fn logits(
    engine: &mut Engine,
    target: Option<&Target>,
    reading: &Reading,
    portions: &[Portion],
) -> Result<Vec<Vec<f32>>> {
    let subject = subject(reading.data, reading.model, target);
    let wanted = |table| portions.iter().any(|portion| subject.holds(table, *portion));
    let said = run(engine, subject.as_ref(), &[*reading], &wanted, false)?;
    portions.iter().map(|portion| subject.logits(&said[0], *portion)).collect()
}

/// A model's logits over all classes, [records, classes], of every table before the request, and of every table as the
/// model stands: what [`evaluation`] takes.
///
/// # Errors
/// As [`logits`].
pub fn tables(engine: &mut Engine, target: Option<&Target>, reading: &Reading) -> Result<Vec<Vec<f32>>> {
    if reading.data.links().is_some() {
        return Err(links::no_classes());
    }
    let subject = subject(reading.data, reading.model, target);
    let said = run(engine, subject.as_ref(), &[*reading], &|_| true, false)?;
    let all = |logits: &[f32]| all_classes(reading.data, logits).into_owned();
    let before = said[0].iter().map(|said| all(&said.before));
    Ok(before.chain(said[0].iter().map(|said| all(said.latest()))).collect())
}

/// What is to be scored of logits as [`tables`] has them, whoever gave them.
///
/// # Errors
/// Numbers that are not finite.
pub fn evaluation(data: &Dataset, model: &Model, target: Option<&Target>, tables: Vec<Vec<f32>>) -> Result<Evaluation> {
    let learned = |row: &[f32]| data.learned.iter().map(|class| row[*class as usize]).collect::<Vec<f32>>();
    let narrow = |logits: &Vec<f32>| logits.chunks_exact(data.classes).flat_map(learned).collect();
    let (before, now) = tables.split_at(tables.len() / 2);
    let of = |(before, now)| Said { before: narrow(before), now: Some(narrow(now)), memory: Memory::default() };
    let said: Vec<Said> = before.iter().zip(now).map(of).collect();
    subject(data, model, target).evaluation(&said)
}

/// What models of one network say of the records of the tables that are wanted, and what is read of them `besides`.
fn run(
    engine: &mut Engine,
    subject: &dyn Subject,
    readings: &[Reading],
    wanted: &dyn Fn(usize) -> bool,
    besides: bool,
) -> Result<Vec<Vec<Said>>> {
    let mut said: Vec<Vec<Said>> = readings.iter().map(|_| Vec::new()).collect();
    let Some(Reading { model, theta, .. }) = readings.first() else { return Ok(said) };
    for table in 0..subject.tables() {
        if !wanted(table) {
            said.iter_mut().for_each(|said| said.push(Said::default()));
            continue;
        }
        let (mut reader, ids) = subject.open(engine, model, table, theta)?;
        for (reading, said) in readings.iter().zip(&mut said) {
            reader.session().write_theta(reading.theta)?;
            let mut read = |before| {
                let records = reader.records(&ids, before);
                subject.say(reader.session(), records)
            };
            let before = read(true)?;
            let now =
                if subject.changes(table) && (reading.forgot || subject.always()) { Some(read(false)?) } else { None };
            let records = reader.records(&ids, true);
            let memory = if besides { subject.besides(reader.session(), records, table)? } else { Memory::default() };
            said.push(Said { before, now, memory });
        }
    }
    Ok(said)
}

/// How the records of a data set are read.
fn subject<'a>(data: &'a Dataset, model: &Model, target: Option<&'a Target>) -> Box<dyn Subject + 'a> {
    let Some(graph) = &data.graph else { return Box::new(rows::Rows { data, target }) };
    match &graph.records {
        GraphRecords::Links => Box::new(links::Links { graph, target, columns: model.classes }),
        GraphRecords::Nodes | GraphRecords::Graphs { .. } => Box::new(nodes::Nodes::of(data, graph, target)),
    }
}

/// The outputs of some records, each from the numbers that `source` says.
fn gather<'a>(source: impl Fn(u32) -> &'a [f32], labels: &[u32], classes: usize, positions: &[u32]) -> Outputs {
    let mut some = Outputs { classes, ..Outputs::default() };
    for &at in positions {
        some.logits.extend_from_slice(row(source(at), classes, at));
        some.labels.push(labels[at as usize]);
    }
    some
}

/// How far the logit of a class that a model has no output for lies below its lowest.
const ABSENT: f32 = 50.0;

/// Each deleted edge between nodes that stay once, and as many pairs that never had one; none without a graph.
pub fn edges_and_strangers(data: &Dataset, target: &Target) -> [Vec<[u32; 2]>; 2] {
    data.graph
        .as_ref()
        .zip(target.deletion())
        .map(|(graph, deletion)| nodes::pairs(graph, deletion))
        .unwrap_or_default()
}

/// Logits over all classes of logits that a model of these data gave.
pub fn over_all_classes(data: &Dataset, logits: Vec<f32>) -> Vec<f32> {
    all_classes(data, &logits).into_owned()
}

/// Logits over all classes, of a model that may have fewer outputs: one that was made as if the only records of a class
/// had never been there.
fn all_classes<'a>(data: &Dataset, logits: &'a [f32]) -> Cow<'a, [f32]> {
    let (learned, classes) = (&data.learned, data.classes);
    if learned.len() == classes {
        return Cow::Borrowed(logits);
    }
    let mut all = Vec::with_capacity(logits.len() / learned.len() * classes);
    for row in logits.chunks_exact(learned.len()) {
        let lowest = row.iter().copied().fold(f32::INFINITY, f32::min) - ABSENT;
        let logit = |class: u32| data.output(class).map_or(lowest, |output| row[output as usize]);
        all.extend((0..classes as u32).map(logit));
    }
    Cow::Owned(all)
}

/// Row `at` of numbers [rows, classes].
fn row(all: &[f32], classes: usize, at: u32) -> &[f32] {
    &all[at as usize * classes..][..classes]
}
