//! The Vulkan validation layers: whether they are there, what they say, and a hazard that they must see.

use std::sync::{Arc, Mutex, PoisonError};

use super::gpu::Gpu;
use super::{Engine, Kind};
use crate::error::{Error, Result};

/// Where wgpu passes on what the layers say.
const SOURCE: &str = "wgpu_hal::vulkan::instance";

/// wgpu gives out what the layers say only along with debug information in the shaders, where naga states WGSL as their
/// language. Older layers (Debian 12's 1.3.239) do not know its number and leave such a shader's SPIR-V at that; all
/// else they check. `tools/prove_shaders.sh` takes every shader's SPIR-V, without that information, through spirv-val.
const UNKNOWN_LANGUAGE: &str = "Invalid source language operand: 10";

type Heard = Arc<Mutex<Vec<String>>>;

/// Collects what the layers say. It takes the place of the process's log, and everything else in it is dropped.
pub struct Listener(Heard);

impl Listener {
    /// From now on.
    ///
    /// # Errors
    /// The process has a log already.
    pub fn start() -> Result<Listener> {
        let heard = Heard::default();
        let set = log::set_boxed_logger(Box::new(Ear(heard.clone())));
        set.map_err(|e| Error::internal(format!("the validation layers cannot be heard: {e}")))?;
        // wgpu asks the layers for what the log takes: errors and warnings.
        log::set_max_level(log::LevelFilter::Warn);
        Ok(Listener(heard))
    }

    /// What was said since the last call, one line each.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Ear(Heard);

impl log::Log for Ear {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.target() == SOURCE
    }

    fn log(&self, record: &log::Record) {
        if let (true, Some(said)) = (self.enabled(record.metadata()), complaint(&record.args().to_string())) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(said);
        }
    }

    fn flush(&self) {}
}

/// The id and the first sentence of a message `TYPES [ID (0x1234)]⏎⇥text`; nothing where it comes from the loader
/// (whose type is GENERAL) or only adds labels and objects to the message before it.
fn complaint(text: &str) -> Option<String> {
    let (head, body) = text.split_once("]\n\t")?;
    let (types, id) = head.split_once(" [")?;
    if types == "GENERAL" || body.contains(UNKNOWN_LANGUAGE) {
        return None;
    }
    let id = id.rsplit_once(" (").map_or(id, |(id, _)| id);
    // Not about what is done, but about how the layers were told to watch.
    if id.starts_with("VALIDATION-SETTINGS") || id.starts_with("WARNING-Setting") {
        return None;
    }
    // Older layers lead with the id and the handles of objects, which differ from run to run; all end with the rule.
    let body = body.rsplit(" | ").next().unwrap_or(body).lines().next().unwrap_or_default();
    let said = body.split(" The Vulkan spec states:").next().unwrap_or(body).trim();
    Some(format!("{id}: {}", without_handles(said)))
}

/// Drops the handles, which differ from run to run, of `VkBuffer 0x5c000000005c[name]`.
fn without_handles(text: &str) -> String {
    let mut pieces = text.split(" 0x");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(piece.len());
        // A number is short, a handle is not.
        out += if digits < 8 { " 0x" } else { "" };
        out += if digits < 8 { piece } else { &piece[digits..] };
    }
    out
}

/// Name of the layers and the version that their manifest states, where the loader finds them. The library behind it
/// may be another one: the loader takes the first of its name.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn present(instance: &wgpu::Instance) -> Option<String> {
    // SAFETY: the raw instance is only asked for its list of layers.
    let raw = unsafe { instance.as_hal::<wgpu::hal::api::Vulkan>() }?;
    // SAFETY: as above; the loader is in place, since there is an instance.
    let layers = unsafe { raw.shared_instance().entry().enumerate_instance_layer_properties() }.ok()?;
    let layer = layers.iter().find(|l| l.layer_name_as_c_str() == Ok(c"VK_LAYER_KHRONOS_validation"))?;
    let (name, v) = (layer.description_as_c_str().ok()?.to_string_lossy(), layer.spec_version);
    Some(format!("{name}, by its manifest {}.{}.{}", (v >> 22) & 0x7f, (v >> 12) & 0x3ff, v & 0xfff))
}

