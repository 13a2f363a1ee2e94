//! Cases of the `attention` family.

mod graphs;
mod nodes;
mod sequences;

use super::{Ends, attend, attend_bwd_alpha, attend_bwd_z, edge_softmax, edge_softmax_bwd, gather, spread};
use crate::engine::Target;
use crate::engine::case::{Case, Gen, Hazard};
use crate::kernels::tangent::along;
use graphs::{Deal, Graph, hub, odd, random, star};

/// PyTorch Geometric's default.
const SLOPE: f32 = 0.2;

/// Heads and width of each: one, PyG's 8x8, primes, vec4s.
const SIZES: [(usize, usize); 5] = [(1, 1), (8, 8), (3, 7), (1, 16), (3, 4)];

/// Every kernel on every structure.
pub fn cases() -> Vec<Case> {
    let mut all = nodes::cases();
    all.extend(sequences::cases());
    let mut small = odd();
    small.extend([random(13, 3), random(61, 9), hub(37)]);
    for (graph, i) in small.iter().zip(0..) {
        // Each structure whole with every size; cut with one, each with another.
        all.extend(SIZES.iter().flat_map(|size| sums(graph, Deal::Chosen, *size)));
        all.extend([1, 8, 3].iter().flat_map(|heads| soft(graph, Deal::Chosen, *heads)));
        all.extend([2, 3, 7].map(|chunk| pieces_case(graph, chunk)));
        all.extend([1, 3, 7].iter().flat_map(|c| sums(graph, Deal::Cut(*c), SIZES[(i + c) % SIZES.len()])));
        all.extend([1, 3, 7].iter().flat_map(|c| soft(graph, Deal::Cut(*c), [1, 8, 3][(i + c) % 3])));
    }
    // Long rows as the host would deal them: one piece too many, and many.
    all.extend(at(&hub(258), Deal::Chosen, (8, 8)));
    all.extend(at(&hub(1500), Deal::Chosen, (3, 7)));
    // More edges of one row than the turns that llvmpipe gives the loops of a thread.
    let star = star(100_000);
    all.extend(at(&star, Deal::Chosen, (1, 4)));
    all.extend(sums(&star, Deal::Chosen, (1, 3)));
    all.extend(at(&random(70_001, 2), Deal::Chosen, (1, 4)).into_iter().map(Case::folded));
    all.extend(at(&hub(1100), Deal::Cut(1), (31, 1)).into_iter().map(Case::folded));
    // Every kernel's grid folds, those for cut rows too.
    all.push(pieces_case(&random(65_541, 1), 2).folded());
    all.extend(soft(&random(22_003, 1), Deal::Cut(1), 3).map(Case::folded));
    all.push(attend_case(&random(22_003, 1), Deal::Cut(1), (3, 4)).folded());
    all.extend(moving(&random(88_001, 0), Deal::Chosen).map(Case::folded));
    for deal in [Deal::Chosen, Deal::Cut(3)] {
        all.extend([random(13, 3), random(61, 9), hub(37)].iter().flat_map(|graph| moving(graph, deal)));
    }
    for scores in [Scores::Equal, Scores::Wide] {
        for deal in [Deal::Chosen, Deal::Cut(3)] {
            all.extend([random(40, 6), hub(23)].map(|graph| softmax_case(&graph, deal, 3, scores, 0.3)));
        }
    }
    all.push(softmax_case(&random(17, 5), Deal::Chosen, 2, Scores::Usual, 0.0));
    all.extend([Deal::Chosen, Deal::Cut(2)].map(|deal| softmax_case(&random(17, 5), deal, 2, Scores::Usual, 1.0)));
    // Cora: 2708 nodes, 13 264 edges with the self-loops; its two layers.
    for size in [(8, 8), (1, 7)] {
        all.extend(at(&random(2708, 8), Deal::Chosen, size).into_iter().map(Case::timed));
    }
    all.push(pieces_case(&star, 128).timed());
    all.extend(small.iter().flat_map(|graph| [Deal::Chosen, Deal::Cut(3)].map(|deal| on_edges(graph, deal, 5))));
    all.push(on_edges(&random(70_001, 1), Deal::Chosen, 1).folded());
    all
}

