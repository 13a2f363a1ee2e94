//! Records of text: each is a window of tokens, of which every one but the first is predicted from those before it. On
//! the host; a batch's tokens, packed one record behind the other, cross the bus as words.

use std::collections::{HashMap, HashSet};

use super::batch::{Load, Loaded, Shape, Targets, Use};
use super::drawn::Drawn;
use super::objective::{self, Objective};
use super::part::{Part, Records};
use super::preferred::Preferred;
use super::resident::{Resident, check_fanout};
use super::rows::{check_places, held};
use crate::data::{Cut, NOTHING, Samples, TargetKind};
use crate::engine::{Buf, Data, Engine, Recording};
use crate::error::{Error, Result};
use crate::kernels::graph::Csr;
use crate::kernels::map;
use crate::nn::structure::{Pattern, Segments};
use crate::nn::{Batch, Input};

/// Windows of each part that has any.
pub(crate) struct Tokens {
    parts: HashMap<Part, Windows>,
    vocabulary: usize,
    /// Most rows that a record has.
    longest: usize,
}

/// The windows of one part, one behind the other.
struct Windows {
    tokens: Vec<u32>,
    /// Record r has the tokens `ptr[r]..ptr[r + 1]`.
    ptr: Vec<usize>,
    /// Of these records the tokens at these places alone are predicted.
    only: HashMap<u32, Vec<u32>>,
}

/// A window on its way into a batch: its tokens, and the places of those that count where not all do.
type Window<'a> = (&'a [u32], Option<&'a [u32]>);

/// Most rows of a batch of many records.
const ROWS: usize = 8192;

/// Rows of a batch are filled up to a multiple of this, and of an eighth of them, so that a program serves many
/// batches.
const ROUND: usize = 64;

/// A row that belongs to no record.
const NOBODY: u32 = u32::MAX;

impl Tokens {
    /// Takes the windows of each part; `width` values a record, with [`NOTHING`] behind the last token. Of the records
    /// of `cuts` the cut tokens alone are predicted before the request.
    pub fn of(parts: &[(Part, &Samples)], vocabulary: usize, cuts: &[Cut]) -> Tokens {
        let filled = parts.iter().filter(|(_, samples)| !samples.is_empty());
        let longest = filled.clone().map(|(_, samples)| samples.x.len() / samples.len() - 1).max().unwrap_or(0);
        let mut parts: HashMap<Part, Windows> = filled.map(|(part, samples)| (*part, Windows::of(samples))).collect();
        if let Some(before) = parts.get_mut(&Part::Before) {
            before.only = cuts.iter().map(|cut| (cut.record, cut.tokens.clone())).collect();
        }
        Tokens { parts, vocabulary, longest }
    }

    fn windows(&self, part: Part) -> Option<&Windows> {
        let part = if part == Part::Pairs { Part::Before } else { part };
        // Before the request and after it there is one table, unless the request takes parts of records.
        self.parts.get(&part).or_else(|| self.parts.get(&held(part)))
    }

    /// A batch of records with these windows.
    fn batch<'a>(&self, records: &[u32], windows: impl Iterator<Item = Window<'a>> + Clone) -> Load {
        let rows: usize = windows.clone().map(|window| window.0.len().saturating_sub(1)).sum();
        let filled = rows.next_multiple_of(ROUND.max((rows / 8).next_power_of_two())).max(ROUND);
        // Texts that go on by one token each are as many in every pass.
        let rows = if rows == records.len() && !records.is_empty() { rows } else { filled };
        let lists = Lists::of(windows, rows);
        let [ptr, by_token] = lists.by_token(self.vocabulary);
        let each = (0..=rows as u32).collect();
        let words = [records.to_vec(), lists.ptr, lists.of, each, lists.given, ptr, by_token, lists.next];
        let mut inputs: Vec<Data> = words.into_iter().map(Data::U32).collect();
        inputs.push(Data::F32(lists.weight));
        Load { shape: Shape::Tokens { records: records.len(), rows }, inputs, recurs: true }
    }
}

