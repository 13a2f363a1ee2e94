//! Cases of the `graph` family and the sparse patterns they use.

mod asked;
mod features;
mod laplacian;
mod link;
mod loops;
mod max;
mod relu;
mod segment;
mod spmm;

pub use asked::asked;

use super::{Csr, is_heavy};
use crate::engine::Target;
use crate::engine::case::{Case, Gen};

/// Every kernel at every shape.
pub fn cases() -> Vec<Case> {
    let mut all = spmm::cases();
    all.extend(relu::cases());
    all.extend(laplacian::cases());
    all.extend(loops::cases());
    all.extend(features::cases());
    all.extend(segment::cases());
    all.extend(max::cases());
    all.extend(link::cases());
    all
}

/// Every kernel at one random shape each.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let mut all = spmm::random(g);
    all.extend(relu::random(g));
    all.extend(laplacian::random(g));
    all.extend(loops::random(g));
    all.extend(features::random(g));
    all.extend(segment::random(g));
    all.extend(max::random(g));
    all.extend(link::random(g));
    all
}

fn new(name: String) -> Case {
    Case::new(name, Target::default())
}

/// Rounding of a sum of `n` products of numbers in (-1, 1).
fn rounding(case: Case, n: usize) -> Case {
    case.tolerance(1e-5, 4e-7 * (n as f64).sqrt().max(1.0))
}

/// The entries of a sparse matrix on the host.
#[derive(Clone)]
pub(super) struct Pattern {
    pub name: String,
    pub sources: usize,
    pub ptr: Vec<u32>,
    pub idx: Vec<u32>,
}

impl Pattern {
    pub fn rows(&self) -> usize {
        self.ptr.len() - 1
    }

    /// Entries of the longest row.
    pub fn longest(&self) -> usize {
        self.ptr.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0)
    }

    pub fn new(name: &str, sources: usize, rows: &[Vec<u32>]) -> Pattern {
        let mut ptr = vec![0];
        ptr.extend(rows.iter().scan(0, |end, r| {
            *end += r.len() as u32;
            Some(*end)
        }));
        Pattern { name: name.to_owned(), sources, ptr, idx: rows.concat() }
    }

    /// About `degree` entries a row, some rows without, some with the diagonal, some with the same entry twice.
    pub fn random(rows: usize, sources: usize, degree: usize) -> Pattern {
        let mut g = Gen::new((rows * 31 + sources * 7 + degree) as u64);
        let mut row = |r: usize| -> Vec<u32> {
            let n = if g.below(5) == 0 { 0 } else { g.below(2 * degree + 1) };
            let mut all = g.indices(n, sources);
            if g.below(3) == 0 && r < sources {
                all.push(r as u32);
            }
            if let (0, Some(first)) = (g.below(4), all.first().copied()) {
                all.push(first);
            }
            all.sort_unstable();
            all
        };
        Pattern::new(
            &format!("{rows}x{sources} degree {degree}"),
            sources,
            &(0..rows).map(&mut row).collect::<Vec<_>>(),
        )
    }

    /// [`Pattern::random`] with each entry once.
    pub fn distinct(rows: usize, sources: usize, degree: usize) -> Pattern {
        let mut all: Vec<Vec<u32>> = Pattern::random(rows, sources, degree).each();
        all.iter_mut().for_each(Vec::dedup);
        Pattern::new(&format!("{rows}x{sources} distinct {degree}"), sources, &all)
    }

    /// Ragged rows, four of which have a quarter, an eighth, … of all nodes as sources.
    pub fn skewed(n: usize) -> Pattern {
        let mut rows = Pattern::random(n, n, 3).each();
        for i in 1..5 {
            rows[i * n / 5] = (0..n as u32).step_by(2 << i).collect();
        }
        Pattern::new(&format!("skewed {n}"), n, &rows)
    }

    /// As many entries in every row, few enough in all that the balanced form deals its smallest chunks.
    pub fn even(rows: usize, each: u32) -> Pattern {
        let row = |r: u32| (0..each).map(|k| (7 * r + 3 * k) % 53).collect();
        Pattern::new(&format!("even {rows} by {each}"), 53, &(0..rows as u32).map(row).collect::<Vec<_>>())
    }

    /// Node 0 and every other node, both ways.
    pub fn star(n: usize) -> Pattern {
        let mut rows = vec![vec![0]; n];
        rows[0] = (1..n as u32).collect();
        Pattern::new(&format!("star {n}"), n, &rows)
    }

    fn each(&self) -> Vec<Vec<u32>> {
        self.ptr.windows(2).map(|w| self.idx[w[0] as usize..w[1] as usize].to_vec()).collect()
    }

    /// The columns as rows, and where each of its entries is in `self`.
    pub fn transposed(&self) -> (Pattern, Vec<u32>) {
        let mut columns = vec![Vec::new(); self.sources];
        for (r, w) in self.ptr.windows(2).enumerate() {
            for k in w[0]..w[1] {
                columns[self.idx[k as usize] as usize].push((r as u32, k));
            }
        }
        let part = |f: fn(&(u32, u32)) -> u32| -> Vec<Vec<u32>> {
            columns.iter().map(|c| c.iter().map(f).collect()).collect()
        };
        let t = Pattern::new(&format!("{} transposed", self.name), self.rows(), &part(|e| e.0));
        (t, part(|e| e.1).concat())
    }

    /// As buffers of a case.
    pub fn put(&self, case: &mut Case, perm: Option<Vec<u32>>) -> Csr {
        Csr {
            heavy: is_heavy(&self.ptr),
            ptr: case.input_u32("ptr", self.ptr.clone()),
            idx: case.input_u32("idx", self.idx.clone()),
            perm: perm.map(|p| case.input_u32("perm", p)),
        }
    }
}

/// No node, one without and with a self-loop, isolated nodes only, ragged ones.
fn patterns() -> Vec<Pattern> {
    vec![
        Pattern::new("empty", 0, &[]),
        Pattern::new("one node", 1, &[vec![]]),
        Pattern::new("one self-loop", 1, &[vec![0]]),
        Pattern::new("isolated 5", 5, &vec![vec![]; 5]),
        Pattern::random(37, 37, 4),
        Pattern::random(131, 131, 9),
        Pattern::star(67),
        // Rows that begin and end where chunks do, inside them, and after several.
        Pattern::new(
            "chunks",
            8,
            &[vec![1; 32], vec![2; 96], vec![], vec![0; 31], vec![3, 4], vec![], vec![4; 64], vec![]],
        ),
    ]
}
