//! An unlearning method of your own, on the surface that the built-in ones use:
//! `cargo run --release --example own_method`.

use serde::{Deserialize, Serialize};
use unlearn::engine::{Engine, GpuOptions};
use unlearn::kernels::map;
use unlearn::methods::prelude::*;
use unlearn::run::config::Loaded;

/// One row declares the settings; parsing, ranges and defaults follow from it.
static ROW: MethodRow = MethodRow {
    name: "one_step",
    summary: "one step up the mean loss of the forgotten records",
    citation: "an example",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&[real("step", "0.5", Range::POSITIVE, "Length of the step along the gradient.")]],
    build: |table| settings::build::<OneStep>(&ROW, table),
};

#[derive(Serialize, Deserialize)]
struct OneStep {
    step: f64,
}

impl Method for OneStep {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::ForgetData]);
        timed(&mut account.method_s, || {
            let mean = 1.0 / view.forget.len().max(1) as f32;
            statistics::gradient(session, Records::before(view.forget), mean, false)?;
            let (theta, grad) = (session.theta, session.grad);
            session.run(|rec| {
                map::axpby(rec, self.step as f32, grad, 1.0, theta);
                Ok(())
            })
        })?;
        account.took(1);
        account.close(session, &origin)
    }
}

pub(crate) fn main() -> Result<()> {
    let text = "data = { loader = 'digits' }\nmodel = { zoo = 'mlp', hidden = [32] }\ntrain = { epochs = 5, lr = 0.1 }";
    let mut file = Loaded::parse(text, "digits.toml", ".".as_ref(), &[], None)?;
    let (data, model) = file.build()?;
    let (recipe, all) = (&file.config.train, data.train_ids());
    let mut engine = Engine::gpu(GpuOptions::default())?;
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(1))?;
    fit_to_end(&mut session, recipe, 1, &[Term { records: Records::train(&all), weight: 1.0 }])?;
    let (forget, retain) = all.split_at(50);
    let before = statistics::score(&mut session, Records::before(forget))?;
    let account = (ROW.build)(toml::Table::new())?.forget(&mut session, &View::new(recipe, retain, forget))?;
    let after = statistics::score(&mut session, Records::before(forget))?;
    println!("loss of the forgotten records {:.4}, then {:.4}; {account:?}", before.loss, after.loss);
    if after.loss > before.loss { Ok(()) } else { Err(Error::CheckFailed("a step up the loss lowered it".into())) }
}
