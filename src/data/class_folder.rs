//! Folders of pictures, one folder per class.

mod picture;
mod resample;

use std::path::{Path, PathBuf};

use picture::Picture;

use super::identity::{Identity, Naming};
use super::limit::Limit;
use super::parts::{Classes, Raw};
use super::source::{Source, folder, stem};
use super::values::Values;
use super::{DatasetRow, Loader, Normalize, Parts, Portion};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "class_folder",
    summary: "a folder with one folder of pictures per class (PNG, JPEG, WebP, BMP, TIFF; the first of several in a \
              file), or with folders `train`, `val` and `test` of such; classes and files in the order of their names; \
              turned as EXIF says, `size` resizes as Pillow and torchvision do (bilinear, antialiased), `grayscale` is \
              ITU-R BT.601 as Pillow's; a JPEG whose data end early is refused, a progressive one that lacks whole \
              scans is coarser and is not",
    citation: "the layout of torchvision's ImageFolder",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "test_path",
        "size",
        "grayscale",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
        "limit",
    ],
    normalize: Normalize::Unit,
    load: Loader::Records(load),
};

/// Names of pictures end with one of these.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];

/// How a picture becomes a record.
struct Form {
    channels: usize,
    /// `[height, width]` to resize to.
    resize: Option<[u32; 2]>,
    /// `[height, width]` of the first picture and its path; all others must have it too.
    first: Option<([usize; 2], PathBuf)>,
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
    let named = Folders::find(&path)?;
    let train = named.train.as_deref().unwrap_or(&path);
    let class_names = folders(train)?;
    if class_names.is_empty() {
        return Err(Error::input(format!("{}: holds no folders; expected one folder per class", train.display())));
    }
    let raw = read(train, Portion::Train, &class_names, &mut form, &source.limit)?;
    let mut part = |folder: Option<PathBuf>, portion: Portion| {
        let Some(folder) = folder else { return Ok(None) };
        if let Some(unknown) = folders(&folder)?.iter().find(|name| !class_names.contains(name)) {
            return Err(Error::input(format!(
                "{}: the class `{unknown}` has no folder in {}",
                folder.display(),
                train.display()
            )));
        }
        read(&folder, portion, &class_names, &mut form, &source.limit).map(Some)
    };
    let validation = part(named.validation, Portion::Validation)?;
    let test = config.test_path.as_ref().map(|test| source.join(test)).or(named.test);
    let test = part(test, Portion::Test)?;
    let [height, width] = form.first.map_or([0, 0], |(size, _)| size);
    let name = if stem(&path) == "train" { folder(&path) } else { stem(&path) };
    let parts = Parts::new(name, path.display().to_string(), vec![channels, height, width], class_names, raw);
    let (full_scale, naming) = (Some(255.0), Naming::Paths);
    Ok(Parts { classes: Classes::Found, validation, test, full_scale, naming, ..parts })
}

/// The folders of the parts, in a folder that holds them in the place of classes.
#[derive(Default)]
struct Folders {
    train: Option<PathBuf>,
    validation: Option<PathBuf>,
    test: Option<PathBuf>,
}

impl Folders {
    /// Those of `path`: `train`, whose entries are folders of classes, with `val` (or `valid`, `validation`) or `test`
    /// beside it, and no other.
    fn find(path: &Path) -> Result<Folders> {
        let mut found = Folders::default();
        for name in folders(path)? {
            let slot = match name.as_str() {
                "train" => &mut found.train,
                "val" | "valid" | "validation" => &mut found.validation,
                "test" => &mut found.test,
                _ => return Ok(Folders::default()),
            };
            if let Some(other) = slot.replace(path.join(&name)) {
                return Err(Error::input(format!(
                    "{}: `{name}` is the same part as `{}`; keep one of them",
                    path.display(),
                    other.file_name().unwrap_or_default().to_string_lossy()
                )));
            }
        }
        match &found {
            Folders { train: Some(train), validation, test }
                if (validation.is_some() || test.is_some()) && !folders(train)?.is_empty() =>
            {
                Ok(found)
            }
            _ => Ok(Folders::default()),
        }
    }
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
    let name = |entry: PathBuf| match entry.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok(name.to_owned()),
        None => Err(Error::input(format!("{}: the name of the class is not UTF-8; rename it", entry.display()))),
    };
    entries(path)?.into_iter().filter(|entry| entry.is_dir()).map(name).collect()
}

/// The records of a folder of class folders; their names are their paths in it.
fn read(path: &Path, source: Portion, class_names: &[String], form: &mut Form, limit: &Limit) -> Result<Raw> {
    let (mut x, mut y, mut paths) = (vec![], vec![], vec![]);
    for (class, name) in class_names.iter().enumerate() {
        let folder = path.join(name);
        // A class may be absent from a test part.
        let files = if folder.is_dir() { entries(&folder)? } else { continue };
        if files.is_empty() {
            return Err(Error::input(format!(
                "{}: the class folder is empty; put pictures into it or remove it",
                folder.display()
            )));
        }
        let named = |file: &PathBuf| Path::new(name).join(file.file_name().unwrap_or_default());
        paths.extend(files.iter().map(named));
        y.resize(paths.len(), class as u32);
    }
    for file in &paths {
        record(&path.join(file), form, &mut x, limit)?;
        // All are as large as the first.
        if file == &paths[0] {
            let others = 4 * (paths.len() - 1) as u64 * x.len() as u64;
            limit.room(others, path.display(), "its other pictures")?;
        }
    }
    let who = paths.iter().zip(0..).map(|(file, row)| identity(file, source, row)).collect();
    Ok(Raw { x: Values::Single(x), y, who, ..Raw::default() })
}

fn identity(file: &Path, source: Portion, row: u64) -> Identity {
    let file = file.to_string_lossy();
    let name = if source == Portion::Train { file.into_owned() } else { format!("{}:{file}", source.name()) };
    Identity { source, row, name: Some(name.into()), ..Identity::default() }
}

/// Appends one picture, `[channels, height, width]`, values 0 to 255.
fn record(path: &Path, form: &mut Form, x: &mut Vec<f32>, limit: &Limit) -> Result<()> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if !ENDINGS.contains(&ending.as_str()) {
        return Err(Error::input(format!(
            "{}: is not a picture; expected only names that end with .{} here",
            path.display(),
            ENDINGS.join(", .")
        )));
    }
    let Picture { height, width, mut pixels } = Picture::read(path, form.channels, form.resize.is_some(), limit)?;
    let size = [height, width];
    let wanted = form.resize.map_or(size, |size| size.map(|side| side as usize));
    match &form.first {
        None => form.first = Some((wanted, path.to_owned())),
        Some((expected, first)) if *expected != wanted => {
            return Err(Error::input(format!(
                "{}: is {height} × {width} pixels (height × width), but {} is {} × {}; give data.size = [height, \
                    width] to resize",
                path.display(),
                first.display(),
                expected[0],
                expected[1]
            )));
        }
        Some(_) => {}
    }
    limit.take_values(wanted[0] * wanted[1] * form.channels, path.display())?;
    pixels = resample::bilinear(pixels, size, wanted, form.channels);
    for channel in 0..form.channels {
        x.extend(pixels.iter().skip(channel).step_by(form.channels).map(|&pixel| f32::from(pixel)));
    }
    Ok(())
}
