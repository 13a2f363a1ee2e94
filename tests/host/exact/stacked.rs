//! Members and retrains in stacks: the files of each are those that it has alone.

use std::sync::atomic::Ordering;

use unlearn::run::evidence::Marks;
use unlearn::run::experiment::{ExperimentOptions, Ready, Stride, run_experiments};
use unlearn::run::retrains::{Retrains, Work};
use unlearn::run::train_run::Event;

use super::ensembles::{RECIPE, sisa};
use super::*;

/// A configuration whose data have a validation part.
fn scored(desk: &Desk, name: &str, csv: &str, recipe: &str) -> String {
    let text = std::fs::read_to_string(config(desk, name, csv, false, recipe)).unwrap();
    desk.put(name, text.replace("test_fraction = 0.2\n", "test_fraction = 0.2\nvalidation_fraction = 0.15\n"))
}

/// Trains an ensemble; what was told, and the result. Interrupted behind the first epoch of any member if `cut`.
fn trained(config: &str, out: &Path, one_by_one: bool, (cut, resume): (bool, bool)) -> (Vec<String>, Result<RunInfo>) {
    let (loaded, flag) = (Loaded::read(Path::new(config), &[], None).unwrap(), AtomicBool::new(false));
    let mut job = EnsembleJob::prepare(loaded, out, resume).unwrap().expect("not finished");
    job.one_by_one = one_by_one;
    let (mut told, how) = (Vec::new(), TrainOptions { resume, ..options(&flag) });
    let result = job.train(&mut Engine::reference(), how, &mut |event| match event.event {
        Event::Stack { models, .. } => told.push(format!("a stack of {models}")),
        Event::Told(what) => told.push(format!("{}: {what}", event.member)),
        Event::Epoch(line) if cut && line.epoch == 1 => flag.store(true, Ordering::Relaxed),
        _ => {}
    });
    (told, result)
}

/// Every file of every member but for times, as text or hash.
fn files(run: &Path, members: usize) -> Vec<String> {
    let mut all = Vec::new();
    for member in RunFolder::new(run).members(members) {
        let bytes = |path: PathBuf| unlearn::base::sha256(&std::fs::read(&path).unwrap_or_default());
        let lines = std::fs::read_to_string(member.metrics()).unwrap();
        all.extend(lines.lines().map(|line| line.split("\"seconds\"").next().unwrap().to_owned()));
        all.extend([bytes(member.model()), bytes(member.config())]);
        all.extend(member.kept_steps().into_iter().map(|step| format!("{step} {}", bytes(member.kept_at(step)))));
        let info = member.read_info().unwrap();
        all.push(format!("{} {} {} {}", info.epochs, info.steps, info.config_sha256, info.dispatches_per_step));
    }
    all
}

#[test]
fn members_in_a_stack_have_the_files_that_they_have_alone() {
    let desk = Desk::new();
    let csv = table(&desk, "whole.csv", &BTreeSet::new());
    let deep = format!("{RECIPE}[ensemble]\nkind = \"deep_ensemble\"\nmembers = 3\n");
    let keyed = sisa("adam", "kept").replace("[train]\n", "[train]\norder = \"keyed\"\nclip_norm = 1.0\n");
    let recipes = [sisa("sgd", "restart"), sisa("adam", "kept"), sisa("adam", "restart"), keyed, deep];
    for (at, recipe) in recipes.iter().enumerate() {
        let config = scored(&desk, "whole.toml", &csv, recipe);
        let (alone, stacked) = (desk.path(&format!("alone-{at}")), desk.path(&format!("stacked-{at}")));
        let (told, first) = trained(&config, &alone, true, (false, false));
        assert_eq!(told, Vec::<String>::new());
        let (told, second) = trained(&config, &stacked, false, (false, false));
        assert_eq!(told, ["a stack of 3"], "{recipe}");
        let [first, second] = [first, second].map(|info| info.unwrap_or_else(|e| panic!("{e}")));
        assert_eq!(first.model_sha256, second.model_sha256, "{recipe}");
        assert!(files(&alone, 3) == files(&stacked, 3), "{recipe}");
        assert!(files(&alone, 3).iter().any(|line| line.contains("validation")));
    }
}

