//! Trials that need an adapter, on every adapter present. No adapter at all is a failure, so that a machine without a
//! driver cannot look healthy; UNLEARN_ALLOW_NO_ADAPTER=1 says that there is none on purpose.

#[path = "gpu/adapters.rs"]
mod adapters;
#[path = "shared/binary.rs"]
mod binary;
#[path = "gpu/chain.rs"]
mod chain;
#[path = "gpu/check.rs"]
mod check;
#[path = "gpu/curvature.rs"]
mod curvature;
#[path = "shared/curvature.rs"]
mod curvature_fixtures;
#[path = "gpu/delta_grad.rs"]
mod delta_grad;
#[path = "gpu/dense.rs"]
mod dense;
#[path = "gpu/digits.rs"]
mod digits;
#[path = "gpu/drivers.rs"]
mod drivers;
#[path = "gpu/engine.rs"]
mod engine;
#[path = "gpu/fisher.rs"]
mod fisher;
#[path = "shared/fixtures.rs"]
mod fixtures;
#[path = "shared/graph_parity.rs"]
mod graph_fixtures;
#[path = "gpu/graph_methods.rs"]
mod graph_methods;
#[path = "gpu/graph_parity.rs"]
mod graph_parity;
#[path = "gpu/graphs.rs"]
mod graphs;
#[path = "gpu/junit_schema.rs"]
mod junit_schema;
#[path = "gpu/kernels.rs"]
mod kernels;
#[path = "gpu/kinds.rs"]
mod kinds;
#[path = "gpu/layers.rs"]
mod layers;
#[path = "gpu/methods.rs"]
mod methods;
#[path = "gpu/mutants.rs"]
mod mutants;
#[path = "gpu/parity.rs"]
mod parity;
#[path = "gpu/private.rs"]
mod private;
#[path = "gpu/rankings.rs"]
mod rankings;
#[path = "gpu/removal.rs"]
mod removal;
#[path = "gpu/resume.rs"]
mod resume;
#[path = "gpu/runs.rs"]
mod runs;
#[path = "gpu/saliency.rs"]
mod saliency;
#[path = "gpu/scores.rs"]
mod scores;
#[path = "gpu/solvers.rs"]
mod solvers;
#[path = "gpu/statistics.rs"]
mod statistics;
#[path = "shared/statistics.rs"]
mod statistics_checks;
#[path = "gpu/validation.rs"]
mod validation;

use libtest_mimic::Arguments;

fn main() {
    let mut args = Arguments::from_args();
    // One device at a time: llvmpipe uses every core by itself.
    args.test_threads = Some(1);
    let devices = adapters::own();
    if devices.is_empty() && std::env::var("UNLEARN_ALLOW_NO_ADAPTER").as_deref() != Ok("1") {
        eprintln!(
            "no adapter was found: install a Vulkan driver (tools/setup.sh does), or set UNLEARN_ALLOW_NO_ADAPTER=1"
        );
        std::process::exit(1);
    }
    let mut trials = kernels::trials(&devices);
    trials.extend(mutants::trials(&devices));
    trials.extend(check::trials(&devices));
    trials.extend(drivers::trials(&devices));
    trials.extend(validation::trials(&devices));
    trials.extend(devices.iter().flat_map(engine::trials));
    trials.extend(parity::trials());
    trials.extend(graph_parity::trials(&devices));
    trials.extend(curvature::trials(&devices));
    trials.extend(layers::trials());
    trials.extend(statistics::trials(&devices));
    trials.extend(runs::trials());
    trials.extend(kinds::trials());
    trials.extend(resume::trials());
    trials.extend(chain::trials());
    trials.extend(methods::trials(&devices));
    trials.extend(fisher::trials(&devices));
    trials.extend(saliency::trials(&devices));
    trials.extend(private::trials(&devices));
    trials.extend(delta_grad::trials(&devices));
    trials.extend(solvers::trials(&devices));
    trials.extend(removal::trials(&devices));
    trials.extend(scores::trials(&devices));
    trials.extend(rankings::trials(&devices));
    trials.extend(graphs::trials(&devices));
    trials.extend(graph_methods::trials(&devices));
    libtest_mimic::run(&args, trials).exit();
}
