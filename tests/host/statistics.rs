//! Statistics over sets of records on the twins. The same checks run on each adapter in `tests/gpu`.

use unlearn::engine::{Buf, Dispatch, Engine, Recording, Target, Vendor};
use unlearn::kernels::loss;
use unlearn::nn::{Batch, Mode, Model, ModelConfig, Sink, SquaredNorms, Tape};

use crate::shared::statistics::{CHECKS, NETS, check, footprint};

#[test]
fn statistics_are_those_of_the_records_own_gradients() {
    let mut faults = Vec::new();
    for net in NETS {
        for (name, what) in CHECKS {
            faults.extend(check(&mut Engine::reference(), net, what).err().map(|e| format!("{name}: {e}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_memory_plan_of_a_fisher_pass_knows_neither_records_nor_records_times_parameters() {
    footprint(&mut Engine::reference()).unwrap_or_else(|e| panic!("{e}"));
}

/// Work of both passes over a batch: floating point operations, bytes moved at least once, dispatches.
fn counted(model: &Model, target: Target, n: usize, sink: impl FnOnce(&mut Recording, usize) -> Sink) -> [u64; 3] {
    recorded(model, target, n, |rec, theta, tape, dlogits| {
        let sink = sink(rec, model.layout.total());
        model.backward(rec, theta, tape, dlogits, None, sink).expect("a backward pass");
    })
}

/// Those of a forward pass and of what `backward` records behind it.
fn recorded(
    model: &Model,
    target: Target,
    n: usize,
    backward: impl FnOnce(&mut Recording, Buf<f32>, &Tape, Buf<f32>),
) -> [u64; 3] {
    let mut engine = Engine::reference();
    let theta = engine.alloc("theta", model.layout.total()).expect("theta");
    let x = engine.alloc("x", n * model.width()).expect("x");
    let labels = engine.alloc("labels", n).expect("labels");
    let mut rec = Recording::new(target);
    let tape = model.forward(&mut rec, theta, &Batch::dense(x, n), Mode::Eval, None).expect("a forward pass");
    let (loss, correct) = (rec.temp("loss", n), rec.temp("correct", n));
    let dlogits = rec.temp("dlogits", n * model.classes);
    loss::softmax_xent(&mut rec, tape.logits, labels, loss, dlogits, correct, n, model.classes);
    backward(&mut rec, theta, &tape, dlogits);
    let sum = |f: fn(&Dispatch) -> u64| rec.dispatches().map(f).sum();
    [sum(|d| d.flops), sum(|d| d.bytes), sum(|_| 1)]
}

/// What the statistics cost beside a mean gradient, counted: norms and the Fisher diagonal in operations, rows in
/// bytes.
#[test]
fn statistics_cost_about_what_a_gradient_costs() {
    for (zoo, hidden) in [("lenet5", None), ("mlp", Some(vec![256, 128]))] {
        let config = ModelConfig { zoo: Some(zoo.into()), hidden, ..Default::default() };
        let model = Model::build(&config, &[1, 28, 28], 10).expect(zoo);
        for target in [Target::software(8), Target::gpu(Vendor::Unknown, 32)] {
            let n = 128;
            let count = |sink: &dyn Fn(&mut Recording, usize) -> Sink| counted(&model, target, n, sink);
            let gradient =
                count(&|rec, total| Sink::Mean { grad: rec.temp("grad", total), scale: 1.0, accumulate: true });
            let fisher = count(&|rec, total| Sink::SquareSum { squares: rec.temp("squares", total), accumulate: true });
            let norms = count(&|rec, _| Sink::Norms { parts: SquaredNorms::record(rec, &model.layout, n).parts });
            let rows = count(&|rec, total| Sink::PerSample { slab: rec.temp("slab", n * total) });
            println!("{zoo} {target:?}: gradient {gradient:?}, Fisher {fisher:?}, norms {norms:?}, rows {rows:?}");
            assert!(fisher[0] * 100 <= gradient[0] * 101 && fisher[2] <= gradient[2], "{zoo}: {fisher:?} {gradient:?}");
            assert!(
                norms[0] * 100 <= gradient[0] * 101 && norms[1] <= gradient[1] + gradient[1] / 5,
                "{zoo}: {norms:?}"
            );
            assert!(norms[2] <= gradient[2] + 1, "{zoo}: {norms:?} {gradient:?}");
            let clipped = recorded(&model, target, n, |rec, theta, tape, dlogits| {
                let norms = SquaredNorms::record(rec, &model.layout, n);
                let kept = model.backward_kept(rec, theta, tape, dlogits, None, &norms).expect("a backward pass");
                let squares = norms.record_sum(rec);
                let times = |rec: &mut Recording, rows: Buf<f32>| {
                    let scaled = rec.temp("scaled", rows.len);
                    loss::clip_rows(rec, rows, squares, None, scaled, 1.0);
                    scaled
                };
                let grad = rec.temp("grad", model.layout.total());
                let sink = Sink::Mean { grad, scale: 1.0, accumulate: true };
                kept.expect("all is kept").record_sum(rec, &model.layout, sink, times).expect("a sum");
            });
            // No second pass through convolutions, pools and activations.
            assert!(clipped[0] * 100 <= gradient[0] * 105, "{zoo}: {clipped:?} {gradient:?}");
            // Rows are written once, and nothing else is added to what a gradient moves.
            let slab = 4 * (n * model.layout.count()) as u64;
            assert!(rows[0] <= gradient[0] && rows[1] <= gradient[1] + slab, "{zoo}: {rows:?} {gradient:?} {slab}");
        }
    }
}