impl Windows {
    fn of(samples: &Samples) -> Windows {
        let (mut tokens, mut ptr) = (Vec::new(), vec![0]);
        let width = samples.x.len() / samples.len().max(1);
        for window in samples.x.chunks_exact(width.max(1)) {
            tokens.extend(window.iter().take_while(|token| **token != NOTHING).map(|token| *token as u32));
            ptr.push(tokens.len());
        }
        Windows { tokens, ptr, only: HashMap::new() }
    }

    fn window(&self, record: u32) -> Window<'_> {
        (self.record(record), self.only.get(&record).map(Vec::as_slice))
    }

    fn record(&self, record: u32) -> &[u32] {
        &self.tokens[self.ptr[record as usize]..self.ptr[record as usize + 1]]
    }
}

/// The lists of a batch on the host.
struct Lists {
    /// Records' first rows, and the end of the last.
    ptr: Vec<u32>,
    /// The record of each row.
    of: Vec<u32>,
    /// The token that each row is given, and the one that it is to predict.
    given: Vec<u32>,
    next: Vec<u32>,
    /// What a row counts for in its record's loss.
    weight: Vec<f32>,
}

impl Lists {
    /// Of windows, with rows of nobody behind them up to `rows`.
    fn of<'a>(records: impl Iterator<Item = Window<'a>>, rows: usize) -> Lists {
        let mut lists = Lists { ptr: vec![0], of: Vec::new(), given: Vec::new(), next: Vec::new(), weight: Vec::new() };
        for (at, (window, only)) in (0..).zip(records) {
            // One of which nothing stayed holds no token.
            let (first, next) = (lists.given.len(), window.get(1..).unwrap_or_default());
            lists.given.extend_from_slice(&window[..next.len()]);
            lists.next.extend_from_slice(next);
            lists.of.resize(lists.given.len(), at);
            let count = only.map_or(next.len(), <[u32]>::len).max(1);
            let weight = (1.0 / count as f64) as f32;
            lists.weight.resize(lists.given.len(), if only.is_some() { 0.0 } else { weight });
            only.into_iter().flatten().for_each(|place| lists.weight[first + *place as usize - 1] = weight);
            lists.ptr.push(lists.given.len() as u32);
        }
        lists.of.resize(rows, NOBODY);
        [&mut lists.given, &mut lists.next].into_iter().for_each(|list| list.resize(rows, 0));
        lists.weight.resize(rows, 0.0);
        lists
    }

    /// Rows of each token of the vocabulary, ascending: ends of the tokens' rows, and the rows.
    fn by_token(&self, vocabulary: usize) -> [Vec<u32>; 2] {
        let mut ptr = vec![0u32; vocabulary + 1];
        self.given.iter().for_each(|token| ptr[*token as usize + 1] += 1);
        (0..vocabulary).for_each(|token| ptr[token + 1] += ptr[token]);
        let (mut next, mut rows) = (ptr.clone(), vec![0; self.given.len()]);
        for (row, token) in (0..).zip(&self.given) {
            rows[next[*token as usize] as usize] = row;
            next[*token as usize] += 1;
        }
        [ptr, rows]
    }
}

impl Resident for Tokens {
    fn ids(&self, part: Part) -> Vec<u32> {
        (0..self.len(part) as u32).collect()
    }

    fn len(&self, part: Part) -> usize {
        self.windows(part).map_or(0, |windows| windows.ptr.len() - 1)
    }

    fn check(&self, records: Records, _labelled: bool) -> Result<()> {
        check_places(records, self.len(records.part))
    }

    fn labels(&self) -> Result<&[u32]> {
        Err(Error::input(format!("the records have no classes: they are {}", TargetKind::Text.records())))
    }

