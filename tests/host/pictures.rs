//! Pictures as cameras and people leave them.

use std::path::Path;

use unlearn::data::Portion;

use super::data_bad::refused;
use super::data_files::{folder, put, try_load};

const TEXT: &str = "loader = 'class_folder'\npath = 'd'\ntest_fraction = 0.0\nnormalize = 'none'\n";

fn save(dir: &Path, name: &str, picture: &image::RgbImage) -> Vec<u8> {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(&path).unwrap();
    std::fs::read(path).unwrap()
}

/// Bright above, dark below.
fn halves(height: u32, width: u32) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |_, y| image::Rgb([if y < height / 2 { 250 } else { 5 }; 3]))
}

#[test]
fn a_truncated_jpeg_is_refused_wherever_it_is_cut() {
    let dir = folder();
    let noise =
        image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * y % 251) as u8, (x * 7) as u8, (y * 5) as u8]));
    let whole = save(dir.path(), "d/a/1.jpg", &noise);
    save(dir.path(), "d/b/1.jpg", &noise);
    try_load(TEXT, dir.path()).expect("whole pictures");
    for cut in [3 * whole.len() / 4, whole.len() / 2, whole.len() - 2, whole.len() - 1] {
        put(dir.path(), "d/b/1.jpg", &whole[..cut]);
        refused(TEXT, dir.path(), &["d/b/1.jpg", "truncated"]);
    }
    put(dir.path(), "d/b/1.jpg", &[&whole[..], b"a tail that some cameras leave"].concat());
    try_load(TEXT, dir.path()).expect("bytes behind the end are no part of the picture");
}

/// Pillow wrote the files, one with a marker every other block and one in ten scans.
#[test]
fn an_end_marker_does_not_make_a_jpeg_whole() {
    let dir = folder();
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/pictures");
    let picture =
        image::RgbImage::from_fn(48, 40, |x, y| image::Rgb([(x * y % 251) as u8, (x * 7) as u8, (y * 5) as u8]));
    let plain = save(dir.path(), "d/a/1.jpg", &picture);
    save(dir.path(), "d/b/1.jpg", &picture);
    let read = |name: &str| std::fs::read(files.join(name)).unwrap();
    for whole in [plain, read("restarts.jpg"), read("progressive.jpg")] {
        put(dir.path(), "d/b/1.jpg", &whole);
        try_load(TEXT, dir.path()).expect("whole pictures");
        for part in [0.75, 0.85, 0.95] {
            let cut = (whole.len() as f64 * part) as usize;
            put(dir.path(), "d/b/1.jpg", &[&whole[..cut], b"\xff\xd9"].concat());
            refused(TEXT, dir.path(), &["d/b/1.jpg", "truncated"]);
        }
    }
}

#[test]
fn a_picture_is_turned_as_it_says() {
    let dir = folder();
    let plain = save(dir.path(), "d/a/1.jpg", &halves(16, 16));
    save(dir.path(), "d/b/1.jpg", &halves(16, 16));
    // Top left, top right, bottom left, bottom right, each bright or dark.
    let corners = |orientation: u8| {
        let exif =
            [b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec(), vec![orientation]];
        let exif = [exif.concat(), vec![0, 0, 0, 0, 0, 0]].concat();
        put(dir.path(), "d/a/1.jpg", &[&plain[..2], &exif, &plain[2..]].concat());
        let data = try_load(&format!("{TEXT}grayscale = true"), dir.path()).unwrap();
        [0, 15, 240, 255].map(|at| data.train.x[at] > 128.0)
    };
    let (above, below, left, right) = (
        [true, true, false, false],
        [false, false, true, true],
        [true, false, true, false],
        [false, true, false, true],
    );
    let expected = [above, above, below, below, left, right, right, left];
    for (orientation, expected) in (1..).zip(expected) {
        assert_eq!(corners(orientation), expected, "orientation {orientation}");
    }
    // A picture that lies on its side has other sizes when it stands.
    let lying = save(dir.path(), "d/a/1.jpg", &halves(8, 24));
    save(dir.path(), "d/b/1.jpg", &halves(24, 8));
    refused(TEXT, dir.path(), &["24 × 8", "8 × 24"]);
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    put(dir.path(), "d/a/1.jpg", &[&lying[..2], &exif, &lying[2..]].concat());
    assert_eq!(try_load(TEXT, dir.path()).unwrap().shape, [3, 24, 8]);
}

#[test]
fn pictures_that_take_more_than_is_allowed() {
    let dir = folder();
    ["a", "b"].iter().for_each(|name| drop(save(dir.path(), &format!("d/{name}/1.png"), &halves(100, 100))));
    // 30 000 bytes decoded and what decoding takes besides, 120 000 of each record.
    refused(&format!("{TEXT}max_bytes = 100000"), dir.path(), &["d/a/1.png", "the picture", "data.max_bytes"]);
    refused(&format!("{TEXT}max_bytes = 140000"), dir.path(), &["/d: its other pictures would take 120000 bytes"]);
    try_load(&format!("{TEXT}max_bytes = 400000"), dir.path()).expect("what both take");
    try_load(&format!("{TEXT}max_bytes = 140000\nsize = [10, 10]"), dir.path()).expect("small records");
}

#[test]
fn grey_is_that_of_pillow() {
    let dir = folder();
    let colour = |rgb: [u8; 3]| image::RgbImage::from_pixel(1, 1, image::Rgb(rgb));
    save(dir.path(), "d/a/1.png", &colour([255, 0, 0]));
    save(dir.path(), "d/a/2.png", &colour([0, 255, 0]));
    save(dir.path(), "d/b/1.png", &colour([0, 0, 255]));
    assert_eq!(try_load(&format!("{TEXT}grayscale = true"), dir.path()).unwrap().train.x, [76.0, 150.0, 29.0]);
}