/// Every kernel on one random graph, whole or cut.
pub fn any(g: &mut Gen) -> Vec<Case> {
    let nodes = g.size(1, 300);
    let most = if nodes < 40 { 60 } else { 12 };
    let graph = if g.below(4) == 0 { hub(nodes) } else { random(nodes, g.size(1, most)) };
    let deal = if g.below(2) == 0 { Deal::Chosen } else { Deal::Cut(g.size(1, 12)) };
    let size = (g.size(1, 9), g.size(1, 24));
    let mut all: Vec<Case> = soft(&graph, deal, size.0).into_iter().chain(sums(&graph, deal, size)).collect();
    all.extend(moving(&graph, deal));
    all.push(pieces_case(&graph, g.size(1, 12)));
    all.push(on_edges(&graph, deal, g.size(1, 9)));
    all.extend(nodes::at([nodes, size.0, size.1]));
    all.extend(sequences::random(g));
    all
}

/// The derivatives of the softmax and of its gradient.
fn moving(graph: &Graph, deal: Deal) -> [Case; 2] {
    let [forward, backward] = soft(graph, deal, 3);
    let [spread, centre] = ["spread", "centre"].map(|kernel| format!("attention.{kernel} {}", graph.name));
    let cut = if deal == Deal::Chosen { "" } else { " cut" };
    [
        along(forward, format!("{spread} softmax's derivative{cut}"), 1)
            .hazard(Hazard::Compared, &["s_src", "s_dst"])
            .hazard(Hazard::Merged, &["s_src", "s_dst"])
            .tolerance(2e-5, 1e-6),
        along(backward, format!("{centre} its gradient's derivative{cut}"), 2).tolerance(2e-5, 2e-5),
    ]
}

/// What the scores of a case are like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scores {
    /// In (−2, 2).
    Usual,
    /// All the same.
    Equal,
    /// Each end ±80 or near 0: exp overflows and underflows unless the maximum is taken off.
    Wide,
}

fn new(kernel: &str, graph: &Graph, deal: Deal, note: &str) -> (Case, Gen) {
    let cut = match deal {
        Deal::Chosen => String::new(),
        Deal::Whole => " whole".to_owned(),
        Deal::Cut(chunk) => format!(" cut {chunk}"),
    };
    let case = Case::new(format!("attention.{kernel} {}{cut} {note}", graph.name), Target::default());
    (case, Gen::new((graph.nodes * 7 + graph.edges()) as u64))
}

fn at(graph: &Graph, deal: Deal, (heads, width): (usize, usize)) -> Vec<Case> {
    soft(graph, deal, heads).into_iter().chain(sums(graph, deal, (heads, width))).collect()
}

fn soft(graph: &Graph, deal: Deal, heads: usize) -> [Case; 2] {
    [softmax_case(graph, deal, heads, Scores::Usual, 0.25), softmax_bwd_case(graph, deal, heads)]
}

fn sums(graph: &Graph, deal: Deal, size: (usize, usize)) -> [Case; 3] {
    [attend_case(graph, deal, size), attend_bwd_z_case(graph, deal, size), attend_bwd_alpha_case(graph, deal, size)]
}

fn pieces_case(graph: &Graph, chunk: usize) -> Case {
    let (mut case, _) = new("pieces", graph, Deal::Cut(chunk), "table");
    let whole = graph.place(&mut case, Deal::Whole);
    let table = case.output("table", 3 * whole.pieces(chunk));
    whole.record_table(&mut case.rec, table, chunk);
    case
}

/// What both ends of an edge have, that of the edge itself in the place of a source's, and its sum at each target.
fn on_edges(graph: &Graph, deal: Deal, cols: usize) -> Case {
    let (mut case, mut g) = new("spread", graph, deal, &format!("by {cols} and back"));
    let a = graph.place(&mut case, deal);
    let own = a.themselves(&mut case.rec);
    let s = ends(&mut case, &mut g, graph.nodes * cols, Scores::Usual);
    let [y, own_y] = ["y", "own y"].map(|name| case.output(name, graph.edges() * cols));
    let sums = case.output("sums", graph.nodes * cols);
    spread(&mut case.rec, &a, s, y, cols);
    spread(&mut case.rec, &own, Ends { src: y, dst: s.dst }, own_y, cols);
    gather(&mut case.rec, &a, own_y, sums, cols);
    rounding(case, 3 * a.longest)
}

fn ends(case: &mut Case, g: &mut Gen, n: usize, scores: Scores) -> Ends {
    let mut end = |name| {
        let values = match scores {
            Scores::Usual => g.between(n, -1.0, 1.0),
            Scores::Equal => vec![0.625; n],
            Scores::Wide => g.values(n).iter().map(|v| [80.0, -80.0, *v][(v.abs() * 97.0) as usize % 3]).collect(),
        };
        case.input(name, values)
    };
    Ends { src: end("s_src"), dst: end("s_dst") }
}

