//! The text form in which LINQS published citation networks: `NAME.content` (paper, words, subject, separated by tabs)
//! and `NAME.cites` (cited paper, citing paper).

use std::collections::HashMap;

use super::vocabulary::Vocabulary;
use super::{Graph, GraphParts, NodeSplit, Sparse, lines};
use crate::data::parts::Classes;
use crate::data::source::Source;
use crate::data::{DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "cora_text",
    summary: "a folder of LINQS files `NAME.content` or `NAME.content.gz` (paper, words, subject) and `NAME.cites` \
              (cited, citing); NAME is cora unless `name` says otherwise; nodes are in the order of the content and \
              have the names of the papers",
    citation: "P. Sen et al.: Collective Classification in Network Data, AI Magazine 29(3), 2008",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "name",
        "task",
        "split",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
        "poison",
        "events",
        "until",
    ],
    normalize: Normalize::Row,
    load: Loader::Graph { load, split: NodeSplit::Planetoid, test_fraction: 0.2 },
};

fn load(source: &Source) -> Result<GraphParts> {
    let folder = source.need("path", &source.config.path)?;
    let name = source.config.name.as_deref().unwrap_or("cora");
    let plain = folder.join(format!("{name}.content"));
    let packed = folder.join(format!("{name}.content.gz"));
    let content = if plain.exists() || !packed.exists() { plain } else { packed };
    let cites = folder.join(format!("{name}.cites"));
    let texts = (lines::text(&content, &source.limit)?, lines::text(&cites, &source.limit)?);
    parse(name, (&content.display().to_string(), &texts.0), (&cites.display().to_string(), &texts.1))
}

/// The network of two texts, each with the name under which messages speak of it.
pub(super) fn parse(name: &str, content: (&str, &str), cites: (&str, &str)) -> Result<GraphParts> {
    let fail = |file: &str, line: usize, why: String| Error::input(format!("{file} line {}: {why}", line + 1));
    let (mut node_of, mut rows, mut subjects) = (HashMap::new(), vec![], vec![]);
    let mut papers = vec![];
    let mut width = None;
    for (at, line) in content.1.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let bad = |why: String| fail(content.0, at, why);
        let parts: Vec<&str> = line.split('\t').collect();
        let [paper, words @ .., subject] = parts.as_slice() else {
            return Err(bad("expected a paper, its words and its subject, separated by tabs".to_owned()));
        };
        let expected = *width.get_or_insert(words.len());
        if words.len() != expected {
            return Err(bad(format!("paper {paper} has {} words, the first line {expected}", words.len())));
        }
        let mut row = vec![];
        for (word, column) in words.iter().zip(0u32..) {
            match word.parse::<f32>() {
                Ok(0.0) => {}
                Ok(value) if value.is_finite() => row.push((column, value)),
                _ => return Err(bad(format!("word {column} of paper {paper} is `{word}`; expected a finite number"))),
            }
        }
        if node_of.insert(*paper, rows.len() as u32).is_some() {
            return Err(bad(format!("paper {paper} is there twice")));
        }
        rows.push(row);
        papers.push((*paper).to_owned());
        subjects.push((*subject).to_owned());
    }
    let mut edges = vec![];
    for (at, line) in cites.1.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let bad = |why: String| fail(cites.0, at, why);
        let node = |paper: &str| {
            let known = node_of.get(paper).copied();
            known.ok_or_else(|| bad(format!("paper {paper} is not in {}; every paper needs a line there", content.0)))
        };
        let mut papers = line.split_whitespace();
        match (papers.next(), papers.next(), papers.next()) {
            (Some(cited), Some(citing), None) => edges.push([node(citing)?, node(cited)?]),
            _ => return Err(bad("expected two papers, cited and citing".to_owned())),
        }
    }
    let (class_names, labels) = lines::classes(&subjects);
    Ok(GraphParts {
        name: name.to_owned(),
        origin: content.0.to_owned(),
        class_names,
        graph: Graph::new(rows.len(), edges, true, Sparse::from_rows(width.unwrap_or(0), rows))?,
        labels,
        classes: Classes::Found,
        vocabulary: Vocabulary::Given,
        graphs: None,
        split: None,
        names: Some(papers),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = "p7\t1\t0\tB\np2\t0\t0.5\tA\np9\t0\t0\tB\n";

    fn read(content: &str, cites: &str) -> Result<GraphParts> {
        parse("tiny", ("content", content), ("cites", cites))
    }

    #[test]
    fn ids_are_lines_and_citations_go_both_ways() {
        let parts = read(CONTENT, "p7\tp9\np9 p7\np7 p2\n").unwrap();
        assert_eq!((parts.labels, parts.class_names), (vec![1, 0, 1], vec!["A".to_owned(), "B".to_owned()]));
        assert_eq!(parts.graph.distinct_edges(), [[0, 1], [0, 2]]);
        assert_eq!(parts.graph.features.row(1), (&[1][..], &[0.5][..]));
    }

    #[test]
    fn bad_lines_are_named() {
        let refused = |content: &str, cites: &str, words: &[&str]| {
            let said = read(content, cites).err().expect("a refusal").to_string();
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        };
        refused(CONTENT, "p7 p8\n", &["cites line 1", "p8", "not in content"]);
        refused(CONTENT, "p7\n", &["cites line 1", "two papers"]);
        refused("p1\t1\t0\tB\np2\t1\tA\n", "", &["content line 2", "1 words", "2"]);
        refused("p1\tnan\tB\n", "", &["content line 1", "word 0", "`nan`"]);
        refused("p1\t1\tB\np1\t0\tB\n", "", &["content line 2", "twice"]);
        refused("p1\n", "", &["content line 1", "tabs"]);
    }
}
