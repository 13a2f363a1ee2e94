//! What goes into a run and comes out of it.

use super::kernel::Lane;
use super::span::Elem;

/// An input or output of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Single-precision numbers.
    F32(Vec<f32>),
    /// Words: indices, counts, labels.
    U32(Vec<u32>),
}

impl Data {
    /// As they lie in memory, little-endian.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Data::F32(v) => bytemuck::cast_slice(v),
            Data::U32(v) => bytemuck::cast_slice(v),
        }
    }

    /// The f32 content.
    ///
    /// # Panics
    /// It is u32: the recording fixed the type.
    pub fn f32(&self) -> &[f32] {
        match self {
            Data::F32(v) => v,
            Data::U32(_) => panic!("this output holds u32"),
        }
    }

    /// The u32 content.
    ///
    /// # Panics
    /// It is f32: the recording fixed the type.
    pub fn u32(&self) -> &[u32] {
        match self {
            Data::U32(v) => v,
            Data::F32(_) => panic!("this output holds f32"),
        }
    }

    pub(super) fn elem(&self) -> Elem {
        match self {
            Data::F32(_) => Elem::F32,
            Data::U32(_) => Elem::U32,
        }
    }

    pub(super) fn lane(&self) -> Lane {
        match self {
            Data::F32(v) => Lane::F32(v.iter().map(|x| f64::from(*x)).collect()),
            Data::U32(v) => Lane::U32(v.clone()),
        }
    }

    pub(super) fn from_lane(lane: &Lane) -> Data {
        match lane {
            Lane::F32(v) => Data::F32(v.iter().map(|x| *x as f32).collect()),
            Lane::U32(v) => Data::U32(v.clone()),
        }
    }
}
