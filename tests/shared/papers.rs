//! A small citation network as files, from which papers and citations can be left out.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::binary::Desk;

/// Papers of three subjects, 13 words; each cites four others, most of its own subject, and some cite themselves.
pub const PAPERS: usize = 72;

/// A network without the papers of these numbers, and without citations between pairs of them.
pub fn network(desk: &Desk, name: &str, gone: &BTreeSet<usize>, apart: &[[usize; 2]]) -> String {
    let papers = || (0..PAPERS).filter(|paper| !gone.contains(paper));
    let mut content = String::new();
    for paper in papers() {
        let word =
            |word: usize| u8::from(word % 3 == paper % 3 && !(paper * 7 + word * 5).is_multiple_of(4) || word == 12);
        let words: Vec<String> = (0..13).map(|at| word(at).to_string()).collect();
        let _ = writeln!(content, "p{paper}\t{}\ts{}", words.join("\t"), paper % 3);
    }
    let mut cites = String::new();
    for paper in papers() {
        for other in [paper + 3, paper + 9, paper * 5 + 1, if paper % 6 == 0 { paper } else { paper + 21 }] {
            let other = other % PAPERS;
            let cut = apart.iter().any(|[u, v]| [u, v] == [&paper, &other] || [v, u] == [&paper, &other]);
            if !gone.contains(&other) && !cut {
                let _ = writeln!(cites, "p{paper} p{other}");
            }
        }
    }
    desk.put(&format!("{name}/cora.content"), content);
    desk.put(&format!("{name}/cora.cites"), cites);
    desk.text(name)
}
