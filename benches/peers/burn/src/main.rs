//! Times burn's wgpu backend, autotuned, on the work that `unlearn bench` times; prints the same flat rows as JSON.
//!
//! `cargo run --release -- [matmul] [conv] [train]`. The CPU's Vulkan adapter unless PEERS_GPU is set.

mod nets;

use std::time::Instant;

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, DeviceKind, Distribution, Tensor, module};
use serde_json::{Value, json};

/// Rows so far, and how long each is timed.
pub struct Bench {
    pub device: Device,
    rows: Vec<Value>,
}

/// Seconds for which each row is timed, at least.
const SECONDS: f64 = 0.5;

/// The first calls tune; nothing of them counts.
const WARM: usize = 3;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Bench {
    /// Times something that waits for its own result; the first call, which tunes, is kept apart.
    pub fn time(&mut self, op: &str, shape: &[usize], flop: f64, records: usize, mut run: impl FnMut()) {
        let first = Instant::now();
        run();
        let first_s = first.elapsed().as_secs_f64();
        (1..WARM).for_each(|_| run());
        let (start, mut samples) = (Instant::now(), Vec::new());
        while samples.len() < 5 || (start.elapsed().as_secs_f64() < SECONDS && samples.len() < 200) {
            let one = Instant::now();
            run();
            samples.push(one.elapsed().as_secs_f64() * 1e9);
        }
        let middle = median(samples.clone());
        let mad = median(samples.iter().map(|s| (s - middle).abs()).collect());
        let variant = if cfg!(feature = "fusion") { "burn wgpu fusion" } else { "burn wgpu" };
        eprintln!("{op} {shape:?}: {:.1} us, {:.2} GFLOP/s, first {first_s:.2} s", middle / 1e3, flop / middle);
        self.rows.push(json!({
            "op": op, "shape": shape, "kernel": variant, "variant": variant, "dtype": "f32", "timer": "wall",
            "case": format!("{variant} {op} {}", shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")),
            "median_ns": middle, "mad_ns": mad, "flop": flop, "gflops": flop / middle,
            "per_second": records as f64 / middle * 1e9, "first_s": first_s, "samples_ns": samples,
        }));
    }

    /// Waits until everything is done.
    pub fn wait(device: &Device) {
        device.sync().expect("the device works");
    }
}

fn matmul(bench: &mut Bench) {
    let device = bench.device.clone();
    for n in [512usize, 1024, 2048] {
        let [a, b] = [0; 2].map(|_: i32| Tensor::<2>::random([n, n], Distribution::Normal(0.0, 1.0), &device));
        bench.time("matmul_nn", &[n, n, n], 2.0 * (n * n * n) as f64, 0, || {
            let c = a.clone().matmul(b.clone());
            Bench::wait(&device);
            drop(c);
        });
    }
}

fn conv(bench: &mut Bench) {
    let device = bench.device.clone();
    for [n, ci, h, co, k, padding] in [[64, 32, 32, 64, 3, 1], [128, 1, 28, 32, 3, 1], [64, 6, 14, 16, 5, 0]] {
        let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let out = h + 2 * padding - k + 1;
        let (flop, shape) = ((2 * n * co * out * out * ci * k * k) as f64, [n, ci, h, h, co, k, 1, padding]);
        let options = || ConvOptions::new([1, 1], [padding; 2], [1, 1], 1);
        let (x, w, dy) = (random([n, ci, h, h]), random([co, ci, k, k]), random([n, co, out, out]));
        bench.time("conv2d_fwd", &shape, flop, 0, || {
            let y = module::conv2d(x.clone(), w.clone(), None, options());
            Bench::wait(&device);
            drop(y);
        });
        bench.time("conv2d_bwd_w", &shape, flop, 0, || {
            let dw = module::conv2d_weight_backward(x.clone(), w.clone(), dy.clone(), options());
            Bench::wait(&device);
            drop(dw);
        });
    }
}

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    let kind = if std::env::var_os("PEERS_GPU").is_some() { DeviceKind::DefaultDevice } else { DeviceKind::Cpu };
    let mut bench = Bench { device: Device::wgpu(kind), rows: Vec::new() };
    if wanted("matmul") {
        matmul(&mut bench);
    }
    if wanted("conv") {
        conv(&mut bench);
    }
    if wanted("train") {
        nets::train(&mut bench);
    }
    let adapter = json!({ "name": "burn 0.22.1 wgpu" });
    let document = json!({ "schema": 1, "version": "peer", "adapter": adapter, "rows": bench.rows });
    println!("{document:#}");
}