#[test]
fn formats_without_loss_have_the_same_pixels() {
    let dir = folder();
    let picture = image::RgbImage::from_fn(7, 5, |x, y| image::Rgb([(x * 30) as u8, (y * 50) as u8, (x * y) as u8]));
    save(dir.path(), "d/b/1.png", &picture);
    let mut first = Vec::new();
    for ending in ["png", "bmp", "webp", "tif", "TIFF"] {
        std::fs::remove_dir_all(dir.path().join("d/a")).ok();
        let bytes = save(dir.path(), &format!("d/a/1.{ending}"), &picture);
        let x = try_load(TEXT, dir.path()).unwrap_or_else(|e| panic!("{ending}: {e}")).train.x;
        assert_eq!(x[..105], x[105..], "{ending}");
        first.push(bytes[..2].to_vec());
        put(dir.path(), &format!("d/a/1.{ending}"), &bytes[..bytes.len() / 2]);
        refused(TEXT, dir.path(), &["d/a/1.", "cannot be decoded"]);
    }
    assert_eq!(first[1..], [b"BM", b"RI", b"II", b"II"], "each in its own format");
}

#[test]
fn folders_of_parts_are_the_parts() {
    let dir = folder();
    for name in ["d/train/a", "d/train/b", "d/val/a", "d/test/b", "other/a", "other/b"] {
        save(dir.path(), &format!("{name}/1.png"), &halves(2, 2));
    }
    let data = try_load(TEXT, dir.path()).unwrap();
    assert_eq!((data.name.as_str(), data.class_names.join(" ").as_str()), ("d", "a b"));
    assert_eq!([data.train.len(), data.validation.len(), data.test.len()], [2, 1, 1]);
    assert_eq!((data.validation.y.as_slice(), data.test.y.as_slice()), (&[0][..], &[1][..]));
    let ids = |part| data.places(part).filter_map(|place| data.id(place).text()).collect::<Vec<_>>().join(" ");
    assert_eq!(ids(Portion::Train), "a/1.png b/1.png");
    assert_eq!((ids(Portion::Validation), ids(Portion::Test)), ("validation:a/1.png".into(), "test:b/1.png".into()));
    let other = try_load(&format!("{TEXT}test_path = 'other'"), dir.path()).unwrap();
    assert_eq!([other.validation.len(), other.test.len()], [1, 2]);
    save(dir.path(), "d/val/c/1.png", &halves(2, 2));
    refused(TEXT, dir.path(), &["d/val", "`c`", "d/train"]);
    std::fs::remove_dir_all(dir.path().join("d/val/c")).unwrap();
    save(dir.path(), "d/valid/a/1.png", &halves(2, 2));
    refused(TEXT, dir.path(), &["/d", "`valid`", "`val`"]);
    // Classes that are called so: pictures lie in them.
    for name in ["train", "test"] {
        save(dir.path(), &format!("e/{name}/1.png"), &halves(2, 2));
    }
    let classes = try_load(&TEXT.replace("'d'", "'e'"), dir.path()).unwrap();
    assert_eq!((classes.class_names.join(" ").as_str(), classes.train.len()), ("test train", 2));
}

#[test]
fn an_empty_class_is_refused() {
    let dir = folder();
    ["a", "b"].iter().for_each(|name| drop(save(dir.path(), &format!("d/{name}/1.png"), &halves(2, 2))));
    std::fs::create_dir(dir.path().join("d/c")).unwrap();
    refused(TEXT, dir.path(), &["d/c", "class folder is empty"]);
    put(dir.path(), "d/c/.hidden", b"");
    refused(TEXT, dir.path(), &["d/c", "class folder is empty"]);
    std::fs::remove_dir_all(dir.path().join("d/c")).unwrap();
    // A class may be missing from the test part, but not be there without pictures.
    save(dir.path(), "t/a/1.png", &halves(2, 2));
    try_load(&format!("{TEXT}test_path = 't'"), dir.path()).expect("no pictures of class b");
    std::fs::create_dir(dir.path().join("t/b")).unwrap();
    refused(&format!("{TEXT}test_path = 't'"), dir.path(), &["t/b", "class folder is empty"]);
}

/// `Image.fromarray(a).resize((4, 3), Image.BILINEAR)` of Pillow, which torchvision's `Resize` calls.
#[test]
fn a_smaller_picture_is_that_of_torchvision() {
    let dir = folder();
    let picture = image::RgbImage::from_fn(10, 8, |x, y| {
        image::Rgb([(x * 25 + y) as u8, ((x * y * 7) % 256) as u8, if (x + y) % 2 == 0 { 255 } else { 0 }])
    });
    ["a", "b"].iter().for_each(|name| drop(save(dir.path(), &format!("d/{name}/1.png"), &picture)));
    let data = try_load(&format!("{TEXT}size = [3, 4]"), dir.path()).unwrap();
    let expected = [RED, GREEN, BLUE].concat();
    assert_eq!(data.train.x[..36], expected);
}

const RED: [f32; 12] = [26.0, 82.0, 145.0, 201.0, 29.0, 85.0, 148.0, 204.0, 31.0, 87.0, 150.0, 206.0];
const GREEN: [f32; 12] = [8.0, 25.0, 45.0, 62.0, 25.0, 79.0, 138.0, 159.0, 41.0, 134.0, 166.0, 116.0];
const BLUE: [f32; 12] = [128.0, 127.0, 128.0, 127.0, 128.0, 128.0, 128.0, 128.0, 127.0, 128.0, 127.0, 128.0];
