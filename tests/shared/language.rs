//! Language models over ragged sequences against what PyTorch computed for them: logits, losses, gradients, those of
//! each sequence, their squares and norms, and a product with the Hessian.

use std::path::Path;

use unlearn::Result;
use unlearn::engine::{Buf, Engine, Recording};
use unlearn::harness::parity::language::{LanguageFixture, load_language};
use unlearn::harness::parity::{Gap, relative_error};
use unlearn::kernels::graph::{Csr, Readout, is_heavy};
use unlearn::kernels::{attention, graph, loss, map, tangent::tangent};
use unlearn::nn::structure::{Pattern, Segments};
use unlearn::nn::{Batch, Input, Mode, Sink, SquaredNorms};

/// Rows behind the last sequence, which are nobody's.
const NOBODY: usize = 3;

/// Every fixture of `assets/parity/language`.
pub fn fixtures() -> Vec<LanguageFixture> {
    load_language(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity/language")).expect("the language fixtures")
}

/// A fixture's batch and parameters on an engine.
struct Rig<'a> {
    f: &'a LanguageFixture,
    batch: Batch,
    targets: Buf<u32>,
    weight: Buf<f32>,
    theta: Buf<f32>,
}

fn words(engine: &mut Engine, words: &[u32]) -> Result<Buf<u32>> {
    let buf = engine.alloc("words", words.len())?;
    engine.write(buf, words)?;
    Ok(buf)
}

fn floats(engine: &mut Engine, values: &[f32]) -> Result<Buf<f32>> {
    let buf = engine.alloc("floats", values.len())?;
    engine.write(buf, values)?;
    Ok(buf)
}

fn ends(counts: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut ptr = vec![0];
    counts.for_each(|n| ptr.push(ptr.last().copied().unwrap_or(0) + n as u32));
    ptr
}

/// Tokens as sparse rows over the vocabulary; rows of nobody have no entry.
fn pattern(engine: &mut Engine, tokens: &[u32], vocabulary: usize) -> Result<Pattern> {
    let rows = tokens.len() + NOBODY;
    let ptr = ends((0..rows).map(|r| usize::from(r < tokens.len())));
    let mut order: Vec<u32> = (0..tokens.len() as u32).collect();
    order.sort_by_key(|r| tokens[*r as usize]);
    let of = |token: usize| tokens.iter().filter(|t| **t as usize == token).count();
    let t_ptr = ends((0..vocabulary).map(of));
    let x = Csr { heavy: is_heavy(&ptr), ptr: words(engine, &ptr)?, idx: words(engine, tokens)?, perm: None };
    // A row has one entry, so an entry's place is its row.
    let (idx, perm) = (words(engine, &order)?, Some(words(engine, &order)?));
    Ok(Pattern { x, xt: Csr { heavy: is_heavy(&t_ptr), ptr: words(engine, &t_ptr)?, idx, perm } })
}

