//! Data-parallel training, with threads in the place of processes: any number of ranks ends with the same bytes.

use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use unlearn::data::Dataset;
use unlearn::engine::Engine;
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::train::{Fit, Flow, Observer, Ranks, StepReport, Term, TrainConfig, train_to_end};

use super::{apart, problem, recipe, trained};

/// What the ranks of a training share.
#[derive(Debug)]
struct Shared {
    given: Mutex<Vec<Vec<u8>>>,
    barrier: Barrier,
}

/// One of several threads.
#[derive(Debug)]
struct Thread {
    rank: usize,
    shared: Arc<Shared>,
}

impl Ranks for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.shared.given.lock().unwrap().len()
    }

    fn gather(&self, own: &[u8]) -> unlearn::Result<Vec<Vec<u8>>> {
        self.shared.given.lock().unwrap()[self.rank] = own.to_vec();
        self.shared.barrier.wait();
        let all = self.shared.given.lock().unwrap().clone();
        self.shared.barrier.wait();
        Ok(all)
    }

    fn abort(&self, code: u8) {
        panic!("rank {} ends with {code}", self.rank);
    }
}

/// Stops after the first step where `rank` is the one that wants to, and counts the pauses.
struct Stops {
    wants: bool,
    pauses: usize,
}

impl Observer for Stops {
    fn step(&mut self, report: &StepReport) -> bool {
        !(self.wants && report.step == 1)
    }

    fn paused(&mut self, _: &mut Session, _: &mut Fit) -> unlearn::Result<Flow> {
        self.pauses += 1;
        Ok(Flow::Continue)
    }
}

/// The weights of each rank, and how often it paused where rank 1 asks for one.
fn together(data: &Dataset, model: &Model, recipe: &TrainConfig, size: usize) -> Vec<(Vec<f32>, usize)> {
    let shared = Arc::new(Shared { given: Mutex::new(vec![Vec::new(); size]), barrier: Barrier::new(size) });
    let rank = |rank: usize| {
        let (mut engine, all) = (Engine::reference(), data.train_ids());
        let mut session = Session::of(&mut engine, model, data, None, &model.init(5)).expect("a session");
        let terms = [Term { records: Records::train(&all), weight: 1.0 }];
        let mut fit = Fit::new(&mut session, recipe, 5).expect("a fit");
        fit.share(&session, Rc::new(Thread { rank, shared: shared.clone() })).expect("it can be shared out");
        fit.prepare(&mut session, &terms).expect("compiled");
        let mut stops = Stops { wants: rank == 1, pauses: 0 };
        train_to_end(&mut fit, &mut session, &terms, &mut stops).expect("trained");
        (session.read_theta().expect("weights"), stops.pauses)
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..size).map(|at| scope.spawn(move || rank(at))).collect();
        all.into_iter().map(|thread| thread.join().expect("a rank")).collect()
    })
}

#[test]
fn any_number_of_ranks_ends_with_the_same_bytes() {
    let (data, model) = problem(0.0);
    // 54 records in micro-batches of 5: the last step has three of them, the last of 4.
    for text in
        ["momentum = 0.9\nclip_norm = 0.5", "optimizer = \"adam\"\nlr = 0.01\nema = 0.8\nclass_weights = \"balanced\""]
    {
        let recipe = recipe(&format!("{text}\nbatch_size = 5\naccumulate = 4\nepochs = 2"));
        let one = together(&data, &model, &recipe, 1).remove(0).0;
        let (alone, _) = trained(&data, &model, &recipe, &mut ());
        // The twins compute in f64, and what is exchanged is f32.
        assert!(apart(&one, &alone) < 1e-5, "{text}: {}", apart(&one, &alone));
        assert!(apart(&one, &model.init(5)) > 1e-2, "it trained");
        for size in [2, 3, 4] {
            let ranks = together(&data, &model, &recipe, size);
            for (rank, (theta, pauses)) in ranks.iter().enumerate() {
                assert!(*theta == one, "{text}: rank {rank} of {size} ended with other weights");
                // One of them wants to stop, so that all do, at the same step.
                assert_eq!(*pauses, 1, "rank {rank} of {size}");
            }
        }
    }
}

#[test]
fn what_cannot_be_shared_out_is_refused() {
    let (data, _) = problem(0.0);
    let shared = || Arc::new(Shared { given: Mutex::new(vec![Vec::new(); 3]), barrier: Barrier::new(3) });
    let plain = "{type='linear',out=6},{type='tanh'},";
    let refused = |layers: &str, text: &str, says: &[&str]| {
        let layers: ModelConfig = toml::from_str(&format!("layers = [{layers}{{type='linear'}}]")).unwrap();
        let model = Model::build(&layers, &data.shape, data.classes).expect("a network");
        let mut engine = Engine::reference();
        let mut session = Session::of(&mut engine, &model, &data, None, &model.init(5)).expect("a session");
        let mut fit = Fit::new(&mut session, &recipe(text), 5).expect("a fit");
        let error = fit.share(&session, Rc::new(Thread { rank: 0, shared: shared() })).unwrap_err();
        assert!(error.exit_code() == 2 && says.iter().all(|word| error.to_string().contains(word)), "{error}");
    };
    refused(plain, "accumulate = 2\nbatch_size = 5", &["3 ranks", "train.accumulate is 2", "set it to 3"]);
    let norm = "{type='linear',out=6},{type='batch_norm'},";
    refused(norm, "accumulate = 3\nbatch_size = 5", &["batch_norm", "group_norm"]);
}
