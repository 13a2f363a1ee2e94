//! Trials that need an adapter, on every adapter present. No adapter at all is a failure, so that a machine without a
//! driver cannot look healthy; UNLEARN_ALLOW_NO_ADAPTER=1 says that there is none on purpose.

mod adapters;
mod chain;
mod check;
mod curvature;
mod delta_grad;
mod demo;
mod dense;
mod device;
mod digits;
mod drivers;
mod engine;
mod erasure;
mod exact;
mod examples;
mod fisher;
mod graph_methods;
mod graph_parity;
mod graphs;
mod jobs;
mod junit_schema;
mod kernels;
mod kills;
mod kinds;
mod language;
mod layers;
mod memory;
mod methods;
mod mutants;
mod params;
mod parity;
mod precision;
mod private;
mod rankings;
mod removal;
mod replay;
mod resume;
mod runs;
mod saliency;
mod scores;
mod solvers;
mod source;
mod stacks;
mod statistics;
mod streams;
mod times;
mod tuning;
mod validation;
mod variants;

#[path = "../shared/mod.rs"]
mod shared;

use libtest_mimic::Arguments;

fn main() {
    let mut args = Arguments::from_args();
    let devices = adapters::own();
    // A trial at a time for each device, which is locked meanwhile: most of the work is that of one core, the twin's
    // and the driver's compiler's.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    args.test_threads = args.test_threads.or(Some(devices.len().clamp(1, cores)));
    if devices.is_empty() && std::env::var("UNLEARN_ALLOW_NO_ADAPTER").as_deref() != Ok("1") {
        eprintln!(
            "no adapter was found: install a Vulkan driver (tools/setup.sh does), or set UNLEARN_ALLOW_NO_ADAPTER=1"
        );
        std::process::exit(1);
    }
    let mut trials = mutants::trials(&devices);
    trials.extend(precision::trials(&devices));
    trials.extend(check::trials(&devices));
    trials.extend(drivers::trials(&devices));
    trials.extend(validation::trials(&devices));
    trials.extend(devices.iter().flat_map(engine::trials));
    trials.extend(devices.iter().flat_map(replay::trials));
    trials.extend(examples::trials(&devices));
    trials.extend(devices.iter().flat_map(params::trials));
    trials.extend(devices.iter().flat_map(device::trials));
    trials.extend(parity::trials());
    trials.extend(graph_parity::trials(&devices));
    trials.extend(language::trials(&devices));
    trials.extend(curvature::trials(&devices));
    trials.extend(layers::trials());
    trials.extend(statistics::trials(&devices));
    trials.extend(runs::trials());
    trials.extend(demo::trials());
    trials.extend(erasure::trials());
    trials.extend(source::trials());
    trials.extend(streams::trials());
    trials.extend(variants::trials());
    trials.extend(tuning::trials());
    trials.extend(kinds::trials());
    trials.extend(resume::trials());
    trials.extend(exact::trials());
    trials.extend(kills::trials());
    trials.extend(jobs::trials());
    trials.extend(memory::trials());
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
    trials.extend(stacks::trials(&devices));
    trials.extend(graphs::trials(&devices));
    trials.extend(graph_methods::trials(&devices));
    // Last, for they are by far the most: where the time ends before the suite does (times.rs), they are left out.
    trials.extend(kernels::trials(&devices));
    let conclusion = libtest_mimic::run(&args, trials);
    times::tell();
    conclusion.exit();
}
