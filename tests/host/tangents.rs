//! Directional derivatives of recordings: every case of every kernel that has a rule against differences of the case
//! itself, in f64.

use std::collections::BTreeMap;

use unlearn::engine::case::{Case, Gen, OnNan, Role};
use unlearn::engine::{Buf, Command, Data, Dispatch, Engine, Kernel, Lane, Recording, Span, Tangent, Target};
use unlearn::kernels::linear::MATMUL;
use unlearn::kernels::{self, tangent::tangent};

use unlearn::harness::nets::{Along, Net, gap, get, numbers, put};

/// Largest case by floating point operations and by bytes.
const SMALL: u64 = 400_000;

/// Length of a step; the direction's elements are in (−1, 1).
const STEP: f64 = 1e-6;

/// A case on the reference engine with a derivative beside every f32 buffer.
struct Moving<'a> {
    case: &'a Case,
    engine: Engine,
    values: Vec<Buf<f32>>,
    homes: Vec<Buf<f32>>,
    start: Vec<Vec<f64>>,
    direction: Vec<Vec<f64>>,
}

/// What became of a case.
#[derive(Default)]
struct Count {
    compared: usize,
    /// Elements where the derivatives from either side differ: a kink, or a jump.
    kinks: usize,
}

impl<'a> Moving<'a> {
    fn new(case: &'a Case) -> Moving<'a> {
        let mut engine = Engine::reference();
        let floats = case.floats();
        for buf in &case.buffers {
            match &buf.init {
                Data::F32(v) => drop(engine.alloc::<f32>(buf.name, v.len() + 192).expect("memory")),
                Data::U32(v) => drop(engine.alloc::<u32>(buf.name, v.len() + 192).expect("memory")),
            }
        }
        let mut g = Gen::new(77);
        let mut moving =
            Moving { case, engine, values: Vec::new(), homes: Vec::new(), start: Vec::new(), direction: Vec::new() };
        for (value, buf) in floats {
            // A little apart, so that no two are the same: a maximum of ties has no derivative.
            let apart = g.values(buf.init.f32().len());
            let start: Vec<f64> =
                buf.init.f32().iter().zip(apart).map(|(v, a)| f64::from(*v) * (1.0 + 1e-3 * f64::from(a))).collect();
            // What is exactly 0 stands: zeros say which edges take part.
            let moves = |(v, x): (f32, &f64)| if *x == 0.0 { 0.0 } else { f64::from(v) };
            moving.direction.push(g.values(start.len()).into_iter().zip(&start).map(moves).collect());
            moving.start.push(start);
            moving.values.push(value);
            moving.homes.push(moving.engine.alloc("home", value.len).expect("memory"));
        }
        moving
    }

    /// Runs a recording from `start + by direction`; the reference engine's buffers then hold what it left.
    fn run(&mut self, rec: Recording, by: f64) -> unlearn::Result<()> {
        let words: Vec<_> = self.case.words();
        let moved: Vec<Vec<f64>> = self
            .start
            .iter()
            .zip(&self.direction)
            .map(|(x, d)| x.iter().zip(d).map(|(x, d)| x + by * d).collect())
            .collect();
        let reference = self.engine.as_reference().expect("the reference engine");
        for (span, content) in words {
            reference.store(span, &content);
        }
        for (value, moved) in self.values.iter().zip(moved) {
            reference.store(value.any(), &Lane::F32(moved));
        }
        for ((home, d), value) in self.homes.iter().zip(&self.direction).zip(&self.values) {
            // What nobody may read has no derivative either.
            let poisoned = self.case.floats().iter().any(|(v, b)| v.id == value.id && b.role == Role::Output);
            let d = if poisoned { vec![f64::NAN; d.len()] } else { d.clone() };
            reference.store(home.any(), &Lane::F32(d));
        }
        let program = self.engine.compile(rec)?;
        self.engine.run(&program, &[]).map(drop)
    }

    fn read(&mut self, spans: &[Span]) -> Vec<Vec<f64>> {
        let reference = self.engine.as_reference().expect("the reference engine");
        spans.iter().map(|span| reference.load(*span).f().to_vec()).collect()
    }

    /// Compares every output's derivative with differences; `Err` names the first that is off, `None` says that a
    /// kernel has no rule.
    fn check(&mut self, rec: &Recording) -> unlearn::Result<Option<Result<Count, String>>> {
        let values: Vec<Span> = self.values.iter().map(|v| v.any()).collect();
        let homes: Vec<Span> = self.homes.iter().map(|h| h.any()).collect();
        let mut along = rec.clone();
        let seeds: Vec<_> = self.values.iter().copied().zip(self.homes.iter().copied()).collect();
        if tangent(&mut along, &seeds).is_err() {
            return Ok(None);
        }
        let mut at = Vec::new();
        for by in [-STEP, 0.0, STEP] {
            self.run(rec.clone(), by)?;
            at.push(self.read(&values));
        }
        self.run(along, 0.0)?;
        let (found, after) = (self.read(&homes), self.read(&values));
        let mut count = Count::default();
        for (b, buf) in self.case.floats().iter().enumerate().filter(|(_, (_, b))| b.role != Role::Input) {
            let [down, here, up] = [&at[0][b], &at[1][b], &at[2][b]];
            if after[b].iter().zip(here).any(|(a, b)| a.to_bits() != b.to_bits()) {
                return Ok(Some(Err(format!("`{}` differs beside its derivative", buf.1.name))));
            }
            let slopes = (0..here.len()).map(|i| (up[i] - down[i]) / (2.0 * STEP));
            let top = slopes.clone().filter(|s| s.abs() < 1e5).fold(0.0, |m: f64, s| m.max(s.abs()));
            for (i, want) in slopes.enumerate() {
                let apart = ((up[i] - here[i]) - (here[i] - down[i])).abs() / STEP;
                if apart > 1e-3 * (want.abs() + 0.1 * top) + 1e-6 {
                    count.kinks += 1;
                    continue;
                }
                count.compared += 1;
                let allowed = 3e-5 * want.abs() + 3e-6 * top + 1e-7 + 1e-9 * here[i].abs();
                let got = found[b][i];
                if got.is_nan() || (got - want).abs() > allowed {
                    let name = buf.1.name;
                    return Ok(Some(Err(format!("`{name}`[{i}]: derivative {got:e}, differences give {want:e}"))));
                }
            }
        }
        Ok(Some(Ok(count)))
    }
}

/// Forms that are refused: sums of squares and norms are no gradients that anybody differentiates again.
fn refused(d: &Dispatch) -> bool {
    let set = |name| d.constant(name).is_ok_and(|v| v == 1.0);
    let squares = match d.kernel.name {
        "reduce.columns" | "reduce.total" => false,
        "graph.features_bwd_w" => !set("SUM") && !set("PER_SAMPLE"),
        "norm.fold" => set("MODE"),
        _ => ["SQUARE", "NORM", "RELU", "MASK"].into_iter().any(set),
    };
    squares || set("NORM") || matches!(d.kernel.tangent, Tangent::Missing)
}

fn small(case: &Case) -> bool {
    case.test
        && case.on_nan == OnNan::Wrong
        && case.rec.dispatches().map(|d| d.flops.max(d.bytes)).sum::<u64>() <= SMALL
}

#[test]
fn every_kernel_with_a_rule_has_the_derivative_that_differences_give() {
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    for case in kernels::cases().iter().filter(|case| small(case)) {
        let mut moving = Moving::new(case);
        let found = moving.check(&case.rec).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let Some(found) = found else {
            assert!(case.rec.dispatches().any(refused), "{} is refused", case.name);
            continue;
        };
        let found = found.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        for d in case.rec.dispatches() {
            let count = counts.entry(d.kernel.name).or_default();
            (count.compared, count.kinks) = (count.compared + found.compared, count.kinks + found.kinks);
        }
    }
    for kernel in kernels::kernels() {
        let has_rule = !matches!(kernel.tangent, Tangent::Missing | Tangent::Constant);
        let count = counts.remove(kernel.name).unwrap_or_default();
        assert!(!has_rule || count.compared > 20, "{}: {} elements were compared", kernel.name, count.compared);
        assert!(!has_rule || count.compared > count.kinks, "{}: {} kinks", kernel.name, count.kinks);
    }
}

#[test]
fn a_rule_that_forgets_a_term_is_noticed() {
    let wrong = |tangent| -> &'static Kernel { Box::leak(Box::new(Kernel { tangent, ..MATMUL })) };
    let faults = [Tangent::Linear(&[&[0]]), Tangent::Linear(&[&[1]]), Tangent::Linear(&[&[0, 1]]), Tangent::Constant];
    for tangent in faults {
        let kernel = wrong(tangent);
        let noticed = |case: &Case| {
            let mut rec = case.rec.clone();
            for command in &mut rec.commands {
                if let Command::Dispatch(d) = command {
                    d.kernel = kernel;
                }
            }
            matches!(Moving::new(case).check(&rec), Ok(Some(Err(_))))
        };
        let cases = kernels::cases();
        let mut of =
            cases.iter().filter(|c| small(c) && c.name.starts_with("linear.matmul ") && c.rec.dispatches().count() > 0);
        assert!(of.any(noticed));
    }
}

/// Both passes' outputs y, dx and sink for theta, x and dy a step along a direction.
fn outputs(engine: &mut Engine, rig: &Along, start: &[Vec<f64>; 3], along: &[Vec<f64>; 3], by: f64) -> [Vec<f64>; 3] {
    let [theta, x, y, dy, dx, sink] = rig.at.floats();
    for ((to, from), d) in [theta, x, dy].into_iter().zip(start).zip(along) {
        put(engine, to, &from.iter().zip(d).map(|(v, d)| v + by * d).collect::<Vec<_>>()).expect("a write");
    }
    engine.run(&rig.both, &[]).expect("a run");
    [y, dx, sink].map(|buf| get(engine, buf).expect("a read"))
}

/// The derivatives of y, of the gradient of x and of that of theta, for every layer and every named architecture.
#[test]
fn products_with_the_hessian_of_every_network_are_the_differences_of_its_gradient() {
    for net in Net::all().expect("networks") {
        for n in [1, 3] {
            let mut engine = Engine::reference();
            let rig =
                Along::new(&mut engine, Target::default(), &net, n).unwrap_or_else(|e| panic!("{}: {e}", net.name));
            let mut u = numbers(net.layout.total(), 31);
            let theta = net.theta(5);
            u.iter_mut().zip(&theta).filter(|(_, t)| **t == 0.0).for_each(|(u, _)| *u = 0.0);
            let [_, x, _, dy, ..] = rig.at.floats();
            let start = [theta, numbers(x.len, 32), numbers(dy.len, 33)];
            // Where features are sparse nobody differentiates them.
            let rx = if net.sparse { vec![0.0; x.len] } else { numbers(x.len, 34) };
            let direction = [u, rx, numbers(dy.len, 35)];
            let step = 1e-6;
            let up = outputs(&mut engine, &rig, &start, &direction, step);
            let down = outputs(&mut engine, &rig, &start, &direction, -step);
            let here = outputs(&mut engine, &rig, &start, &direction, 0.0);
            let [rtheta, rx, _, rdy, ..] = rig.homes;
            for (home, d) in [rtheta, rx, rdy].into_iter().zip(&direction) {
                put(&mut engine, home, d).expect("a write");
            }
            engine.run(&rig.along, &[]).expect("a run");
            let (values, homes) = (rig.at.floats(), rig.homes);
            for (k, (name, at)) in [("y", 2), ("dx", 4), ("sink", 5)].into_iter().enumerate() {
                assert_eq!(
                    get(&mut engine, values[at]).expect("a read"),
                    here[k],
                    "{}: {name} differs beside its derivative",
                    net.name
                );
                let numeric: Vec<f64> = up[k].iter().zip(&down[k]).map(|(a, b)| (a - b) / (2.0 * step)).collect();
                let error = gap(&get(&mut engine, homes[at]).expect("a read"), &numeric);
                assert!(error < 2e-6, "{} of {n}: the derivative of {name} is off by {error:e}", net.name);
            }
        }
    }
}

#[test]
fn what_has_no_rule_or_no_place_for_its_derivative_is_refused_by_name() {
    use unlearn::kernels::loss::{label_score, softmax_xent};
    use unlearn::kernels::map::{Unary, unary};
    let mut engine = Engine::reference();
    let mut alloc = |name: &str, len| engine.alloc::<f32>(name, len).expect("memory");
    let (x, u, y) = (alloc("x", 6), alloc("u", 6), alloc("y", 6));
    let refused = |rec: &mut Recording, seeds: &[(Buf<f32>, Buf<f32>)]| match tangent(rec, seeds) {
        Err(e) => e.to_string(),
        Ok(_) => panic!("it was not refused"),
    };
    let mut rec = Recording::default();
    label_score(&mut rec, x, y, 3, 1);
    assert!(refused(&mut rec, &[(x, u)]).contains("loss.label_score"));
    let mut rec = Recording::default();
    unary(&mut rec, Unary::Tanh, x, y);
    assert!(refused(&mut rec, &[(x, u)]).contains("map.unary gives a kept buffer a derivative"));
    let mut rec = Recording::default();
    unary(&mut rec, Unary::Tanh, x, y);
    assert!(refused(&mut rec, &[(x.range(0..3), u.range(0..3))]).contains("over the edge of a seed"));
    // Nothing moves: nothing is needed, and the derivative of what is computed is 0.
    let mut rec = Recording::default();
    let (labels, loss) = (rec.temp("labels", 2), rec.temp("loss", 2));
    let [dz, correct] = [6, 2].map(|len| rec.temp("other", len));
    softmax_xent(&mut rec, x, labels, loss, dz, correct, 2, 3);
    let found = tangent(&mut rec, &[(y, u)]).expect("nothing to differentiate");
    assert!(found.of(loss).is_none() && found.of(dz).is_none() && found.of(y).is_some());
    assert_eq!(rec.dispatches().count(), 1);
}
