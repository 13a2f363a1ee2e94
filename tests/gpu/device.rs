//! An engine over a device that its caller opened: it computes the same, catches its own errors, and leaves the device
//! as the caller had it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Failed, Trial};
use unlearn::Error;
use unlearn::engine::{Buf, Engine, GpuOptions, Recording, wgpu};
use unlearn::kernels::linear::{Mat, Product, product};
use unlearn::kernels::map::{FILL, Fill};

use crate::adapters::Shared;

pub fn trials(shared: &Shared) -> Vec<Trial> {
    let trial = |name, run: fn(&Shared) -> Result<(), Failed>| shared.trial(&format!("device {name}"), run);
    vec![
        trial("of the caller's computes the same and stays the caller's", same),
        trial("of the caller's without features runs plain forms and times nothing", bare),
        trial("of the caller's keeps its handler of errors", errors),
        trial("of the caller's that cannot work is refused", refusals),
    ]
}

/// What the caller has.
struct Own {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// Calls of its handlers.
    heard: Arc<AtomicUsize>,
}

impl Own {
    /// On the adapter of these trials.
    fn open(shared: &Shared, features: wgpu::Features, limits: Option<wgpu::Limits>) -> Result<Own, Failed> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let all = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
        let wanted = |a: &wgpu::Adapter| {
            let (info, report) = (a.get_info(), &shared.report);
            info.name == report.name && info.backend.to_str() == report.backend && info.driver == report.driver
        };
        let adapter = all.into_iter().find(wanted).ok_or("the adapter is gone")?;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            required_features: adapter.features() & features,
            required_limits: limits.unwrap_or_else(|| adapter.limits()),
            ..Default::default()
        }))?;
        let heard = Arc::new(AtomicUsize::new(0));
        let (by_error, by_loss) = (heard.clone(), heard.clone());
        device.on_uncaptured_error(Arc::new(move |_| {
            by_error.fetch_add(1, Ordering::SeqCst);
        }));
        device.set_device_lost_callback(move |_, _| {
            by_loss.fetch_add(1, Ordering::SeqCst);
        });
        Ok(Own { device, queue, heard })
    }

    fn engine(&self, options: GpuOptions) -> unlearn::Result<Engine> {
        Engine::from_device(self.device.clone(), self.queue.clone(), options)
    }

    /// Words through a buffer of the caller's and back, by the caller's own commands.
    fn round_trip(&self, words: &[u32]) -> Result<Vec<u32>, Failed> {
        let size = 4 * words.len() as u64;
        let make = |usage| {
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
        };
        let held = make(wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC);
        let staging = make(wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ);
        self.queue.write_buffer(&held, 0, bytemuck::cast_slice(words));
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&held, 0, &staging, 0, size);
        self.queue.submit([encoder.finish()]);
        staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        self.device.poll(wgpu::PollType::wait_indefinitely())?;
        Ok(bytemuck::pod_collect_to_vec(&staging.slice(..).get_mapped_range()?))
    }

    fn calls(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

const N: usize = 48;

/// A product of whole numbers, exact in f32 whatever the order of its sums.
fn numbers(engine: &mut Engine) -> unlearn::Result<Vec<f32>> {
    let values = |step: usize| -> Vec<f32> { (0..N * N).map(|i| (i * step % 17) as f32 - 8.0).collect() };
    let (a, b): (Buf<f32>, Buf<f32>) = (engine.alloc("a", N * N)?, engine.alloc("b", N * N)?);
    engine.write(a, &values(3))?;
    engine.write(b, &values(5))?;
    let mut rec = Recording::new(engine.target());
    let y = rec.temp("y", N * N);
    product(&mut rec, Mat::new(a, N, N), Mat::new(b, N, N).t(), a, y, Product::default());
    let out = rec.readback(y);
    let program = engine.compile(rec)?;
    Ok(engine.run(&program, &[])?[out].f32().to_vec())
}

fn ensure(holds: bool, what: impl Into<String>) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(what.into().into()) }
}

fn same(shared: &Shared) -> Result<(), Failed> {
    let own = Own::open(shared, wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY, None)?;
    let mut engine = own.engine(GpuOptions { profile: true, ..Default::default() })?;
    let (opened, target) = shared.with(|other, _| Ok((numbers(other)?, other.target())))?;
    ensure(engine.target() == target, format!("{:?}, not {target:?}", engine.target()))?;
    ensure(numbers(&mut engine)? == opened, "other numbers than on a device of the engine's")?;
    let timed = shared.report.features.iter().any(|f| f == "timestamps");
    ensure(engine.take_timings().is_empty() != timed, "timestamps")?;
    let words = [3, 1, 4, 1, 5];
    ensure(own.round_trip(&words)? == words, "the caller's buffer beside the engine's")?;
    engine.lose_device();
    ensure(engine.is_lost(), "given up")?;
    drop(engine);
    ensure(own.round_trip(&words)? == words, "the caller's buffer after the engine")?;
    ensure(numbers(&mut own.engine(GpuOptions::default())?)? == opened, "a second engine on the device")?;
    ensure(own.calls() == 0, "the caller's handlers were called")
}

fn bare(shared: &Shared) -> Result<(), Failed> {
    let own = Own::open(shared, wgpu::Features::empty(), None)?;
    let mut engine = own.engine(GpuOptions { profile: true, ..Default::default() })?;
    ensure(engine.target().subgroup == 0, "subgroups that the device lacks")?;
    ensure(numbers(&mut engine)? == numbers(&mut Engine::reference())?, "other numbers than the twins")?;
    ensure(engine.take_timings().is_empty(), "times without timestamps")
}

fn errors(shared: &Shared) -> Result<(), Failed> {
    let own = Own::open(shared, wgpu::Features::empty(), None)?;
    let mut engine = own.engine(GpuOptions::default())?;
    let mut rec = Recording::new(engine.target());
    let y = rec.temp::<f32>("y", 64);
    rec.dispatch(&FILL).set("WG", 1_000_000).params(Fill { value: 1.0 }).write(y).threads(16);
    match engine.compile(rec) {
        Err(Error::Device(said)) => ensure(said.contains("map.fill"), said)?,
        Err(other) => return Err(other.to_string().into()),
        Ok(_) => return Err("workgroups of a million invocations were accepted".into()),
    }
    ensure(own.calls() == 0, "the engine's error went to the caller's handler")?;
    numbers(&mut engine)?;
    // The caller's own mistake is the caller's to hear.
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::STORAGE;
    drop(own.device.create_buffer(&wgpu::BufferDescriptor { label: None, size: 3, usage, mapped_at_creation: true }));
    ensure(own.calls() == 1, "the caller's error did not reach its handler")?;
    numbers(&mut engine).map(drop).map_err(Failed::from)
}

fn refusals(shared: &Shared) -> Result<(), Failed> {
    let refused = |own: &Own, options: GpuOptions, says: &str| match own.engine(options) {
        Err(Error::Unsupported(said)) if said.contains(says) => Ok(()),
        Err(other) => Err(format!("expected {says}: {other}")),
        Ok(_) => Err(format!("accepted, expected {says}")),
    };
    let graphics = wgpu::Limits::downlevel_webgl2_defaults();
    let own = Own::open(shared, wgpu::Features::empty(), Some(graphics))?;
    refused(&own, GpuOptions::default(), "max_compute_workgroups_per_dimension of 0")?;
    let own = Own::open(shared, wgpu::Features::empty(), None)?;
    refused(&own, GpuOptions { validation: true, ..Default::default() }, "validation layers")?;
    Ok(())
}
