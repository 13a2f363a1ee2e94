//! Solvers against the curvature matrix written out: its columns are products with unit vectors, its inverse and its
//! eigenvalues come from the host in f64.

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::engine::{Buf, Data, Program};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::statistics::solve::{
    Pairs, Series, Solved, Solver, StoppedBy, Until, conjugate_gradients, lanczos, largest_eigenvalue, lissa, minimise,
    start_vector,
};
use unlearn::statistics::{self, Product};

use crate::adapters::Shared;
use crate::dense::{Dense, norm, places, two_loops};
use crate::methods::{Small, bits, hold};

type Test = fn(&mut Small) -> Result<()>;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let tests: [(&str, Test); 8] = [
        ("conjugate gradients invert", cg_inverts),
        ("conjugate gradients look no further than needed", cg_rests),
        ("conjugate gradients report negative curvature", cg_curvature),
        ("lissa inverts the same matrix", lissa_inverts),
        ("lissa refuses a scale that diverges", lissa_refuses),
        ("pairs invert", pairs_invert),
        ("both ends of the spectrum", spectrum),
        ("descent finds the minimum", descent),
    ];
    let each = |device: &Shared| {
        tests
            .map(|(name, test)| device.trial(&format!("solver: {name}"), move |d| Small::with(d, test)))
            .into_iter()
            .collect::<Vec<_>>()
    };
    devices.iter().flat_map(each).collect()
}

fn read(session: &mut Session, v: Buf<f32>) -> Result<Vec<f64>> {
    let flat = session.engine.read(v)?;
    Ok(places(session).iter().map(|p| f64::from(flat[*p])).collect())
}

/// ‖a − b‖ / ‖b‖.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>()) / norm(b)
}

const SHIFT: f64 = 0.04;

/// A random right side and a place for the solution.
fn sides(session: &mut Session) -> Result<(Buf<f32>, Buf<f32>)> {
    let (b, x) = (session.vector("test.b")?, session.vector("test.x")?);
    start_vector(session, b, 3)?;
    Ok((b, x))
}

/// Solves twice, holds the bytes together, and the report against the matrix; returns the error of the solution.
fn solved(
    session: &mut Session,
    h: &dyn Product,
    mut solve: impl FnMut(&mut Session, Buf<f32>, Buf<f32>) -> Result<Solved>,
) -> Result<(f64, Solved)> {
    let (b, x) = sides(session)?;
    let said = solve(session, b, x)?;
    let got = session.engine.read(x)?;
    let again = solve(session, b, x)?;
    hold(bits(&got) == bits(&session.engine.read(x)?), || "other bytes from the same start".into())?;
    hold(said == again, || format!("{said:?}, then {again:?}"))?;
    let stray: f32 =
        got.iter().map(|v| v.abs()).sum::<f32>() - read(session, x)?.iter().map(|v| v.abs() as f32).sum::<f32>();
    hold(stray.abs() < 1e-3, || format!("{stray} between the tensors"))?;
    let dense = Dense::of(session, h)?.shifted(SHIFT);
    let (b, x) = (read(session, b)?, read(session, x)?);
    let residual = apart(&dense.times(&x), &b);
    hold((residual - said.residual).abs() < 0.1 * residual + 2e-6, || {
        format!("{said:?}, the residual is {residual:e}")
    })?;
    Ok((apart(&x, &dense.solve(&b)), said))
}

fn cg_inverts(small: &mut Small) -> Result<()> {
    small.session(|session, view| {
        let h = statistics::gauss_newton(session, Records::train(view.retain))?;
        let until = Until { iterations: 400, tolerance: 1e-5 };
        let (error, said) = solved(session, &h, |s, b, x| conjugate_gradients(s, &h, SHIFT, b, x, until))?;
        hold(said.stopped_by == StoppedBy::Tolerance && said.residual <= 1e-5, || format!("{said:?}"))?;
        hold(error < 1e-3, || format!("the solution is off by {error:e}: {said:?}"))?;
        // A right side of nothing has the solution nothing.
        let (b, x) = sides(session)?;
        session.engine.write(b, &vec![0.0; b.len])?;
        let said = conjugate_gradients(session, &h, SHIFT, b, x, until)?;
        hold(said.iterations == 0 && said.residual == 0.0, || format!("{said:?} for nothing"))?;
        hold(session.engine.read(x)?.iter().all(|v| *v == 0.0), || "the solution of 0 is not 0".into())?;
        // More digits than f32 has: says so instead of what the recurrence believes.
        let (_, said) = solved(session, &h, |s, b, x| {
            conjugate_gradients(s, &h, SHIFT, b, x, Until { tolerance: 1e-12, ..until })
        })?;
        hold(matches!(said.stopped_by, StoppedBy::Rounding | StoppedBy::MaxIterations), || format!("{said:?}"))?;
        hold(said.residual < 1e-5, || format!("{said:?}"))
    })
}

