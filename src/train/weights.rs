//! `model.safetensors`: PyTorch's names and layouts, so that `load_state_dict` takes the file and its files are taken.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::nn::{Init, ParamLayout};

/// Writes named f32 tensors in the given order of names.
///
/// # Errors
/// The file cannot be written; the old one is then untouched.
pub fn save_tensors(path: &Path, tensors: &[(String, Vec<usize>, &[f32])], metadata: &[(&str, String)]) -> Result<()> {
    let each = tensors.iter().map(|(name, shape, values)| view(name, Dtype::F32, shape, bytemuck::cast_slice(values)));
    write_atomic(path, &serialized(each.collect::<Result<_>>()?, metadata)?)
}

fn view<'a>(name: &str, kind: Dtype, shape: &[usize], bytes: &'a [u8]) -> Result<(String, TensorView<'a>)> {
    let made = TensorView::new(kind, shape.to_vec(), bytes);
    Ok((name.to_owned(), made.map_err(|e| Error::internal(format!("tensor `{name}`: {e}")))?))
}

fn serialized(views: Vec<(String, TensorView)>, metadata: &[(&str, String)]) -> Result<Vec<u8>> {
    let plain = safetensors::serialize(views, None)
        .map_err(|e| Error::internal(format!("weights cannot be serialised: {e}")))?;
    with_metadata(&plain, metadata)
}

/// A file with metadata in the order of their keys: the crate writes them in that of a hash, another in each process.
fn with_metadata(plain: &[u8], metadata: &[(&str, String)]) -> Result<Vec<u8>> {
    let broken = || Error::internal("a serialised file has no header");
    let (length, rest) = plain.split_first_chunk::<8>().ok_or_else(broken)?;
    let (header, tensors) = rest.split_at_checked(u64::from_le_bytes(*length) as usize).ok_or_else(broken)?;
    let entries = header.trim_ascii_end().strip_prefix(b"{").ok_or_else(broken)?;
    let sorted: BTreeMap<&str, &String> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let sorted = serde_json::to_string(&sorted).map_err(|e| Error::internal(format!("metadata: {e}")))?;
    let comma = if entries == b"}" { "" } else { "," };
    let mut header = [format!("{{\"__metadata__\":{sorted}{comma}").as_bytes(), entries].concat();
    // Numbers behind it begin at a multiple of eight.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes()[..], &header, tensors].concat())
}

/// Writes a flat vector under its parameters' names.
pub fn save(path: &Path, layout: &ParamLayout, flat: &[f32], metadata: &[(&str, String)]) -> Result<()> {
    let tensors: Vec<_> =
        layout.entries().iter().map(|e| (e.name.clone(), e.shape.clone(), &flat[e.offset..e.offset + e.len])).collect();
    save_tensors(path, &tensors, metadata)
}

/// Writes a model's state dict: [`model_bytes`].
///
/// # Errors
/// The file cannot be written; the old one is then untouched.
pub fn save_model(path: &Path, layout: &ParamLayout, theta: &[f32], metadata: &[(&str, String)]) -> Result<()> {
    write_atomic(path, &model_bytes(layout, theta, metadata)?)
}

/// A model's state dict as a file: parameters, and what PyTorch looks for beside them.
///
/// # Errors
/// Tensors that safetensors cannot hold.
pub fn model_bytes(layout: &ParamLayout, theta: &[f32], metadata: &[(&str, String)]) -> Result<Vec<u8>> {
    let counts: Vec<i64> =
        layout.tensors().filter(|(e, _)| e.init == Init::Count).map(|(_, at)| theta[at.start] as i64).collect();
    let mut left = counts.chunks(1);
    let mut views = Vec::new();
    for (e, at) in layout.tensors() {
        views.push(match e.init {
            Init::Count => view(&e.name, Dtype::I64, &e.shape, bytemuck::cast_slice(left.next().unwrap_or_default()))?,
            _ => view(&e.name, Dtype::F32, &e.shape, bytemuck::cast_slice(&theta[at]))?,
        });
    }
    for (name, of) in layout.aliases() {
        let e = layout.get(of)?;
        views.push(view(name, Dtype::F32, &e.shape, bytemuck::cast_slice(&theta[e.offset..e.offset + e.len]))?);
    }
    for (name, value) in layout.buffers() {
        views.push(view(name, Dtype::F32, &[1], bytemuck::bytes_of(value))?);
    }
    serialized(views, metadata)
}

