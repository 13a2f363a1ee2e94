//! Every layer and every named architecture on each adapter against the reference engine, for each sink and for
//! batches of none, one and several records; and the derivatives of both passes along a direction. Named `layer
//! <network>@<adapter>` and `tangent <network>@<adapter>`.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use unlearn::engine::{Engine, Target};

use crate::adapters::{Shared, each};
use crate::nets::{Along, Into, Net, gap, get, numbers, put, run};

/// Of the largest value of each tensor.
const TOLERANCE: f64 = 1e-5;

/// The same for derivatives, whose terms are larger than their sum.
const TANGENT_TOLERANCE: f64 = 5e-5;

const SINKS: [Into; 7] = [
    Into::Mean { scale: 0.3, accumulate: false },
    Into::Mean { scale: 0.3, accumulate: true },
    Into::SquareSum { accumulate: false },
    Into::SquareSum { accumulate: true },
    Into::PerSample,
    Into::Norms,
    Into::Gram,
];

pub fn trials() -> Vec<Trial> {
    let nets: Vec<Arc<Net>> = Net::all().into_iter().map(Arc::new).collect();
    let of = |adapter: &Shared, net: &Arc<Net>| {
        let (adapter, net) = (adapter.clone(), net.clone());
        let name = format!("layer {}@{}", net.name, adapter.name);
        Trial::test(name, move || [0, 1, 5].into_iter().try_for_each(|n| check(&adapter, &net, n)))
    };
    let moving = |adapter: &Shared, net: &Arc<Net>| {
        let (adapter, net) = (adapter.clone(), net.clone());
        let name = format!("tangent {}@{}", net.name, adapter.name);
        Trial::test(name, move || [0, 1, 5].into_iter().try_for_each(|n| check_tangent(&adapter, &net, n)))
    };
    let both =
        |adapter: &Shared| nets.iter().flat_map(|net| [of(adapter, net), moving(adapter, net)]).collect::<Vec<_>>();
    each().iter().flat_map(both).collect()
}

/// The derivatives of y, dx and of the weights' gradient along random directions of theta, x and dy.
fn check_tangent(adapter: &Shared, net: &Net, n: usize) -> Result<(), Failed> {
    let want = derivatives(&mut Engine::reference(), Target::default(), net, n)?;
    let got = adapter.with(|engine, target| derivatives(engine, target, net, n))?;
    for ((name, got), want) in ["y", "dx", "sink"].into_iter().zip(got).zip(want) {
        let error = gap(&got, &want);
        if error > TANGENT_TOLERANCE || error.is_nan() {
            return Err(format!("batch {n}: the derivative of {name} is off by {error:e}").into());
        }
    }
    Ok(())
}

fn derivatives(engine: &mut Engine, target: Target, net: &Net, n: usize) -> unlearn::Result<[Vec<f64>; 3]> {
    let mark = engine.mark();
    let rig = Along::new(engine, target, net, n)?;
    let ([theta, x, _, dy, ..], [rtheta, rx, ry, rdy, rdx, rsink]) = (rig.at.floats(), rig.homes);
    let mut u = numbers(theta.len, 25);
    let start = net.theta(5);
    u.iter_mut().zip(&start).filter(|(_, t)| **t == 0.0).for_each(|(u, _)| *u = 0.0);
    put(engine, theta, &start);
    put(engine, rtheta, &u);
    for (to, seed) in [(x, 21), (dy, 22), (rx, 26), (rdy, 27)] {
        put(engine, to, &numbers(to.len, seed));
    }
    engine.run(&rig.both, &[])?;
    let alone = rig.at.floats().map(|buf| get(engine, buf));
    engine.run(&rig.along, &[])?;
    assert_eq!(alone, rig.at.floats().map(|buf| get(engine, buf)), "{}: values differ beside derivatives", net.name);
    let found = [ry, rdx, rsink].map(|home| get(engine, home));
    drop(rig);
    engine.release(mark);
    Ok(found)
}

fn check(adapter: &Shared, net: &Net, n: usize) -> Result<(), Failed> {
    let len = |shape: &[usize]| n * shape.iter().product::<usize>();
    let (x, dy, before) = (numbers(len(&net.input), 21), numbers(len(&net.output), 22), net.theta(23));
    for into in SINKS {
        let inputs = [&x[..], &dy, &before];
        let want = run(&mut Engine::reference(), Target::default(), net, into, inputs, true)?;
        let got = adapter.with(|engine, target| run(engine, target, net, into, inputs, true))?;
        for (name, got, want) in [("y", got.y, want.y), ("dx", got.dx, want.dx), ("sink", got.sink, want.sink)] {
            let error = gap(&got, &want);
            if error > TOLERANCE || error.is_nan() {
                return Err(format!("batch {n}, {into:?}: {name} is off by {error:e}").into());
            }
        }
    }
    Ok(())
}
