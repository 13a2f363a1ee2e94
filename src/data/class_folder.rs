//! Folders of PNG and JPEG pictures, one folder per class.

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader};

use super::identity::{Identity, Naming};
use super::parts::{Classes, Raw};
use super::source::{Source, folder, stem};
use super::values::Values;
use super::{DatasetRow, Loader, Normalize, Parts, Portion};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "class_folder",
    summary: "a folder with one folder of PNG or JPEG pictures per class, classes and files in the order of their \
        names",
    citation: "the layout of torchvision's ImageFolder",
    licence: "of the files",
    keys: &[
        "path",
        "test_path",
        "size",
        "grayscale",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "limit",
    ],
    normalize: Normalize::Unit,
    load: Loader::Records(load),
};

/// How a picture becomes a record.
struct Form {
    channels: usize,
    /// `[height, width]` to resize to.
    resize: Option<[u32; 2]>,
    /// `[height, width]` of the first picture and its path; all others must have it too.
    first: Option<([u32; 2], PathBuf)>,
}

fn load(source: &Source) -> Result<Parts> {
    let config = source.config;
    if let Some([height, width]) = config.size
        && (height == 0 || width == 0 || height > 4096 || width > 4096)
    {
        return Err(Error::input(format!(
            "data.size: [{height}, {width}]; expected [height, width] of 1 to 4096 each"
        )));
    }
    let path = source.need("path", &config.path)?;
    let channels = if config.grayscale == Some(true) { 1 } else { 3 };
    let mut form = Form { channels, resize: config.size, first: None };
    let class_names = folders(&path)?;
    if class_names.is_empty() {
        return Err(Error::input(format!("{}: holds no folders; expected one folder per class", path.display())));
    }
    let train = read(&path, Portion::Train, &class_names, &mut form)?;
    let test = match &config.test_path {
        None => None,
        Some(test_path) => {
            let test_path = source.join(test_path);
            if let Some(unknown) = folders(&test_path)?.iter().find(|name| !class_names.contains(name)) {
                return Err(Error::input(format!(
                    "{}: the class `{unknown}` has no folder in {}",
                    test_path.display(),
                    path.display()
                )));
            }
            Some(read(&test_path, Portion::Test, &class_names, &mut form)?)
        }
    };
    let [height, width] = form.first.map_or([0, 0], |(size, _)| size);
    let name = if stem(&path) == "train" { folder(&path) } else { stem(&path) };
    let shape = vec![channels, height as usize, width as usize];
    let parts = Parts::new(name, path.display().to_string(), shape, class_names, train);
    Ok(Parts { classes: Classes::Found, test, full_scale: Some(255.0), naming: Naming::Paths, ..parts })
}

/// The entries of a folder that are not hidden, by name.
fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = vec![];
    for entry in std::fs::read_dir(path).map_err(Error::io("open", path))? {
        paths.push(entry.map_err(Error::io("read", path))?.path());
    }
    paths.retain(|path| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn folders(path: &Path) -> Result<Vec<String>> {
    let folders = entries(path)?.into_iter().filter(|entry| entry.is_dir());
    Ok(folders.map(|entry| entry.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect())
}

fn read(path: &Path, source: Portion, class_names: &[String], form: &mut Form) -> Result<Raw> {
    let (mut x, mut y, mut who) = (vec![], vec![], vec![]);
    for (class, name) in class_names.iter().enumerate() {
        let folder = path.join(name);
        // A class may be absent from a test part.
        let files = if folder.is_dir() { entries(&folder)? } else { vec![] };
        for file in files {
            record(&file, form, &mut x)?;
            y.push(class as u32);
            let file = format!("{name}/{}", file.file_name().unwrap_or_default().to_string_lossy());
            let name = if source == Portion::Train { file } else { format!("{}:{file}", source.name()) };
            who.push(Identity { source, row: who.len() as u64, name: Some(name.into()), subject: None });
        }
    }
    Ok(Raw { x: Values::Single(x), y, who })
}

/// Appends one picture, `[channels, height, width]`, values 0 to 255.
fn record(path: &Path, form: &mut Form, x: &mut Vec<f32>) -> Result<()> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if !["png", "jpg", "jpeg"].contains(&ending.as_str()) {
        return Err(Error::input(format!(
            "{}: is not a picture; expected only .png, .jpg and .jpeg here",
            path.display()
        )));
    }
    let picture = decode(path)?;
    let size = [picture.height(), picture.width()];
    match &form.first {
        None => form.first = Some((size_after(form.resize, size), path.to_owned())),
        Some((expected, first)) if *expected != size_after(form.resize, size) => {
            return Err(Error::input(format!(
                "{}: is {} × {} pixels (height × width), but {} is {} × {}; give data.size = [height, width] to resize",
                path.display(),
                size[0],
                size[1],
                first.display(),
                expected[0],
                expected[1]
            )));
        }
        Some(_) => {}
    }
    let picture = match form.resize {
        Some([height, width]) if size != [height, width] => picture.resize_exact(width, height, FilterType::Triangle),
        _ => picture,
    };
    let pixels = if form.channels == 1 { picture.into_luma8().into_raw() } else { picture.into_rgb8().into_raw() };
    for channel in 0..form.channels {
        x.extend(pixels.iter().skip(channel).step_by(form.channels).map(|&pixel| f32::from(pixel)));
    }
    Ok(())
}

fn size_after(resize: Option<[u32; 2]>, size: [u32; 2]) -> [u32; 2] {
    resize.unwrap_or(size)
}

/// Decodes by content, not by ending. The library's own limits refuse headers that promise more than 512 MiB.
fn decode(path: &Path) -> Result<DynamicImage> {
    let reader = ImageReader::open(path).map_err(Error::io("open", path))?;
    let reader = reader.with_guessed_format().map_err(Error::io("read", path))?;
    reader
        .decode()
        .map_err(|e| Error::input(format!("{}: cannot be decoded as a PNG or JPEG picture: {e}", path.display())))
}
