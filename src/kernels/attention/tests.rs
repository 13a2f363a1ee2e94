//! The twins against a hand-worked layer and against finite differences; the shaders are held to the twins elsewhere.

use super::*;
use crate::engine::{Engine, Lane, Target};
use crate::kernels::map;

/// Edges (target, source) in the order of the CSR, those that take no part marked; 4 nodes, 2 of them with a long row.
const EDGES: [(u32, u32, f64); 10] = [
    (0, 0, 1.0),
    (0, 1, 1.0),
    (0, 3, 0.5),
    (1, 0, 0.0),
    (1, 1, 1.0),
    (2, 2, 1.0),
    (2, 3, 0.25),
    (2, 3, 0.25),
    (2, 1, 0.0),
    (3, 0, 0.0),
];
const NODES: usize = 4;
const HEADS: usize = 2;
const WIDTH: usize = 3;

/// z, att_src, att_dst, dy.
type Operands = [Vec<f64>; 4];

fn operands() -> Operands {
    let wave = |n: usize, pace: f64| (0..n).map(|i| (i as f64 * pace + 0.3).sin()).collect();
    [wave(NODES * HEADS * WIDTH, 0.7), wave(HEADS * WIDTH, 1.1), wave(HEADS * WIDTH, 2.3), wave(NODES * WIDTH, 1.7)]
}

struct Twins(Engine);

impl Twins {
    fn floats(&mut self, values: &[f64]) -> Buf<f32> {
        let buf = self.0.alloc::<f32>("", values.len()).expect("memory");
        self.0.as_reference().expect("the twins").store(buf.any(), &Lane::F32(values.to_vec()));
        buf
    }

    fn words(&mut self, values: &[u32]) -> Buf<u32> {
        let buf = self.0.alloc::<u32>("", values.len()).expect("memory");
        self.0.as_reference().expect("the twins").store(buf.any(), &Lane::U32(values.to_vec()));
        buf
    }

    /// The structure and its transpose, in pieces of `chunk` edges if given.
    fn graph(&mut self, rec: &mut Recording, chunk: Option<usize>) -> [Edges; 2] {
        let pointers = |keys: Vec<u32>| -> Vec<u32> {
            (0..=NODES as u32).map(|r| keys.iter().filter(|k| **k < r).count() as u32).collect()
        };
        let ptr = self.words(&pointers(EDGES.map(|e| e.0).to_vec()));
        let idx = self.words(&EDGES.map(|e| e.1));
        let mut order: Vec<u32> = (0..EDGES.len() as u32).collect();
        order.sort_by_key(|e| EDGES[*e as usize].1);
        let t_ptr = self.words(&pointers(EDGES.map(|e| e.1).to_vec()));
        let t_idx = self.words(&order.iter().map(|e| EDGES[*e as usize].0).collect::<Vec<_>>());
        let t_perm = self.words(&order);
        [(ptr, idx, None), (t_ptr, t_idx, Some(t_perm))].map(|(ptr, idx, perm)| {
            let whole = Edges { ptr, idx, perm, longest: 4, split: None };
            chunk.map_or(whole, |c| whole.cut(rec, c))
        })
    }
}

