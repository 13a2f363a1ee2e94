use unlearn::engine::*;
fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let mut e = Engine::gpu(GpuOptions { profile: true, ..Default::default() }).unwrap();
    for case in unlearn::kernels::cases() {
        if !case.bench || !case.name.contains(&filter) {
            continue;
        }
        for _ in 0..6 {
            unlearn::harness::trial::execute(&mut e, &case).unwrap();
        }
        let mut t: Vec<_> = e.take_timings();
        t.sort_by_key(|t| t.duration_ns);
        let m = &t[t.len() / 2];
        println!(
            "{:70} min {:9.3} med {:9.3} ms  {:6.2} GFLOP/s {:6.2} GB/s",
            case.name,
            t[0].duration_ns as f64 / 1e6,
            m.duration_ns as f64 / 1e6,
            t[0].flops as f64 / t[0].duration_ns as f64,
            t[0].bytes as f64 / t[0].duration_ns as f64
        );
    }
}
