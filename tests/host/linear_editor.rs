//! The linear editor: what it deletes must leave exactly what a fit of the remaining rows gives.

use unlearn::methods::graph::graph_editor::dense::Mat;
use unlearn::methods::graph::graph_editor::ridge::{Ridge, Rows};

/// Uniform numbers in [-1, 1) (a linear congruential generator, Knuth's MMIX constants).
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn matrix(&mut self, rows: usize, cols: usize) -> Mat {
        Mat::new(rows, cols, (0..rows * cols).map(|_| self.next()).collect())
    }
}

fn one_hot(labels: &[usize], classes: usize) -> Mat {
    Mat::new(labels.len(), classes, labels.iter().flat_map(|y| (0..classes).map(move |c| f64::from(c == *y))).collect())
}

/// Rows with random features; ids have gaps and fall, so that no position is an id.
fn rows(random: &mut Uniform, n: usize, features: usize) -> Rows {
    let labels: Vec<usize> = (0..n).map(|_| ((random.next() + 1.0) * 1.5) as usize).collect();
    let ids = (0..n as u32).rev().map(|i| 3 * i + 2).collect();
    Rows { ids, x: random.matrix(n, features), y: one_hot(&labels, 3) }
}

fn pick(rows: &Rows, keep: impl Fn(u32) -> bool) -> Rows {
    let at: Vec<usize> = (0..rows.ids.len()).filter(|i| keep(rows.ids[*i])).collect();
    Rows { ids: at.iter().map(|i| rows.ids[*i]).collect(), x: rows.x.select(&at), y: rows.y.select(&at) }
}

/// ‖a − b‖ / ‖b‖.
fn apart(a: &Mat, b: &Mat) -> f64 {
    let norm = |m: &Mat| m.data.iter().map(|v| v * v).sum::<f64>().sqrt();
    norm(&a.clone().plus(-1.0, b)) / norm(b)
}

fn refit(rows: &Rows, lambda: f64) -> Mat {
    Ridge::fit(rows.clone(), lambda).unwrap().weights()
}

/// More features than rows (the kernel form), and fewer (S itself).
const SIZES: [(usize, usize); 4] = [(12, 30), (40, 41), (40, 9), (5, 1)];

#[test]
fn both_forms_solve_the_normal_equations() {
    let random = &mut Uniform(1);
    for (n, features) in SIZES {
        let rows = rows(random, n, features);
        let w = Ridge::fit(rows.clone(), 0.3).unwrap().weights().t();
        let left = rows.x.t().mul(&rows.x).plus(0.3, &Mat::scalar(features, 1.0)).mul(&w);
        let error = apart(&left, &rows.x.t().mul(&rows.y));
        assert!(error < 1e-12, "{n} x {features}: {error:.1e}");
    }
}

#[test]
fn a_deletion_equals_a_refit() {
    let random = &mut Uniform(2);
    for (n, features) in SIZES {
        for lambda in [1e-3, 1.0] {
            let all = rows(random, n, features);
            let gone = [all.ids[n - 2], all.ids[1], all.ids[2]];
            let mut editor = Ridge::fit(all.clone(), lambda).unwrap();
            let before = editor.weights();
            editor.delete(&gone).unwrap();
            let rest = pick(&all, |id| !gone.contains(&id));
            let want = refit(&rest, lambda);
            let error = apart(&editor.weights(), &want);
            assert!(error < 1e-6, "{n} x {features}, lambda {lambda}: {error:.1e}");
            assert!(apart(&before, &want) > 1e-3, "{n} x {features}: the deletion would not show");
            assert_eq!(editor.ids(), rest.ids);
        }
    }
}

#[test]
fn one_by_one_equals_all_at_once() {
    let random = &mut Uniform(3);
    for (n, features) in SIZES {
        let all = rows(random, n, features);
        let mut editor = Ridge::fit(all.clone(), 0.05).unwrap();
        for id in &all.ids[1..n - 1] {
            editor.delete(&[*id]).unwrap();
        }
        let ends = [all.ids[0], all.ids[n - 1]];
        let error = apart(&editor.weights(), &refit(&pick(&all, |id| ends.contains(&id)), 0.05));
        assert!(error < 1e-6, "{n} x {features}: {error:.1e}");
        editor.delete(&ends).unwrap();
        assert!(editor.weights().data.iter().all(|v| *v == 0.0), "nothing is left to have learned from");
        editor.add(&all).unwrap();
        let error = apart(&editor.weights(), &refit(&all, 0.05));
        assert!(error < 1e-6, "{n} x {features}, from nothing: {error:.1e}");
    }
}

#[test]
fn what_was_deleted_can_be_added_again() {
    let random = &mut Uniform(4);
    for (n, features) in SIZES {
        let all = rows(random, n, features);
        let mut editor = Ridge::fit(all.clone(), 0.1).unwrap();
        let gone = [all.ids[3], all.ids[0]];
        editor.delete(&gone).unwrap();
        editor.add(&pick(&all, |id| gone.contains(&id))).unwrap();
        let error = apart(&editor.weights(), &refit(&all, 0.1));
        assert!(error < 1e-6, "{n} x {features}: {error:.1e}");
        // S came back too: the next deletion is exact.
        editor.delete(&[all.ids[1]]).unwrap();
        let error = apart(&editor.weights(), &refit(&pick(&all, |id| id != all.ids[1]), 0.1));
        assert!(error < 1e-6, "{n} x {features}, then another: {error:.1e}");
    }
}

