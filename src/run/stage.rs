//! One method at work: what it works on, and a session of its own for it.

use super::target::Target;
use crate::data::Dataset;
use crate::engine::Engine;
use crate::error::Result;
use crate::methods::{Account, Method, Past, View};
use crate::nn::Model;
use crate::records::Session;
use crate::train::TrainConfig;

/// What a method works on.
pub struct Stage<'a> {
    /// The network.
    pub model: &'a Model,
    /// Its data set.
    pub data: &'a Dataset,
    /// What to forget.
    pub target: &'a Target,
    /// The recipe of the original.
    pub train: &'a TrainConfig,
    /// Of whatever the method draws.
    pub seed: u64,
    /// Where the parameters come from.
    pub past: Past<'a>,
    /// Look for NaN and Inf after every dispatch.
    pub check_finite: bool,
}

/// Runs one method in a session of its own, without test data; returns the new weights, which are those of
/// [`Account::network`].
///
/// # Errors
/// What the method reports; a loss that is not finite.
pub fn apply(engine: &mut Engine, stage: &Stage, theta: &[f32], method: &dyn Method) -> Result<(Vec<f32>, Account)> {
    let data = stage.data;
    if stage.target.is_unseen() {
        // What an earlier method certified holds on, and a trace that knows nothing of the records.
        let mut account = Account { trace: stage.past.trace.cloned().map(Box::new), ..Account::default() };
        account.details.certificate = stage.past.certificate.cloned();
        account.details.guarantee = stage.past.guarantee.cloned();
        return Ok((theta.to_vec(), account));
    }
    let start = if theta.len() == stage.model.layout.whole() { theta } else { &stage.model.init(stage.seed) };
    let split = &stage.target.split;
    let training = data.training_without(&split.cuts);
    let mut session =
        Session::of(engine, stage.model, training, stage.target.deletion(), start)?.trained_for(stage.train)?;
    session.check_finite = stage.check_finite;
    // A network that was made without a class has no output of it.
    let classes: Vec<u32> = stage.target.whole_classes.iter().filter_map(|class| data.output(*class)).collect();
    let view = View::new(stage.train, &split.retain, &split.forget)
        .seed(stage.seed)
        .classes(&classes)
        .on_graph(stage.target.graph_view(data))
        .tokenizer(data.tokenizer.as_ref())
        .past(stage.past);
    let mut account = method.forget(&mut session, &view)?;
    account.trail = std::mem::take(&mut session.trail);
    let theta = match &mut account.student {
        Some(student) => std::mem::take(&mut student.theta),
        None => session.read_theta()?,
    };
    Ok((theta, account))
}