fn softmax_case(graph: &Graph, deal: Deal, heads: usize, scores: Scores, out: f32) -> Case {
    let (mut case, mut g) = new("softmax", graph, deal, &format!("heads {heads} scores {scores:?} out {out}"));
    let a = graph.place(&mut case, deal);
    let takes = case.input("takes", graph.takes(out, &mut g));
    let s = ends(&mut case, &mut g, graph.nodes * heads, scores);
    let alpha = case.output("alpha", graph.edges() * heads);
    edge_softmax(&mut case.rec, &a, takes, s, alpha, heads, SLOPE);
    // An exponential carries the rounding of its argument, which is up to 160 less 80 here.
    let case = case.hazard(Hazard::Compared, &["takes"]).hazard(Hazard::Exponent, &["s_src", "s_dst"]);
    case.tolerance(if scores == Scores::Wide { 3e-5 } else { 3e-6 }, 1e-12)
}

fn softmax_bwd_case(graph: &Graph, deal: Deal, heads: usize) -> Case {
    let (mut case, mut g) = new("softmax_bwd", graph, deal, &format!("heads {heads}"));
    let a = graph.place(&mut case, deal);
    let t = graph.place_transpose(&mut case, deal);
    let s = ends(&mut case, &mut g, graph.nodes * heads, Scores::Usual);
    // Not quite a softmax: the kernel must use the weights that it is given. Some are those of edges that take no part.
    let some = g.between(graph.edges() * heads, -0.6, 2.0);
    let share = |(i, v): (usize, &f32)| v.max(0.0) / graph.row_length(i / heads) as f32;
    let alpha = case.input("alpha", some.iter().enumerate().map(share).collect());
    let dalpha = case.inout("dalpha", g.values(graph.edges() * heads));
    let ds = Ends { src: case.output("ds_src", graph.nodes * heads), dst: case.output("ds_dst", graph.nodes * heads) };
    edge_softmax_bwd(&mut case.rec, &a, &t, s, alpha, dalpha, ds, heads, SLOPE);
    // What leaves a node is a sum over as many as `longest` differences.
    case.hazard(Hazard::Compared, &["s_src", "s_dst"]).tolerance(1e-5, 2e-7 * (t.longest.min(1000) as f64).max(5.0))
}

fn attend_case(graph: &Graph, deal: Deal, (heads, width): (usize, usize)) -> Case {
    let (mut case, mut g) = new("attend", graph, deal, &format!("{heads}x{width}"));
    let a = graph.place(&mut case, deal);
    let alpha = case.input("alpha", g.values(graph.edges() * heads));
    let z = case.input("z", g.values(graph.nodes * heads * width));
    let y = case.output("y", graph.nodes * heads * width);
    attend(&mut case.rec, &a, alpha, z, y, heads, width);
    rounding(case, a.longest)
}

fn attend_bwd_z_case(graph: &Graph, deal: Deal, (heads, width): (usize, usize)) -> Case {
    let (mut case, mut g) = new("attend", graph, deal, &format!("{heads}x{width} transpose"));
    let t = graph.place_transpose(&mut case, deal);
    let alpha = case.input("alpha", g.values(graph.edges() * heads));
    let dy = case.input("dy", g.values(graph.nodes * heads * width));
    let dz = case.output("dz", graph.nodes * heads * width);
    attend_bwd_z(&mut case.rec, &t, alpha, dy, dz, heads, width);
    rounding(case, t.longest)
}

fn attend_bwd_alpha_case(graph: &Graph, deal: Deal, (heads, width): (usize, usize)) -> Case {
    let (mut case, mut g) = new("attend_bwd", graph, deal, &format!("{heads}x{width}"));
    let a = graph.place(&mut case, deal);
    let dy = case.input("dy", g.values(graph.nodes * heads * width));
    let z = case.input("z", g.values(graph.nodes * heads * width));
    let dalpha = case.output("dalpha", graph.edges() * heads);
    attend_bwd_alpha(&mut case.rec, &a, dy, z, dalpha, heads, width);
    rounding(case, width)
}

/// Rounding of a sum of `n` products of numbers in (−1, 1).
fn rounding(case: Case, n: usize) -> Case {
    case.tolerance(1e-6, 8e-7 * (n as f64).sqrt().max(1.0))
}