/// Iterations that were submitted after the goal was met change nothing.
fn cg_rests(small: &mut Small) -> Result<()> {
    small.session(|session, view| {
        let h = statistics::gauss_newton(session, Records::train(view.retain))?;
        let (b, x) = sides(session)?;
        let mut run = |iterations| {
            let until = Until { iterations, tolerance: 0.05 };
            let said = conjugate_gradients(session, &h, SHIFT, b, x, until)?;
            Ok::<_, unlearn::Error>((said, bits(&session.engine.read(x)?)))
        };
        let (said, with_more) = run(400)?;
        hold(said.iterations > 1 && !said.iterations.is_multiple_of(10), || format!("{said:?} shows nothing"))?;
        let (exact, without) = run(said.iterations)?;
        hold(said == exact && with_more == without, || format!("{said:?}, but {exact:?} when asked for as many"))?;
        let (short, _) = run(said.iterations - 1)?;
        hold(short.stopped_by == StoppedBy::MaxIterations && short.residual > 0.05, || format!("{short:?}"))
    })
}

fn cg_curvature(small: &mut Small) -> Result<()> {
    small.session(|session, view| {
        let h = statistics::gauss_newton(session, Records::train(view.retain))?;
        let (b, x) = sides(session)?;
        let until = Until { iterations: 50, tolerance: 1e-5 };
        let said = conjugate_gradients(session, &h, -1e4, b, x, until)?;
        hold(said.stopped_by == StoppedBy::Curvature && said.iterations == 0, || format!("{said:?}"))?;
        hold(session.engine.read(x)?.iter().all(|v| *v == 0.0), || "x moved along negative curvature".into())
    })
}

fn lissa_inverts(small: &mut Small) -> Result<()> {
    small.session(|session, view| {
        let h = statistics::gauss_newton(session, Records::train(view.retain))?;
        let until = Until { iterations: 20_000, tolerance: 1e-4 };
        let series = Series { scale: None, until };
        let (error, said) = solved(session, &h, |s, b, x| Ok(lissa(s, &h, SHIFT, b, x, series)?.0))?;
        hold(said.stopped_by == StoppedBy::Tolerance, || format!("{said:?}"))?;
        hold(error < 5e-3, || format!("the solution is off by {error:e}: {said:?}"))?;
        // Against conjugate gradients with the same damping: within 5 %.
        let (b, x) = sides(session)?;
        let mut by = |solver: Solver| {
            solver.solve(session, &h, SHIFT, b, x, until)?;
            read(session, x)
        };
        let error = apart(&by(Solver::Lissa)?, &by(Solver::Cg)?);
        hold(error < 0.05, || format!("lissa and conjugate gradients are {error:e} apart"))
    })
}

fn lissa_refuses(small: &mut Small) -> Result<()> {
    small.session(|session, view| {
        let h = statistics::gauss_newton(session, Records::train(view.retain))?;
        let (b, x) = sides(session)?;
        let top = largest_eigenvalue(session, &h, b, 60)?;
        let until = Until { iterations: 100, tolerance: 1e-4 };
        let series = |scale| Series { scale: Some(scale), until };
        let refusal = lissa(session, &h, SHIFT, b, x, series(0.9 * top)).err().map(|e| (e.exit_code(), e.to_string()));
        let both = [format!("{}", 0.9 * top), format!("{top:.2}")];
        match &refusal {
            Some((2, said)) if both.iter().all(|number| said.contains(number)) => {}
            other => hold(false, || format!("a refusal with {both:?} was expected, got {other:?}"))?,
        }
        let (_, scale) = lissa(session, &h, SHIFT, b, x, series(1.5 * top))?;
        hold(scale == 1.5 * top, || format!("scale {scale} in place of {}", 1.5 * top))?;
        hold(lissa(session, &h, 2.0 * top, b, x, series(1.5 * top)).is_err(), || "a shift above the scale".into())
    })
}

fn pairs_invert(small: &mut Small) -> Result<()> {
    small.session(|session, view| {
        let h = statistics::gauss_newton(session, Records::train(view.retain))?;
        let (v, out) = sides(session)?;
        let (s, y) = (session.vector("test.s")?, session.vector("test.y")?);
        let mut pairs = Pairs::new(session, "test.pairs", 4)?;
        pairs.inverse(session, v, out)?;
        hold(read(session, out)? == read(session, v)?, || "without pairs the inverse is the identity".into())?;
        let mut stored = Vec::new();
        // Two more than there is room for: the oldest two must be gone.
        for seed in 10..16 {
            start_vector(session, h.u(), seed)?;
            h.apply(session)?;
            session.run(|rec| {
                rec.copy(h.u(), s);
                rec.copy(h.hu(), y);
                Ok(())
            })?;
            hold(pairs.push(session, s, y)?, || "a pair of positive curvature was refused".into())?;
            stored.push((read(session, s)?, read(session, y)?));
        }
        hold(pairs.len() == 4, || format!("{} pairs of 4", pairs.len()))?;
        pairs.inverse(session, v, out)?;
        let first = session.engine.read(out)?;
        pairs.inverse(session, v, out)?;
        hold(bits(&first) == bits(&session.engine.read(out)?), || "other bytes from the same pairs".into())?;
        let want = two_loops(&stored[2..], &read(session, v)?);
        let error = apart(&read(session, out)?, &want);
        hold(error < 1e-4, || format!("off the two loops by {error:e}"))?;
        // The secant condition: the last y goes back to its s.
        pairs.inverse(session, y, out)?;
        let error = apart(&read(session, out)?, &stored[5].0);
        hold(error < 1e-3, || format!("H⁻¹ y is {error:e} off s"))?;
        session.run(|rec| {
            unlearn::kernels::map::axpby(rec, -1.0, s, 0.0, y);
            Ok(())
        })?;
        hold(!pairs.push(session, s, y)?, || "a pair of negative curvature was stored".into())
    })
}

