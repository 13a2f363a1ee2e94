//! Functions of one number, and the numbers that some of them have of their own.

use crate::engine::Dispatch;
use crate::params;

params! {
    /// Of a leaky relu its slope `a`; of a softplus beta `a` and the threshold `b`; of a hard tanh its bound `a`;
    /// others read neither.
    pub struct Numbers { a: f32, b: f32 }
}

/// Functions of one number. The discriminant is the shaders' `OP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// max(x, 0).
    Relu = 0,
    /// x Φ(x), the exact form (Hendrycks & Gimpel, "Gaussian error linear units", 2016), PyTorch's default.
    Gelu = 1,
    /// Hyperbolic tangent.
    Tanh = 2,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid = 3,
    /// x².
    Square = 4,
    /// x.
    Copy = 5,
    /// x, or exp(x) − 1 where x <= 0 (Clevert, Unterthiner & Hochreiter, "Fast and accurate deep network learning by
    /// exponential linear units", ICLR 2016, α = 1).
    Elu = 6,
    /// x σ(x) (Elfwing, Uchibe & Doya, "Sigmoid-weighted linear units", 2018; swish with β = 1).
    Silu = 7,
    /// x, or a x where x <= 0 (Maas, Hannun & Ng, "Rectifier nonlinearities improve neural network acoustic models",
    /// 2013).
    LeakyRelu = 8,
    /// log(1 + exp(a x)) / a, or x where a x > b (Dugas et al. 2000; the threshold is PyTorch's).
    Softplus = 9,
    /// x min(max(x + 3, 0), 6) / 6 (Howard et al., "Searching for MobileNetV3", 2019).
    HardSwish = 10,
    /// min(max(x, 0), 6) (Sandler et al., "MobileNetV2", 2018).
    Relu6 = 11,
    /// min(max(x + 3, 0), 6) / 6.
    HardSigmoid = 12,
    /// min(max(x, −a), a), a > 0 (Collobert 2004; as a gradient that of Huber's loss).
    Hardtanh = 13,
    /// x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2 (Hendrycks & Gimpel 2016), PyTorch's `approximate = "tanh"`.
    GeluTanh = 14,
}

impl Unary {
    /// Every one, in the order of their codes.
    pub const ALL: [Unary; 15] = [
        Unary::Relu,
        Unary::Gelu,
        Unary::Tanh,
        Unary::Sigmoid,
        Unary::Square,
        Unary::Copy,
        Unary::Elu,
        Unary::Silu,
        Unary::LeakyRelu,
        Unary::Softplus,
        Unary::HardSwish,
        Unary::Relu6,
        Unary::HardSigmoid,
        Unary::Hardtanh,
        Unary::GeluTanh,
    ];

    /// Pieces of straight lines: the slope is constant, but for jumps.
    pub(super) fn straight(self) -> bool {
        matches!(
            self,
            Unary::Relu | Unary::Copy | Unary::LeakyRelu | Unary::Relu6 | Unary::HardSigmoid | Unary::Hardtanh
        )
    }

    /// Its slope is computed from what it made.
    pub(super) fn by_result(self) -> bool {
        matches!(self, Unary::Tanh | Unary::Sigmoid)
    }
}

/// A function of one number with its own numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// Which.
    pub op: Unary,
    /// See [`Numbers`].
    pub a: f32,
    /// See [`Numbers`].
    pub b: f32,
}

impl From<Unary> for Curve {
    /// With PyTorch's numbers: a leaky relu of slope 0.01, a softplus of beta 1 and threshold 20, a hard tanh within 1.
    fn from(op: Unary) -> Curve {
        match op {
            Unary::LeakyRelu => Curve { op, a: 0.01, b: 0.0 },
            Unary::Softplus => Curve { op, a: 1.0, b: 20.0 },
            Unary::Hardtanh => Curve { op, a: 1.0, b: 0.0 },
            _ => Curve { op, a: 0.0, b: 0.0 },
        }
    }
}

impl Curve {
    pub(super) fn numbers(self) -> Numbers {
        Numbers { a: self.a, b: self.b }
    }

    /// What a dispatch of the family's unary kernels computes.
    pub(super) fn of(d: &Dispatch) -> crate::error::Result<Curve> {
        let Numbers { a, b } = d.params();
        Ok(Curve { op: Unary::ALL[d.constant("OP")? as usize], a, b })
    }
}
