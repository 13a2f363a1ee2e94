//! Products on matrix units: refused by name where an adapter has none; where it has some, faults planted in them are
//! noticed, and a run says in what numbers it was trained and goes on in no other.

use libtest_mimic::{Failed, Trial};
use unlearn::engine::{AdapterChoice, Engine, GpuOptions, Kernel, Precision};
use unlearn::harness::check::fault::{mutated, replace};
use unlearn::harness::trial::{Outcome, expected, trial_against};
use unlearn::kernels::{self, linear};

use crate::adapters::Shared;
use crate::shared::binary::{Desk, ends, stderr};

const DIGITS: &str =
    "seed = 3\n[data]\nloader = \"digits\"\n[model]\nzoo = \"mlp\"\nhidden = [32]\n[train]\nlr = 0.1\nepochs = 1\n";

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let mut all = Vec::new();
    for device in devices {
        let Some(side) = device.report.matrices() else {
            all.push(device.trial("precision: without matrix units it is refused by name", refused));
            let left_out = device.trial("precision: faults are left out, for there are no matrix units", |_| Ok(()));
            all.push(left_out.with_ignored_flag(true));
            continue;
        };
        for (name, what, from, to) in FAULTS {
            let kernel = format!("linear.matmul_{name}{side}");
            let title = format!("precision: {kernel} {what}");
            all.push(device.trial(&title, move |device| caught(device, &kernel, from, to)));
        }
        all.push(device.trial("precision: matrix units prove themselves", proved));
        all.push(device.trial("precision: a run says its own and goes on in no other", trained));
    }
    all
}

type Fault = (&'static str, &'static str, &'static str, &'static str);

const FAULTS: [Fault; 13] = [
    ("split", "low parts dropped", "select(vec4<f32>(0.0), low / 2048.0, finite)", "vec4<f32>(0.0)"),
    ("split", "infinite sums spoilt", "select(vec4<f32>(0.0), low / 2048.0, finite)", "low / 2048.0"),
    ("split", "2^11 left out", "(v - high) * 2048.0", "(v - high)"),
    ("split", "one cross term left out", "coopMultiplyAdd(e1, b1, zero)", "zero"),
    ("split", "A transposed", "coopLoad<MatA>(&tile_a[from_a], ROW)", "coopLoadT<MatA>(&tile_a[from_a], ROW)"),
    ("mixed", "B transposed", "coopLoadT<MatB>(&tile_b[from_b + T], ROW)", "coopLoad<MatB>(&tile_b[from_b + T], ROW)"),
    ("mixed", "a term too many", "if (k >= z_terms)", "if (k > z_terms)"),
    ("mixed", "a column too many", "if (col >= p.n)", "if (col > p.n)"),
    ("mixed", "nothing scaled", "(268u - x, 268u - w, min(x + w - 155u, 255u))", "(127u, 127u, 127u)"),
    ("mixed", "the scale before", "if (lid < 2u) { atomicStore(&most[2u - now + lid], 0u); }", ""),
    ("mixed", "last terms left out", "step < steps; step", "step + 1u < steps; step"),
    ("mixed", "cut off", "(bits + vec4<u32>(0xfffu) + odd)", "bits"),
    ("mixed", "ties away from zero", "(bits + vec4<u32>(0xfffu) + odd)", "(bits + vec4<u32>(0x1000u))"),
];

fn open(device: &Shared, precision: Precision) -> unlearn::Result<Engine> {
    let choice = AdapterChoice { adapter: Some(device.report.index.to_string()), backend: None };
    Engine::gpu(GpuOptions { choice, precision, ..Default::default() })
}

fn refused(device: &Shared) -> Result<(), Failed> {
    let desk = Desk::new();
    let (config, index) = (desk.put("c.toml", DIGITS), device.report.index.to_string());
    let arguments = ["train", &config, "--out", &desk.text("run"), "--adapter", &index, "--precision", "split"];
    let said = stderr(&ends(&arguments, 6)?);
    let named = ["--precision split", &device.report.name, "lacks"].iter().all(|word| said.contains(word));
    match named && !desk.path("run").join("run.json").exists() {
        true => Ok(()),
        false => Err(format!("what is lacking is not named: {said}").into()),
    }
}

fn caught(device: &Shared, name: &str, from: &str, to: &str) -> Result<(), Failed> {
    let of: &'static Kernel = kernels::kernels().into_iter().find(|k| k.name == name).ok_or("no such kernel")?;
    let planted = mutated(of, from, to)?;
    let mut engine = open(device, Precision::Split)?;
    for mut case in kernels::cases().into_iter().filter(|c| c.test && c.name.starts_with(&format!("{name} "))) {
        let want = expected(&case)?;
        replace(&mut case, of, planted);
        if let Outcome::Fail(_) = trial_against(&mut engine, &case, &want)? {
            return Ok(());
        }
    }
    Err("no case notices".into())
}

fn proved(device: &Shared) -> Result<(), Failed> {
    for precision in [Precision::Mixed, Precision::Split] {
        let mut engine = open(device, precision)?;
        let before = engine.precision();
        linear::prove(&mut engine)?;
        if (before, engine.precision()) != (Precision::F32, precision) {
            return Err(format!("{before:?} before the test, {:?} behind it", engine.precision()).into());
        }
    }
    Ok(())
}

fn trained(device: &Shared) -> Result<(), Failed> {
    let (desk, index) = (Desk::new(), device.report.index.to_string());
    let (config, run) = (desk.put("c.toml", DIGITS), desk.text("run"));
    let with = |more: &[&str], code| {
        ends(&[&["train", &config, "--out", &run, "--adapter", &index, "--keep-checkpoint"], more].concat(), code)
    };
    with(&["--precision", "split"], 0)?;
    let said = std::fs::read_to_string(desk.path("run").join("run.json"))?;
    let info: serde_json::Value = serde_json::from_str(&said)?;
    let variants = info["variants"]["linear.matmul"].as_str().unwrap_or_default();
    if info["adapter"]["precision"] != "split" || !variants.contains("split") {
        return Err(format!("the run does not say in what numbers: {} {variants}", info["adapter"]).into());
    }
    std::fs::remove_file(desk.path("run").join("run.json"))?;
    let said = stderr(&with(&["--resume"], 2)?);
    match said.contains("--precision split") && said.contains("--precision f32") {
        true => Ok(()),
        false => Err(format!("resumed in other numbers: {said}").into()),
    }
}
