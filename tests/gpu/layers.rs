//! Every layer and every named architecture on each adapter against the reference engine, for each sink and for
//! batches of none, one and several records. Named `layer <network>@<adapter>`.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use unlearn::engine::{Engine, Target};

use crate::adapters::{Shared, each};
use crate::nets::{Into, Net, gap, numbers, run};

/// Of the largest value of each tensor.
const TOLERANCE: f64 = 1e-5;

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
    each().iter().flat_map(|adapter| nets.iter().map(|net| of(adapter, net)).collect::<Vec<_>>()).collect()
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
