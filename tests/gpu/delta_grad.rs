//! DeltaGrad on digits: the replay ends near where a retrain over the same batches ends, and says what it computed.

use std::path::Path;

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::data::{self, DataConfig, Dataset, Samples};
use unlearn::engine::Engine;
use unlearn::methods::{Account, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::Session;
use unlearn::train::{Replay, TrainConfig};

use crate::adapters::Shared;
use crate::methods::{bits, fit, hold, table};

type Test = fn(&mut Digits) -> Result<()>;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let tests: [(&str, &str, Test); 4] = [
        ("a logistic regression comes near its retrain", "logistic", logistic),
        ("a dense network comes near its retrain", "mlp", dense),
        ("with every step exact it is the retrain", "logistic", exact),
        ("what cannot be replayed is refused", "logistic", refusals),
    ];
    // One adapter is enough for a statement about mathematics.
    let device = devices.first();
    let trial = |device: &Shared, (name, net, test): (&str, &'static str, Test)| {
        device.trial(&format!("delta_grad: {name}"), move |d| d.with(|engine, _| test(&mut Digits::new(engine, net)?)))
    };
    device.map_or(Vec::new(), |device| tests.into_iter().map(|test| trial(device, test)).collect())
}

const SEED: u64 = 5;

/// Digits, trained; 1 % of the records are to be forgotten.
struct Digits<'e> {
    engine: &'e mut Engine,
    data: Dataset,
    model: Model,
    train: TrainConfig,
    theta: Vec<f32>,
    retain: Vec<u32>,
    forget: Vec<u32>,
}

