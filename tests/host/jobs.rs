//! Jobs that several processes share: claims, plans, ranks, scripts, and the bytes that come out.

mod claims;
mod plans;
mod scripts;
mod shifts;

use std::path::Path;

use unlearn::run::config::Loaded;
use unlearn::run::jobs::{Jobs, Plan, PlanOptions};

use crate::shared::binary::Desk;

pub const CONFIG: &str = "seed = 3\n[data]\nloader = \"synth\"\nsamples = 60\nclasses = 3\nnoise = 3.0\nshape = [4]\n\
    [model]\nlayers = [{type='linear',out=5},{type='tanh'},{type='linear'}]\n\
    [train]\nbatch_size = 10\nepochs = 2\n";

/// A plan of the configuration under `name`, in a folder of that name.
pub fn planned(desk: &Desk, name: &str, config: &str, options: &PlanOptions) -> unlearn::Result<Jobs> {
    let file = desk.put("c.toml", config);
    let folder = desk.path(name);
    Plan::write(Loaded::read(Path::new(&file), &[], None)?, Path::new(&file), &folder, options)?;
    Jobs::open(&folder)
}

/// Trainings of these seeds, and two retrains without three records.
pub fn options(desk: &Desk, seeds: &[u64]) -> PlanOptions {
    let request = desk.put("r.jsonl", "{\"request_id\":\"r\",\"kind\":\"sample\",\"ids\":[1,4,7]}\n");
    PlanOptions { seeds: seeds.to_vec(), request: Some(request.into()), references: 2 }
}