#[test]
fn a_sign_error_would_be_seen() {
    let random = &mut Uniform(5);
    for (n, features) in SIZES {
        let all = rows(random, n, features);
        let (gone, lambda) = (all.ids[2], 0.1);
        let (rest, out) = (pick(&all, |id| id != gone), pick(&all, |id| id == gone));
        let (was, want) = (refit(&all, lambda), refit(&rest, lambda));
        let mut editor = Ridge::fit(all, lambda).unwrap();
        editor.delete(&[gone]).unwrap();
        // The correction turned round, and the row put in a second time for being taken out.
        let wrong = was.clone().times(2.0).plus(-1.0, &editor.weights());
        let mut twice = Ridge::fit(rest.clone(), lambda).unwrap();
        twice.add(&out).unwrap();
        twice.add(&Rows { ids: vec![u32::MAX], ..out }).unwrap();
        for fault in [&wrong, &twice.weights(), &was] {
            assert!(apart(fault, &want) > 1e-3, "{n} x {features}");
        }
    }
}

/// D^-1/2 (A + I) D^-1/2 of undirected edges among `n` nodes.
fn propagation(n: usize, edges: &[[usize; 2]]) -> Mat {
    let mut a = Mat::scalar(n, 1.0);
    for [i, j] in edges {
        (a.data[i * n + j], a.data[j * n + i]) = (1.0, 1.0);
    }
    let c: Vec<f64> = (0..n).map(|i| a.row(i).iter().sum::<f64>().sqrt().recip()).collect();
    a.data.iter_mut().enumerate().for_each(|(k, v)| *v *= c[k / n] * c[k % n]);
    a
}

#[test]
fn deleting_a_node_of_a_graph_equals_a_refit_without_it() {
    let (random, n, features, lambda) = (&mut Uniform(6), 60, 20, 0.1);
    let x = random.matrix(n, features);
    let mut end = || ((random.next() + 1.0) * 30.0) as usize;
    let edges: Vec<[usize; 2]> = (0..90).map(|_| [end(), end()]).filter(|[i, j]| i != j).collect();
    // Node 5 has ties to training nodes; in `train` it stands third, and position 5 is another node.
    let train: Vec<usize> = (0..n).filter(|i| i % 2 == 1 && i % 7 != 0).collect();
    assert!(train[2] == 5 && train[5] != 5);
    let spread = |edges: &[[usize; 2]]| {
        let a = propagation(n, edges);
        a.mul(&a.mul(&x))
    };
    let of = |nodes: &[usize], x: &Mat| Rows {
        ids: nodes.iter().map(|i| *i as u32).collect(),
        x: x.select(nodes),
        y: one_hot(&nodes.iter().map(|i| i % 3).collect::<Vec<_>>(), 3),
    };
    let (before, without) = (spread(&edges), edges.iter().copied().filter(|e| !e.contains(&5)).collect::<Vec<_>>());
    let after = spread(&without);
    let rest: Vec<usize> = train.iter().copied().filter(|i| *i != 5).collect();
    let changed: Vec<usize> = rest.iter().copied().filter(|i| before.row(*i) != after.row(*i)).collect();
    assert!(!changed.is_empty() && changed.len() < rest.len(), "{changed:?}");
    let want = refit(&of(&rest, &after), lambda);
    let fitted = Ridge::fit(of(&train, &before), lambda).unwrap();
    let mut editor = fitted.clone();
    editor.edit(&[5], &of(&changed, &after)).unwrap();
    assert!(apart(&editor.weights(), &want) < 1e-6);
    // Taking out the node's own row alone leaves what its neighbours gathered from it.
    let mut own_row = fitted.clone();
    own_row.delete(&[5]).unwrap();
    assert!(apart(&own_row.weights(), &want) > 1e-3);
    // A position taken for an id deletes another node.
    let mut position = fitted;
    let other: Vec<usize> = changed.iter().copied().filter(|i| *i != train[5]).collect();
    position.edit(&[train[5] as u32], &of(&other, &after)).unwrap();
    assert!(apart(&position.weights(), &want) > 1e-3);
}

#[test]
fn bad_rows_are_refused() {
    let random = &mut Uniform(7);
    let all = rows(random, 4, 6);
    let fails = |result: unlearn::error::Result<()>, word: &str| {
        let error = result.expect_err(word).to_string();
        assert!(error.contains(word), "{error}");
    };
    for lambda in [0.0, -1.0, f64::NAN] {
        fails(Ridge::fit(all.clone(), lambda).map(drop), "lambda");
    }
    let mut nan = all.clone();
    nan.x.data[3] = f64::NAN;
    fails(Ridge::fit(nan, 1.0).map(drop), "finite");
    let mut twice = all.clone();
    twice.ids[1] = twice.ids[0];
    fails(Ridge::fit(twice, 1.0).map(drop), "twice");
    let mut editor = Ridge::fit(all.clone(), 1.0).unwrap();
    fails(editor.delete(&[1]), "node 1 is not");
    fails(editor.delete(&[all.ids[0], all.ids[0]]), "twice");
    fails(editor.add(&all), "twice");
    fails(editor.add(&Rows { ids: vec![1], x: Mat::zeros(1, 5), y: Mat::zeros(1, 3) }), "5 features");
    assert_eq!(editor.ids(), all.ids, "a refused edit changes nothing");
}
