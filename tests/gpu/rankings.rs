//! Tables of training records by score, from a run's folder.

use std::fs;

use libtest_mimic::{Failed, Trial};
use unlearn::data::Dataset;
use unlearn::engine::Engine;
use unlearn::run::influence::{Against, Ask, How, InfluenceJob};
use unlearn::run::ranking::{Placed, Ranking};
use unlearn::statistics::scores::{Ranked, ranked};

use super::adapters::Shared;
use crate::shared::binary::{Desk, ends};

const CONFIG: &str = "seed = 3\n[data]\nloader = \"digits\"\nlimit = 300\nvalidation_fraction = 0.2\n\
    [model]\nzoo = \"logistic\"\n[train]\nlr = 0.1\nepochs = 3\nweight_decay = 0.01\n";

const GRAPH: &str = "seed = 3\n[data]\nloader = \"karate\"\n[model]\nzoo = \"gcn\"\n[train]\nlr = 0.1\nepochs = 3\n";

type Test = fn(&mut Engine) -> Result<(), Failed>;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let tests: [(&str, Test); 3] = [
        ("a run's records are ranked every way", every_way),
        ("nodes of a graph are ranked", nodes),
        ("what cannot be ranked is refused", refusals),
    ];
    let first = devices.first().into_iter();
    first
        .flat_map(|device| tests.map(|(name, test)| device.trial(&format!("ranking: {name}"), move |d| with(d, test))))
        .collect()
}

fn with(device: &Shared, test: Test) -> Result<(), Failed> {
    device.with(|engine, _| Ok(test(engine)))?
}

fn hold(good: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if good { Ok(()) } else { Err(otherwise().into()) }
}

fn trained(desk: &Desk, config: &str) -> Result<std::path::PathBuf, Failed> {
    let (config, run) = (desk.put("c.toml", config), desk.text("run"));
    ends(&["train", &config, "--out", &run, "-q"], 0)?;
    Ok(desk.path("run"))
}

fn every_way(engine: &mut Engine) -> Result<(), Failed> {
    let desk = Desk::new();
    let run = trained(&desk, CONFIG)?;
    let data = unlearn::run::folder::RunFolder::new(&run).open()?.data;
    let ids = data.indices("10..30")?;
    let listed = || Against::Listed("0..5".into());
    for how in [How::Tracin, How::Influence] {
        for against in [Against::Validation, Against::Test, listed(), Against::Themselves] {
            let epochs = if how == How::Tracin { vec![1, 3] } else { Vec::new() };
            let ask = Ask { how, against: against.clone(), epochs, ..Ask::default() };
            let job = InfluenceJob::read(&run, "10..30", ask)?;
            let (found, again) = (job.score(engine)?, job.score(engine)?);
            let what = format!("{how:?} against {against:?}");
            hold(found == again, || format!("{what}: other scores from the same run"))?;
            hold(in_order(&data, &ids, &found) && found.count == ids.len(), || format!("{what}: {found:?}"))?;
            hold(found.scores.iter().any(|s| *s != found.scores[0]), || format!("{what}: all alike"))?;
            let positive = found.scores.iter().all(|s| *s > 0.0);
            hold(positive || against != Against::Themselves, || format!("{what}: a self-influence below 0"))?;
            // Training is to the bit, so the moments are the run's own.
            hold(found.reproduced == (how == How::Tracin).then_some(true), || {
                format!("{what}: {:?}", found.reproduced)
            })?;
            hold(found.solver.is_none_or(|s| s.residual <= 1e-4), || format!("{what}: {:?}", found.solver))?;
            hold(found.solver.is_some() == (how == How::Influence), || format!("{what}: {:?}", found.solver))?;
            files(&desk, &found)?;
        }
    }
    // No epoch: the weights as they are, which are those at the end of the last.
    let at = |epochs| InfluenceJob::read(&run, "10..30", Ask { epochs, ..Ask::default() })?.score(engine);
    let mut at = at;
    hold(at(vec![])?.scores == at(vec![3])?.scores, || "the run's weights are not those of its last epoch".into())?;
    hold(at(vec![1])?.scores != at(vec![3])?.scores, || "the first epoch scores like the last".into())
}

