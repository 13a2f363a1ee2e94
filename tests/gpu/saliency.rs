//! Methods that step by the Fisher information, or that learn wrong labels behind a mask: what they say, to the bit
//! where that is promised.

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::methods::{Account, Read, StoppedBy, View, find};
use unlearn::records::{Part, Records, Session};
use unlearn::statistics;

use crate::adapters::Shared;
use crate::fisher::{statistics, step_error};
use crate::methods::{SEED, Small, bits, hold, table};

type Test = fn(&mut Small) -> Result<()>;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let tests: [(&str, Test); 6] = [
        ("fisher removal is its formula", removal_step),
        ("fisher removal goes to its goal", removal_goal),
        ("fisher forgetting adds noise of its variance", forgetting_noise),
        ("salun leaves the other half to the bit", salun_mask),
        ("salun's labels are wrong, and lifted", salun_labels),
        ("wrong labels end before others are harmed", harm),
    ];
    let trial = |device: &Shared, (name, test): (&str, Test)| {
        device.trial(&format!("method: {name}"), move |d| Small::with(d, test))
    };
    devices.iter().flat_map(|device| tests.map(|test| trial(device, test))).collect()
}

/// g / (F + δ mean F).
fn direction(grad: &[f32], fisher: &[f32], mean: f64, delta: f64) -> Vec<f64> {
    grad.iter().zip(fisher).map(|(g, f)| f64::from(*g) / (f64::from(*f) + delta * mean)).collect()
}

fn removal_step(small: &mut Small) -> Result<()> {
    let (grad, fisher, mean) = statistics(small)?;
    let want: Vec<f64> = direction(&grad, &fisher, mean, 0.3).iter().map(|d| 1e-3 * d).collect();
    let (theta, account) = small.run("fisher_removal", "gamma = 1e-3\ndelta = 0.3")?;
    let error = step_error(small, &theta, &want);
    hold(error < 1e-4, || format!("the step is off by {error:e}"))?;
    hold(account.details.steps == Some(1), || format!("{account:?}"))?;
    // Two steps are two times one, with the Fisher measured anew.
    let (two, _) = small.run("fisher_removal", "gamma = 1e-3\ndelta = 0.3\nsteps = 2")?;
    small.theta = theta;
    let (again, _) = small.run("fisher_removal", "gamma = 1e-3\ndelta = 0.3")?;
    hold(bits(&two) == bits(&again), || "two steps are not one after the other".into())
}

fn removal_goal(small: &mut Small) -> Result<()> {
    let forget = small.forget.clone();
    for steps in [1, 3] {
        let (theta, account) = small.run("fisher_removal", &format!("target_loss = 1.5\nsteps = {steps}"))?;
        let loss = small.score(&theta, &forget)?[0];
        hold((loss / 1.5 - 1.0).abs() < 0.011, || {
            format!("{steps} steps went for 1.5 and ended at {loss}: {account:?}")
        })?;
        hold(account.details.notes["taken"].as_array().is_some_and(|t| t.len() == steps), || format!("{account:?}"))?;
    }
    let trained = small.theta.clone();
    let first = small.score(&trained, &forget)?[0];
    let (theta, _) = small.run("fisher_forgetting", "target_loss = 1.5\nalpha = 0")?;
    let (half, want) = (small.score(&theta, &forget)?[0], 0.5 * (first + 1.5));
    hold((half / want - 1.0).abs() < 0.011, || format!("half of the way is {want}, it ended at {half}"))
}

fn forgetting_noise(small: &mut Small) -> Result<()> {
    let (_, fisher, mean) = statistics(small)?;
    let settings = "gamma = 1e-30\ndelta = 0.5\nalpha = 1e-4";
    let (theta, _) = small.run("fisher_forgetting", settings)?;
    let places: Vec<usize> = small.model.layout.entries().iter().flat_map(|e| e.offset..e.offset + e.len).collect();
    let z = |i: &usize| {
        let sd = (1e-4 / (f64::from(fisher[*i]) + 0.5 * mean)).sqrt();
        (f64::from(theta[*i]) - f64::from(small.theta[*i])) / sd
    };
    let (n, z): (f64, Vec<f64>) = (places.len() as f64, places.iter().map(z).collect());
    let (first, second) = (z.iter().sum::<f64>() / n, z.iter().map(|v| v * v).sum::<f64>() / n);
    // Four standard errors: one seed in 8 000 would fail.
    hold(first.abs() < 4.0 / n.sqrt(), || format!("the noise has a mean of {first} deviations"))?;
    hold((second - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), || format!("the noise has {second} of its variance"))?;
    let run = |session: &mut Session, view: &View| {
        (find("fisher_forgetting")?.build)(table(settings))?.forget(session, view)?;
        session.read_theta()
    };
    let other = small.session(|session, view| run(session, &view.seed(SEED + 1)))?;
    hold(bits(&other) != bits(&theta), || "another seed gave the same noise".into())?;
    // What the noise may cost the retained records is what it costs them in expectation.
    let (_, account) = small.run("fisher_forgetting", "delta = 0.5\nnoise_cost = 0.02")?;
    let alpha = account.details.notes["noise_alpha"][0].as_f64().unwrap_or(f64::NAN);
    let felt: f64 = fisher.iter().map(|f| f64::from(*f) / (f64::from(*f) + 0.5 * mean)).sum();
    let cost = 0.5 * alpha * felt;
    hold((cost / 0.02 - 1.0).abs() < 1e-3, || format!("noise of {cost} nats, 0.02 was allowed"))
}

