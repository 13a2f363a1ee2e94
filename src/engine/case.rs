//! Cases: one description of inputs, outputs and work that the tests, `unlearn check` and the benches share.

use super::Data;
use super::kernel::Lane;
use super::recording::{Command, Groups, Recording};
use super::span::{ALIGN, Buf, BufferId, Elem, Element, Span};
use super::target::Target;

/// What a case expects of one of its buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Must be unchanged afterwards.
    Input,
    /// Poisoned before the run; every element must be written.
    Output,
    /// Starts from the given content and is compared afterwards.
    InOut,
}

/// What a NaN among the twins' results asks of a case's. Poison never is a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNan {
    /// Nothing is right: no input of the case can lead to one.
    Wrong,
    /// A NaN, of whatever bits: some input holds what f32 has beside ordinary numbers.
    Same,
    /// Any number: implementations may differ there, but not elsewhere.
    Anything,
}

/// What an odd number (a NaN, an infinite or a subnormal one) meets in an input, where implementations may then differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// A comparison decides on it. WGSL lets an implementation take a comparison with NaN either way, return either
    /// side of `max(NaN, x)` (15.7.2: it may assume that there is none), and take subnormal numbers for 0, so nobody
    /// promises what follows. A kernel that must know reads the bits, and has cases of its own.
    Compared,
    /// It must not be taken for 0: a divisor, or a logit of which the first largest one counts.
    NotZero,
    /// It is the argument of an exponential. SwiftShader's exp(NaN) is 0, as WGSL allows: what the NaN reaches may be
    /// anything, the rest may not.
    Exponent,
    /// A weight of a convolution: what lies in the padding may be left out or be multiplied as a 0. Or what only some
    /// rows of a block look at.
    Padding,
    /// A sum takes it apart in an order of its own, where one infinite number may become the difference of two.
    Merged,
}

/// One buffer of a case; the harness surrounds it with guard zones.
#[derive(Clone, Debug)]
pub struct CaseBuf {
    /// For messages.
    pub name: &'static str,
    /// What it holds before the recording runs.
    pub init: Data,
    /// Whether it is compared afterwards.
    pub role: Role,
    /// What an odd number in it (NaN, infinite, subnormal) meets; empty where its outcome is compared like any other.
    pub hazards: Vec<Hazard>,
}

/// A kernel, or a short chain of them, at one shape.
#[derive(Clone, Debug)]
pub struct Case {
    /// `<kernel> <shape> [<options>]`, unique.
    pub name: String,
    /// What the recording's kept buffers are.
    pub buffers: Vec<CaseBuf>,
    /// Over kept buffers 0, 1, 2 … in the order of `buffers`; each starts at element [`GUARD`].
    pub rec: Recording,
    /// |got − want| ≤ atol + rtol·|want|.
    pub rtol: f64,
    /// Absolute tolerance of a compared value.
    pub atol: f64,
    /// Timed by `unlearn bench`.
    pub bench: bool,
    /// Run by the tests and by `unlearn check`.
    pub test: bool,
    /// What a NaN in an output means.
    pub on_nan: OnNan,
    /// A driver may contract a product and a sum where no guard stands between them: results with and without guards
    /// agree within the tolerance, not to the bit.
    pub contracts: bool,
}

/// Elements of guard zone before and after each buffer of a case.
pub const GUARD: usize = ALIGN;

impl Case {
    /// A case without buffers, with a relative tolerance of 1e-5.
    pub fn new(name: impl Into<String>, target: Target) -> Case {
        let rec = Recording::new(target);
        Case {
            name: name.into(),
            buffers: Vec::new(),
            rec,
            rtol: 1e-5,
            atol: 1e-6,
            bench: false,
            test: true,
            on_nan: OnNan::Wrong,
            contracts: false,
        }
    }

    /// Sets how far outputs may be from the twin's: rtol·|twin| + atol.
    pub fn tolerance(mut self, rtol: f64, atol: f64) -> Case {
        self.rtol = rtol;
        self.atol = atol;
        self
    }

    /// Lets drivers contract, see [`Case::contracts`].
    pub fn contracting(mut self) -> Case {
        self.contracts = true;
        self
    }

    /// Says what an odd number meets in the inputs of these names; each name must be that of one.
    pub fn hazard(mut self, hazard: Hazard, inputs: &[&str]) -> Case {
        for name in inputs {
            let mut found = false;
            for buf in self.buffers.iter_mut().filter(|b| b.name == *name && matches!(b.init, Data::F32(_))) {
                buf.hazards.push(hazard);
                found = true;
            }
            assert!(found, "`{}` has no input of numbers called `{name}`", self.name);
        }
        self
    }

    /// Makes `unlearn bench` time it.
    pub fn timed(mut self) -> Case {
        self.bench = true;
        self
    }

    /// Workgroups of one invocation, so that a small shape needs more groups than one side of the grid holds. For
    /// kernels that are launched by `.threads(n)`.
    pub fn folded(mut self) -> Case {
        for command in &mut self.rec.commands {
            if let Command::Dispatch(d) = command {
                // A team does not go beyond its workgroup.
                let least = d.constant("TEAM").map_or(1.0, |team| team.max(1.0));
                d.consts.push(("WG", least));
            }
        }
        self.name.push_str(" folded");
        self
    }

