//! What a request takes out of records of text that stay otherwise: some of their tokens.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Dataset, NOTHING, Place, Portion, Samples};

/// Tokens of one training record that are taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Position of the record in the training part.
    pub record: u32,
    /// Places of the tokens in the record, ascending. The token at place 0 is given and never predicted: it is listed
    /// in the window before, whose last it is.
    pub tokens: Vec<u32>,
}

/// Cuts of the tokens (record, place), in any order.
pub(super) fn gathered(tokens: impl IntoIterator<Item = (u32, u32)>) -> Vec<Cut> {
    let mut all: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    tokens.into_iter().for_each(|(record, place)| all.entry(record).or_default().push(place));
    let cut = |(record, mut tokens): (u32, Vec<u32>)| {
        tokens.sort_unstable();
        tokens.dedup();
        Cut { record, tokens }
    };
    all.into_iter().map(cut).collect()
}

impl Dataset {
    /// The tokens of a training record of text.
    pub fn tokens(&self, record: u32) -> Vec<u32> {
        let row = &self.train.x[record as usize * self.width()..][..self.width()];
        row.iter().take_while(|token| **token != NOTHING).map(|token| *token as u32).collect()
    }

    /// The training records that are windows of the same document as this one, ascending.
    pub fn windows(&self, record: u32) -> std::ops::Range<u32> {
        let (part, own) = (self.who.part(Portion::Train), self.origin(place(record)));
        let same = |at: &u32| (part[*at as usize].source, part[*at as usize].row) == own;
        let first = (0..record).rev().take_while(same).last().unwrap_or(record);
        let last = (record..part.len() as u32).take_while(same).last().unwrap_or(record);
        first..last + 1
    }

    /// The training records with the cut tokens taken out of their documents, which are put together and cut into
    /// windows anew, as those of a text that never had them would be. Records keep their numbers; those that are left
    /// over hold no token, and so do all of a document of which nothing stays. And which of the records of cut
    /// documents hold something, ascending.
    pub fn without(&self, cuts: &[Cut]) -> (Samples, Vec<u32>) {
        let (width, mut samples, mut kept) = (self.width(), self.train.clone(), Vec::new());
        let taken: HashSet<(u32, u32)> =
            cuts.iter().flat_map(|cut| cut.tokens.iter().map(|token| (cut.record, *token))).collect();
        let mut done = 0;
        for cut in cuts {
            if cut.record < done {
                continue;
            }
            let windows = self.windows(cut.record);
            done = windows.end;
            let mut tokens = Vec::new();
            for window in windows.clone() {
                // All but the first begin with the last token of the one before.
                let from = usize::from(window > windows.start);
                let all = self.tokens(window);
                let stays = |(at, _): &(usize, &u32)| !taken.contains(&(window, *at as u32));
                tokens.extend(all.iter().enumerate().skip(from).filter(stays).map(|(_, token)| *token as f32));
            }
            samples.x[windows.start as usize * width..windows.end as usize * width].fill(NOTHING);
            // Two ends of text and nothing between them.
            if tokens.len() < 3 {
                continue;
            }
            let last = tokens.len() - 1;
            for (window, from) in windows.zip((0..last).step_by(width - 1)) {
                let piece = &tokens[from..=last.min(from + width - 1)];
                samples.x[window as usize * width..][..piece.len()].copy_from_slice(piece);
                kept.push(window);
            }
        }
        (samples, kept)
    }
}

/// The place of a training record.
fn place(position: u32) -> Place {
    Place { portion: Portion::Train, position }
}