/// Each ends with the epoch that it is in, and goes on from there: what it would have done alone.
#[test]
fn a_stack_that_was_interrupted_goes_on() {
    let desk = Desk::new();
    let csv = table(&desk, "whole.csv", &BTreeSet::new());
    let config = scored(&desk, "whole.toml", &csv, &sisa("adam", "kept"));
    let (alone, stacked) = (desk.path("alone"), desk.path("stacked"));
    let mut cuts = 0;
    while let (_, Err(error)) = trained(&config, &alone, true, (true, cuts > 0)) {
        assert_eq!(error.exit_code(), 130);
        cuts += 1;
    }
    assert_eq!(cuts, 3, "each member alone");
    let (_, cut) = trained(&config, &stacked, false, (true, false));
    assert_eq!(cut.unwrap_err().exit_code(), 130);
    let members = RunFolder::new(&stacked).members(3);
    assert!(members.iter().all(|member| member.checkpoint().exists() && !member.info().exists()));
    let (told, done) = trained(&config, &stacked, false, (false, true));
    done.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(told, ["a stack of 3"]);
    assert!(files(&alone, 3) == files(&stacked, 3));
    assert!(members.iter().all(|member| !member.checkpoint().exists()));
    // A finished member stays, and the others are a smaller stack.
    let [gone, kept] = [&members[1], &members[0]];
    std::fs::remove_dir_all(&gone.path).unwrap();
    std::fs::remove_dir_all(&members[2].path).unwrap();
    std::fs::remove_file(RunFolder::new(&stacked).info()).unwrap();
    let written = std::fs::metadata(kept.info()).unwrap().modified().unwrap();
    let (told, done) = trained(&config, &stacked, false, (false, true));
    done.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(told, ["a stack of 2"]);
    assert_eq!(std::fs::metadata(kept.info()).unwrap().modified().unwrap(), written);
}

#[test]
fn what_a_stack_does_not_know_is_trained_by_itself_and_said() {
    let desk = Desk::new();
    let csv = table(&desk, "whole.csv", &BTreeSet::new());
    let deep = |more: &str| format!("{RECIPE}{more}[ensemble]\nkind = \"deep_ensemble\"\nmembers = 2\n");
    for (more, why) in [
        ("early_stopping = { patience = 2 }\n", "train.early_stopping"),
        ("checkpoint_steps = 4\n", "train.checkpoint_steps"),
        ("ema = 0.9\n", "train.ema"),
        ("keep = { every = 5 }\norder = \"keyed\"\n", "train.keep"),
    ] {
        let config = scored(&desk, "c.toml", &csv, &deep(more));
        let run = desk.path(&why.replace('.', "-"));
        let (told, info) = trained(&config, &run, false, (false, false));
        info.unwrap_or_else(|e| panic!("{e}"));
        assert!(told.len() == 2 && told.iter().all(|line| line.contains(why)), "{told:?}");
    }
}

