//! Stacked programs on the GPU: where each model's range lies, the tables that the stacked shaders read, and transfers
//! for several models.

use super::form::{MOST_BINDINGS, MOST_MODELS};
use super::{LANES, Strides, stride};
use crate::engine::Data;
use crate::engine::recording::Dispatch;
use crate::engine::shader::Reflection;

/// A range on the GPU, and how far it is to the next model's.
pub(in crate::engine) struct Place {
    pub buffer: wgpu::Buffer,
    /// Byte of the first model's.
    pub start: u64,
    pub strides: Strides,
}

impl Place {
    /// The first byte of what model `model` in slot `slot` has there.
    pub fn at(&self, slot: usize, model: u32) -> u64 {
        self.start + 4 * (slot * self.strides.slot + model as usize * self.strides.model) as u64
    }

    /// Whether what lies between the ranges of neighbours is padding alone.
    fn dense(&self, bytes: u64) -> bool {
        4 * (self.strides.slot + self.strides.model) as u64 == bytes.next_multiple_of(256)
    }
}

/// One transfer: slot and model that it begins at, and bytes.
type Transfer = (usize, u32, u64);

/// The transfers of `bytes` for each of these models between such places: one, where they lie side by side.
pub(in crate::engine) fn transfers(models: &[u32], places: &[&Place], bytes: u64) -> Vec<Transfer> {
    let (Some(first), Some(last)) = (models.first(), models.len().checked_sub(1)) else { return Vec::new() };
    let by_slot = places.iter().all(|p| p.strides.model == 0);
    let in_order = by_slot || models.iter().zip(*first..).all(|(model, expected)| *model == expected);
    if bytes == 0 {
        Vec::new()
    } else if in_order && last > 0 && places.iter().all(|p| p.dense(bytes)) {
        vec![(0, *first, last as u64 * bytes.next_multiple_of(256) + bytes)]
    } else {
        models.iter().enumerate().map(|(slot, model)| (slot, *model, bytes)).collect()
    }
}

/// Writes an input of a run: each model's piece where the model has it.
pub(in crate::engine) fn upload(queue: &wgpu::Queue, to: &Place, models: &[u32], data: &Data) {
    let (bytes, each) = (data.bytes(), data.bytes().len() / models.len().max(1));
    let whole = transfers(models, &[to], each as u64);
    if let ([(slot, model, length)], true) = (&whole[..], models.len() > 1) {
        let mut padded = vec![0; (*length).next_multiple_of(4) as usize];
        let step = 4 * stride(each / 4);
        for (to, from) in padded.chunks_mut(step).zip(bytes.chunks(each)) {
            to[..each].copy_from_slice(from);
        }
        return queue.write_buffer(&to.buffer, to.at(*slot, *model), &padded);
    }
    for (piece, (slot, model, _)) in bytes.chunks(each.max(1)).zip(whole) {
        queue.write_buffer(&to.buffer, to.at(slot, model), piece);
    }
}

/// Elements from one model's output to the next in a readback of so many models.
pub(in crate::engine) fn readback_step(len: usize, models: usize) -> usize {
    if models > 1 { stride(len) } else { len }
}

/// Records the copy of an output of `len` elements to byte `to` of a readback buffer.
pub(in crate::engine) fn read_back(
    encoder: &mut wgpu::CommandEncoder,
    from: &Place,
    models: &[u32],
    len: usize,
    (staging, to): (&wgpu::Buffer, u64),
) {
    let step = 4 * readback_step(len, models.len()) as u64;
    for (slot, model, bytes) in transfers(models, &[from], 4 * len as u64) {
        encoder.copy_buffer_to_buffer(&from.buffer, from.at(slot, model), staging, to + slot as u64 * step, bytes);
    }
}

/// `StackPlaces` of a stacked shader: each binding's strides and length in elements of the shader's array.
pub(in crate::engine) fn places(d: &Dispatch, widths: &[usize], strides: &[Strides]) -> Vec<u8> {
    let mut words = Vec::new();
    for (((span, _), width), by) in d.bindings.iter().zip(widths).zip(strides) {
        // What `arrayLength` gives where the range is bound by itself, rounded up to whole vec4s.
        let length = span.len.max(1).next_multiple_of(4) / width;
        words.extend([by.slot / width, by.model / width, length, 0].map(|v| v as u32));
    }
    bytemuck::cast_slice(&words).to_vec()
}

/// Bytes of `StackPlaces` with so many bindings.
pub(in crate::engine) fn places_bytes(bindings: usize) -> u64 {
    debug_assert!(bindings <= MOST_BINDINGS);
    16 * bindings as u64
}

/// Bytes of `StackModels`.
pub(in crate::engine) const MODELS_BYTES: u64 = 4 * MOST_MODELS as u64;

/// `StackModels` of a run, as far as it is read; lanes without a model say so.
pub(in crate::engine) fn table(models: &[u32]) -> Vec<u8> {
    let mut words = models.to_vec();
    words.resize(models.len().next_multiple_of(LANES), u32::MAX);
    bytemuck::cast_slice(&words).to_vec()
}

/// What the stacked shader of a kernel binds beyond the plain one's: places with an offset for each dispatch, models.
pub(in crate::engine) fn layout_entries(shader: &Reflection) -> [(u32, bool); 2] {
    let after = shader.storage.len() as u32 + 1;
    [(after, true), (after + 1, false)]
}
