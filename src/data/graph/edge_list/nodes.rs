//! Which node a cell of a table names.

use std::collections::HashMap;

use crate::data::table::Table;
use crate::error::{Error, Result};

/// Nodes are 0 to n − 1 where they are called so, else they have names and are numbered in the order of the names.
pub(super) struct Nodes {
    pub count: usize,
    /// In the order of the nodes, where they are not called by their numbers.
    pub names: Option<Vec<String>>,
    at: HashMap<String, usize>,
}

impl Nodes {
    /// Nodes that are called by their numbers.
    pub fn numbered(count: usize) -> Nodes {
        Nodes { count, names: None, at: HashMap::new() }
    }

    /// The nodes of a column that names each once.
    pub fn of_column(table: &Table, column: usize) -> Result<Nodes> {
        let mut at = HashMap::new();
        for (row, line) in table.rows.iter().zip(&table.lines) {
            let name = &row[column];
            if name.is_empty() {
                let column = &table.names[column];
                return Err(Error::input(format!(
                    "{} line {line}: the node of column `{column}` is missing",
                    table.path
                )));
            }
            if at.insert(name.to_owned(), at.len()).is_some() {
                return Err(Error::input(format!("{} line {line}: node {name} is repeated", table.path)));
            }
        }
        Ok(Nodes::of(at))
    }

    /// The ends of the edges, in the order in which they appear.
    pub fn of_edges(table: &Table) -> Nodes {
        let mut at: HashMap<String, usize> = HashMap::new();
        for name in table.rows.iter().flat_map(|row| row.iter().take(2)) {
            let next = at.len();
            if !at.contains_key(name) {
                at.insert(name.to_owned(), next);
            }
        }
        Nodes::of(at)
    }

    /// Of names and their order.
    fn of(at: HashMap<String, usize>) -> Nodes {
        let count = at.len();
        if (0..count).all(|node| at.contains_key(&node.to_string())) {
            return Nodes::numbered(count);
        }
        let mut names = vec![String::new(); count];
        at.iter().for_each(|(name, node)| names[*node].clone_from(name));
        Nodes { count, names: Some(names), at }
    }

    /// The node that is called so.
    pub fn find(&self, name: &str) -> Option<usize> {
        match self.names {
            Some(_) => self.at.get(name).copied(),
            None => name.parse().ok().filter(|node| *node < self.count),
        }
    }

    /// What is said of a name that is none.
    pub fn unknown(&self, name: &str) -> String {
        let count = self.count;
        match &self.names {
            None => format!("unknown node `{name}`; there are {count} nodes, 0 to {}", count.saturating_sub(1)),
            Some(names) => {
                let near = crate::base::did_you_mean(name, names.iter().map(String::as_str));
                let example = names.first().map_or("", String::as_str);
                format!("unknown node `{name}`{near}; there are {count} nodes, the first is `{example}`")
            }
        }
    }

    /// The node in a cell.
    pub fn cell(&self, table: &Table, row: usize, column: usize) -> Result<usize> {
        let cell = &table.rows[row][column];
        self.find(cell).ok_or_else(|| {
            let (path, line, name) = (&table.path, table.lines[row], &table.names[column]);
            let named = if self.names.is_none() && cell.parse::<f64>().is_err() {
                "; for nodes with names give data.id, the column that names them"
            } else {
                ""
            };
            Error::input(format!("{path} line {line} column `{name}`: {}{named}", self.unknown(cell)))
        })
    }
}