#[test]
fn retrains_in_a_stack_are_those_that_are_made_alone() {
    let desk = Desk::new();
    let whole = config(&desk, "whole.toml", &table(&desk, "whole.csv", &BTreeSet::new()), false, RECIPE);
    let (run, again) = (desk.path("run"), desk.path("again"));
    train(&whole, &run).unwrap_or_else(|e| panic!("{e}"));
    train(&whole, &again).unwrap_or_else(|e| panic!("{e}"));
    let request = desk.put("r.jsonl", "{\"request_id\":\"r\",\"kind\":\"sample\",\"ids\":[\"r1\",\"r7\",\"r50\"]}\n");
    let make = |run: &Path, count: usize, one_by_one: bool| {
        let retrains = Retrains::of(run, Some(Path::new(&request)), count).unwrap();
        let (engine, marks) = (|_: u64| Ok(Engine::reference()), Marks::default());
        let heard = std::sync::Mutex::new(Vec::new());
        let told = |what: &str| heard.lock().unwrap().push(what.to_owned());
        let how =
            Work { engine: &engine, jobs: None, memory: None, marks: &marks, one_by_one, watch: &|_| {}, told: &told };
        let made = retrains.make(&how).unwrap_or_else(|e| panic!("{e}"));
        (made, heard.into_inner().unwrap())
    };
    let (alone, said) = make(&run, 4, true);
    assert_eq!(said, Vec::<String>::new());
    // One is there already, and one was begun by a process that is gone.
    make(&again, 1, true);
    let begun = alone[2].path.file_name().unwrap();
    let left = again.join(alone[2].path.parent().unwrap().strip_prefix(&run).unwrap()).join(begun);
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("request.jsonl"), "").unwrap();
    let (stacked, said) = make(&again, 4, false);
    assert!(said.len() == 1 && said[0].starts_with("3 retrains in one stack"), "{said:?}");
    assert_eq!(stacked.iter().map(|one| one.cached).collect::<Vec<_>>(), [true, false, false, false]);
    for (a, b) in alone.iter().zip(&stacked) {
        assert_eq!((a.info.seed, &a.info.model_sha256), (b.info.seed, &b.info.model_sha256));
        let curve = |path: &Path| {
            let text = std::fs::read_to_string(RunFolder::new(path).metrics()).unwrap();
            text.lines().map(|line| line.split("\"seconds\"").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert!(curve(&a.path) == curve(&b.path) && curve(&a.path).len() == 4, "{:?}", curve(&b.path));
        let said = |info: &RunInfo| {
            let forget = info.forget.clone().unwrap();
            (
                forget.details,
                forget.reads,
                forget.tier,
                forget.effect,
                forget.conditions,
                info.evidence.read_sha256.clone(),
            )
        };
        assert_eq!(said(&a.info), said(&b.info));
    }
    let hashes: BTreeSet<&str> = alone.iter().map(|one| one.info.model_sha256.as_str()).collect();
    assert_eq!(hashes.len(), 4, "each has a seed of its own");
}

/// All retrains of an experiment but the first, by whose time methods are measured.
#[test]
fn an_experiment_says_the_same_whether_its_retrains_are_a_stack_or_not() {
    let text = "[data]\nloader = \"synth\"\nsamples = 90\nclasses = 3\nshape = [4]\n[model]\n\
        layers = [{type='linear'}]\n[train]\nepochs = 2\nbatch_size = 16\n\
        [forget]\nrequest = { kind = \"class\", ids = [1] }\nreferences = 3\n\
        methods = [\"finetune\"]\n";
    let found = |one_by_one: bool| {
        let ready = Loaded::parse(text, "a.toml", Path::new(""), &[], None).and_then(Ready::of).unwrap();
        let never = AtomicBool::new(false);
        let options = ExperimentOptions { check_finite: false, interrupted: &never, one_by_one };
        let mut labels = Vec::new();
        let rows = run_experiments(&[ready], &mut Engine::reference(), options, &mut |stride| {
            if let Stride::Stage { label, .. } = stride {
                labels.push(label.to_owned());
            }
        });
        let rows = rows.unwrap_or_else(|e| panic!("{e}")).rows;
        let each =
            rows.into_iter().map(|row| (row.row, row.method, row.seed, row.seeds, row.metrics, row.sd, row.reads));
        (each.collect::<Vec<_>>(), labels)
    };
    let ((alone, four), (stacked, one)) = (found(true), found(false));
    assert!(alone == stacked && alone.len() == 4, "{alone:?}\n{stacked:?}");
    let retrains = |labels: &[String]| labels.iter().filter(|label| label.contains("retrain")).count();
    assert_eq!((retrains(&four), retrains(&one)), (4, 1));
}
