//! Train a network and make it forget, in thirty lines: `cargo run --release --example forget`.

use unlearn::Result;
use unlearn::engine::{Engine, GpuOptions};
use unlearn::methods::{self, View};
use unlearn::records::{Records, Session};
use unlearn::run::config::Loaded;
use unlearn::statistics::score;
use unlearn::train::{Term, fit_to_end};

pub(crate) fn main() -> Result<()> {
    let text = "
        data = { loader = 'digits', validation_fraction = 0.1 }
        model = { zoo = 'mlp', hidden = [32] }
        train = { epochs = 10, lr = 0.1, batch_size = 32 }";
    let mut file = Loaded::parse(text, "digits.toml", ".".as_ref(), &[], None)?;
    let (data, model) = file.build()?;
    let (recipe, all) = (&file.config.train, data.train_ids());
    let mut engine = Engine::gpu(GpuOptions::default())?;
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(1))?;
    fit_to_end(&mut session, recipe, 1, &[Term { records: Records::train(&all), weight: 1.0 }])?;

    let (forget, retain) = all.split_at(100);
    let of = |session: &mut Session, records| score(session, Records::before(records));
    println!("before: forgotten {:?}", of(&mut session, forget)?);
    let method = (methods::find("gradient_ascent")?.build)(toml::from_str("lr = 0.05").expect("settings"))?;
    let account = method.forget(&mut session, &View::new(recipe, retain, forget))?;
    println!("after:  forgotten {:?}", of(&mut session, forget)?);
    println!("        retained  {:?}", of(&mut session, retain)?);
    println!("{:?} steps in {:.3} s; it read {:?}", account.details.steps, account.method_s, account.reads);
    Ok(())
}