/// Refuses a network's numbers, or a vector of its parameters' layout, of which one is NaN or infinite. `what` begins
/// the sentence.
///
/// # Errors
/// [`Error::Device`] naming the parameter.
pub fn check_finite(layout: &ParamLayout, theta: &[f32], what: &str) -> Result<()> {
    let bad = |(_, at): &(&crate::nn::ParamEntry, Range<usize>)| {
        theta.get(at.clone()).is_some_and(|part| part.iter().any(|v| !v.is_finite()))
    };
    match layout.tensors().find(bad) {
        None => Ok(()),
        Some((e, _)) => Err(Error::Device(format!(
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
    for (name, of) in layout.aliases() {
        let same = |a: TensorView, b: TensorView| a.shape() == b.shape() && as_f32(&a) == as_f32(&b);
        if let (Ok(one), Ok(other)) = (file.tensor(name), file.tensor(of))
            && !same(one, other)
        {
            return Err(fail(format!("`{name}` is not `{of}`, and the model's configuration says that they are one")));
        }
    }
    let beside = |n: &&str| {
        layout.buffers().iter().any(|(name, _)| name == n) || layout.aliases().iter().any(|(name, _)| name == n)
    };
    let known: Vec<_> = layout.tensors().map(|(e, _)| e.name.as_str()).collect();
    if let Some(extra) = file.names().iter().find(|n| !known.contains(n) && !beside(n)) {
        return Err(fail(format!("tensor `{extra}` is not a parameter of the model, which has {}", known.join(", "))));
    }
    let mut flat = vec![0.0; layout.whole()];
    for (e, at) in layout.tensors() {
        let tensor =
            file.tensor(&e.name).map_err(|_| fail(format!("parameter `{}` {:?} is missing", e.name, e.shape)))?;
        if tensor.shape() != e.shape {
            return Err(fail(format!("`{}` has shape {:?}, the model wants {:?}", e.name, tensor.shape(), e.shape)));
        }
        let (values, expected) = match e.init {
            Init::Count => (as_count(&tensor), "I64 of at least 0"),
            _ => (as_f32(&tensor), "F32 or F64"),
        };
        let values =
            values.ok_or_else(|| fail(format!("`{}` holds {:?}, expected {expected}", e.name, tensor.dtype())))?;
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(fail(format!("`{}` holds {} at element {at}", e.name, values[at])));
        }
        flat[at].copy_from_slice(&values);
    }
    Ok(flat)
}

fn as_count(tensor: &TensorView) -> Option<Vec<f32>> {
    let wide: Vec<i64> = (tensor.dtype() == Dtype::I64).then(|| bytemuck::pod_collect_to_vec(tensor.data()))?;
    wide.iter().all(|count| *count >= 0).then(|| wide.iter().map(|count| *count as f32).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(values: &[f32]) -> Vec<(String, Vec<usize>, &[f32])> {
        ["b", "a", "longer.name"].map(|name| (name.to_owned(), vec![values.len()], values)).to_vec()
    }

    #[test]
    fn one_key_gives_the_bytes_of_the_crate_and_several_are_sorted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        let values = [1.5f32, -0.0, 3.0];
        save_tensors(&path, &tensors(&values), &[("format", "pt".to_owned())]).unwrap();
        let views = tensors(&values).into_iter().map(|(name, shape, values)| {
            (name, TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values)).unwrap())
        });
        let format = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
        assert_eq!(std::fs::read(&path).unwrap(), safetensors::serialize(views, Some(format)).unwrap());
        let many: Vec<(String, String)> = (0..20).rev().map(|i| (format!("k{i:02}"), format!("\"{i}\" é"))).collect();
        let pairs: Vec<(&str, String)> = many.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        save_tensors(&path, &tensors(&values), &pairs).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let found: BTreeMap<_, _> = header.metadata().clone().unwrap().into_iter().collect();
        assert_eq!(found, many.iter().cloned().collect());
        assert_eq!(SafeTensors::deserialize(&bytes).unwrap().tensor("a").unwrap().shape(), [3]);
        let text = String::from_utf8_lossy(&bytes[8..]).into_owned();
        let at: Vec<usize> = (0..20).map(|i| text.find(&format!("\"k{i:02}\"")).unwrap()).collect();
        assert!(at.is_sorted(), "{text}");
        save_tensors(&path, &[], &pairs).unwrap();
        assert!(SafeTensors::deserialize(&std::fs::read(&path).unwrap()).unwrap().is_empty());
    }
}
