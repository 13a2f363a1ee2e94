//! What a recording refuses before anything runs, and how its temporaries share memory.

use unlearn::engine::case::Gen;
use unlearn::engine::{
    Access, Buf, Command, Data, Engine, Kernel, Params, Plan, Recording, Requires, Span, Tangent, Target, TwinCall,
    plan,
};
use unlearn::kernels::linear::{MATMUL, Mat, Matmul, Product, product_as};
use unlearn::params;

params! {
    /// The right size, the wrong names.
    pub struct Misnamed {
        m: u32, n: u32, k: u32, a_m: u32, a_k: u32, b_k: u32, b_n: u32, alpha: f32, gamma: f32,
        batch: u32, per: u32, a_z: u32, b_z: u32, y_z: u32,
    }
}

params! {
    /// The right names, one type wrong.
    pub struct Mistyped {
        m: u32, n: u32, k: u32, a_m: u32, a_k: u32, b_k: u32, b_n: u32, alpha: f32, beta: u32,
        batch: u32, per: u32, a_z: u32, b_z: u32, y_z: u32,
    }
}

fn nothing(_: &mut TwinCall) {}

const SHADER: &str = "
override SCALE: f32;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = SCALE * x[id.x]; }
";

static SCALE: Kernel = Kernel {
    name: "test.scale",
    source: SHADER,
    params: &[],
    twin: nothing,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

const MATMUL_PARAMS: Matmul = Matmul {
    m: 2,
    n: 2,
    k: 2,
    a_m: 2,
    a_k: 1,
    b_k: 2,
    b_n: 1,
    alpha: 1.0,
    beta: 0.0,
    batch: 1,
    per: 0,
    a_z: 0,
    b_z: 0,
    y_z: 0,
};

/// Why a recording of four temporaries and a misuse of them is refused.
fn refusal(record: impl FnOnce(&mut Recording, [Buf<f32>; 4], Buf<u32>)) -> String {
    let mut rec = Recording::new(Target::default());
    let bufs = ["a", "b", "bias", "y"].map(|name| rec.temp::<f32>(name, 256));
    let ids = rec.temp::<u32>("ids", 256);
    record(&mut rec, bufs, ids);
    rec.check().expect_err("must be refused").to_string()
}

#[track_caller]
fn names(message: &str, words: &[&str]) {
    assert!(words.iter().all(|w| message.contains(w)), "{message}");
}

#[test]
fn a_correct_dispatch_is_accepted() {
    let mut rec = Recording::new(Target::default());
    let [a, b, bias, y] = ["a", "b", "bias", "y"].map(|name| rec.temp::<f32>(name, 4));
    rec.dispatch(&MATMUL).params(MATMUL_PARAMS).read(a).read(b).read(bias).update(y).threads(4);
    rec.check().expect("fits");
}

#[test]
fn wrong_bindings_are_refused() {
    let base = |rec: &mut Recording, binds: &[(Span, Access)]| {
        let pass = rec.dispatch(&MATMUL).params(MATMUL_PARAMS);
        binds.iter().fold(pass, |pass, (span, access)| pass.bind(*span, *access)).threads(4);
    };
    let count = refusal(|rec, [a, b, bias, _], _| {
        base(rec, &[(a.any(), Access::Read), (b.any(), Access::Read), (bias.any(), Access::Read)]);
    });
    names(&count, &["linear.matmul", "3 buffers bound", "a b bias y"]);
    let access = refusal(|rec, [a, b, bias, y], _| {
        rec.dispatch(&MATMUL).params(MATMUL_PARAMS).read(a).read(b).read(bias).read(y).threads(4);
    });
    names(&access, &["`y`", "read_write", "Read"]);
    let written = refusal(|rec, [a, b, bias, y], _| {
        rec.dispatch(&MATMUL).params(MATMUL_PARAMS).write(a).read(b).read(bias).update(y).threads(4);
    });
    names(&written, &["`a`", "is read"]);
    let element = refusal(|rec, [a, b, _, y], ids| {
        rec.dispatch(&MATMUL).params(MATMUL_PARAMS).read(a).read(b).read(ids).update(y).threads(4);
    });
    names(&element, &["`bias`", "f32", "u32"]);
    let offset = refusal(|rec, [a, b, bias, y], _| {
        let part = a.range(3..7);
        rec.dispatch(&MATMUL).params(MATMUL_PARAMS).read(part).read(b).read(bias).update(y).threads(4);
    });
    names(&offset, &["`a`", "element 3", "64"]);
}

#[test]
fn aliases_are_refused() {
    let same = refusal(|rec, [a, b, bias, _], _| {
        rec.dispatch(&MATMUL).params(MATMUL_PARAMS).read(a).read(b).read(bias).update(a).threads(4);
    });
    names(&same, &["`a` and `y`", "one read and one written"]);
    // WebGPU tracks whole buffers: even disjoint parts may not be read and written together.
    let disjoint = refusal(|rec, [a, b, bias, _], _| {
        let (x, y) = (a.range(0..64), a.range(64..128));
        rec.dispatch(&MATMUL).params(MATMUL_PARAMS).read(x).read(b).read(bias).update(y).threads(4);
    });
    names(&disjoint, &["`a` and `y`"]);
    let mut rec = Recording::new(Target::default());
    let [a, b] = ["a", "b"].map(|name| rec.temp::<f32>(name, 4));
    let y = rec.temp::<f32>("y", 4);
    rec.dispatch(&MATMUL).params(MATMUL_PARAMS).read(a).read(b).read(b).update(y).threads(4);
    rec.check().expect("two reads of one buffer are fine");
}

#[test]
fn wrong_parameters_are_refused() {
    assert_eq!(size_of::<Misnamed>(), size_of::<Matmul>());
    assert_eq!(Misnamed::FIELDS.len(), Matmul::FIELDS.len());
    fn with<P: Params>(params: Option<P>) -> String {
        refusal(|rec, [a, b, bias, y], _| {
            let pass = rec.dispatch(&MATMUL);
            let pass = match params {
                Some(params) => pass.params(params),
                None => pass,
            };
            pass.read(a).read(b).read(bias).update(y).threads(4);
        })
    }
    names(&with::<Matmul>(None), &["parameters are []", "beta"]);
    names(
        &with(Some(Misnamed {
            m: 2,
            n: 2,
            k: 2,
            a_m: 2,
            a_k: 1,
            b_k: 2,
            b_n: 1,
            alpha: 1.0,
            gamma: 0.0,
            batch: 1,
            per: 0,
            a_z: 0,
            b_z: 0,
            y_z: 0,
        })),
        &["gamma"],
    );
    names(
        &with(Some(Mistyped {
            m: 2,
            n: 2,
            k: 2,
            a_m: 2,
            a_k: 1,
            b_k: 2,
            b_n: 1,
            alpha: 1.0,
            beta: 0,
            batch: 1,
            per: 0,
            a_z: 0,
            b_z: 0,
            y_z: 0,
        })),
        &["beta"],
    );
}

#[test]
fn overrides_must_exist_and_have_values() {
    let unknown = refusal(|rec, [a, b, bias, y], _| {
        rec.dispatch(&MATMUL).set("TILE", 4).params(MATMUL_PARAMS).read(a).read(b).read(bias).update(y).threads(4);
    });
    names(&unknown, &["linear.matmul", "no override `TILE`"]);
    let missing = refusal(|rec, [a, _, _, y], _| rec.dispatch(&SCALE).read(a).write(y).groups(1));
    names(&missing, &["test.scale", "`SCALE` needs a value"]);
    let threads = refusal(|rec, [a, _, _, y], _| rec.dispatch(&SCALE).set("SCALE", 2).read(a).write(y).threads(64));
    names(&threads, &["test.scale", "no override `WG`"]);
}

#[test]
fn empty_launches_are_not_recorded() {
    let mut rec = Recording::new(Target::default());
    let y = rec.temp::<f32>("y", 4);
    rec.dispatch(&SCALE).read(y).write(y).threads(0);
    rec.dispatch(&SCALE).read(y).write(y).groups(0);
    assert_eq!(rec.dispatches().count(), 0);
}

#[test]
fn the_reference_engine_runs_uploads_copies_clears_and_readbacks_in_order() {
    let mut engine = Engine::reference();
    let kept = engine.alloc::<f32>("kept", 4).expect("allocates");
    let mut rec = Recording::new(engine.target());
    let t = rec.temp::<f32>("t", 4);
    rec.upload(t);
    rec.copy(t.range(0..2), kept.range(2..4));
    rec.clear(t.range(0..1));
    let out = rec.readback(t);
    let program = engine.compile(rec).expect("compiles");
    let run = engine.run(&program, &[Data::F32(vec![1.0, 2.0, 3.0, 4.0])]).expect("runs");
    assert_eq!(run[out], Data::F32(vec![0.0, 2.0, 3.0, 4.0]));
    assert_eq!(engine.read(kept).expect("reads"), [0.0, 0.0, 1.0, 2.0]);
    assert!(engine.run(&program, &[]).is_err(), "an input is missing");
    assert!(engine.run(&program, &[Data::F32(vec![0.0; 3])]).is_err(), "an input is short");
    assert_eq!(engine.traffic().up, 16);
}

/// First and last use of a temporary, uploads and readbacks reaching to the ends; written apart from the planner.
fn lifetime(rec: &Recording, t: u32) -> Option<(usize, usize)> {
    let id = unlearn::engine::BufferId::Temp(t);
    let mut uses = Vec::new();
    for (at, command) in rec.commands.iter().enumerate() {
        let hit = |spans: &[Span]| spans.iter().any(|s| s.id == id);
        match command {
            Command::Upload { dst, .. } if hit(&[*dst]) => uses.extend([0, at]),
            Command::Readback { src, .. } if hit(&[*src]) => uses.extend([at, rec.commands.len()]),
            Command::Clear { dst } if hit(&[*dst]) => uses.push(at),
            Command::Copy { src, dst } if hit(&[*src, *dst]) => uses.push(at),
            Command::Dispatch(d) if d.bindings.iter().any(|(s, _)| s.id == id) => uses.push(at),
            _ => {}
        }
    }
    Some((*uses.iter().min()?, *uses.iter().max()?))
}

fn random_recording(g: &mut Gen) -> Recording {
    let mut rec = Recording::new(Target::default());
    let side = |g: &mut Gen| 1 + g.below(9);
    let temps: Vec<Buf<f32>> = (0..2 + g.below(14)).map(|_| rec.temp("t", side(g).pow(2))).collect();
    for _ in 0..g.below(40) {
        let (i, j, k) = (g.below(temps.len()), g.below(temps.len()), g.below(temps.len()));
        match g.below(5) {
            0 => drop(rec.upload(temps[i])),
            1 => drop(rec.readback(temps[i])),
            2 => rec.clear(temps[i]),
            3 if temps[i].len == temps[j].len && i != j => rec.copy(temps[i], temps[j]),
            _ if i != k && j != k => {
                let n = temps[k].len.isqrt();
                let square = |b: Buf<f32>| Mat::new(b, b.len.isqrt(), b.len.isqrt());
                if temps[i].len == n * n && temps[j].len == n * n {
                    let (a, b) = (square(temps[i]), square(temps[j]));
                    product_as(&mut rec, &MATMUL, a, b, temps[i], temps[k], Product::default());
                }
            }
            _ => {}
        }
    }
    rec
}

fn check_plan(rec: &Recording, plan: &Plan) {
    let live: Vec<_> = (0..rec.temps.len()).map(|t| lifetime(rec, t as u32)).collect();
    for (t, temp) in rec.temps.iter().enumerate() {
        assert_eq!(plan.slot_of[t].is_some(), live[t].is_some(), "only temporaries in use have a slot");
        let Some(slot) = plan.slot_of[t] else { continue };
        assert!(plan.slots[slot] >= temp.len, "a slot of {} for {} elements", plan.slots[slot], temp.len);
        for other in 0..t {
            let (Some(a), Some(b)) = (live[t], live[other]) else { continue };
            let together = a.0 <= b.1 && b.0 <= a.1;
            assert!(!together || plan.slot_of[other] != Some(slot), "{other} and {t} live together in slot {slot}");
        }
    }
}

#[test]
fn temporaries_that_live_together_never_share_a_slot() {
    let mut g = Gen::new(7);
    let (mut shared, mut total) = (0, 0);
    for _ in 0..500 {
        let rec = random_recording(&mut g);
        let plan = plan(&rec);
        check_plan(&rec, &plan);
        total += plan.slot_of.iter().flatten().count();
        shared += plan.slot_of.iter().flatten().count() - plan.slots.len();
    }
    assert!(shared > total / 20, "hardly anything is shared: {shared} of {total}");
}

#[test]
fn what_nobody_reads_is_left_out_with_what_computes_it() {
    use unlearn::kernels::map::{Unary, axpby, unary};
    let mut engine = unlearn::engine::Engine::reference();
    let (x, y) = (engine.alloc::<f32>("x", 8).expect("x"), engine.alloc::<f32>("y", 8).expect("y"));
    let mut rec = Recording::default();
    let [used, again, unused, after] = ["used", "again", "unused", "after"].map(|name| rec.temp::<f32>(name, 8));
    unary(&mut rec, Unary::Tanh, x, used);
    rec.clear(unused);
    axpby(&mut rec, 1.0, used, 1.0, unused);
    unary(&mut rec, Unary::Relu, unused, after);
    rec.clear(again);
    axpby(&mut rec, 1.0, used, 1.0, again);
    unary(&mut rec, Unary::Copy, again, y);
    rec.prune();
    let left: Vec<&str> = rec.dispatches().map(|d| d.kernel.name).collect();
    assert_eq!(left, ["map.unary", "map.axpby", "map.unary"]);
    assert_eq!(rec.commands.len(), 4, "one of the two clears goes with what it was for");
    rec.readback(after);
    rec.prune();
    assert_eq!(rec.commands.len(), 5, "what is read back stays, though nothing fills it any more");
}
