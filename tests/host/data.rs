//! Loaders read back what the tests write.

use std::path::Path;

use unlearn::data::{DATASETS, DataConfig};

use super::data_files::{array, folder, gzip, idx, idx_of, npz, put, try_load};

const IDX: &str = "loader = 'idx'\ntrain_images = 'a'\ntrain_labels = 'b'\ntest_images = 'c'\ntest_labels = 'd'\n";

#[test]
fn idx_plain_and_packed_files_give_the_same_records() {
    let dir = folder();
    let pixels: Vec<u8> = (0..3 * 2 * 4).map(|at| at * 10).collect();
    put(dir.path(), "a", &idx(&[3, 2, 4], &pixels));
    put(dir.path(), "b", &idx(&[3], &[2, 0, 1]));
    put(dir.path(), "c", &gzip(&idx(&[1, 2, 4], &pixels[..8])));
    put(dir.path(), "d", &gzip(&idx(&[1], &[2])));
    let data = try_load(&format!("{IDX}normalize = 'none'"), dir.path()).unwrap();
    assert_eq!((data.shape.clone(), data.classes, data.validation.len()), (vec![1, 2, 4], 3, 0));
    assert_eq!(data.train.y, [2, 0, 1]);
    assert!(data.train.x.iter().zip(&pixels).all(|(&x, &pixel)| x == f32::from(pixel)));
    assert_eq!((&data.test.x[..], &data.test.y[..]), (&data.train.x[..8], &[2][..]));
    let unit = try_load(IDX, dir.path()).unwrap();
    assert_eq!(unit.train.x[23], 230.0 / 255.0);
}

#[test]
fn idx_elements_of_every_type_and_the_labels_of_qmnist() {
    let dir = folder();
    let values = [-3i16, 0, 5, 100];
    let big = |encode: fn(i16) -> Vec<u8>| values.into_iter().flat_map(encode).collect::<Vec<u8>>();
    // Class, series, writer and five further numbers of each picture.
    let qmnist: Vec<u8> = [[7i32, 4, 2424, 9, 9, 9, 9, 0], [2, 4, 2424, 9, 9, 9, 9, 0]]
        .concat()
        .into_iter()
        .flat_map(i32::to_be_bytes)
        .collect();
    put(dir.path(), "b", &idx_of(0x0c, &[2, 8], &qmnist));
    let text = "loader = 'idx'\ntrain_images = 'a'\ntrain_labels = 'b'\ntest_fraction = 0.0\n";
    for (element, bytes) in [
        (0x09, big(|v| vec![v as i8 as u8])),
        (0x0b, big(|v| v.to_be_bytes().to_vec())),
        (0x0c, big(|v| i32::from(v).to_be_bytes().to_vec())),
        (0x0d, big(|v| f32::from(v).to_be_bytes().to_vec())),
        (0x0e, big(|v| f64::from(v).to_be_bytes().to_vec())),
    ] {
        put(dir.path(), "a", &gzip(&idx_of(element, &[2, 1, 2], &bytes)));
        let plain = try_load(&format!("{text}normalize = 'none'"), dir.path()).unwrap();
        assert_eq!((plain.train.x, plain.train.y), (values.map(f32::from).to_vec(), vec![7, 2]), "{element:#x}");
        // No type but bytes has a full scale: the channel's range is.
        let unit = try_load(text, dir.path()).unwrap();
        assert_eq!([unit.train.x[0], unit.train.x[3]], [0.0, 1.0], "{element:#x}");
    }
}

#[test]
fn cifar_100_has_two_labels() {
    let dir = folder();
    let batch = [[vec![11, 19], vec![3; 3072]].concat(), [vec![0, 55], vec![4; 3072]].concat()].concat();
    put(dir.path(), "train.bin", &batch);
    let text = "loader = 'cifar'\ntrain_files = ['train.bin']\ntest_fraction = 0.0\nnormalize = 'none'\n";
    let names = |data: &unlearn::data::Dataset| {
        let name = |class: &u32| data.class_names[*class as usize].clone();
        (data.classes, data.train.y.iter().map(name).collect::<Vec<_>>().join(" "))
    };
    let fine = try_load(&format!("{text}label = 'fine'"), dir.path()).unwrap();
    assert_eq!((fine.name.as_str(), names(&fine)), ("cifar100", (100, "cattle otter".to_owned())));
    assert_eq!([fine.train.x[0], fine.train.x[3071], fine.train.x[3072]], [3.0, 3.0, 4.0]);
    let coarse = try_load(&format!("{text}label = 'coarse'"), dir.path()).unwrap();
    assert_eq!(names(&coarse), (20, "large_omnivores_and_herbivores aquatic_mammals".to_owned()));
}

