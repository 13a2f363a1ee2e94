//! `unlearn train` of an ensemble.

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use super::{eraser, fitted_of, member_info, model_sha256, rates, stray, train_members, view};
use crate::data::{Absent, FitOn};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::config::Loaded;
use crate::run::evidence::{Evidence, Marks};
use crate::run::folder::{RunFolder, State};
use crate::run::hold::Hold;
use crate::run::info::{DataInfo, EnsembleInfo, RunInfo};
use crate::run::train_run::{Event, TrainOptions};
use crate::run::written::{another_configuration, write_config};

/// What a caller hears while an ensemble is trained.
pub struct EnsembleEvent<'a> {
    /// The member.
    pub member: usize,
    /// Of how many.
    pub of: usize,
    /// What happens in its training.
    pub event: Event<'a>,
}

/// A configuration of an ensemble, ready to be trained into a folder.
pub struct EnsembleJob {
    loaded: Loaded,
    folder: RunFolder,
    count: usize,
    digest: String,
    hold: Hold,
    /// Who trains, and why.
    pub marks: Marks,
    /// Members are trained one after another, and not in stacks; their bytes are the same.
    pub one_by_one: bool,
}

impl EnsembleJob {
    /// Reads and refuses what cannot be trained, before anything is written. `None`: resumed, and finished.
    ///
    /// # Errors
    /// A folder that holds another run; a shard without records, or with one class.
    pub fn prepare(loaded: Loaded, out: &Path, resume: bool) -> Result<Option<EnsembleJob>> {
        let folder = RunFolder::new(out);
        let Some(ensemble) = loaded.config.whole_ensemble() else {
            return Err(Error::internal("a configuration without an ensemble"));
        };
        let count = ensemble.shards;
        let digest = loaded.config.train_digest()?;
        let Some(hold) = folder.claim("train", resume)? else {
            let info = folder.read_info()?;
            return match info.forget.is_none() && info.config_sha256 == digest {
                true => folder.check(&info).map(|()| None),
                false => Err(another_configuration(&folder, &loaded.config)),
            };
        };
        if hold.left().is_some_and(|left| left.digest != digest) && folder.state() == State::Begun {
            return Err(another_configuration(&folder, &loaded.config));
        }
        if let Some(path) = stray(&folder, count) {
            let why = "is a member of a larger ensemble; use another --out";
            return Err(Error::input(format!("{} {why}", path.display())));
        }
        // Each shard must be one that can be learned from; nothing is kept of these data.
        for index in 0..count {
            let mut member = loaded.member(index);
            let data = member.load(FitOn::Training, &Absent::default())?;
            member.model(&data, FitOn::Training)?;
        }
        Ok(Some(EnsembleJob { loaded, folder, count, digest, hold, marks: Marks::default(), one_by_one: false }))
    }

    /// Trains the members and writes the folder, `run.json` last. What is finished when it is interrupted stays.
    ///
    /// # Errors
    /// As the training of one network.
    pub fn train(
        &self,
        engine: &mut Engine,
        options: TrainOptions,
        watch: &mut dyn FnMut(EnsembleEvent),
    ) -> Result<RunInfo> {
        let start = Instant::now();
        self.hold.begin(&self.digest)?;
        write_config(&self.folder, &self.loaded.config)?;
        let of = self.count;
        let members = train_members(
            engine,
            &self.loaded,
            (&self.folder, of),
            (options, &self.marks, self.one_by_one),
            &mut |member, event| watch(EnsembleEvent { member, of, event }),
        )?;
        self.finish(engine, &members, start)
    }

    /// Writes what is above the members.
    fn finish(&self, engine: &mut Engine, members: &[RunInfo], start: Instant) -> Result<RunInfo> {
        let config = &self.loaded.config;
        let first = members.first().ok_or_else(|| Error::internal("an ensemble without members"))?;
        // Which classes there are is told by the members; the numbers are the first one's.
        let names = view(&config.member(0), &first.data.fitted, &Absent::default())?.class_names;
        let data = view(config, &fitted_of(members, &names)?, &Absent::default())?;
        let division = config.whole_ensemble().map(|ensemble| ensemble.division(config.seed)).transpose()?.flatten();
        let rates_sha256 = rates::known_by(&data, division.as_ref(), &HashSet::new());
        let folders = self.folder.members(members.len());
        let infos = folders.iter().zip(members).map(|(folder, info)| member_info(folder, info, info.data.sizes.train));
        let infos = infos.collect::<Result<Vec<_>>>()?;
        let mut ensemble = EnsembleInfo { members: infos, rates_sha256, ..EnsembleInfo::default() };
        eraser::add_graph(engine, config, (&self.folder, members), &[], &mut ensemble)?;
        let mut evidence =
            Evidence { base_sha256: first.evidence.base_sha256.clone(), ..Evidence::of(&self.marks, &data.sha256()) };
        evidence.bind(&self.folder.bound())?;
        let sum = |of: fn(&RunInfo) -> u64| members.iter().map(of).sum();
        let info = RunInfo {
            seed: config.seed,
            data: DataInfo::of(&data),
            parameters: members.iter().map(|info| info.parameters).sum(),
            epochs: config.train.epochs,
            steps: sum(|info| info.steps),
            planned_gpu_bytes: members.iter().map(|info| info.planned_gpu_bytes).max().unwrap_or(0),
            seconds: start.elapsed().as_secs_f64(),
            first_step: None,
            // What is promised or chosen of one member is not of all together.
            privacy: None,
            stopping: None,
            model_sha256: model_sha256(&ensemble),
            config_sha256: self.digest.clone(),
            ensemble: Some(ensemble),
            evidence,
            run_sha256: String::new(),
            ..first.clone()
        };
        self.folder.write_info(&info)?;
        self.folder.read_info()
    }
}