impl<'e> Digits<'e> {
    fn new(engine: &'e mut Engine, net: &str) -> Result<Digits<'e>> {
        let data = data::load(&DataConfig::new("digits"), Path::new("."))?;
        let net = ModelConfig { zoo: Some(net.into()), hidden: (net == "mlp").then(|| vec![32]), ..Default::default() };
        let model = Model::build(&net, &data.shape, data.classes)?;
        let train = TrainConfig {
            lr: 0.1,
            momentum: 0.0,
            weight_decay: 5e-3,
            batch_size: 128,
            epochs: 12,
            ..Default::default()
        };
        let all: Vec<u32> = (0..data.train.len() as u32).collect();
        let (forget, retain): (Vec<u32>, Vec<u32>) = all.iter().partition(|i| **i % 100 == 17);
        let mut digits = Digits { engine, data, model, train, theta: Vec::new(), retain, forget };
        digits.retrained(&all)?;
        Ok(digits)
    }

    /// Trains the original anew.
    fn retrained(&mut self, all: &[u32]) -> Result<()> {
        self.theta = self.model.init(SEED);
        let train = self.train.clone();
        self.theta = self.session(|session, _| fit(session, &train, SEED, all))?;
        Ok(())
    }

    fn session<T>(&mut self, work: impl FnOnce(&mut Session, &View) -> Result<T>) -> Result<T> {
        let mut session = Session::new(self.engine, &self.model, &self.data.train, &Samples::default(), &self.theta)?;
        work(&mut session, &View::new(&self.train, &self.retain, &self.forget).seed(SEED))
    }

    fn run(&mut self, settings: &str) -> Result<(Vec<f32>, Account)> {
        self.session(|session, view| {
            let account = (find("delta_grad")?.build)(table(settings))?.forget(session, view)?;
            Ok((session.read_theta()?, account))
        })
    }

    /// The same batches in the same order, less the forgotten records: nothing of the method.
    fn reference(&mut self) -> Result<Vec<f32>> {
        let mut all = [self.retain.clone(), self.forget.clone()].concat();
        all.sort_unstable();
        let fresh = self.model.init(SEED);
        self.session(|session, view| {
            session.write_theta(&fresh)?;
            let mut replay = Replay::new(session, view.train, SEED, &all)?;
            for t in 0..replay.steps() {
                let left: Vec<u32> = replay.batch(t).into_iter().filter(|i| !view.forget.contains(i)).collect();
                replay.gradient(session, &left, (1.0 / left.len() as f64) as f32, false)?;
                replay.update(session, t)?;
            }
            replay.wait(session)?;
            session.read_theta()
        })
    }

    /// Distance of the result from the retrain, in parts of the original's.
    fn part(&mut self, settings: &str) -> Result<(f64, Account)> {
        let (reference, original) = (self.reference()?, self.theta.clone());
        let (theta, account) = self.run(settings)?;
        let apart = |a: &[f32]| a.iter().zip(&reference).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
        let (far, near) = (apart(&original), apart(&theta));
        hold(far > 1e-3, || format!("the retrain is only {far} from the original"))?;
        eprintln!("delta_grad: {near:.3e} of {far:.3e} from the retrain ({:.4}), {:?}", near / far, account.details);
        Ok((near / far, account))
    }
}

fn near(digits: &mut Digits, settings: &str, most: f64) -> Result<()> {
    let (part, account) = digits.part(settings)?;
    hold(part <= most, || format!("{part} of the original's distance is left, {most} may be: {account:?}"))?;
    let count = |key: &str| account.details.notes[key].as_u64().unwrap_or(0);
    let (exact, corrected) = (count("exact_steps"), count("corrected_steps"));
    hold(Some(exact + corrected) == account.details.steps && corrected > 30, || format!("{account:?}"))?;
    let (own, retrain) = (count("record_gradients"), count("retrain_record_gradients"));
    hold(5 * own < 4 * retrain, || format!("{own} gradients of records against {retrain} of a retrain"))
}

fn logistic(digits: &mut Digits) -> Result<()> {
    near(digits, "", 0.1)?;
    let (first, _) = digits.run("")?;
    let (second, _) = digits.run("")?;
    hold(bits(&first) == bits(&second), || "two runs differ".into())?;
    // Momentum is carried along, and its steps are as near.
    digits.train.momentum = 0.9;
    digits.train.lr = 0.02;
    let all: Vec<u32> = (0..digits.data.train.len() as u32).collect();
    digits.retrained(&all)?;
    near(digits, "", 0.1)
}

/// The source's j₀ = 50 and T₀ = 5, on whole batches as there. On small batches the correction is found out, and the
/// replay is exact where it would mislead.
fn dense(digits: &mut Digits) -> Result<()> {
    let part = digits.part("")?.0;
    hold(part <= 0.25, || format!("{part} of the distance is left on small batches"))?;
    (digits.train.batch_size, digits.train.epochs) = (2000, 120);
    let all: Vec<u32> = (0..digits.data.train.len() as u32).collect();
    digits.retrained(&all)?;
    let (part, account) = digits.part("exact_first = 50")?;
    hold(part <= 0.25, || format!("{part} of the distance is left: {account:?}"))?;
    let count = |key: &str| account.details.notes[key].as_u64().unwrap_or(0);
    hold(count("corrected_steps") > 30, || format!("hardly a step was corrected: {account:?}"))
}

fn exact(digits: &mut Digits) -> Result<()> {
    let (part, account) = digits.part("every = 1")?;
    hold(part < 1e-3, || format!("{part} of the distance is left where every step is exact: {account:?}"))?;
    // The records to forget lie in every batch that is left out whole.
    digits.forget = (0..40).collect();
    digits.retain = (40..digits.data.train.len() as u32).collect();
    let (part, _) = digits.part("every = 1")?;
    hold(part < 1e-3, || format!("{part} of the distance is left"))
}

fn refusals(digits: &mut Digits) -> Result<()> {
    let refused = |digits: &mut Digits, settings: &str, says: &str| match digits.run(settings) {
        Err(e) if e.exit_code() == 2 && e.to_string().contains(says) => Ok(()),
        other => hold(false, || format!("expected a refusal that says `{says}`, got {:?}", other.err())),
    };
    refused(digits, "max_bytes = 1000", "over max_bytes = 1000")?;
    let (theta, train) = (digits.theta.clone(), digits.train.clone());
    digits.theta.iter_mut().for_each(|v| *v *= 1.1);
    refused(digits, "", "ended")?;
    digits.theta = theta;
    digits.train.optimizer = "adam".into();
    refused(digits, "", "train with sgd")?;
    digits.train = TrainConfig { clip_norm: 1.0, ..train };
    refused(digits, "", "clip_norm")
}
