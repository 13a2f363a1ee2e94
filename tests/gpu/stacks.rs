//! Stacks on adapters: a small case of every kernel as models of a stack, and fits of many models to the bytes of each
//! alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::data::{self, DataConfig};
use unlearn::engine::case::Case;
use unlearn::engine::{Engine, Target};
use unlearn::harness::stacked::stacked;
use unlearn::harness::trial::lacks;
use unlearn::kernels::cases;
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Session, Source};
use unlearn::run::config::Loaded;
use unlearn::run::ensemble::EnsembleJob;
use unlearn::run::folder::RunFolder;
use unlearn::run::train_run::{Event, TrainOptions};
use unlearn::train::TrainConfig;
use unlearn::train::stack::{Job, fit_many};

use crate::adapters::Shared;
use crate::methods::{bits, fit, hold};
use crate::shared::binary::Desk;

const MLP: &str =
    "layers = [{type='flatten'},{type='linear',out=12},{type='relu'},{type='dropout',p=0.2},{type='linear'}]";

const CONV: &str = "layers = [{type='conv2d',out=4,kernel=3},{type='batch_norm'},{type='relu'},\
    {type='max_pool',kernel=2},{type='conv2d',out=4,kernel=2},{type='group_norm',groups=2},{type='flatten'},\
    {type='linear'}]";

/// Name, data, network, optimiser, records of a batch, and how many each model learns from.
type Net = (&'static str, &'static str, &'static str, &'static str, usize, &'static [usize]);

const NETS: &[Net] = &[
    ("an MLP", "digits", MLP, "adam", 16, &[70, 33, 48, 9, 64]),
    ("64 MLPs", "digits", MLP, "sgd", 16, &[24; 64]),
    ("convolutions and norms", "digits", CONV, "sgd", 8, &[20, 31]),
    ("a GCN", "cora", "zoo = 'gcn'", "adam", 1, &[140, 60]),
    ("8 GCNs", "cora", "zoo = 'gcn'\nhidden = [5]", "adam", 1, &[90; 8]),
    ("a GAT", "cora", "zoo = 'gat'\nhidden = [4]", "adam", 1, &[140]),
];

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    // Texts are the same on each, and compiling them all takes half a minute.
    let kernels = devices
        .iter()
        .take(1)
        .map(|device| device.trial("stack: a case of every kernel is the same in a stack", |d| d.with(every_kernel)));
    let nets = devices.iter().flat_map(|device| {
        NETS.iter().map(|net| {
            let name = format!("stack: {} in a stack is what it is alone", net.0);
            device.trial(&name, |d| d.with(|engine, _| same_as_alone(engine, net)))
        })
    });
    let members = devices.iter().map(|device| {
        device.trial("stack: members of an ensemble are what they are alone, interrupted or not", |d| {
            d.with(|engine, _| members_as_alone(engine))
        })
    });
    kernels.chain(nets).chain(members).collect()
}

/// Shards in slices with checkpoints and scores, trained alone, in a stack, and in one that was interrupted.
fn members_as_alone(engine: &mut Engine) -> Result<()> {
    let desk = Desk::new();
    let text = format!(
        "seed = 3\n[data]\nloader = \"digits\"\nlimit = 240\n[model]\n{MLP}\n[train]\noptimizer = \"adam\"\nlr = 0.01\n\
         epochs = 5\nbatch_size = 16\n[ensemble]\nkind = \"sisa\"\nshards = 3\nslices = 2\noptimizer = \"kept\"\n"
    );
    let config = desk.put("c.toml", text);
    let mut train = |name: &str, one_by_one: bool, cut: Option<usize>, resume: bool| {
        let (loaded, flag) = (Loaded::read(Path::new(&config), &[], None)?, AtomicBool::new(false));
        let Some(mut job) = EnsembleJob::prepare(loaded, &desk.path(name), resume)? else { return Ok(()) };
        job.one_by_one = one_by_one;
        let options =
            TrainOptions { resume, keep_checkpoint: false, check_finite: false, interrupted: &flag, ranks: None };
        let done = job.train(engine, options, &mut |event| {
            if matches!(event.event, Event::Epoch(line) if Some(line.epoch) == cut) {
                flag.store(true, Ordering::Relaxed);
            }
        });
        match (done, cut) {
            (Err(unlearn::Error::Interrupted(_)), Some(_)) => Ok(()),
            (done, _) => done.map(drop),
        }
    };
    train("alone", true, None, false)?;
    train("stacked", false, None, false)?;
    train("cut", false, Some(2), false)?;
    train("cut", false, Some(5), true)?;
    train("cut", false, None, true)?;
    let files = |name: &str| -> Result<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        for member in RunFolder::new(&desk.path(name)).members(3) {
            let kept = member.kept_steps().into_iter().map(|step| member.kept_at(step));
            for path in kept.chain([member.model()]) {
                all.push(std::fs::read(&path).map_err(unlearn::Error::io("read", &path))?);
            }
        }
        Ok(all)
    };
    let alone = files("alone")?;
    hold(alone.len() == 6, || format!("{} files", alone.len()))?;
    hold(files("stacked")? == alone, || "a member in a stack differs from itself alone".into())?;
    hold(files("cut")? == alone, || "a member of a stack that was interrupted differs".into())
}

