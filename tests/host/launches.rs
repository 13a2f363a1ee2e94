//! How many launches a step takes where no adapter is asked: the reference engine records what a GPU would.

use std::path::Path;

use unlearn::data::{self, DataConfig};
use unlearn::engine::{Engine, Target};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Part, Records, Session};
use unlearn::train::{Fit, Term, TrainConfig};

/// Cora has rows long enough that a GPU shares them out; still nothing but the step's own kernels is launched.
#[test]
fn a_step_of_a_gcn_takes_sixteen_launches_on_a_gpu() {
    let mut data = data::load(&DataConfig::new("cora"), Path::new(".")).expect("Cora");
    let graph = data.graph.take().expect("a graph");
    let config = ModelConfig { zoo: Some("gcn".into()), ..Default::default() };
    let model = Model::build(&config, &data.shape, data.classes).expect("a network");
    let mut engine = Engine::reference();
    assert!(!engine.target().software, "{:?}", Target::default());
    let mut session = Session::on_graph(&mut engine, &model, &graph, None, &model.init(1)).expect("a session");
    let ids = session.ids(Part::Train);
    let recipe = TrainConfig { optimizer: "adam".into(), epochs: 1, ..Default::default() };
    let mut fit = Fit::new(&mut session, &recipe, 1).expect("a fit");
    fit.advance(&mut session, &[Term { records: Records::train(&ids), weight: 1.0 }], |_| true).expect("a step");
    let found = fit.dispatches_per_step();
    drop(session);
    assert!(found <= 16, "{found} launches: {:?}", engine.take_kernels());
}
