//! Everything that is read and refused before a run forgets.

use std::collections::HashSet;
use std::path::Path;

use super::ForgetJob;
use crate::base::sha256;
use crate::data::{Dataset, FitOn, Kind, Place, Portion, Request, Split, read_requests};
use crate::error::{Error, Result};
use crate::methods::{self, Method, MethodRow, Role};
use crate::run::earlier::Earlier;
use crate::run::evidence::{self, Marks, Parent};
use crate::run::folder::{Opened, RunFolder};
use crate::run::hold::Hold;
use crate::run::import::check_needs;
use crate::run::lost;
use crate::run::refit::{Refit, base, check_base, reads_records};
use crate::run::target::Target;
use crate::train::coupled::Trace;
use crate::train::weights;

/// What a run is asked to forget.
pub(in crate::run) struct Asked<'a> {
    pub requests: Vec<Request>,
    pub earlier: Earlier,
    pub target: Target,
    /// A graph from which nothing was taken yet, for a retrain of a run that had forgotten before.
    pub whole: Option<Dataset>,
    /// The file.
    pub request: &'a Path,
}

/// The folder to write to, and the right to.
pub(super) fn claimed(out: Option<(&Path, bool)>) -> Result<(RunFolder, Option<Hold>)> {
    let folder = RunFolder::new(out.map_or(Path::new(""), |(out, _)| out));
    let hold = out.map_or(Ok(None), |(_, resume)| folder.claim("forget", resume))?;
    Ok((folder, hold))
}

/// The places of all that requests take, where records stand alone.
pub(in crate::run) fn gone_places(splits: &[&Split]) -> HashSet<Place> {
    let trained = |position: &u32| Place { portion: Portion::Train, position: *position };
    splits.iter().flat_map(|split| split.forget.iter().map(trained).chain(split.unseen.iter().copied())).collect()
}

/// The weights of the runs that a run came from, the nearest first; none of one that is gone, or is not what it was.
fn before(run: &Opened) -> Vec<Vec<f32>> {
    let weights_of = |parent: &Parent| {
        let path = RunFolder::new(&parent.path).model();
        let same = std::fs::read(&path).is_ok_and(|bytes| sha256(&bytes) == parent.model_sha256);
        same.then(|| weights::load(&path, &run.model.layout).ok()).flatten().unwrap_or_default()
    };
    run.info.evidence.parents.iter().map(weights_of).collect()
}

/// One request after another, of which one takes parts of texts, would have to be told what of each text is left.
fn refuse_more(run: &Opened, all: &[&Target]) -> Result<()> {
    match all.iter().all(|target| target.split.cuts.is_empty()) {
        true => Ok(()),
        false => Err(Error::input(format!(
            "{}: has forgotten before, and requests of kind span are answered together with all others: give the run \
             that was trained, and both requests in one file",
            run.folder.path.display()
        ))),
    }
}

/// A method that goes on from what was trained cannot give what other data would have given.
pub(in crate::run) fn refitted(method: &str) -> Error {
    Error::input(format!(
        "method `{method}` goes on from steps on the records as they were fitted with the forgotten ones, and without \
         them normalisation, categories or classes are others: a training without them would have seen other numbers; \
         train with data.normalize = \"none\", \"row\" or given constants, or use `retrain`"
    ))
}

impl ForgetJob {
    pub(super) fn of(
        run: &Path,
        request: &Path,
        method: &str,
        settings: toml::Table,
        out: Option<(&Path, bool)>,
    ) -> Result<ForgetJob> {
        let place = claimed(out)?;
        let row = methods::find(method)?;
        let method = (row.build)(settings)?;
        let mut run = RunFolder::new(run).open()?;
        run.one_network()?;
        let mut requests = read_requests(request)?;
        if let Some(drawn) = requests.iter().find(|r| r.fraction.is_some()) {
            return Err(Error::input(format!("{}: `fraction` goes into a configuration; give ids here", drawn.origin)));
        }
        row.check_data(&run.data)?;
        let earlier = Earlier::of(&run)?;
        let again = row.role == Role::Reference && earlier.target.graph.is_some();
        let whole = again.then(|| run.data.clone());
        earlier.lose(&mut run.data);
        let struck = lost::strike(&mut requests, &earlier.requests, &run.absent)?;
        let mut target = Target::of(&requests, &run.data, &run.model, run.config.seed)?;
        target.split.lines.iter_mut().zip(struck).for_each(|(line, count)| line.already += count);
        if !earlier.requests.is_empty() {
            refuse_more(&run, &[&earlier.target, &target])?;
            target.after(&earlier.target, &run.data)?;
        }
        let asked = Asked { requests, earlier, target, whole, request };
        ForgetJob::on(run, asked, (row, method), place)
    }