/// One layer with averaged heads and dropout of the weights, forward and backward, all in f64; returns the weights
/// before dropout, y, dz, datt_src and datt_dst.
fn layer([z, att_src, att_dst, dy]: &Operands, chunk: Option<usize>) -> [Vec<f64>; 5] {
    let mut twins = Twins(Engine::reference());
    let mut rec = Recording::new(Target::default());
    let [a, t] = twins.graph(&mut rec, chunk);
    let takes = twins.floats(&EDGES.map(|e| e.2));
    let step = twins.words(&[7, 8, 9, 0]);
    let [z, src, dst, dy] = [z, att_src, att_dst, dy].map(|v| twins.floats(v));
    let att = Ends { src, dst };
    let mut blank = |n: usize| twins.floats(&vec![0.0; n]);
    let [s, ds] = [0; 2].map(|_| Ends { src: blank(NODES * HEADS), dst: blank(NODES * HEADS) });
    let [alpha, dropped, dalpha, dscore] = [0; 4].map(|_| blank(EDGES.len() * HEADS));
    let [all, dall, dz, part_src, part_dst] = [0; 5].map(|_| blank(NODES * HEADS * WIDTH));
    let y = blank(NODES * WIDTH);
    let rec = &mut rec;
    head_scores(rec, z, att.src, s.src, HEADS, WIDTH);
    head_scores(rec, z, att.dst, s.dst, HEADS, WIDTH);
    edge_softmax(rec, &a, takes, s, alpha, HEADS, 0.2);
    map::dropout(rec, alpha, dropped, 0.25, 3, step);
    attend(rec, &a, dropped, z, all, HEADS, WIDTH);
    mean_heads(rec, all, y, HEADS, WIDTH);
    mean_heads_bwd(rec, dy, dall, HEADS, WIDTH);
    attend_bwd_alpha(rec, &a, dall, z, dalpha, HEADS, WIDTH);
    map::dropout(rec, dalpha, dscore, 0.25, 3, step);
    edge_softmax_bwd(rec, &a, &t, s, alpha, dscore, ds, HEADS, 0.2);
    attend_bwd_z(rec, &t, dropped, dall, dz, HEADS, WIDTH);
    head_scores_bwd(rec, ds, att, dz, HEADS, WIDTH);
    scale_heads(rec, z, ds.src, part_src, WIDTH);
    scale_heads(rec, z, ds.dst, part_dst, WIDTH);
    let program = twins.0.compile(rec.clone()).expect("a valid recording");
    twins.0.run(&program, &[]).expect("the twins run");
    let mut load = |b: Buf<f32>| twins.0.as_reference().expect("the twins").load(b.any()).f().to_vec();
    let columns = |x: Vec<f64>| (0..HEADS * WIDTH).map(|c| x.iter().skip(c).step_by(HEADS * WIDTH).sum()).collect();
    [load(alpha), load(y), load(dz), columns(load(part_src)), columns(load(part_dst))]
}

/// Σ y dy from its definition, without a kernel, for rows whose weights are given.
#[test]
fn weights_are_the_softmax_of_the_edges_that_take_part() {
    let ops = operands();
    let [alpha, ..] = layer(&ops, None);
    let dot = |node: u32, h: usize, att: &[f64]| -> f64 {
        (0..WIDTH).map(|f| ops[0][(node as usize * HEADS + h) * WIDTH + f] * att[h * WIDTH + f]).sum()
    };
    for (e, (target, source, takes)) in EDGES.iter().enumerate() {
        for h in 0..HEADS {
            let score = |source: u32| {
                let v = dot(source, h, &ops[1]) + dot(*target, h, &ops[2]);
                if v > 0.0 { v } else { f64::from(0.2_f32) * v }
            };
            let row = EDGES.iter().filter(|o| o.0 == *target && o.2 != 0.0);
            let sum: f64 = row.map(|o| score(o.1).exp()).sum();
            let want = if *takes != 0.0 { score(*source).exp() / sum } else { 0.0 };
            assert!((alpha[e * HEADS + h] - want).abs() < 1e-12, "edge {e} head {h}: {} {want}", alpha[e * HEADS + h]);
        }
    }
}

/// Every gradient of a whole layer is the central difference of Σ y·dy, with rows whole and with rows in pieces.
#[test]
fn gradients_of_a_layer_are_the_slopes() {
    for chunk in [None, Some(1), Some(3)] {
        let ops = operands();
        let [_, y, gradients @ ..] = layer(&ops, chunk);
        assert!(y.iter().any(|v| v.abs() > 0.1), "the layer says something: {y:?}");
        for (which, gradient) in gradients.iter().enumerate() {
            for at in 0..gradient.len() {
                let value = |by: f64| -> f64 {
                    let mut moved = ops.clone();
                    moved[which][at] += by;
                    layer(&moved, chunk)[1].iter().zip(&ops[3]).map(|(y, d)| y * d).sum()
                };
                let slope = (value(1e-5) - value(-1e-5)) / 2e-5;
                let off = (gradient[at] - slope).abs();
                assert!(off < 1e-8, "chunk {chunk:?} operand {which}[{at}]: {} {slope}", gradient[at]);
            }
        }
    }
}