/// Places of the parameters with the largest half of |∇L_F|.
fn salient(small: &mut Small) -> Result<Vec<usize>> {
    let (grad, _, _) = statistics(small)?;
    let mut places: Vec<usize> = small.model.layout.entries().iter().flat_map(|e| e.offset..e.offset + e.len).collect();
    places.sort_by(|a, b| grad[*b].abs().total_cmp(&grad[*a].abs()).then(a.cmp(b)));
    places.truncate((0.5 * places.len() as f64).round() as usize);
    Ok(places)
}

fn salun_mask(small: &mut Small) -> Result<()> {
    // Decay and momentum that would show at once.
    let settings = "lr = 0.05\nepochs = 2\nweight_decay = 0.1\nmomentum = 0.9\nmax_harm = 1";
    let chosen = salient(small)?;
    let (theta, account) = small.run("salun", settings)?;
    let moved = |i: &usize| theta[*i].to_bits() != small.theta[*i].to_bits();
    let strays = (0..theta.len()).filter(|i| moved(i) && !chosen.contains(i)).count();
    hold(strays == 0, || format!("{strays} parameters outside the mask have other bits"))?;
    let went = chosen.iter().filter(|i| moved(i)).count();
    hold(went > chosen.len() * 9 / 10, || format!("only {went} of {} in the mask have moved", chosen.len()))?;
    let share = account.details.notes["salient_fraction"].as_f64().unwrap_or(f64::NAN);
    let want = chosen.len() as f64 / small.model.layout.count() as f64;
    hold(share == want, || format!("a share of {share}, {want} was wanted"))?;
    let (whole, _) = small.run("salun", &format!("{settings}\nshare = 1"))?;
    hold(whole.iter().zip(&small.theta).any(|(a, b)| a != b), || "nothing has moved".into())
}

fn salun_labels(small: &mut Small) -> Result<()> {
    let (forget, theta) = (small.forget.clone(), small.theta.clone());
    let [_, right] = small.score(&theta, &forget)?;
    let (drawn, lifted, kept) = small.session(|session, _| {
        let (before, now) = (Records::before(&forget), Records::train(&forget));
        let true_score = statistics::score(session, before)?;
        session.draw_labels(before, SEED, false)?;
        let (drawn, kept) = (statistics::score(session, before)?, statistics::score(session, now)?);
        session.restore_labels();
        Ok((drawn.accuracy.unwrap_or(f64::NAN), statistics::score(session, before)? == true_score, kept == true_score))
    })?;
    hold(drawn <= 1.0 - right + 1e-9, || format!("{drawn} of the drawn labels are what the model says, {right} true"))?;
    hold(lifted && kept, || "drawn labels reach where they may not, or stay".into())?;
    let after = small.session(|session, view| {
        let account: Account =
            (find("salun")?.build)(table("lr = 0.05\nshare = 1\nweight = 1\nmax_harm = 1"))?.forget(session, view)?;
        let [before, now] = [Records::before(&forget), Records::train(&forget)].map(|r| statistics::score(session, r));
        Ok((account, before?, now?))
    })?;
    hold(after.1 == after.2, || "the method left drawn labels behind".into())?;
    let wrong = after.1.accuracy.unwrap_or(f64::NAN);
    hold(wrong < right, || format!("accuracy {right} before, {wrong} after wrong labels"))
}

/// Each method that looks at held-out records, taught so hard that it harms them.
fn harm(small: &mut Small) -> Result<()> {
    let hard = "lr = 0.5\nepochs = 4\nstop = \"never\"";
    let held_out = |small: &mut Small, theta: &[f32]| {
        small.session(|session, _| {
            session.write_theta(theta)?;
            let all = session.ids(Part::Validation);
            Ok((statistics::score(session, Records::validation(&all))?.accuracy.unwrap_or(f64::NAN), all.len()))
        })
    };
    let trained = small.theta.clone();
    let (before, count) = held_out(small, &trained)?;
    hold(count > 4, || format!("{count} records are held out"))?;
    let allowed = f64::max(0.1, 2.0 / count as f64) + 1e-9;
    for method in ["random_label", "salun", "boundary_shrink", "boundary_expand", "bad_teacher", "grad_diff"] {
        let mut ends = |max_harm: f64| {
            let (theta, account) = small.run(method, &format!("{hard}\nmax_harm = {max_harm}"))?;
            Result::Ok((before - held_out(small, &theta)?.0, account.details.stopped_by, account.reads))
        };
        let (lost, why, _) = ends(1.0)?;
        hold(lost > allowed && why.is_none(), || format!("{method} costs {lost} of the held-out records: {why:?}"))?;
        let (lost, why, reads) = ends(0.1)?;
        hold(lost <= allowed && why == Some(StoppedBy::Harm), || format!("{method} lost {lost}, by {why:?}"))?;
        hold(reads.contains(&Read::ValidationData), || format!("{method} does not say that it looked: {reads:?}"))?;
    }
    Ok(())
}