/// H = −2 I.
struct Turned {
    u: Buf<f32>,
    hu: Buf<f32>,
    program: Program,
}

impl Turned {
    fn of(session: &mut Session, u: Buf<f32>, hu: Buf<f32>) -> Result<Turned> {
        let mut rec = session.recording();
        unlearn::kernels::map::axpby(&mut rec, -2.0, u, 0.0, hu);
        Ok(Turned { u, hu, program: session.compile(rec)? })
    }
}

impl Product for Turned {
    fn u(&self) -> Buf<f32> {
        self.u
    }

    fn hu(&self) -> Buf<f32> {
        self.hu
    }

    fn programs(&self) -> Vec<(&Program, &[Data])> {
        vec![(&self.program, &[])]
    }
}

fn spectrum(small: &mut Small) -> Result<()> {
    small.session(|session, view| {
        let h = statistics::gauss_newton(session, Records::train(view.retain))?;
        let (low, high) = Dense::of(session, &h)?.ends();
        let (b, _) = sides(session)?;
        let top = largest_eigenvalue(session, &h, b, 60)?;
        let again = largest_eigenvalue(session, &h, b, 60)?;
        hold(top == again, || format!("power iteration found {top}, then {again}"))?;
        hold((top / high - 1.0).abs() < 1e-3, || format!("power iteration found {top}, it is {high}"))?;
        let found = lanczos(session, &h, 40, 5)?;
        let again = lanczos(session, &h, 40, 5)?;
        hold(found == again, || format!("{found:?}, then {again:?}"))?;
        hold((found.highest / high - 1.0).abs() < 1e-4, || format!("{found:?}, the matrix has {low} to {high}"))?;
        hold((found.lowest - low).abs() < 1e-4 * high, || format!("{found:?}, the matrix has {low} to {high}"))?;
        hold(found.highest_error < 1e-2 * high, || format!("{found:?}"))?;
        // As many vectors as there are parameters, and one more: the space is exhausted and nothing is made up.
        let all = lanczos(session, &h, 10_000, 5)?;
        hold(all.steps <= session.model.layout.count() && all.lowest > -1e-4 * high, || format!("{all:?}"))?;
        hold((all.highest / high - 1.0).abs() < 1e-4, || format!("{all:?}"))?;
        // An indefinite matrix, whose lower end power iteration cannot see.
        session.write_theta(&session.model.init(5))?;
        let h = statistics::hessian(session, Records::train(view.retain))?;
        let (low, high) = Dense::of(session, &h)?.ends();
        hold(low < -1e-3 * high, || format!("the Hessian at the start has {low} to {high}: nothing to see"))?;
        let found = lanczos(session, &h, 60, 5)?;
        let off = (found.lowest - low).abs().max((found.highest - high).abs());
        hold(off < 1e-3 * high, || format!("{found:?}, the Hessian has {low} to {high}"))?;
        // A multiple of the identity, whose space one product exhausts.
        let turned = Turned::of(session, h.u(), h.hu())?;
        let found = lanczos(session, &turned, 3, 5)?;
        hold((found.lowest + 2.0).abs() < 1e-5 && found.steps <= 3, || format!("{found:?} of -2 I"))
    })
}

fn descent(small: &mut Small) -> Result<()> {
    let net = ModelConfig { zoo: Some("logistic".into()), ..Default::default() };
    small.model = Model::build(&net, &small.data.shape, small.data.classes)?;
    small.theta = small.model.init(4);
    small.session(|session, view| {
        let start = session.read_theta()?;
        let found = minimise(session, Records::train(view.retain), 0.05, 400, 1e-5)?;
        let theta = session.read_theta()?;
        hold(found.gradient_norm <= 1e-5 && found.stopped_by == StoppedBy::Tolerance, || format!("{found:?}"))?;
        statistics::gradient(session, Records::train(view.retain), 1.0 / view.retain.len() as f32, false)?;
        let grad = session.engine.read(session.grad)?;
        let whole: Vec<f64> = grad.iter().zip(&theta).map(|(g, t)| f64::from(*g) + 0.05 * f64::from(*t)).collect();
        hold((norm(&whole) - found.gradient_norm).abs() < 2e-6, || format!("{found:?}: it is {:e}", norm(&whole)))?;
        session.write_theta(&start)?;
        let again = minimise(session, Records::train(view.retain), 0.05, 400, 1e-5)?;
        hold(found == again && bits(&theta) == bits(&session.read_theta()?), || format!("{found:?}, then {again:?}"))
    })
}