/// The smallest case of each kernel, those of tiles left out on a software adapter, whose compiler takes seconds each.
fn every_kernel(engine: &mut Engine, target: Target) -> Result<()> {
    let tiles = |case: &Case| {
        let tile = ["#import tile4", "#import tile8"];
        target.software && case.rec.dispatches().any(|d| tile.iter().any(|tile| d.kernel.source.contains(tile)))
    };
    let size = |case: &Case| case.buffers.iter().map(|b| b.init.bytes().len()).sum::<usize>();
    let mut smallest: BTreeMap<&str, Case> = BTreeMap::new();
    for case in cases().into_iter().filter(|case| case.test && !tiles(case) && lacks(engine, case).is_none()) {
        for kernel in case.rec.dispatches().map(|d| d.kernel.name).collect::<Vec<_>>() {
            // One that does something.
            let known = smallest.get(kernel).map_or(usize::MAX, size);
            if size(&case) < known && size(&case) > 64 {
                smallest.insert(kernel, case.clone());
            }
        }
    }
    for (kernel, case) in smallest {
        let found = stacked(engine, &case)?;
        hold(found.is_none(), || format!("{kernel}, {}: {}", case.name, found.unwrap_or_default()))?;
    }
    Ok(())
}

fn same_as_alone(engine: &mut Engine, (name, loader, layers, optimizer, batch_size, counts): &Net) -> Result<()> {
    let data = data::load(&DataConfig::new(loader), Path::new("."))?;
    let config: ModelConfig = toml::from_str(layers).map_err(|e| unlearn::Error::input(e.to_string()))?;
    let model = Model::build(&config, &data.shape, data.classes)?;
    let ids = data.train_ids();
    let (batch_size, optimizer) = (*batch_size, (*optimizer).to_owned());
    let recipe = TrainConfig { optimizer, batch_size, epochs: 2, steps_per_submission: 4, ..Default::default() };
    let starts: Vec<Vec<f32>> = (0..counts.len() as u64).map(|i| model.init(i)).collect();
    let lr = |i: usize| 0.01 * (1.0 + i as f64 / 7.0);
    let job = |(i, count): (usize, &usize)| {
        let indices = &ids[i..i + count.min(&(ids.len() - i))];
        Job { indices, seed: 5 + i as u64, lr: Some(lr(i)), start: &starts[i], validation: &[], state: None }
    };
    let jobs: Vec<Job> = counts.iter().enumerate().map(job).collect();
    let all = fit_many(engine, &model, &Source::new(&data, None), &recipe, &jobs, |_, _| Ok(()))?;
    let mut session = Session::of(engine, &model, &data, None, &starts[0])?;
    for (i, (job, trained)) in jobs.iter().zip(&all).enumerate() {
        session.write_theta(job.start)?;
        let recipe = TrainConfig { lr: lr(i), ..recipe.clone() };
        let alone = fit(&mut session, &recipe, job.seed, job.indices)?;
        hold(bits(&alone) == bits(&trained.theta), || format!("model {i} of {name} differs from itself alone"))?;
        hold(bits(&alone) != bits(job.start), || format!("model {i} of {name} did not move"))?;
    }
    Ok(())
}