#[test]
fn cifar_keeps_channel_planes_and_splits_when_there_is_no_test_file() {
    let dir = folder();
    let record = |label: u8| [vec![label], vec![10; 1024], vec![20; 1024], vec![label; 1024]].concat();
    let batch = |labels: &[u8]| labels.iter().flat_map(|&label| record(label)).collect::<Vec<u8>>();
    put(dir.path(), "one.bin", &batch(&[0, 9, 0, 9]));
    put(dir.path(), "two.bin.gz", &gzip(&batch(&[0, 9, 0, 9])));
    let split = try_load("loader = 'cifar'\ntrain_files = ['one.bin', 'two.bin.gz']", dir.path()).unwrap();
    // Records are drawn by what they hold, so that equal ones are in one part.
    assert_eq!((split.train.len(), split.test.len() % 4), (8 - split.test.len(), 0));
    let whole = "loader = 'cifar'\nnormalize = 'none'\ntrain_files = ['one.bin']\ntest_files = ['two.bin.gz']";
    let whole = try_load(whole, dir.path()).unwrap();
    assert_eq!((whole.train.y.clone(), whole.test.y.clone()), (vec![0, 9, 0, 9], vec![0, 9, 0, 9]));
    let second = &whole.train.x[3072..6144];
    assert_eq!([second[0], second[1023], second[1024], second[2048], second[3071]], [10.0, 10.0, 20.0, 9.0, 9.0]);
}

