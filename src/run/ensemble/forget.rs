//! `unlearn forget` of an ensemble: the shards that had the records are trained again, the others are taken over.

mod graph;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{copy, cost, eraser, fitted_of, member_info, members_of, model_sha256, rates, stray, view};
use crate::base::{sha256, write_atomic};
use crate::data::{Line, Place, Portion, Request, Shards, read_requests, request_lines};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::methods::{self, Details, MethodRow, Read, Role, Tier};
use crate::run::config::{Config, Loaded};
use crate::run::earlier::Earlier;
use crate::run::effect::{Became, Effect};
use crate::run::evidence::{self, Evidence, Marks, Parent};
use crate::run::folder::{Opened, RunFolder, State};
use crate::run::forget_run::{Asked, ForgetJob, gone_places};
use crate::run::hold::Hold;
use crate::run::info::{DataInfo, EnsembleCost, EnsembleInfo, ForgetInfo, Origin, RunInfo};
use crate::run::results::RequestSummary;
use crate::run::target::Target;
use crate::run::written::write_config;
use crate::run::{claim, lost, residue, whom};

/// An ensemble and a request, ready to be obeyed. All requests that hit one shard are served by one training of it.
pub struct EnsembleForget {
    top: Opened,
    members: Vec<(RunFolder, RunInfo)>,
    requests: Vec<Request>,
    earlier: Earlier,
    target: Target,
    /// How records are divided; none where each member has all.
    division: Option<Shards>,
    row: &'static MethodRow,
    settings: toml::Table,
    /// The members of a graph's ensemble that had what the request takes; none where records stand alone.
    shards: Option<Vec<usize>>,
    folder: RunFolder,
    hold: Option<Hold>,
    request: PathBuf,
    /// Who forgets, and why.
    pub marks: Marks,
}

impl EnsembleForget {
    /// Reads everything and refuses what cannot be done, before anything is written; `out` is the new folder, and
    /// whether it may be finished. None: nothing is to be written.
    ///
    /// # Errors
    /// Bad runs, requests, names and settings; an `out` that holds another run.
    pub fn prepare(
        run: &Path,
        request: &Path,
        method: &str,
        settings: toml::Table,
        out: Option<(&Path, bool)>,
    ) -> Result<EnsembleForget> {
        let folder = RunFolder::new(out.map_or(Path::new(""), |(out, _)| out));
        let hold = out.map_or(Ok(None), |(_, resume)| folder.claim("forget", resume))?;
        let row = methods::find(method)?;
        (row.build)(settings.clone())?;
        let mut top = RunFolder::new(run).open()?;
        eraser::check_method(&top.config, run, row.name)?;
        let members = members_of(&top)?;
        let mut requests = read_requests(request)?;
        if let Some(drawn) = requests.iter().find(|r| r.fraction.is_some()) {
            return Err(Error::input(format!("{}: `fraction` goes into a configuration; give ids here", drawn.origin)));
        }
        let earlier = Earlier::of(&top)?;
        earlier.lose(&mut top.data);
        let struck = lost::strike(&mut requests, &earlier.requests, &top.absent)?;
        let mut target = Target::of(&requests, &top.data, &top.model, top.config.seed)?;
        if !target.split.cuts.is_empty() {
            return Err(Error::input(format!(
                "{}: members of an ensemble forget whole records, and a request of kind span takes parts of texts; ask \
                 for whole records, or train one network",
                top.folder.path.display()
            )));
        }
        target.split.lines.iter_mut().zip(struck).for_each(|(line, count)| line.already += count);
        if !earlier.requests.is_empty() {
            target.after(&earlier.target, &top.data)?;
        }
        let shards = eraser::is_graph(&top.config);
        let shards = shards.then(|| eraser::hit(&top.config, &earlier.requests, &requests)).transpose()?;
        let (request, marks) = (request.to_owned(), Marks::default());
        let division = top.config.ensemble.as_ref().map(|ensemble| ensemble.division(top.config.seed));
        let division = division.transpose()?.flatten();
        rates::check(&top, division.as_ref(), &gone_places(&[&earlier.target.split]))?;
        Ok(EnsembleForget {
            top,
            members,
            requests,
            earlier,
            target,
            division,
            row,
            settings,
            shards,
            folder,
            hold,
            request,
            marks,
        })
    }