#[test]
fn rows_are_cut_when_one_thread_could_not_walk_the_longest() {
    assert_eq!(choose(0), None);
    assert_eq!(choose(256), None);
    assert_eq!(choose(257), Some(128));
    assert_eq!(choose(100_000), Some(128));
}

/// Attention within sequences is the softmax over a graph whose edges are all pairs of a row and one that it looks at,
/// by the kernels of graphs.
#[test]
fn sequences_are_graphs_of_all_their_pairs() {
    let lengths = [3, 1, 5];
    let rows: usize = lengths.iter().sum();
    let of: Vec<u32> = lengths.iter().zip(0..).flat_map(|(n, b)| std::iter::repeat_n(b, *n)).collect();
    let sum = |at: usize| lengths[..at].iter().sum::<usize>() as u32;
    let wave = |n: usize, pace: f64| (0..n).map(|i| (i as f64 * pace + 0.3).sin()).collect::<Vec<f64>>();
    for causal in [false, true] {
        let looks = |i: usize, j: usize| of[i] == of[j] && (j <= i || !causal);
        let pairs: Vec<(usize, usize)> =
            (0..rows).flat_map(|i| (0..rows).map(move |j| (i, j))).filter(|(i, j)| looks(*i, *j)).collect();
        let ends: Vec<u32> = (0..=rows).map(|r| pairs.iter().filter(|(i, _)| *i < r).count() as u32).collect();
        let mut twins = Twins(Engine::reference());
        let mut rec = Recording::new(Target::default());
        let [q, k, v] = [0.7, 1.1, 0.4].map(|pace| twins.floats(&wave(rows * HEADS * 4, pace)));
        let [whole, plain] = [0; 2].map(|_| twins.floats(&vec![0.0; rows * HEADS * 4]));
        let lse = twins.floats(&vec![0.0; rows * HEADS]);
        let sequences = Sequences { ptr: twins.words(&[0, 1, 2, 3].map(sum)), of: twins.words(&of), longest: 5 };
        let w = Within { sequences, heads: HEADS, kv_heads: HEADS, width: 4, causal };
        within(&mut rec, &w, [q, k, v], whole, lse);
        let (ptr, idx) = (twins.words(&ends), twins.words(&pairs.iter().map(|(_, j)| *j as u32).collect::<Vec<_>>()));
        let a = Edges { ptr, idx, perm: None, longest: 5, split: None };
        let takes = twins.floats(&vec![1.0; pairs.len()]);
        let [products, scores, alpha] = [0; 3].map(|_| twins.floats(&vec![0.0; pairs.len() * HEADS]));
        let none = twins.floats(&vec![0.0; rows * HEADS]);
        attend_bwd_alpha(&mut rec, &a, q, k, products, HEADS, 4);
        map::axpby(&mut rec, 0.5, products, 0.0, scores);
        let own = a.themselves(&mut rec);
        edge_softmax(&mut rec, &own, takes, Ends { src: scores, dst: none }, alpha, HEADS, 1.0);
        attend(&mut rec, &a, alpha, v, plain, HEADS, 4);
        let program = twins.0.compile(rec).expect("a valid recording");
        twins.0.run(&program, &[]).expect("the twins run");
        let mut load = |b: Buf<f32>| twins.0.as_reference().expect("the twins").load(b.any()).f().to_vec();
        let (whole, plain) = (load(whole), load(plain));
        assert!(whole.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-12), "causal {causal}: {whole:?} {plain:?}");
    }
}

#[test]
fn software_adapters_with_wide_subgroups_load_keys_once_for_eight_rows() {
    assert!(within::broadcasts(Target::software(8)) && within::broadcasts(Target::software(16)));
    assert!(!within::broadcasts(Target::software(4)) && !within::broadcasts(Target::default()));
}