#[cfg(not(target_vendor = "apple"))]
fn race(gpu: &Gpu) -> Result<()> {
    use wgpu::hal::{CommandEncoder as _, api::Vulkan};
    let desc = wgpu::BufferDescriptor {
        label: Some("race"),
        size: 256,
        usage: Gpu::storage_usage(),
        mapped_at_creation: false,
    };
    let buffer = gpu.device.create_buffer(&desc);
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("race") });
    // SAFETY: the buffer lives until the queue is idle, the range lies in it, and both writes put the same zeros there.
    let written = unsafe {
        let raw = buffer.as_hal::<Vulkan>();
        encoder.as_hal_mut::<Vulkan, _, _>(|encoder| {
            let (encoder, raw) = encoder.zip(raw.as_deref())?;
            (0..2).for_each(|_| encoder.clear_buffer(raw, 0..desc.size));
            Some(())
        })
    };
    if written.is_none() {
        return Err(not_vulkan(gpu));
    }
    let sent = gpu.queue.submit([encoder.finish()]);
    gpu.wait_for(sent)
}

#[cfg(target_vendor = "apple")]
pub(super) fn present(_: &wgpu::Instance) -> Option<String> {
    None
}

#[cfg(target_vendor = "apple")]
fn race(gpu: &Gpu) -> Result<()> {
    Err(not_vulkan(gpu))
}

fn not_vulkan(gpu: &Gpu) -> Error {
    Error::Unsupported(format!(
        "the validation layers are Vulkan's; {} runs on {}",
        gpu.report.name, gpu.report.backend
    ))
}

/// What the layers are called, if the adapter that was opened stands under them.
///
/// # Errors
/// They were asked for and the adapter is not one of Vulkan's, or they are not installed.
pub(super) fn required(gpu: Gpu) -> Result<Gpu> {
    if !gpu.options.validation || gpu.layers.is_some() {
        return Ok(gpu);
    }
    Err(match gpu.report.backend.as_str() {
        "vulkan" => Error::Unsupported(
            "the Vulkan validation layers are not installed (on Debian and Ubuntu: apt-get install \
                vulkan-validationlayers)"
                .to_owned(),
        ),
        _ => not_vulkan(&gpu),
    })
}

impl Engine {
    /// Name and version of the Vulkan validation layers that the adapter stands under, where it was asked for.
    pub fn layers(&self) -> Option<&str> {
        match &self.kind {
            Kind::Gpu(g) => g.layers.as_deref(),
            Kind::Reference(_) => None,
        }
    }

    /// Writes a buffer twice with no barrier between the two: how the harness shows that the validation layers watch.
    ///
    /// # Errors
    /// The adapter is not one of Vulkan's, or the device failed.
    pub fn race(&mut self) -> Result<()> {
        match &self.kind {
            Kind::Gpu(g) => race(g),
            Kind::Reference(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn a_complaint_is_the_id_and_the_first_sentence() {
        let old = "VALIDATION [SYNC-HAZARD-WRITE-AFTER-WRITE (0x5c0ec5d6)]\n\tValidation Error: [ \
            SYNC-HAZARD-WRITE-AFTER-WRITE ] Object 0: handle = 0x1, type = VK_OBJECT_TYPE_BUFFER; | MessageID = \
            0x5c0ec5d6 | vkCmdFillBuffer: Hazard for VkBuffer 0x5c000000005c[y], flags 0x10.";
        let heard = "SYNC-HAZARD-WRITE-AFTER-WRITE: vkCmdFillBuffer: Hazard for VkBuffer[y], flags 0x10.";
        assert_eq!(complaint(old).as_deref(), Some(heard));
        let new = "VALIDATION | PERFORMANCE [VUID-a-b (0x2)]\n\tvkCmdX(): size is 0.\nThe Vulkan spec states: more";
        assert_eq!(complaint(new).as_deref(), Some("VUID-a-b: vkCmdX(): size is 0."));
        let language = "VALIDATION [X (0x1)]\n\tSPIR-V module not valid: Invalid source language operand: 10";
        let settings = "VALIDATION [VALIDATION-SETTINGS (0x2)]\n\tenables is deprecated";
        for other in [
            language,
            settings,
            "GENERAL [Loader Message (0x0)]\n\tno such file",
            "\tobjects: (type: BUFFER)",
            "Debug utils",
        ] {
            assert_eq!(complaint(other), None, "{other}");
        }
    }
}