    /// What each line of the request was found to mean.
    pub fn lines(&self) -> &[Line] {
        &self.target.split.lines
    }

    /// The members that had a record of the request, or all where each has all records.
    pub fn hit(&self) -> Vec<usize> {
        if let Some(shards) = &self.shards {
            return shards.clone();
        }
        let has = |index: &usize| self.target.split.forget.iter().any(|at| self.has(*index, *at));
        (0..self.members.len()).filter(has).collect()
    }

    fn has(&self, index: usize, at: u32) -> bool {
        let key = self.top.data.who.of(Place { portion: Portion::Train, position: at }).key;
        self.division.as_ref().is_none_or(|division| division.of(key) == index)
    }

    /// Whether this very forgetting is finished already.
    ///
    /// # Errors
    /// The folder holds another run.
    pub fn finished(&self, seed: Option<u64>) -> Result<bool> {
        if self.hold.is_some() {
            return Ok(false);
        }
        let info = self.folder.read_info()?;
        let request = RequestSummary::of(&self.requests, &self.target);
        let same = info.forget.as_ref().is_some_and(|known| {
            known.method == self.row.name
                && known.request == request
                && known.original_sha256 == self.top.model_sha256()
        });
        match same && info.seed == seed.unwrap_or(self.top.config.seed) {
            true => Ok(true),
            false => Err(self.another()),
        }
    }

    fn another(&self) -> Error {
        Error::input(format!(
            "--out {} belongs to another command line (run, request, method, settings or seed); use the same one, or \
             another folder",
            self.folder.path.display()
        ))
    }

    /// Takes the folder: from a killed process only if it was at the same work, whose finished members stay.
    fn begin(&self, seed: u64) -> Result<()> {
        let Some(hold) = &self.hold else { return Err(self.another()) };
        let words = [self.row.name, &seed.to_string(), &self.request_text()?, self.top.model_sha256()];
        let digest = sha256(words.join("\0").as_bytes());
        let left = hold.left().map(|left| left.digest == digest);
        if left == Some(false) && self.folder.state() == State::Begun {
            return Err(self.another());
        }
        if left != Some(true)
            && let Some(path) = stray(&self.folder, 0)
        {
            return Err(Error::input(format!("{} is a member of another ensemble; use another --out", path.display())));
        }
        hold.begin(&digest)?;
        write_config(&self.folder, &self.config(&self.top.data.learned)?)
    }

    /// Forgets and writes the new run; members that are finished stay for whoever goes on after an interruption.
    ///
    /// # Errors
    /// What the method reports; weights that are not finite, which are never written.
    pub fn forget(&self, engine: &mut Engine, seed: Option<u64>, check_finite: bool) -> Result<RunInfo> {
        let own = self.top.config.seed;
        self.begin(seed.unwrap_or(own))?;
        self.forget_begun(engine, seed, check_finite).inspect_err(|_| {
            // What was refused leaves nothing behind but copies, which go too; work that was done stays.
            let done = |at: &usize| self.folder.member(*at).state() == State::Finished;
            if !self.hit().iter().any(done) {
                self.folder.discard();
                self.folder.member(0).path.parent().map_or(Ok(()), std::fs::remove_dir_all).unwrap_or_default();
            }
        })
    }

    fn forget_begun(&self, engine: &mut Engine, seed: Option<u64>, check_finite: bool) -> Result<RunInfo> {
        let (own, start) = (self.top.config.seed, Instant::now());
        let hit = self.hit();
        let whole = self.row.role == Role::Reference;
        let all = whole || self.shards.is_none() && !self.target.split.unseen.is_empty();
        let hit = if whole && self.shards.is_some() { (0..self.members.len()).collect() } else { hit };
        let mut infos = Vec::new();
        for (index, (folder, info)) in self.members.iter().enumerate() {
            let to = self.folder.member(index);
            let info = match to.state() {
                State::Finished => to.read_info()?,
                _ if self.shards.is_some() && hit.contains(&index) => {
                    self.shard(engine, index, seed.unwrap_or(own), check_finite)?
                }
                _ if all || hit.contains(&index) => {
                    let job = self.job(folder, &to)?;
                    let mut config = self.top.config.clone();
                    config.seed = seed.unwrap_or(own);
                    job.forget(engine, Some(config.member(index).seed), check_finite)?
                }
                _ => {
                    copy(&folder.path, &to)?;
                    info.clone()
                }
            };
            infos.push(info);
        }
        self.finish(engine, &infos, hit, (seed.unwrap_or(own), start))
    }

