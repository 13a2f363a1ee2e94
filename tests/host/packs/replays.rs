//! What was done is done again from the pack and the data: the same bytes, or the reason why not. And who came from
//! whom.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use unlearn::Error;
use unlearn::engine::Engine;
use unlearn::run::lineage::{Lineage, Place, Sort, Trace, note_export};
use unlearn::run::pack::{ReplayJob, Replayed};
use unlearn::run::purge::Purge;

use super::made::{Project, files, put};
use crate::evidence::bench::{Bench, config, refused};

struct Asked<'a> {
    pack: &'a Path,
    data: &'a Path,
    request: Option<&'a Path>,
    key: Option<&'a Path>,
    base: Option<&'a Path>,
}

fn replay(asked: &Asked) -> unlearn::Result<Replayed> {
    let (work, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    let Asked { pack, data, request, key, base } = *asked;
    let job = ReplayJob { pack, data: Some(data), request, key, base, work: work.path(), interrupted: &interrupted };
    job.replay(&mut || Ok(Engine::reference()), &mut |_| ())
}

/// A pack alone in a folder, and the data alone in another.
fn apart(project: &Project, pack: &str) -> (tempfile::TempDir, tempfile::TempDir) {
    let (own, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(own.path(), &files(&project.bench.path(pack)));
    fs::copy(project.bench.path("data.csv"), data.path().join("data.csv")).unwrap();
    (own, data)
}

#[test]
fn packs_are_done_again_from_the_pack_and_the_data_alone() {
    let bench = Bench::trained();
    bench.forget("run", "one.jsonl", "retrain", "", "exact");
    bench.forget("run", "one.jsonl", "finetune", "epochs = 2\nlr = 0.05", "tuned");
    bench.forget("tuned", "two.jsonl", "finetune", "epochs = 1\nlr = 0.1", "twice");
    let project = Project::new(bench);
    for run in ["exact", "tuned", "twice"] {
        project.pack(run, &format!("{run}-pack"));
        let (pack, data) = apart(&project, &format!("{run}-pack"));
        let asked = Asked { pack: pack.path(), data: data.path(), request: None, key: None, base: None };
        let done = replay(&asked).unwrap();
        assert!(done.same && done.from == "all the data", "{run}: {done:#?}");
        let whats: Vec<&str> = done.pairs.iter().map(|pair| pair.what.as_str()).collect();
        let between = if run == "twice" { vec!["model after step 1"] } else { vec![] };
        assert_eq!(whats, [vec!["data before", "model trained"], between, vec!["model after"]].concat());
        // A key or the requests take the place of the pack's own; without any there is a sentence.
        let key = data.path().join("kept.key");
        fs::rename(pack.path().join("replay.key"), &key).unwrap();
        refused(replay(&asked), &["replay.key by --key", "--request"]);
        assert!(replay(&Asked { key: Some(&key), ..asked }).unwrap().same);
        let request = project.bench.path(&format!("{run}/request.jsonl"));
        assert!(replay(&Asked { request: Some(&request), ..asked }).unwrap().same);
        // From the run before, in the place of a training.
        let base = project.bench.path(if run == "twice" { "tuned" } else { "run" });
        let done = replay(&Asked { request: Some(&request), base: Some(&base), ..asked }).unwrap();
        assert!(done.same && done.pairs.len() == 3, "{done:#?}");
    }
}

#[test]
fn an_exact_pack_is_done_again_from_what_is_left_of_the_data() {
    let bench = Bench::trained();
    bench.forget("run", "one.jsonl", "retrain", "", "exact");
    bench.forget("run", "one.jsonl", "finetune", "epochs = 2", "tuned");
    let project = Project::new(bench);
    let csv = fs::read_to_string(project.bench.path("data.csv")).unwrap();
    let left: Vec<&str> =
        csv.lines().enumerate().filter(|(at, _)| ![4, 6].contains(at)).map(|(_, line)| line).collect();
    for run in ["exact", "tuned"] {
        project.pack(run, &format!("{run}-pack"));
        let (pack, data) = apart(&project, &format!("{run}-pack"));
        fs::write(data.path().join("data.csv"), left.join("\n") + "\n").unwrap();
        fs::remove_file(pack.path().join("replay.key")).unwrap();
        let asked = Asked { pack: pack.path(), data: data.path(), request: None, key: None, base: None };
        match run {
            "exact" => {
                let done = replay(&asked).unwrap();
                assert!(done.same && done.from == "the data without the removed records", "{done:#?}");
            }
            _ => drop(refused(replay(&asked), &["these are not the data before"])),
        }
        // One digit of a record that stays.
        fs::write(data.path().join("data.csv"), left.join("\n").replacen("1.000", "1.001", 1) + "\n").unwrap();
        refused(replay(&asked), &["data"]);
    }
}

#[test]
fn what_is_not_the_same_is_told() {
    let bench = Bench::trained();
    bench.forget("run", "one.jsonl", "finetune", "epochs = 2", "tuned");
    let project = Project::new(bench);
    project.pack("tuned", "pack");
    let (pack, data) = apart(&project, "pack");
    let asked = Asked { pack: pack.path(), data: data.path(), request: None, key: None, base: None };
    // Other records than those that were obeyed.
    let two = project.bench.path("two.jsonl");
    let done = replay(&Asked { request: Some(&two), ..asked }).unwrap();
    assert!(!done.same && done.first_other().unwrap().what == "model after", "{done:#?}");
    // Another run to begin with.
    project.bench.put("d.toml", &config("0.1"));
    project.bench.train("d.toml", "slow").unwrap();
    let done = replay(&Asked { base: Some(&project.bench.path("slow")), ..asked }).unwrap();
    assert_eq!(done.first_other().unwrap().what, "model trained");
    // Another adapter, another version: signed anew, for the pack is looked at first.
    let place = |change: &dyn Fn(&mut unlearn::run::pack::Certificate)| {
        let mut all = files(&project.bench.path("pack"));
        super::made::resign(&mut all, &project.keys, |c| change(c));
        let script = String::from_utf8(all["replay.sh"].clone()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), &all);
        (folder, script)
    };
    fs::write(pack.path().join("config.toml"), "seed = 4\n").unwrap();
    let said = replay(&asked).unwrap_err();
    assert!(matches!(&said, Error::CheckFailed(why) if why.contains("config.toml")), "{said}");
    let (folder, _) = place(&|c| c.done.reads.push(unlearn::methods::Read::ValidationData));
    assert!(replay(&Asked { pack: folder.path(), ..asked }).unwrap().same);
}

#[test]
fn a_lineage_says_who_came_from_whom_and_who_still_has_the_records() {
    let bench = Bench::trained();
    bench.forget("run", "one.jsonl", "finetune", "epochs = 1", "tuned");
    bench.forget("run", "one.jsonl", "retrain", "", "exact");
    bench.forget("exact", "two.jsonl", "retrain", "", "later");
    let file = bench.path("given.safetensors");
    fs::copy(bench.path("run/model.safetensors"), &file).unwrap();
    note_export(&bench.path("run"), &file, "safetensors", "0".repeat(64).as_str()).unwrap();
    let of = |run: &str| Lineage::of(&bench.path(run)).unwrap();
    let lineage = of("exact");
    assert_eq!(
        (lineage.forgot, lineage.copies[0].what.as_str(), lineage.copies[0].trace),
        (2, "trained", Trace::Holds)
    );
    let trace = |lineage: &Lineage, name: &str| {
        let found = lineage.copies.iter().find(|copy| copy.path.ends_with(name) && copy.sort == Sort::Run);
        found.map(|copy| (copy.trace, copy.place, copy.from.map(|at| lineage.copies[at].path.clone())))
    };
    let run = Some(bench.path("run"));
    assert_eq!(trace(&lineage, "exact"), Some((Trace::Free, Place::There, run.clone())));
    assert_eq!(trace(&lineage, "tuned"), Some((Trace::Derived, Place::There, run.clone())));
    assert_eq!(trace(&lineage, "later"), Some((Trace::Free, Place::There, Some(bench.path("exact")))));
    // What the later one forgot, the earlier one has.
    assert_eq!(trace(&of("later"), "exact"), Some((Trace::Holds, Place::There, run)));
    let export = lineage.copies.iter().find(|copy| copy.sort == Sort::Export).unwrap();
    assert_eq!((export.place, export.trace), (Place::There, Trace::Holds));
    fs::write(&file, b"else").unwrap();
    assert!(of("exact").copies.iter().any(|copy| copy.sort == Sort::Export && copy.place == Place::Changed));
    let tree = lineage.tree();
    for line in ["trained ", "├─ ", "* forgot by retrain", "export (safetensors)", "of the 2 forgotten records"] {
        assert!(tree.contains(line), "{line}:\n{tree}");
    }
    // Deleting keeps what came from the run, and what was given away is still known.
    let purge = Purge::all(&bench.path("exact"), &[]).unwrap();
    let names: Vec<String> = purge.files.iter().map(|path| path.display().to_string()).collect();
    assert!(names.iter().any(|name| name.contains("/tuned/")) && !names.iter().any(|name| name.contains("/later/")));
    let kept = Purge::all(&bench.path("exact"), &[bench.path("tuned")]).unwrap();
    assert!(!kept.files.iter().any(|path| path.display().to_string().contains("/tuned/")));
    refused(
        Purge::all(&bench.path("exact"), &[bench.path("run")]).map(|purge| purge.bytes()),
        &["--keep", "still has"],
    );
    purge.carry_out().unwrap();
    assert!(!bench.path("run").exists() && !bench.path("tuned").exists() && bench.path("later").exists());
    let after = of("exact");
    assert_eq!((after.copies[0].place, after.copies[0].trace), (Place::Gone, Trace::Holds));
    assert!(after.copies.iter().any(|copy| copy.sort == Sort::Export && copy.trace == Trace::Holds));
    // A certificate that is written now says that the training is gone.
    let project = Project::new(bench);
    let pack = project.pack("exact", "pack");
    assert!(pack.certificate.holders.iter().any(|holder| holder.place == Place::Gone));
    // And it is a copy of the weights itself.
    let packed = Lineage::of(&project.bench.path("exact")).unwrap();
    let inside = packed.copies.iter().filter(|copy| copy.path.starts_with(project.bench.path("pack")));
    assert!(inside.count() > 0, "{}", packed.tree());
    assert!(pack.certificate.recomputed.iter().any(|one| !one.from_files && one.what.contains("before")));
}