    fn objective(&self) -> &'static Objective {
        objective::of(TargetKind::Text)
    }

    fn rows_of(&self, part: Part, record: u32) -> usize {
        self.windows(part).map_or(0, |windows| windows.record(record).len().saturating_sub(1))
    }

    fn text_of(&self, part: Part, record: u32) -> Result<&[u32]> {
        check_places(Records { part, indices: &[record] }, self.len(part))?;
        Ok(self.windows(part).map_or(&[], |windows| windows.record(record)))
    }

    fn predicts(&self, part: Part, record: u32) -> Vec<bool> {
        let (rows, only) = (self.rows_of(part, record), self.windows(part).and_then(|all| all.only.get(&record)));
        let only: Option<HashSet<u32>> = only.map(|places| places.iter().copied().collect());
        (1..=rows as u32).map(|place| only.as_ref().is_none_or(|only| only.contains(&place))).collect()
    }

    fn pieces(&self, records: Records, most: usize, _how: Use) -> Vec<Vec<u32>> {
        let mut all: Vec<Vec<u32>> = Vec::new();
        let mut held = 0;
        for record in records.indices {
            let rows = self.rows_of(records.part, *record);
            match all.last_mut().filter(|piece| piece.len() < most && held + rows <= ROWS) {
                Some(piece) => piece.push(*record),
                None => {
                    all.push(vec![*record]);
                    held = 0;
                }
            }
            held += rows;
        }
        all
    }

    fn load(&self, part: Part, indices: &[u32], _how: Use) -> Load {
        let windows = self.windows(part);
        self.batch(indices, indices.iter().filter_map(|record| Some(windows?.window(*record))))
    }

    fn load_texts(&self, texts: &[&[u32]]) -> Result<Load> {
        // What stands behind the last token is not predicted.
        let windows: Vec<Vec<u32>> = texts.iter().map(|text| [text, &[0][..]].concat()).collect();
        Ok(self.batch(&vec![0; texts.len()], windows.iter().map(|window| (&window[..], None))))
    }

    fn load_pairs(&self, indices: &[u32], preferred: &HashMap<u32, Preferred>) -> Load {
        // Two ids a pair, so that a table may hold numbers of each text.
        let ids: Vec<u32> = indices.iter().flat_map(|record| [2 * record, 2 * record + 1]).collect();
        let windows = self.windows(Part::Before);
        let pair = |record: &u32| Some([windows?.window(*record), preferred.get(record)?.window()]);
        self.batch(&ids, indices.iter().filter_map(pair).flatten())
    }

    fn longest(&self) -> Result<usize> {
        Ok(self.longest)
    }

    fn load_step(&self, part: Part, indices: &[u32], _: &[usize], _: &mut dyn FnMut(usize) -> usize) -> Load {
        self.load(part, indices, Use::Together)
    }

    fn step_records(&self, batch_size: usize, fanout: &[usize]) -> Result<usize> {
        check_fanout(fanout, None, 0).map(|()| batch_size)
    }

    fn record(
        &self,
        _engine: &mut Engine,
        rec: &mut Recording,
        part: Part,
        shape: &Shape,
        _drawn: Option<&Drawn>,
    ) -> Result<Loaded> {
        let Shape::Tokens { records, rows } = *shape else {
            return Err(Error::internal("a batch of text is a list of tokens"));
        };
        if self.windows(part).is_none() {
            return Err(Error::input(format!("the data set has no {} split", part.name())));
        }
        rec.enter("batch");
        // In the order of `batch`.
        let mut words = |name: &str, len: usize| -> Buf<u32> {
            let list = rec.temp(name, len);
            rec.upload(list);
            list
        };
        let (ids, ptr, of) = (words("idx", records), words("ptr", records + 1), words("of", rows));
        let one_a_row = words("one a row", rows + 1);
        let (given, by_token_ptr) = (words("tokens", rows), words("ptr of tokens", self.vocabulary + 1));
        let (by_token, labels) = (words("rows of tokens", rows), words("labels", rows));
        let weight: Buf<f32> = rec.temp("weight", rows);
        rec.upload(weight);
        let ones = rec.temp("ones", rows);
        map::fill(rec, ones, 1.0);
        rec.leave();
        let x = Csr { ptr: one_a_row, idx: given, perm: None, heavy: false };
        // Some token may have most of the rows.
        let xt = Csr { ptr: by_token_ptr, idx: by_token, perm: Some(by_token), heavy: true };
        let segments = Segments { ptr, of, count: records, longest: self.longest };
        let x = Input::Sparse(ones, Pattern { x, xt });
        let batch = Batch { n: rows, x, structure: None, segments: Some(segments), seeds: None };
        Ok(Loaded { n: records, batch, targets: Targets::Tokens { ids, labels, weight } })
    }

    fn stand_alone(&self) -> bool {
        true
    }

    fn ragged(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
