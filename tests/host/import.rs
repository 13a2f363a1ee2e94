//! Weights that were trained elsewhere: files of PyTorch and of safetensors become runs, which forget.

mod encoder;
mod files;
mod fold;
mod graphs;
mod language;
mod malicious;
mod names;
mod out;

use std::fs;
use std::path::{Path, PathBuf};

use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::folder::RunFolder;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::import::{ImportJob, TOLERANCE};
use unlearn::run::info::{Origin, RunInfo};
use unlearn::run::naming::Naming;

use super::evidence::bench::refused;

/// A file that PyTorch wrote (tools/parity/import_fixtures.py).
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shared/import").join(name)
}

pub const LENET: &str = "[data]\nloader = 'digits'\nlimit = 60\n\
    [[model.layers]]\ntype = 'conv2d'\nname = 'conv1'\nout = 6\nkernel = 3\npadding = 1\n\
    [[model.layers]]\ntype = 'relu'\n[[model.layers]]\ntype = 'max_pool'\nkernel = 2\n\
    [[model.layers]]\ntype = 'conv2d'\nname = 'conv2'\nout = 16\nkernel = 3\n\
    [[model.layers]]\ntype = 'relu'\n[[model.layers]]\ntype = 'max_pool'\nkernel = 2\n\
    [[model.layers]]\ntype = 'flatten'\n[[model.layers]]\ntype = 'linear'\nname = 'fc1'\nout = 40\n\
    [[model.layers]]\ntype = 'relu'\n[[model.layers]]\ntype = 'linear'\nname = 'fc2'\n";

pub const MLP: &str = "[data]\nloader = 'digits'\nlimit = 60\n[[model.layers]]\ntype = 'flatten'\n\
    [[model.layers]]\ntype = 'linear'\nname = 'fc1'\nout = 12\n[[model.layers]]\ntype = 'tanh'\n\
    [[model.layers]]\ntype = 'linear'\nname = 'fc2'\n";

const RECIPE: &str = "[train]\nepochs = 1\nlr = 0.01\n";

/// A folder with a configuration.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new(config: &str) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        place.put("c.toml", config);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    pub fn import(&self, file: &Path, naming: &Naming) -> unlearn::Result<ImportJob> {
        let loaded = Loaded::read(&self.path("c.toml"), &[], None)?;
        ImportJob::prepare(loaded, file, (None, naming), &self.path("run"))
    }

    pub fn run(&self, file: &str) -> RunInfo {
        self.import(&fixture(file), &Naming::default()).unwrap().write().unwrap()
    }

    fn forget(&self, method: &str) -> unlearn::Result<RunInfo> {
        let request = self.put("r.jsonl", "{\"request_id\":\"r\",\"kind\":\"class\",\"ids\":[3]}\n");
        let (run, out) = (self.path("run"), self.path(method));
        ForgetJob::prepare(&run, &request, method, toml::Table::new(), &out)?.forget(
            &mut Engine::reference(),
            None,
            false,
        )
    }
}

#[test]
fn logits_are_those_that_pytorch_gave() {
    for (file, config) in [("lenet", LENET), ("mlp", MLP), ("half", MLP)] {
        // A multi-layer perceptron takes the pictures flat, as PyTorch had them.
        let place = Place::new(config);
        let mut job = place.import(&fixture(&format!("{file}.pt")), &Naming::default()).unwrap();
        if file != "lenet" {
            job.model = unlearn::nn::Model::build(&job.config.model, &[64], 10).unwrap();
        }
        let logits = fixture(&format!("{file}.npz"));
        job.check(&mut Engine::reference(), &logits, 1e-5).unwrap_or_else(|e| panic!("{file}: {e}"));
        // One bias off by a tenth is no agreement.
        let bias = job.model.layout.get("fc2.bias").unwrap().offset;
        job.named.theta[bias] += 0.1;
        let said = job.check(&mut Engine::reference(), &logits, TOLERANCE).unwrap_err();
        assert_eq!(said.exit_code(), 4, "{said}");
        assert!(said.to_string().contains("class") && said.to_string().contains("let pass"), "{said}");
    }
}

#[test]
fn an_imported_run_says_so_and_forgets_without_a_history() {
    let place = Place::new(LENET);
    let info = place.run("lenet.pt");
    let imported = info.imported.as_ref().unwrap();
    let hash = unlearn::base::sha256(&fs::read(fixture("lenet.pt")).unwrap());
    assert_eq!((info.origin, &imported.sha256, imported.recipe), (Origin::Imported, &hash, false));
    assert_eq!((info.epochs, info.steps), (0, 0), "no training is claimed");
    let json = fs::read_to_string(place.path("run/run.json")).unwrap();
    assert!(json.contains("\"origin\": \"imported\"") && json.contains(&hash), "{json}");
    assert!(!fs::read_to_string(place.path("run/config.toml")).unwrap().contains("[train]"));
    let opened = RunFolder::new(&place.path("run")).open().unwrap();
    assert_eq!(
        opened.theta().unwrap(),
        unlearn::run::naming::weights(&fixture("lenet.pt"), &opened.model.layout).unwrap()
    );
    let forgot = place.forget("ssd").unwrap();
    assert_eq!(forgot.origin, Origin::Imported);
    let residue = &forgot.forget.as_ref().unwrap().residue;
    assert!(residue.iter().any(|residue| residue.what == "imported model"), "{residue:?}");
    // The same names and shapes go back.
    let mut out = [&info, &forgot].map(|_| Vec::new());
    for (names, run) in out.iter_mut().zip(["run", "ssd"]) {
        let bytes = fs::read(place.path(run).join("model.safetensors")).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        names.extend(file.iter().map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec())));
        names.sort();
    }
    assert_eq!(out[0], out[1]);
}

#[test]
fn what_trains_by_a_recipe_needs_one_and_what_goes_over_the_training_is_refused() {
    let place = Place::new(LENET);
    place.run("lenet.pt");
    refused(place.forget("retrain"), &["retrain", "[train]", "imported without one"]);
    for method in ["delta_grad", "certified_removal"] {
        refused(place.forget(method), &[method, "lenet.pt", "imported"]);
    }
    let with = Place::new(&format!("{LENET}{RECIPE}"));
    assert!(with.run("lenet.pt").imported.unwrap().recipe);
    let retrained = with.forget("retrain").unwrap();
    assert_eq!((retrained.origin, retrained.imported), (Origin::Trained, None), "a retrain owes nothing to the file");
    refused(with.forget("certified_removal"), &["certified_removal", "imported"]);
}

#[test]
fn weights_to_begin_with_may_be_a_file_of_pytorch() {
    use unlearn::run::refit::base;

    let place = Place::new(&format!("init = '{}'\n{LENET}{RECIPE}", fixture("lenet.pt").display()));
    let mut loaded = Loaded::read(&place.path("c.toml"), &[], None).unwrap();
    let (_, model) = loaded.build().unwrap();
    let theta = base(&loaded.config, &model).unwrap().unwrap();
    assert!(theta.iter().any(|value| *value != 0.0));
    refused(place.import(&fixture("lenet.pt"), &Naming::default()).map(drop), &["init"]);
}