/// The table holds the records by falling score, under the names that the data give them.
fn in_order(data: &Dataset, ids: &[u32], found: &Ranking) -> bool {
    let rows = ranked(ids, &found.scores);
    let same = |(row, placed): (&Ranked, &Placed)| {
        (row.rank, row.score, data.train_id(row.id)) == (placed.rank, placed.score, placed.id.clone())
    };
    rows.len() == found.table.len() && rows.iter().zip(&found.table).all(same)
}

fn files(desk: &Desk, found: &Ranking) -> Result<(), Failed> {
    let [table, lines] = ["t.json", "t.csv"].map(|name| desk.path(name));
    found.write_table(&table)?;
    found.write_table(&lines)?;
    let document: serde_json::Value = serde_json::from_slice(&fs::read(&table)?)?;
    let rows = document["table"].as_array().map_or(0, Vec::len);
    hold(rows == found.count && document["schema"] == "unlearn.influence/1", || format!("{document}"))?;
    hold(
        document["table"][0]["id"] == serde_json::to_value(&found.table[0].id)?
            && document["estimator"] == found.estimator,
        || format!("{document}"),
    )?;
    let text = fs::read_to_string(&lines)?;
    let first = format!("rank,id,score\n1,{},", found.table[0].id);
    hold(text.starts_with(&first) && text.lines().count() == found.count + 1, || text.clone())
}

fn nodes(engine: &mut Engine) -> Result<(), Failed> {
    let desk = Desk::new();
    let run = trained(&desk, GRAPH)?;
    let opened = unlearn::run::folder::RunFolder::new(&run).open()?;
    let ids = opened.data.train_ids();
    let all = format!("0..{}", ids.last().map_or(0, |id| id + 1));
    for (how, against) in
        [(How::Tracin, Against::Test), (How::Influence, Against::Test), (How::Tracin, Against::Themselves)]
    {
        let found = InfluenceJob::read(&run, &all, Ask { how, against, ..Ask::default() })?.score(engine)?;
        hold(in_order(&opened.data, &ids, &found), || format!("{found:?}"))?;
        hold(found.scores.iter().any(|s| *s != 0.0), || format!("{how:?}: every score is 0"))?;
    }
    Ok(())
}

fn refusals(_: &mut Engine) -> Result<(), Failed> {
    let desk = Desk::new();
    let run = trained(&desk, &CONFIG.replace("validation_fraction = 0.2", "validation_fraction = 0.0"))?;
    let base = Ask { against: Against::Test, ..Ask::default() };
    let curved = Ask { how: How::Influence, ..base.clone() };
    for (indices, ask, says) in [
        ("0..5", Ask { against: Against::Validation, ..base.clone() }, "validation_fraction"),
        ("0..5", Ask { epochs: vec![1], ..curved.clone() }, "tracin"),
        ("0..5", Ask { damping: 0.0, ..curved }, "damping"),
        ("0..5", Ask { against: Against::Listed("7..99999".into()), ..base.clone() }, "7..99999"),
        ("5..99999", base.clone(), "5..99999"),
    ] {
        let said = InfluenceJob::read(&run, indices, ask.clone()).err().map(|e| (e.exit_code(), e.to_string()));
        hold(said.as_ref().is_some_and(|(code, said)| *code == 2 && said.contains(says)), || {
            format!("{ask:?}: {said:?}")
        })?;
    }
    for epochs in [vec![4], vec![0], vec![2, 2]] {
        let mut engine = Engine::reference();
        let job = InfluenceJob::read(&run, "0..5", Ask { epochs: epochs.clone(), ..base.clone() })?;
        let said = job.score(&mut engine).err().map(|e| (e.exit_code(), e.to_string()));
        hold(said.as_ref().is_some_and(|(code, said)| *code == 2 && said.contains("epochs")), || {
            format!("{epochs:?}: {said:?}")
        })?;
    }
    Ok(())
}