    /// A retrain of `root`, without what `run`, which came from it, has forgotten: of records that the source has no
    /// more it takes what `run` found them to be.
    ///
    /// # Errors
    /// As [`ForgetJob::prepare`].
    pub(in crate::run) fn retrain(root: &Path, run: &Opened, out: &Path) -> Result<ForgetJob> {
        let place = claimed(Some((out, false)))?;
        let row = methods::reference();
        let method = (row.build)(toml::Table::new())?;
        let root = RunFolder::new(root).open_beside(run)?;
        let requests = run.requests.clone().unwrap_or_default();
        let target = match requests.iter().any(|request| request.kind == Kind::Span) {
            true => Target::of(&requests, &root.data, &root.model, root.config.seed)?,
            false => Target::known(&run.forgotten, &root.data),
        };
        let request = run.folder.request();
        let asked = Asked { requests, earlier: Earlier::default(), target, whole: None, request: &request };
        ForgetJob::on(root, asked, (row, method), place)
    }

    /// A forgetting whose run and request were read.
    ///
    /// # Errors
    /// What the method cannot work on.
    pub(in crate::run) fn on(
        mut run: Opened,
        asked: Asked,
        (row, method): (&'static MethodRow, Box<dyn Method>),
        (folder, hold): (RunFolder, Option<Hold>),
    ) -> Result<ForgetJob> {
        let Asked { requests, earlier, target, whole, request } = asked;
        check_needs(&run.info, &run.folder.path, row.name, method.needs())?;
        method.suits_targets(run.data.target_kind())?;
        method.suits_recipe(&run.config.train)?;
        methods::suits_cuts(row, method.as_ref(), &target.split.cuts)?;
        if row.tier.is_exact() {
            check_base(&run)?;
        }
        let anew = row.fits_anew();
        let mut refit = Refit::of(anew, &run.config, (&run.data, &run.absent), &target, &earlier.origins)?;
        let fitted = !anew && reads_records(&run.data, &target);
        if refit.is_some() && method.goes_on() {
            return Err(refitted(row.name));
        }
        let trace = if method.goes_on() { Trace::load(&run.folder.path)? } else { None };
        let data = refit.as_ref().map_or(&run.data, |refit| &refit.data);
        let read_sha256 = match (&refit, &earlier.target.graph) {
            // The run's own data have lost what it had forgotten before.
            (None, Some(_)) => run.info.evidence.read_sha256.clone(),
            _ => data.sha256(),
        };
        let gone = gone_places(&[&earlier.target.split, &target.split]);
        let same = |refit: &Refit| {
            let hash = |data: &Dataset| data.retained_sha256(&gone);
            refit.data.learned == run.data.learned && hash(&refit.data) == hash(&run.data)
        };
        let given = run.folder.kept().exists() && refit.as_ref().is_none_or(same);
        // Of a run that did not keep what it had forgotten nothing more is known.
        let complete = run.info.forget.is_none() || run.info.evidence.retained.is_some();
        // Of texts that lose a part something stays, which no list of records tells.
        let parted = !target.split.cuts.is_empty();
        let retained = lost::retained(data, &gone, run.absent.lines).filter(|_| complete && !parted);
        let mut left: Vec<Place> = gone.into_iter().filter(|place| place.portion != Portion::Train).collect();
        left.sort_unstable();
        let all = match whole {
            // One request after another comes to what all of them at once do: nothing lies elsewhere than it did.
            Some(data) => {
                let model = run.config.network(&data, FitOn::Kept(&run.info.data.fitted))?;
                let refit = refit.get_or_insert(Refit { data, model, config: run.config.clone() });
                let requests = [&earlier.requests[..], &requests].concat();
                Some(Target::of(&requests, &refit.data, &refit.model, run.config.seed)?)
            }
            None => {
                refit.iter_mut().for_each(|refit| earlier.lose(&mut refit.data));
                None
            }
        };
        for data in refit.iter_mut().map(|refit| &mut refit.data).chain([&mut run.data]) {
            data.leave(&left);
        }
        let base = base(&run.config, refit.as_ref().map_or(&run.model, |refit| &refit.model))?;
        let theta = run.theta()?;
        let before = if method.looks_back() { before(&run) } else { Vec::new() };
        let (request_sha256, marks) = (evidence::hash_of(request)?, Marks::default());
        let (request, forgotten) = (request.to_owned(), earlier.target.split.lines);
        Ok(ForgetJob {
            run,
            requests,
            earlier: earlier.requests,
            forgotten,
            target,
            all,
            row,
            method,
            theta,
            refit,
            fitted,
            given,
            before,
            base,
            trace,
            folder,
            hold,
            request,
            request_sha256,
            read_sha256,
            retained,
            marks,
        })
    }
}
