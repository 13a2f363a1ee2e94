//! `model.safetensors`: PyTorch's names and layouts, so that `load_state_dict` takes the file and its files are taken.

use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::nn::ParamLayout;

/// Writes named f32 tensors in the given order of names.
///
/// # Errors
/// The file cannot be written; the old one is then untouched.
pub fn save_tensors(path: &Path, tensors: &[(String, Vec<usize>, &[f32])], metadata: &[(&str, String)]) -> Result<()> {
    let mut views = Vec::new();
    for (name, shape, values) in tensors {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        views.push((name.clone(), view.map_err(|e| Error::internal(format!("tensor `{name}`: {e}")))?));
    }
    let metadata = metadata.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    let bytes = safetensors::serialize(views, Some(metadata))
        .map_err(|e| Error::internal(format!("{} cannot be serialised: {e}", path.display())))?;
    write_atomic(path, &bytes)
}

/// Writes a flat vector under its parameters' names.
pub fn save(path: &Path, layout: &ParamLayout, flat: &[f32], metadata: &[(&str, String)]) -> Result<()> {
    let tensors: Vec<_> =
        layout.entries().iter().map(|e| (e.name.clone(), e.shape.clone(), &flat[e.offset..e.offset + e.len])).collect();
    save_tensors(path, &tensors, metadata)
}

/// Writes a model's state dict: parameters, and the buffers that PyTorch looks for beside them.
pub fn save_model(path: &Path, layout: &ParamLayout, theta: &[f32], metadata: &[(&str, String)]) -> Result<()> {
    let parameters = layout.entries().iter().map(|e| (e.name.clone(), e.shape.clone(), &theta[e.offset..][..e.len]));
    let buffers = layout.buffers().iter().map(|(name, value)| (name.clone(), vec![1], std::slice::from_ref(value)));
    save_tensors(path, &parameters.chain(buffers).collect::<Vec<_>>(), metadata)
}

/// Refuses weights of which one is NaN or infinite. `what` begins the sentence.
///
/// # Errors
/// [`Error::Device`] naming the parameter.
pub fn check_finite(layout: &ParamLayout, theta: &[f32], what: &str) -> Result<()> {
    let bad = |e: &&crate::nn::ParamEntry| theta[e.offset..e.offset + e.len].iter().any(|v| !v.is_finite());
    match layout.entries().iter().find(bad) {
        None => Ok(()),
        Some(e) => Err(Error::Device(format!(
            "{what} diverged: `{}` has weights that are not finite; nothing was saved of them; use a smaller learning \
             rate",
            e.name
        ))),
    }
}

/// Reads a state dict into a padded flat vector. Buffers may be missing.
///
/// # Errors
/// A corrupt file, a missing or unknown name, another shape or element type, NaN or Inf, a buffer that is not what the
/// configuration says: one sentence with the file and the name. Nothing is returned then.
pub fn load(path: &Path, layout: &ParamLayout) -> Result<Vec<f32>> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|e| Error::input(format!("{} is not a whole safetensors file: {e}", path.display())))?;
    let fail = |what: String| Error::input(format!("{}: {what}", path.display()));
    for (name, value) in layout.buffers() {
        let Ok(tensor) = file.tensor(name) else { continue };
        if as_f32(&tensor).is_none_or(|found| found != [*value]) {
            return Err(fail(format!("`{name}` is not the {value} that the model's configuration says")));
        }
    }
    let buffer = |n: &&str| layout.buffers().iter().any(|(name, _)| name == n);
    if let Some(extra) = file.names().iter().find(|n| layout.get(n).is_err() && !buffer(n)) {
        let known: Vec<_> = layout.entries().iter().map(|e| e.name.as_str()).collect();
        return Err(fail(format!("tensor `{extra}` is not a parameter of the model, which has {}", known.join(", "))));
    }
    let mut flat = vec![0.0; layout.total()];
    for e in layout.entries() {
        let tensor =
            file.tensor(&e.name).map_err(|_| fail(format!("parameter `{}` {:?} is missing", e.name, e.shape)))?;
        if tensor.shape() != e.shape {
            return Err(fail(format!("`{}` has shape {:?}, the model wants {:?}", e.name, tensor.shape(), e.shape)));
        }
        let values = as_f32(&tensor)
            .ok_or_else(|| fail(format!("`{}` holds {:?}, expected F32 or F64", e.name, tensor.dtype())))?;
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(fail(format!("`{}` holds {} at element {at}", e.name, values[at])));
        }
        flat[e.offset..e.offset + e.len].copy_from_slice(&values);
    }
    Ok(flat)
}

fn as_f32(tensor: &TensorView) -> Option<Vec<f32>> {
    match tensor.dtype() {
        Dtype::F32 => Some(bytemuck::pod_collect_to_vec(tensor.data())),
        Dtype::F64 => {
            let wide: Vec<f64> = bytemuck::pod_collect_to_vec(tensor.data());
            Some(wide.iter().map(|v| *v as f32).collect())
        }
        _ => None,
    }
}