    /// The forgetting of one member.
    fn job(&self, from: &RunFolder, to: &RunFolder) -> Result<ForgetJob> {
        let mut opened = from.open_member(&self.top.absent)?;
        let earlier = Earlier::of(&opened)?;
        earlier.lose(&mut opened.data);
        let theirs = |line: &Line| {
            let records = line.records.iter().filter(|who| opened.data.who.find_then(&who.id).is_some());
            Line { records: records.cloned().collect(), ..line.clone() }
        };
        let lines: Vec<Line> = self.lines().iter().map(theirs).filter(|line| !line.records.is_empty()).collect();
        let mut target = Target::known(&lines, &opened.data);
        if !earlier.requests.is_empty() {
            let gone: HashSet<u32> = earlier.target.split.forget.iter().copied().collect();
            target.split.retain.retain(|at| !gone.contains(at));
        }
        let asked = Asked { requests: self.requests.clone(), earlier, target, whole: None, request: &self.request };
        let method = (self.row.build)(self.settings.clone())?;
        let hold = to.claim("forget", false)?;
        let mut job = ForgetJob::on(opened, asked, (self.row, method), (to.clone(), hold))?;
        job.marks = self.marks.clone();
        Ok(job)
    }

    /// The configuration as the ensemble's folder has it, for a network with outputs for these classes.
    fn config(&self, learned: &[u32]) -> Result<Config> {
        let config = Loaded::read(&self.top.folder.config(), &[], None)?.config;
        match learned.len() < self.top.data.learned.len() {
            true => Ok(Config { model: config.model.open_ended(), ..config }),
            false => Ok(config),
        }
    }

    /// Writes what is above the members.
    fn finish(
        &self,
        engine: &mut Engine,
        members: &[RunInfo],
        hit: Vec<usize>,
        (seed, start): (u64, Instant),
    ) -> Result<RunInfo> {
        let top = &self.top;
        let names = &top.data.class_names;
        let data = view(&top.config, &fitted_of(members, names)?, &top.absent)?;
        let gone = gone_places(&[&self.earlier.target.split, &self.target.split]);
        let again: Vec<(usize, &RunInfo)> = hit.iter().map(|index| (*index, &members[*index])).collect();
        let mut ensemble = self.spent(members, &hit, &gone)?;
        let (folder, requests) = ((&self.folder, members), self.earlier.requests.iter().chain(&self.requests));
        eraser::add_graph(engine, &top.config, folder, &requests.cloned().collect::<Vec<_>>(), &mut ensemble)?;
        let seconds = start.elapsed().as_secs_f64();
        ensemble.cost.iter_mut().for_each(|cost| cost.seconds = seconds);
        let evidence = self.evidence(&data.sha256(), lost::retained(&data, &gone, top.absent.lines))?;
        let forget = self.claimed(&again, seconds, &evidence);
        let mut info = RunInfo {
            seed,
            seconds,
            steps: forget.details.steps.unwrap_or(0),
            data: DataInfo::of(&data),
            model_sha256: model_sha256(&ensemble),
            ensemble: Some(ensemble),
            forget: Some(forget),
            origin: Origin::Trained,
            evidence,
            run_sha256: String::new(),
            ..top.info.clone()
        };
        if let Some((_, first)) = again.first() {
            (info.adapter, info.variants) = (first.adapter.clone(), first.variants.clone());
        }
        write_config(&self.folder, &self.config(&data.learned)?)?;
        write_atomic(&self.folder.request(), self.request_text()?.as_bytes())?;
        let lines = self.earlier.target.split.lines.iter().chain(self.lines());
        write_atomic(&self.folder.forgotten(), whom::json_lines(lines)?.as_bytes())?;
        info.evidence.bind(&self.folder.bound())?;
        self.folder.write_info(&info)?;
        self.folder.read_info()
    }