    /// In `groups` tiles of `side` by `side` by four invocations and two terms at a time: a grid that folds is cheap to
    /// run.
    pub fn in_tiny_tiles(mut self, side: u32, groups: usize) -> Case {
        for command in &mut self.rec.commands {
            if let Command::Dispatch(d) = command {
                [("BM", side), ("BN", side), ("BK", 2), ("WG", 4)].into_iter().for_each(|(name, v)| d.set(name, v));
                d.groups = Groups::Groups(groups as u64);
            }
        }
        self.name.push_str(" in tiny tiles");
        self
    }

    /// Too large for every test run: only timed (and validated once before that).
    pub fn only_timed(mut self) -> Case {
        (self.bench, self.test) = (true, false);
        self
    }

    /// The f32 buffers that it has so far, with their data's ranges.
    pub fn floats(&self) -> Vec<(Buf<f32>, CaseBuf)> {
        let all = self.buffers.iter().enumerate().filter(|(_, b)| matches!(b.init, Data::F32(_)));
        let range = |i: usize, len: usize| Buf::new(BufferId::Kept(i as u32), GUARD + len).range(GUARD..GUARD + len);
        all.map(|(i, b)| (range(i, b.init.bytes().len() / 4), b.clone())).collect()
    }

    /// The u32 buffers: their data's ranges, and what they hold.
    pub fn words(&self) -> Vec<(Span, Lane)> {
        let all = self.buffers.iter().enumerate().filter_map(|(i, b)| match &b.init {
            Data::U32(v) => Some((i, v)),
            Data::F32(_) => None,
        });
        all.map(|(i, v)| {
            let buf = Buf::<u32>::new(BufferId::Kept(i as u32), GUARD + v.len());
            (buf.range(GUARD..GUARD + v.len()).any(), Lane::U32(v.clone()))
        })
        .collect()
    }

    fn add<T: Element>(&mut self, name: &'static str, init: Data, role: Role) -> Buf<T> {
        let len = init.bytes().len() / 4;
        self.buffers.push(CaseBuf { name, init, role, hazards: Vec::new() });
        let id = BufferId::Kept(self.buffers.len() as u32 - 1);
        Buf::<T>::new(id, GUARD + len).range(GUARD..GUARD + len)
    }

    /// Adds a buffer that is only read.
    pub fn input(&mut self, name: &'static str, values: Vec<f32>) -> Buf<f32> {
        self.add(name, Data::F32(values), Role::Input)
    }

    /// Adds a buffer of words that is only read.
    pub fn input_u32(&mut self, name: &'static str, values: Vec<u32>) -> Buf<u32> {
        self.add(name, Data::U32(values), Role::Input)
    }

    /// Adds a buffer of `len` elements that is poisoned first and compared afterwards.
    pub fn output<T: Element>(&mut self, name: &'static str, len: usize) -> Buf<T> {
        let poison = match T::ELEM {
            Elem::F32 => Data::F32(vec![f32::from_bits(POISON); len]),
            Elem::U32 => Data::U32(vec![POISON; len]),
        };
        self.add(name, poison, Role::Output)
    }

    /// Adds a buffer that is read, written and compared.
    pub fn inout(&mut self, name: &'static str, values: Vec<f32>) -> Buf<f32> {
        self.add(name, Data::F32(values), Role::InOut)
    }

    /// Adds a buffer of words that is read, written and compared.
    pub fn inout_u32(&mut self, name: &'static str, values: Vec<u32>) -> Buf<u32> {
        self.add(name, Data::U32(values), Role::InOut)
    }
}

/// Bit pattern of poisoned outputs and guard zones: a NaN as f32, an absurd index as u32.
pub const POISON: u32 = 0x7fc0_dead;

/// Reproducible test numbers: splitmix64, independent of the engine's own generator.
pub struct Gen(u64);

impl Gen {
    /// A stream that depends on the seed alone.
    pub fn new(seed: u64) -> Gen {
        Gen(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, n).
    pub fn below(&mut self, n: usize) -> usize {
        (self.word() % n.max(1) as u64) as usize
    }

    /// A size in [low, high], small ones as likely as large ones.
    pub fn size(&mut self, low: usize, high: usize) -> usize {
        let part = self.below(1 << 20) as f64 / f64::from(1 << 20);
        let ratio = (high + 1) as f64 / low.max(1) as f64;
        ((low.max(1) as f64 * ratio.powf(part)) as usize).clamp(low, high)
    }

    /// `n` values uniform in (−1, 1), none of them zero.
    pub fn values(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| ((self.word() >> 40) as f32 + 0.5) / 8_388_608.0 - 1.0).collect()
    }

    /// `n` values uniform in (low, high).
    pub fn between(&mut self, n: usize, low: f32, high: f32) -> Vec<f32> {
        self.values(n).iter().map(|v| low + (v * 0.5 + 0.5) * (high - low)).collect()
    }

    /// `n` indices below `below`, drawn with repetition.
    pub fn indices(&mut self, n: usize, below: usize) -> Vec<u32> {
        (0..n).map(|_| self.below(below) as u32).collect()
    }
}
