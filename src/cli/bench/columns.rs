//! What each number of `unlearn bench` means: `--describe`, and the page on performance.

/// Column or key, and its meaning.
pub const COLUMNS: &[(&str, &str)] = &[
    ("case", "kernel, shape and options; the kernel's name has the form in it"),
    ("op, shape", "the operation asked for with --op or --preset, and its numbers (JSON and CSV)"),
    (
        "variant",
        "the shader that runs; with * the one that a recording gets on this adapter at this shape, (tuned) if that is \
         what `unlearn tune` measured here",
    ),
    (
        "median µs",
        "median of the rounds' samples, microseconds a run; the GPU's clock (`gpu`: timestamps at both ends of each \
         dispatch, median of the repeats of one submission) where there is one, else the host's (`wall`)",
    ),
    ("MAD", "median absolute deviation of the samples from their median, microseconds"),
    ("min", "the fastest sample"),
    (
        "GFLOP/s",
        "10⁹ floating-point operations a second at the median: the operation's own count (2 M N K for a product), \
         whatever a form does besides",
    ),
    ("GB/s", "10⁹ bytes a second at the median: each operand read once and each result written once"),
    ("AI", "arithmetic intensity: operations a byte, by the same two counts"),
    ("bound", "what would bind the operation at the roof: `comp`, arithmetic, or `mem`, memory"),
    (
        "% roof",
        "share of the roof min(peak FLOP/s, AI · copy B/s), both peaks measured on this adapter by `bench peaks`; \
         above 100 % where data stay in a cache that the copy's do not fit",
    ),
    ("timer", "whose clock the median is of"),
    ("wall µs", "median by the host's clock over a submission of many repeats, so launches are in it"),
    (
        "vs baseline",
        "change of the median against --baseline; SLOWER beyond the threshold and with 95 % intervals that do not \
         touch",
    ),
    (
        "verified",
        "how the result was checked before it was timed: `whole` against the f64 twin, or, where the twin would take \
         too long, a smaller shape of the same form against the twin and the whole against another form",
    ),
    (
        "control",
        "a dispatch of multiply-adds that is the same in every round, as a multiple of its median over \
         the run: away from 1.0 the machine changed its speed, and that group cannot be compared with others",
    ),
    ("repeats, samples_ns, check", "runs in one sample, every sample, worst distance from the twin (JSON)"),
];

/// What `bench peaks` measures.
pub const PEAKS: &[(&str, &str)] = &[
    ("copy", "y = x over buffers beyond the caches, bytes read and written: the roof of memory"),
    ("triad", "y = a + s b, two loads for one store"),
    ("fma", "chains of f32 multiply-adds in registers, the better of two spellings: the roof of arithmetic"),
    ("shared", "loads of vec4s from workgroup memory"),
    ("dispatch", "a dispatch's share of a chain in which each reads what the one before wrote"),
    ("submit", "a submission of one small dispatch, waited for"),
    ("upload", "from the host into a buffer, until all of it is there"),
    ("readback", "from a buffer to the host"),
];

/// What `bench train`, `fisher`, `unlearn` and `graph` show.
pub const PASSES: &[(&str, &str)] = &[
    ("pass, network", "what ran: an epoch, a statistic over all records, a method; on which network"),
    ("records, batch, nodes, parameters", "what it went through; a batch of 0 is the session's own choice"),
    ("median s", "median of the rounds, seconds by the host's clock, data already on the adapter"),
    ("records/s", "records a second at the median"),
    ("ratio, of", "median of the rounds' ratios to the pass it is compared with, which ran in the same round"),
    ("first s", "the first run of all, with the drivers' compile in it"),
    ("first step s", "from data on the host to the first step's loss there: buffers, shaders, drivers and all"),
    ("compile s", "what of that a second start in the same process does not pay: shaders and drivers"),
    ("dispatches", "dispatches of one training step"),
    ("peak MB", "the most GPU memory held at once, 10⁶ bytes"),
    (
        "time %",
        "a kernel's share of the time of all dispatches of one pass, by the GPU's clock, one compute pass for each: \
         read shares in it, not totals",
    ),
    ("total ms, count, mean µs, max", "of that kernel's dispatches"),
    ("ns a unit", "with --growth: the time for each record, node or parameter"),
    (
        "spread past latency",
        "largest over smallest time for a unit among the sizes from which on it is within a half of the last: 1.00x is \
         growth in proportion",
    ),
];

/// All lists as text.
pub fn described() -> String {
    let lines = |list: &[(&str, &str)]| list.iter().map(|(n, what)| format!("{n}: {what}\n")).collect::<String>();
    let peaks = format!("peaks (`best` is the roof, `value` the median)\n\n{}", lines(PEAKS));
    format!("{}\n{peaks}\npasses\n\n{}", lines(COLUMNS), lines(PASSES))
}