impl Rig<'_> {
    fn new<'a>(engine: &mut Engine, f: &'a LanguageFixture) -> Result<Rig<'a>> {
        let rows = f.tokens.len() + NOBODY;
        let mut of: Vec<u32> = f.lengths.iter().zip(0..).flat_map(|(n, b)| std::iter::repeat_n(b, *n)).collect();
        of.resize(rows, u32::MAX);
        let segments = Segments {
            ptr: words(engine, &ends(f.lengths.iter().copied()))?,
            of: words(engine, &of)?,
            count: f.lengths.len(),
            longest: f.lengths.iter().copied().max().unwrap_or(0),
        };
        let mut targets = f.targets.clone();
        targets.resize(rows, u32::MAX);
        let mut weight = f.weight.clone();
        weight.resize(rows, 0.0);
        let (ones, pattern) = (vec![1.0; f.tokens.len()], pattern(engine, &f.tokens, f.model.classes)?);
        let x = Input::Sparse(floats(engine, &ones)?, pattern);
        let batch = Batch { n: rows, x, structure: None, segments: Some(segments), seeds: None };
        let (targets, weight) = (words(engine, &targets)?, floats(engine, &weight)?);
        Ok(Rig { f, batch, targets, weight, theta: floats(engine, &f.flat("param")?)? })
    }

    fn sequences(&self) -> usize {
        self.f.lengths.len()
    }

    /// Records both passes into a sink; returns logits and the sequences' losses.
    fn record(&self, rec: &mut Recording, sink: Option<Sink>) -> Result<[Buf<f32>; 2]> {
        let (n, classes, model) = (self.batch.n, self.f.model.classes, &self.f.model);
        let tape = model.forward(rec, self.theta, &self.batch, Mode::Eval, None)?;
        let [each, counted, weighed] = ["loss", "correct", "weighed"].map(|name| rec.temp::<f32>(name, n));
        let [plain, dlogits] = ["plain", "dlogits"].map(|name| rec.temp::<f32>(name, n * classes));
        loss::softmax_xent(rec, tape.logits, self.targets, each, plain, counted, n, classes);
        attention::scale_heads(rec, plain, self.weight, dlogits, classes);
        map::binary(rec, map::Binary::Mul, each, self.weight, weighed);
        let losses = rec.temp::<f32>("losses", self.sequences());
        let ptr = self.batch.segments.expect("sequences").ptr;
        graph::segment(rec, ptr, weighed, losses, 1, Readout::Sum, None);
        if let Some(sink) = sink {
            model.backward(rec, self.theta, &tape, dlogits, None, sink)?;
        }
        Ok([tape.logits, losses])
    }

    /// What a sink of `len` numbers holds that began at 0.
    fn sunk(&self, engine: &mut Engine, len: usize, sink: impl Fn(Buf<f32>) -> Sink) -> Result<Vec<f32>> {
        let out = floats(engine, &vec![0.0; len])?;
        let mut rec = Recording::new(engine.target());
        self.record(&mut rec, Some(sink(out)))?;
        let program = engine.compile(rec)?;
        engine.run(&program, &[])?;
        engine.read(out)
    }

    fn each(&self, kind: &str, flat: &[f32]) -> Result<Vec<Gap>> {
        let entries = self.f.model.layout.entries().iter();
        entries.map(|e| self.gap(&format!("{kind}.{}", e.name), &flat[e.offset..e.offset + e.len])).collect()
    }

    fn gap(&self, tensor: &str, got: &[f32]) -> Result<Gap> {
        let error = relative_error(got, &self.f.tensor(tensor)?.values);
        Ok(Gap { tensor: tensor.to_owned(), record: None, error })
    }

    fn outputs(&self, engine: &mut Engine) -> Result<Vec<Gap>> {
        let mut rec = Recording::new(engine.target());
        let found = self.record(&mut rec, None)?;
        let kept = found.map(|buf| engine.alloc::<f32>("kept", buf.len));
        let [logits, losses] = kept;
        let (logits, losses) = (logits?, losses?);
        rec.copy(found[0], logits);
        rec.copy(found[1], losses);
        let program = engine.compile(rec)?;
        engine.run(&program, &[])?;
        let all = engine.read(logits)?;
        assert!(all.iter().all(|v| v.is_finite()), "rows of nobody are finite");
        let counted = self.f.tokens.len() * self.f.model.classes;
        Ok(vec![self.gap("logits", &all[..counted])?, self.gap("loss", &engine.read(losses)?)?])
    }

    fn gradient(&self, engine: &mut Engine) -> Result<Vec<Gap>> {
        let scale = 1.0 / self.sequences() as f32;
        let sink = |grad| Sink::Mean { grad, scale, accumulate: false };
        let flat = self.sunk(engine, self.f.model.layout.total(), sink)?;
        self.each("grad", &flat)
    }

    fn squares(&self, engine: &mut Engine) -> Result<Vec<Gap>> {
        let sink = |squares| Sink::SquareSum { squares, accumulate: false };
        let flat = self.sunk(engine, self.f.model.layout.total(), sink)?;
        self.each("fisher", &flat)
    }

    fn per_sequence(&self, engine: &mut Engine) -> Result<Vec<Gap>> {
        let layout = &self.f.model.layout;
        let slab = self.sunk(engine, self.sequences() * layout.total(), |slab| Sink::PerSample { slab })?;
        let rows = |e: &unlearn::nn::ParamEntry| -> Vec<f32> {
            slab.chunks(layout.total()).flat_map(|row| row[e.offset..e.offset + e.len].to_vec()).collect()
        };
        layout.entries().iter().map(|e| self.gap(&format!("per_sample.{}", e.name), &rows(e))).collect()
    }

    fn norms(&self, engine: &mut Engine) -> Result<Vec<Gap>> {
        let (layout, n) = (&self.f.model.layout, self.sequences());
        let parts = self.sunk(engine, SquaredNorms::elements(layout, n), |parts| Sink::Norms { parts })?;
        let stride = parts.len() / layout.entries().len();
        let sums: Vec<f32> = (0..n).map(|b| parts.iter().skip(b).step_by(stride).sum()).collect();
        Ok(vec![self.gap("norms", &sums)?])
    }

    /// The derivative of the gradient along a direction.
    fn product(&self, engine: &mut Engine) -> Result<Vec<Gap>> {
        let total = self.f.model.layout.total();
        let [grad, out] = [0; 2].map(|_| floats(engine, &vec![0.0; total]));
        let (grad, out) = (grad?, out?);
        let direction = floats(engine, &self.f.flat("direction")?)?;
        let mut rec = Recording::new(engine.target());
        self.record(&mut rec, Some(Sink::Mean { grad, scale: 1.0 / self.sequences() as f32, accumulate: false }))?;
        tangent(&mut rec, &[(self.theta, direction), (grad, out)])?;
        let program = engine.compile(rec)?;
        engine.run(&program, &[])?;
        let flat = engine.read(out)?;
        self.each("hvp", &flat)
    }
}

/// What is compared.
pub const QUANTITIES: [&str; 6] = ["outputs", "gradient", "squares", "per_sequence", "norms", "product"];

/// Compares one quantity of a fixture on an engine.
pub fn measure(engine: &mut Engine, f: &LanguageFixture, quantity: &str) -> Result<Vec<Gap>> {
    let mark = engine.mark();
    let rig = Rig::new(engine, f)?;
    let gaps = match quantity {
        "outputs" => rig.outputs(engine),
        "gradient" => rig.gradient(engine),
        "squares" => rig.squares(engine),
        "per_sequence" => rig.per_sequence(engine),
        "norms" => rig.norms(engine),
        _ => rig.product(engine),
    };
    engine.release(mark);
    gaps
}
