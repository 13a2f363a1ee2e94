//! Low-rank adapters: trained beside weights that stay, merged into them, and taken away again.

use unlearn::engine::Engine;
use unlearn::nn::{Model, ModelConfig, is_adapter, unadapted};
use unlearn::run::config::Loaded;
use unlearn::run::export::{ExportJob, Format};
use unlearn::run::folder::RunFolder;
use unlearn::run::import::ImportJob;
use unlearn::run::naming::Naming;

use super::evidence::bench::refused;
use crate::shared::binary::Desk;
use crate::trained::on_twins;

const CONFIG: &str = "seed = 2\n[data]\nloader = 'text'\npath = 'texts.txt'\ncontext = 8\ntest_fraction = 0.2\n\
    [model]\nzoo = 'gpt'\nsizes = { width = 8, depth = 1, heads = 2, context = 8 }\n\
    [train]\noptimizer = 'adamw'\nlr = 0.02\nepochs = 2\nbatch_size = 4\n";

fn train(desk: &Desk, config: &str, out: &str) -> unlearn::Result<()> {
    desk.put("texts.txt", "abcd\nefgh\nabgh\nefcd\nhgfe\ndcba\n");
    desk.put(&format!("{out}.toml"), config);
    on_twins(&desk.path(&format!("{out}.toml")), &desk.path(out)).map(drop)
}

fn weights(desk: &Desk, run: &str) -> (Model, Vec<f32>) {
    let run = RunFolder::new(&desk.path(run)).open().expect("a run");
    let theta = run.theta().expect("weights");
    (run.model, theta)
}

#[test]
fn adapters_alone_are_trained_and_are_merged_or_taken_away() {
    let desk = Desk::new();
    train(&desk, CONFIG, "base").expect("trained");
    let base = format!("init = '{}'\n{CONFIG}", desk.path("base").display());
    let tuned = base.replace("context = 8 }", "context = 8, lora = { rank = 2, alpha = 4.0 } }");
    train(&desk, &tuned, "tuned").expect("trained");
    let ((plain, before), (adapted, after)) = (weights(&desk, "base"), weights(&desk, "tuned"));
    // Two maps of attention and two of the block's MLP.
    assert_eq!(adapted.layout.entries().iter().filter(|e| is_adapter(&e.name)).count(), 8);
    for (entry, at) in adapted.layout.tensors() {
        match is_adapter(&entry.name) {
            true => assert!(after[at].iter().any(|v| *v != 0.0), "{} was trained", entry.name),
            false => {
                let from = plain.layout.get(&entry.name).expect("the same name").offset;
                assert_eq!(after[at], before[from..from + entry.len], "{} stays", entry.name);
            }
        }
    }
    // Taken away they leave the very weights that they were put beside.
    let job = ExportJob::read(&desk.path("tuned")).and_then(|job| job.unadapt(false)).expect("a job");
    job.write(Format::Safetensors, &desk.path("out.safetensors")).expect("written");
    job.write_config(&desk.path("out.toml")).expect("written");
    let again = unlearn::run::naming::weights(&desk.path("out.safetensors"), &plain.layout).expect("its weights");
    assert_eq!(again, before);
    // Merged they say what they said beside.
    let job = ExportJob::read(&desk.path("tuned")).and_then(|job| job.unadapt(true)).expect("a job");
    job.write(Format::Safetensors, &desk.path("merged.safetensors")).expect("written");
    job.write_config(&desk.path("merged.toml")).expect("written");
    let loaded = Loaded::read(&desk.path("merged.toml"), &[], None).expect("a configuration");
    let merged =
        ImportJob::prepare(loaded, &desk.path("merged.safetensors"), (None, &Naming::default()), &desk.path("merged"));
    merged.and_then(|job| job.write()).expect("a run");
    let (merged, values) = weights(&desk, "merged");
    assert_eq!(merged.layout, plain.layout);
    assert_ne!(values, before);
    let [beside, inside] = [(&adapted, &after), (&merged, &values)].map(|(model, theta)| said(&desk, model, theta));
    let apart = beside.iter().zip(&inside).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-5 && beside.len() == inside.len(), "{apart}");
    assert_ne!(beside, said(&desk, &plain, &before));
    refused(ExportJob::read(&desk.path("base")).and_then(|job| job.unadapt(true)).map(drop), &["has no adapters"]);
}

/// Logits of a text.
fn said(desk: &Desk, model: &Model, theta: &[f32]) -> Vec<f32> {
    let data = Loaded::read(&desk.path("base.toml"), &[], None).and_then(|l| l.config.load()).expect("texts");
    let mut engine = Engine::reference();
    let mut reader = unlearn::records::Reader::rows(&mut engine, model, &data.train, theta).expect("a reader");
    let part = reader.records(&[], true).part;
    unlearn::statistics::of_texts(reader.session(), part, &[&[256, 97, 98, 99, 100]]).expect("logits")
}

#[test]
fn adapters_that_cannot_be_are_refused() {
    let desk = Desk::new();
    let with = |lora: &str| CONFIG.replace("context = 8 }", &format!("context = 8, lora = {lora} }}"));
    for (lora, says) in [("{ rank = 0, alpha = 1.0 }", "rank of 1 or more"), ("{ rank = 1, alpha = 0.0 }", "above 0")] {
        refused(train(&desk, &with(lora), "out"), &["lora", says]);
        assert!(!desk.path("out").exists());
    }
    let linear = |keys: &str| {
        let text = format!("layers = [{{type='linear',name='fc',{keys}}}]");
        let config: ModelConfig = toml::from_str(&text).expect("TOML");
        Model::build(&config, &[6], 3).expect("a network")
    };
    assert!(linear("bias=true").is_linear() && !linear("lora={rank=1,alpha=1.0}").is_linear());
    let model = linear("lora={rank=1,alpha=1e38}");
    let values: Vec<f32> = model.layout.tensors().fold(vec![0.0; model.layout.whole()], |mut all, (_, at)| {
        all[at].fill(1e3);
        all
    });
    refused(unadapted(&model, &values, true).map(drop), &["`fc.weight` is not finite"]);
}