#[test]
fn npz_with_medmnist_names_puts_channels_first_and_keeps_its_parts() {
    let dir = folder();
    // Two records of 1 × 2 pixels with 3 channels, channels last.
    let images: Vec<u8> = (0..12).collect();
    npz(
        dir.path(),
        "m.npz",
        &[
            &array::<u8>("train_images", &[2, 1, 2, 3], images.clone()),
            &array::<u8>("train_labels", &[2, 1], vec![1, 0]),
            &array::<u8>("val_images", &[1, 1, 2, 3], images[..6].to_vec()),
            &array::<i64>("val_labels", &[1], vec![1]),
            &array::<u8>("test_images", &[2, 1, 2, 3], images),
            &array::<f64>("test_labels", &[2, 1], vec![0.0, 1.0]),
        ],
    );
    let data = try_load("loader = 'npz'\npath = 'm.npz'\nlayout = 'nhwc'\nnormalize = 'none'", dir.path()).unwrap();
    assert_eq!((data.shape.clone(), data.name.as_str()), (vec![3, 1, 2], "m"));
    assert_eq!(data.train.x[..6], [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!((data.train.y, data.validation.y, data.test.y), (vec![1, 0], vec![1], vec![0, 1]));
    let unit = try_load("loader = 'npz'\npath = 'm.npz'\nlayout = 'nhwc'", dir.path()).unwrap();
    assert_eq!((unit.normalization.offset, unit.normalization.scale), (vec![0.0], vec![255.0]));
}

/// `tools/parity/numpy_arrays.py` wrote the file with NumPy.
#[test]
fn npz_reads_what_numpy_writes() {
    let dir = folder();
    put(dir.path(), "n.npz", include_bytes!("../../assets/parity/numpy.npz"));
    let records = |x: &str| {
        let keys = format!("path = 'n.npz'\nx = '{x}'\ny = 'y'\nnormalize = 'none'\ntest_fraction = 0.0");
        let data = try_load(&format!("loader = 'npz'\n{keys}"), dir.path()).unwrap_or_else(|e| panic!("{x}: {e}"));
        assert_eq!(data.train.y, [0, 1, 0, 1, 1], "{x}");
        data.train.x
    };
    for kind in ["u2", "u4", "u8", "i2", "i4", "i8", "f4", "f8"] {
        for order in ["", "_big"] {
            assert_eq!(
                records(&format!("x_{kind}{order}")),
                (0..10).map(|v| v as f32).collect::<Vec<_>>(),
                "{kind}{order}"
            );
        }
    }
    for (x, first) in [("x_u1", [0.0, 1.0]), ("x_i1", [0.0, 1.0]), ("x_b1", [1.0, 0.0])] {
        assert_eq!(records(x)[..2], first, "{x}");
    }
    assert_eq!(records("x_column"), [0.0, 2.0, 4.0, 6.0, 8.0], "one column is in both orders at once");
    for (x, bits) in [("wide_i1", 7), ("wide_i2", 15), ("wide_i4", 31), ("wide_i8", 63)] {
        let half = 2f64.powi(bits);
        assert_eq!(records(x)[..2], [-half as f32, (half - 1.0) as f32], "{x}");
    }
}

#[test]
fn npz_reads_every_number_type_under_chosen_names() {
    let dir = folder();
    let x = |name| array::<f64>(name, &[8, 2], (0..16).map(f64::from).collect());
    npz(
        dir.path(),
        "t.npz",
        &[
            &x("features"),
            &array::<u64>("u8", &[8], vec![0, 1, 0, 1, 0, 1, 0, 1]),
            &array::<i32>("i4", &[8], vec![0, 1, 0, 1, 0, 1, 0, 1]),
            &array::<u16>("u2", &[8], vec![0, 1, 0, 1, 0, 1, 0, 1]),
            &array::<i8>("i1", &[8, 1], vec![0, 1, 0, 1, 0, 1, 0, 1]),
            &array::<f32>("f4", &[8], vec![0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]),
            &array::<bool>("b1", &[8], vec![false, true, false, true, false, true, false, true]),
        ],
    );
    for labels in ["u8", "i4", "u2", "i1", "f4", "b1"] {
        let text = format!("loader = 'npz'\npath = 't.npz'\nx = 'features'\ny = '{labels}'\nnormalize = 'none'");
        let data = try_load(&text, dir.path()).unwrap();
        assert_eq!((data.train.len(), data.test.len(), data.shape.clone()), (6, 2, vec![2]), "{labels}");
        // Record i is (2 i, 2 i + 1) with class i mod 2, whichever part it is in.
        for part in [&data.train, &data.test] {
            for (record, class) in part.x.chunks(2).zip(&part.y) {
                assert_eq!((record[0] / 2.0 % 2.0, record[1] - record[0]), (*class as f32, 1.0), "{labels}");
            }
        }
    }
    // Float tables have no full scale: `unit`, the default, spans the training part's range.
    let unit = try_load("loader = 'npz'\npath = 't.npz'\nx = 'features'\ny = 'i4'", dir.path()).unwrap();
    assert_eq!(unit.train.x.iter().copied().fold(0.0, f32::max), 1.0);
}

const TABLE: &str = "age;job;city;ok
10;?;b;yes
20;clerk;a;no

?;nurse;b;yes
30;clerk;a;no
";

#[test]
fn csv_imputes_the_mean_and_gives_missing_categories_their_own_feature() {
    let dir = folder();
    put(dir.path(), "t.csv", TABLE.as_bytes());
    put(dir.path(), "u.csv", b"| a comment\nage;job;city;ok\n?;pilot;a;no.\n");
    let text = "loader = 'csv'\npath = 't.csv'\ntest_path = 'u.csv'\ntest_skip_rows = 1\nlabel_strip = '.'\n\
                delimiter = ';'\nlabel = 'ok'\nmissing_indicator = true\n";
    let raw = try_load(&format!("{text}normalize = 'none'"), dir.path()).unwrap();
    assert_eq!(raw.class_names, ["no", "yes"]);
    assert_eq!((raw.train.y, raw.test.y), (vec![1, 0, 1, 0], vec![0]));
    // age, age is missing, job = missing | clerk | nurse, city = a | b
    assert_eq!(
        raw.train.x.chunks(7).collect::<Vec<_>>(),
        [
            [10.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            [20.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0],
            [20.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0],
            [30.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        ]
    );
    // A job that training has not seen is all zeros.
    assert_eq!(raw.test.x, [20.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    let standard = try_load(text, dir.path()).unwrap();
    assert_eq!(standard.normalization.offset, [20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert!((standard.normalization.scale[0] - 50f64.sqrt()).abs() < 1e-6);
}

#[test]
fn csv_columns_go_by_name_and_by_position_with_and_without_a_header() {
    let dir = folder();
    put(dir.path(), "t.csv", TABLE.as_bytes());
    let rest = "loader = 'csv'\npath = 't.csv'\ndelimiter = ';'\ntest_fraction = 0.0\nnormalize = 'none'\n";
    let named = try_load(&format!("{rest}label = 'ok'\ndrop = ['job', 'city']"), dir.path()).unwrap();
    let header = "header = false\nskip_rows = 1\nlabel = -1\ndrop = [1]\nschema = { 2 = 'drop' }";
    let placed = try_load(&format!("{rest}{header}"), dir.path()).unwrap();
    let given = "columns = ['a', 'b', 'c', 'd']\nskip_rows = 1\nlabel = 'd'\nschema = { b = 'drop', c = 'drop' }";
    let given = try_load(&format!("{rest}{given}"), dir.path()).unwrap();
    assert_eq!(named.train.x, [10.0, 20.0, 20.0, 30.0]);
    assert_eq!((&placed.train, &given.train), (&named.train, &named.train));
    let numbers = "loader = 'csv'\npath = 'n.csv'\nlabel = 'y'\ntest_fraction = 0.0\nschema = { x = 'categorical' }";
    put(dir.path(), "n.csv", b"x,y\n7,10\n8,9\n7,9\n");
    let numbers = try_load(numbers, dir.path()).unwrap();
    assert_eq!((numbers.class_names.join(" "), numbers.shape), ("9 10".to_owned(), vec![2]));
}

#[test]
fn csv_learns_its_encoding_from_the_training_rows_only() {
    let dir = folder();
    let rows: String = (0..40).map(|row| format!("c{row},{row},{}\n", row % 2)).collect();
    put(dir.path(), "t.csv", format!("word,number,y\n{rows}").as_bytes());
    let data = try_load("loader = 'csv'\npath = 't.csv'\nlabel = 'y'\nnormalize = 'none'", dir.path()).unwrap();
    // Training rows know their own words; those of the test rows are unknown.
    let (n, tested) = (data.train.len(), data.test.len());
    assert_eq!((data.shape.clone(), n + tested), (vec![n + 1], 40));
    assert!(tested > 3 && data.test.x.chunks(n + 1).all(|record| record[..n].iter().all(|&v| v == 0.0)));
}

fn picture(dir: &Path, name: &str, [height, width]: [u32; 2], colour: [u8; 3]) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::RgbImage::from_pixel(width, height, image::Rgb(colour)).save(path).unwrap();
}

#[test]
fn class_folders_are_read_in_the_order_of_names_channels_first() {
    let dir = folder();
    picture(dir.path(), "d/train/dog/1.png", [2, 3], [1, 2, 3]);
    picture(dir.path(), "d/train/cat/b.png", [2, 3], [4, 5, 6]);
    picture(dir.path(), "d/train/cat/a.JPG", [2, 3], [200, 200, 200]);
    picture(dir.path(), "d/test/cat/z.png", [2, 3], [7, 7, 7]);
    put(dir.path(), "d/train/.hidden", b"");
    let text = "loader = 'class_folder'\npath = 'd/train'\ntest_path = 'd/test'\nnormalize = 'none'\n";
    let data = try_load(text, dir.path()).unwrap();
    assert_eq!((data.name.as_str(), data.shape.clone()), ("d", vec![3, 2, 3]));
    assert_eq!((data.class_names.join(" "), data.train.y.clone()), ("cat dog".to_owned(), vec![0, 0, 1]));
    assert!(data.train.x[..18].iter().all(|v| (v - 200.0).abs() <= 2.0), "JPEG is lossy, but not so much");
    assert_eq!(data.train.x[36..], [[1.0; 6], [2.0; 6], [3.0; 6]].concat());
    assert_eq!((data.test.x, data.test.y), (vec![7.0; 18], vec![0]));
    picture(dir.path(), "d/train/dog/2.png", [5, 5], [9, 9, 9]);
    let resized = try_load(&format!("{text}size = [4, 2]\ngrayscale = true"), dir.path()).unwrap();
    assert_eq!((resized.shape, resized.train.x[24..].to_vec()), (vec![1, 4, 2], vec![9.0; 8]));
}

#[test]
fn synthetic_data_are_reproducible_and_separable() {
    let here = Path::new(".");
    for text in
        ["loader = 'synth'", "loader = 'synth'\npattern = 'stripes'\nclasses = 6\nshape = [2, 6, 7]\nsamples = 60"]
    {
        let data = try_load(text, here).unwrap();
        assert_eq!(data, try_load(text, here).unwrap());
        assert_ne!(data.train.x, try_load(&format!("{text}\nseed = 1"), here).unwrap().train.x);
        assert_eq!(data.train.x.len(), data.train.len() * data.width());
    }
    let blobs = try_load("loader = 'synth'\nnoise = 0.0", here).unwrap();
    for (record, class) in blobs.train.x.chunks(8).zip(&blobs.train.y) {
        let same = blobs.train.y.iter().position(|y| y == class).unwrap();
        assert_eq!(record, &blobs.train.x[same * 8..][..8]);
    }
}

#[test]
fn parts_are_disjoint_and_do_not_depend_on_anything_but_the_split_seed() {
    let here = Path::new(".");
    let text = "loader = 'synth'\nsamples = 200\nvalidation_fraction = 0.2\n";
    let data = try_load(text, here).unwrap();
    let sizes = [data.train.len(), data.validation.len(), data.test.len()];
    assert!(sizes[0] > 100 && sizes[1] > 15 && sizes[2] > 30 && sizes.iter().sum::<usize>() == 200, "{sizes:?}");
    let mut records: Vec<Vec<u32>> = vec![];
    for part in [&data.train, &data.validation, &data.test] {
        records.extend(part.x.chunks(8).map(|record| record.iter().map(|v| v.to_bits()).collect()));
    }
    records.sort();
    records.dedup();
    assert_eq!(records.len(), 200, "a record is in two parts");
    assert_ne!(data.train.x, try_load(&format!("{text}split_seed = 5"), here).unwrap().train.x);
    let limited = try_load(&format!("{text}limit = 10"), here).unwrap();
    assert_eq!((&limited.train.x[..], &limited.test), (&data.train.x[..80], &data.test));
}

#[test]
fn statistics_come_from_the_training_part_only() {
    let dir = folder();
    put(dir.path(), "a", &idx(&[2, 1, 1], &[10, 20]));
    put(dir.path(), "b", &idx(&[2], &[0, 1]));
    put(dir.path(), "c", &idx(&[2, 1, 1], &[200, 250]));
    put(dir.path(), "d", &idx(&[2], &[0, 1]));
    let data = try_load(&format!("{IDX}normalize = 'standard'"), dir.path()).unwrap();
    assert_eq!((data.normalization.offset, data.normalization.scale), (vec![15.0], vec![5.0]));
    assert_eq!((data.train.x, data.test.x), (vec![-1.0, 1.0], vec![37.0, 47.0]));
}

#[test]
fn resolved_configurations_state_every_default_and_are_stable() {
    let config: DataConfig = toml::from_str("loader = 'csv'\npath = 'x.csv'").unwrap();
    let once = config.resolved().unwrap();
    assert_eq!((once.test_fraction, once.split_seed, once.header), (Some(0.25), Some(0), Some(true)));
    assert_eq!(once.resolved().unwrap(), once);
    let text = toml::to_string(&once).unwrap();
    assert_eq!(toml::from_str::<DataConfig>(&text).unwrap(), once);
    assert!(text.contains("normalize = \"standard\"") && text.contains("missing = [\"\", \"?\"]"), "{text}");
}

#[test]
fn every_row_of_the_registry_is_complete_and_its_keys_exist() {
    for row in DATASETS {
        for (what, text) in [("summary", row.summary), ("citation", row.citation), ("licence", row.licence)] {
            assert!(!text.is_empty() && !text.contains("  "), "{}: {what} `{text}`", row.name);
        }
        for key in row.keys {
            // A wrong type is fine here, an unknown key is not.
            let parsed = toml::from_str::<DataConfig>(&format!("loader = '{}'\n{key} = 1979-05-27", row.name));
            let error = parsed.expect_err("no key is a date").to_string();
            assert!(!error.contains(&format!("unknown field `{key}`")), "{}: {error}", row.name);
        }
    }
    let mut names: Vec<_> = DATASETS.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DATASETS.len());
}
