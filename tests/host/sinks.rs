//! The sinks agree with one another for every layer and every named architecture, whatever the batch.

use unlearn::engine::{Engine, Target};

use unlearn::harness::nets::{Found, Into, Net, gap, numbers, run};

/// Sums in another order, in f64.
const TOLERANCE: f64 = 1e-12;

/// One batch of a network: x, dy and what the sinks start from.
struct Batch<'a> {
    net: &'a Net,
    n: usize,
    x: Vec<f64>,
    dy: Vec<f64>,
    before: Vec<f64>,
}

impl Batch<'_> {
    fn new(net: &Net, n: usize) -> Batch<'_> {
        let len = |shape: &[usize]| n * shape.iter().product::<usize>();
        let (x, dy) = (numbers(len(&net.input), 21), numbers(len(&net.output), 22));
        Batch { net, n, x, dy, before: net.theta(23) }
    }

    fn run(&self, into: Into, dx: bool) -> Found {
        let inputs = [&self.x[..], &self.dy, &self.before];
        run(&mut Engine::reference(), Target::default(), self.net, into, inputs, dx).expect(&self.net.name)
    }

    /// The gradient of record `i`, computed in a batch in which only its own upstream gradient is not 0.
    fn alone(&self, i: usize) -> Vec<f64> {
        let width = self.dy.len() / self.n;
        let own = |(j, v): (usize, &f64)| if j / width == i { *v } else { 0.0 };
        let dy: Vec<f64> = self.dy.iter().enumerate().map(own).collect();
        let into = Into::Mean { scale: 1.0, accumulate: false };
        run(&mut Engine::reference(), Target::default(), self.net, into, [&self.x, &dy, &self.before], false)
            .expect(&self.net.name)
            .sink
    }

    /// The gradient of record `i` in a batch of its own.
    fn lonely(&self, i: usize) -> Vec<f64> {
        let part = |v: &[f64]| v[v.len() / self.n * i..v.len() / self.n * (i + 1)].to_vec();
        let into = Into::Mean { scale: 1.0, accumulate: false };
        let (x, dy) = (part(&self.x), part(&self.dy));
        run(&mut Engine::reference(), Target::default(), self.net, into, [&x, &dy, &self.before], true)
            .expect(&self.net.name)
            .sink
    }
}

/// `start + scale Σ_n power(row n)` over the parameters, 0 between them.
fn sum(batch: &Batch, slab: &[f64], accumulate: bool, scale: f64, square: bool) -> Vec<f64> {
    let total = batch.net.layout.total();
    let mut out = if accumulate { batch.before.clone() } else { vec![0.0; total] };
    for row in slab.chunks(total.max(1)) {
        out.iter_mut().zip(row).for_each(|(o, g)| *o += scale * if square { g * g } else { *g });
    }
    out
}

/// ‖g_n‖² of each tensor, by rows of so many as a multiple of 64; what lies behind a row's records stays at -1.
fn squared_norms(batch: &Batch, slab: &[f64]) -> Vec<f64> {
    let (layout, stride) = (&batch.net.layout, batch.n.next_multiple_of(64));
    let mut want = vec![-1.0; layout.entries().len() * stride];
    for (row, e) in layout.entries().iter().enumerate() {
        for n in 0..batch.n {
            let own = &slab[n * layout.total() + e.offset..][..e.len];
            want[row * stride + n] = own.iter().map(|g| g * g).sum();
        }
    }
    want
}

/// 0.5 + ⟨g_n, g_m⟩; the numbers between tensors have no part in it.
fn inner_products(batch: &Batch, slab: &[f64]) -> Vec<f64> {
    let layout = &batch.net.layout;
    let dot = |n: usize, m: usize| {
        let at = |i: usize| {
            layout.entries().iter().flat_map(move |e| e.offset..e.offset + e.len).map(move |j| i * layout.total() + j)
        };
        at(n).zip(at(m)).map(|(i, j)| slab[i] * slab[j]).sum::<f64>()
    };
    (0..batch.n * batch.n).map(|i| 0.5 + dot(i / batch.n, i % batch.n)).collect()
}

fn check(net: &Net, n: usize) {
    let batch = Batch::new(net, n);
    let slab = batch.run(Into::PerSample, true).sink;
    for (into, want) in [(Into::Norms, squared_norms(&batch, &slab)), (Into::Gram, inner_products(&batch, &slab))] {
        let error = gap(&batch.run(into, true).sink, &want);
        assert!(error <= TOLERANCE, "{}, batch {n}, {into:?}: off by {error:e}", net.name);
    }
    for accumulate in [false, true] {
        for (into, scale, square) in [
            (Into::Mean { scale: 0.3, accumulate }, f64::from(0.3f32), false),
            (Into::SquareSum { accumulate }, 1.0, true),
        ] {
            let want = sum(&batch, &slab, accumulate, scale, square);
            for dx in [true, false] {
                let error = gap(&batch.run(into, dx).sink, &want);
                assert!(error <= TOLERANCE, "{}, batch {n}, {into:?}, dx {dx}: off by {error:e}", net.name);
            }
        }
    }
    assert_eq!(gap(&batch.run(Into::PerSample, false).sink, &slab), 0.0, "{}: per sample without dx", net.name);
    for (i, row) in slab.chunks(net.layout.total().max(1)).enumerate() {
        let error = gap(row, &batch.alone(i));
        assert!(error <= TOLERANCE, "{}: record {i} of {n} among others: off by {error:e}", net.name);
        let error = if net.drops { 0.0 } else { gap(row, &batch.lonely(i)) };
        assert!(error <= TOLERANCE, "{}: record {i} of {n} alone: off by {error:e}", net.name);
    }
}

#[test]
fn networks_have_names_of_their_own() {
    let names: Vec<String> = Net::all().expect("networks").into_iter().map(|net| net.name).collect();
    let apart: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(apart.len(), names.len(), "{names:?}");
}

#[test]
fn sinks_agree_for_one_record_and_for_an_odd_number() {
    for net in Net::all().expect("networks") {
        check(&net, 1);
        check(&net, 5);
    }
}

#[test]
fn a_batch_beyond_one_block_of_the_reductions_agrees() {
    let chosen = ["linear [7]", "conv2d [5, 1, 1]", "layer_norm [9]", "zoo logistic"];
    let nets: Vec<Net> =
        Net::all().expect("networks").into_iter().filter(|net| chosen.contains(&net.name.as_str())).collect();
    assert_eq!(nets.len(), chosen.len());
    for net in &nets {
        check(net, 131);
    }
}

#[test]
fn an_empty_batch_gives_empty_outputs_and_zero_sums() {
    for net in Net::all().expect("networks") {
        check(&net, 0);
        let found = Batch::new(&net, 0).run(Into::Mean { scale: 1.0, accumulate: false }, true);
        assert!(found.y.is_empty() && found.dx.is_empty(), "{}", net.name);
        assert!(found.sink.iter().all(|v| *v == 0.0), "{}", net.name);
    }
}