    /// The members as they are now, and what those that were trained again cost.
    fn spent(&self, members: &[RunInfo], hit: &[usize], gone: &HashSet<Place>) -> Result<EnsembleInfo> {
        let top = &self.top;
        let stays = |at: u32| !gone.contains(&Place { portion: Portion::Train, position: at });
        let (mut infos, mut visits) = (Vec::new(), (0, 0));
        for (index, info) in members.iter().enumerate() {
            let mine = |at: u32| stays(at) && self.has(index, at);
            let config = top.config.member(index);
            let counts = match self.shards {
                Some(_) => vec![info.data.sizes.train as u64],
                None => cost::slices(&config, &top.data, &mine),
            };
            let from = info.forget.as_ref().and_then(|forget| forget.details.replayed);
            let (again, all) = cost::visits(&config, &counts, from.map_or(0, |replayed| replayed.from));
            visits.0 += if hit.contains(&index) { again } else { 0 };
            visits.1 += all;
            infos.push(member_info(&self.folder.member(index), info, counts.iter().sum::<u64>() as usize)?);
        }
        let of_seconds = infos.iter().map(|member| member.seconds).sum();
        let (members, visits, of_visits) = (hit.to_vec(), visits.0, visits.1);
        let cost = EnsembleCost { members, visits, of_visits, of_seconds, ..EnsembleCost::default() };
        let rates_sha256 = rates::known_by(&top.data, self.division.as_ref(), gone);
        Ok(EnsembleInfo { members: infos, cost: Some(cost), rates_sha256, ..EnsembleInfo::default() })
    }

    /// What may be said of it, and what still holds the records.
    fn claimed(&self, again: &[(usize, &RunInfo)], seconds: f64, evidence: &Evidence) -> ForgetInfo {
        let mut forget = self.account(&again.iter().map(|(_, info)| *info).collect::<Vec<_>>(), seconds);
        if self.shards.is_some() {
            forget = self.of_shards(again, seconds, forget);
            self.claim_of_shards(&mut forget, &evidence.parents);
            return forget;
        }
        let base = evidence.base_sha256.as_deref();
        forget.conditions = claim::conditions(forget.tier, base, (None, None), forget.details.replayed.is_some());
        forget.residue = residue::of(&self.top, &evidence.parents, &forget, &self.request);
        forget
    }

    /// What the members that were trained again report together.
    fn account(&self, again: &[&RunInfo], seconds: f64) -> ForgetInfo {
        let of: Vec<&ForgetInfo> = again.iter().filter_map(|info| info.forget.as_ref()).collect();
        let steps = of.iter().filter_map(|forget| forget.details.steps).sum();
        let replayed = of.iter().filter_map(|forget| forget.details.replayed).find(|replayed| replayed.from > 0);
        let mut reads: Vec<Read> = Vec::new();
        of.iter().flat_map(|forget| &forget.reads).for_each(|read| {
            if !reads.contains(read) {
                reads.push(*read);
            }
        });
        let exact = of.iter().all(|forget| forget.tier == Tier::Exact);
        let changed = of.iter().find(|forget| forget.effect.result == Became::Changed).or(of.first());
        ForgetInfo {
            method: self.row.name.into(),
            tier: if exact { self.row.tier } else { Tier::Approximate },
            settings: serde_json::to_value(&self.settings).unwrap_or_default(),
            reads,
            method_s: seconds,
            precompute_s: 0.0,
            effect: changed.map_or_else(Effect::unseen, |forget| forget.effect.clone()),
            details: Details { steps: Some(steps), replayed, ..Details::default() },
            request: RequestSummary::of(&self.requests, &self.target),
            original_sha256: self.top.model_sha256().to_owned(),
            conditions: Vec::new(),
            residue: Vec::new(),
        }
    }

    fn evidence(&self, read_sha256: &str, retained: Option<evidence::Retained>) -> Result<Evidence> {
        let (folder, before) = (&self.top.folder, &self.top.info.evidence);
        let parent = Parent {
            path: std::path::absolute(&folder.path).unwrap_or_else(|_| folder.path.clone()),
            run_sha256: self.top.run_sha256.clone(),
            model_sha256: self.top.model_sha256().to_owned(),
        };
        Ok(Evidence {
            request_sha256: Some(evidence::hash_of(&self.request)?),
            base_sha256: before.base_sha256.clone(),
            read_sha256: read_sha256.to_owned(),
            retained,
            parents: std::iter::once(parent).chain(before.parents.iter().cloned()).collect(),
            ..Evidence::of(&self.marks, &before.data_sha256)
        })
    }

    /// What was forgotten before and now, as it is kept.
    fn request_text(&self) -> Result<String> {
        request_lines(self.earlier.requests.iter().chain(&self.requests))
    }
}
