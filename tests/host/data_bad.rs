//! Bad data gets one clear sentence that names the file and the place, and never an allocation it cannot back.

use std::path::Path;

use rawzip::CompressionMethod;

use super::data_files::{Archive, array, folder, gzip, header, idx, idx_of, npy, npz, put, try_load};

/// Loads, expects exit code 2 and one line that holds every one of `words`.
pub fn refused(text: &str, dir: &Path, words: &[&str]) {
    let error = match try_load(text, dir) {
        Ok(data) => panic!("{text}\nwas loaded: {} records; expected a refusal with {words:?}", data.train.len()),
        Err(error) => error,
    };
    let message = error.to_string();
    assert_eq!(error.exit_code(), 2, "{message}");
    assert!(!message.contains('\n'), "one sentence: {message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

const IDX: &str = "loader = 'idx'\ntrain_images = 'a'\ntrain_labels = 'b'";

/// With `images` as the image file beside labels 0, 1, 0, 1.
fn refused_idx(images: &[u8], words: &[&str]) {
    let dir = folder();
    put(dir.path(), "a", images);
    put(dir.path(), "b", &idx(&[4], &[0, 1, 0, 1]));
    refused(IDX, dir.path(), &[&["/a"], words].concat());
}

#[test]
fn plants_that_cannot_be() {
    let here = Path::new(".");
    let digits = |plant: &str, words: &[&str]| refused(&format!("loader = 'digits'\nplant = {plant}"), here, words);
    digits("{ fraction = 1e-9 }", &["data.plant.fraction", "draws 0 of 1", "not all"]);
    digits("{ fraction = 1.0 }", &["data.plant.fraction", "not all"]);
    digits("{ columns = 3 }", &["data.plant.columns", "of graphs", "leave it out"]);
    digits("{ label = 'zero' }", &["data.plant.label", "no class `zero`"]);
    digits("{ trigger = 8 }", &["data.plant.trigger", "8 pixels in a picture of 8 × 8", "1 to 7"]);
    digits("{ trigger = 0 }", &["data.plant.trigger"]);
    refused("loader = 'breast_cancer'\nplant = { trigger = 2 }", here, &["data.plant.trigger", "of pictures", "[30]"]);
    refused("loader = 'karate'\nplant = { subject = 'a' }", here, &["data.plant.subject", "stand alone"]);
    refused("loader = 'synth'\ntargets = 'real'\nplant = {}", here, &["data.plant", "another class"]);
    let dir = folder();
    let rows: String = (0..40).map(|at| format!("{at},p{},{}\n", at % 5, at % 2)).collect();
    put(dir.path(), "t.csv", format!("a,who,y\n{rows}").as_bytes());
    let table = "loader = 'csv'\npath = 't.csv'\nlabel = 'y'\nsubject = 'who'\nplant = { subject = 'ann' }";
    refused(table, dir.path(), &["data.plant.subject", "data.subject", "`who`"]);
}

#[test]
fn idx_truncated_corrupt_and_wrong() {
    let good = idx(&[4, 1, 2], &[1, 2, 3, 4, 5, 6, 7, 8]);
    let packed = gzip(&idx(&[4, 50, 50], &(0..10_000u32).map(|v| (v * v % 251) as u8).collect::<Vec<_>>()));
    refused_idx(&good[..good.len() - 1], &["8 bytes from offset 16", "truncated"]);
    refused_idx(&good[..6], &["dimensions"]);
    refused_idx(&[], &["magic number"]);
    refused_idx(&[good.clone(), vec![0]].concat(), &["more bytes follow at offset 24"]);
    refused_idx(b"PK\x03\x04 a zip file", &["0x504b0304", "not an IDX file", "0x00000803"]);
    refused_idx(&idx(&[4], &[1, 2, 3, 4]), &["[4]", "label file"]);
    refused_idx(&[0, 0, 0x0a, 1, 0, 0, 0, 0], &["0x0a", "unsigned byte", "0x0e"]);
    refused_idx(&idx_of(0x0d, &[4, 1, 2], &[0; 31]), &["elements of 4 bytes", "32 bytes"]);
    refused_idx(&idx_of(0x0d, &[4, 1, 2], &[0xff; 32]), &["NaN", "finite"]);
    refused_idx(&packed[..packed.len() / 2], &["truncated or corrupt"]);
    let mut corrupt = packed.clone();
    let at = corrupt.len() / 2;
    corrupt[at..at + 20].fill(0x55);
    refused_idx(&corrupt, &["corrupt"]);
    let mut checksum = packed;
    let at = checksum.len() - 6;
    checksum[at] ^= 1;
    refused_idx(&checksum, &["corrupt"]);
}

#[test]
fn idx_headers_that_promise_terabytes_cost_nothing() {
    let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[]);
    refused_idx(&huge, &["can hold at most 16"]);
    refused_idx(&idx(&[u32::MAX, 512, 512], &[1, 2, 3]), &["truncated or its header is wrong"]);
    refused_idx(&gzip(&huge), &["can hold at most"]);
}

#[test]
fn idx_parts_that_do_not_belong_together() {
    refused_idx(&idx(&[3, 1, 2], &[0; 6]), &["3 records", "/b", "4 labels"]);
    refused_idx(&idx(&[4, 0, 2], &[]), &["[1, 0, 2]", "no values"]);
    let dir = folder();
    put(dir.path(), "a", &idx(&[0, 1, 2], &[]));
    put(dir.path(), "b", &idx(&[0], &[]));
    refused(IDX, dir.path(), &["/a", "no training records"]);
    put(dir.path(), "a", &idx(&[2, 1, 2], &[0; 4]));
    put(dir.path(), "b", &idx(&[2], &[0, 0]));
    refused(IDX, dir.path(), &["one class"]);
    put(dir.path(), "b", &idx(&[2, 1], &[0, 1]));
    refused(IDX, dir.path(), &["/b", "[2, 1]", "image file", "QMNIST"]);
    put(dir.path(), "b", &idx_of(0x09, &[2], &[0, 0xff]));
    refused(IDX, dir.path(), &["/b", "label 1 is -1", "whole number from 0"]);
    put(dir.path(), "b", &idx_of(0x0d, &[2], &[0x3f, 0, 0, 0, 0, 0, 0, 0]));
    refused(IDX, dir.path(), &["/b", "label 0 is 0.5"]);
    put(dir.path(), "b", &idx(&[2], &[0, 1]));
    put(dir.path(), "c", &idx(&[1, 2, 2], &[0; 4]));
    put(dir.path(), "d", &idx(&[1], &[0]));
    refused(&format!("{IDX}\ntest_images = 'c'\ntest_labels = 'd'"), dir.path(), &["/c", "[1, 2, 2]", "[1, 1, 2]"]);
    put(dir.path(), "c", &idx(&[1, 1, 2], &[0; 2]));
    put(dir.path(), "d", &idx(&[1], &[7]));
    refused(&format!("{IDX}\ntest_images = 'c'\ntest_labels = 'd'"), dir.path(), &["record `test:0`", "class `7`"]);
    refused(&format!("{IDX}\ntest_images = 'c'"), dir.path(), &["data.test_labels", "needs this key"]);
    refused("loader = 'idx'\ntrain_images = 'a'", dir.path(), &["data.train_labels"]);
    refused("loader = 'idx'\ntrain_images = 'absent'\ntrain_labels = 'b'", dir.path(), &["/absent", "cannot open"]);
    refused("loader = 'idx'\ntrain_images = '.'\ntrain_labels = 'b'", dir.path(), &["is a folder"]);
}

#[test]
fn cifar_broken_records_and_labels() {
    let dir = folder();
    let text = "loader = 'cifar'\ntrain_files = ['a.bin']";
    let records = [vec![1; 3073], vec![10; 3073]].concat();
    put(dir.path(), "a.bin", &records);
    refused(text, dir.path(), &["a.bin", "record 1", "offset 3073", "label 10", "0 to 9"]);
    put(dir.path(), "a.bin", &records[..4000]);
    refused(text, dir.path(), &["4000 bytes", "1 whole ones, then 927"]);
    put(dir.path(), "a.bin", &[]);
    refused(text, dir.path(), &["0 bytes", "truncated"]);
    put(dir.path(), "a.bin", &[vec![0; 3074], vec![20; 3074]].concat());
    refused(text, dir.path(), &["6148 bytes", "CIFAR-100", "data.label"]);
    refused(&format!("{text}\nlabel = 'coarse'"), dir.path(), &["record 1", "offset 3074", "label 20", "0 to 19"]);
    refused(&format!("{text}\nlabel = 'medium'"), dir.path(), &["data.label", "medium", "fine or coarse"]);
    refused(&format!("{text}\nlabel = 1"), dir.path(), &["data.label: 1", "fine or coarse"]);
    refused("loader = 'cifar'", dir.path(), &["data.train_files", "at least one"]);
    refused("loader = 'cifar'\ntrain_files = []", dir.path(), &["data.train_files"]);
}

#[test]
fn npz_files_that_are_not_what_they_seem() {
    let dir = folder();
    let text = "loader = 'npz'\npath = 'a.npz'";
    let refused_npz = |words: &[&str]| refused(text, dir.path(), &[&["a.npz"], words].concat());
    put(dir.path(), "a.npz", b"not a zip");
    refused_npz(&["not a NumPy archive"]);
    npz(dir.path(), "a.npz", &[&array::<u8>("images", &[2], vec![0, 1])]);
    refused_npz(&["no array `x`", "images", "data.x"]);
    refused("loader = 'npz'\npath = 'a.npz'\nx = 'images'", dir.path(), &["data.x, data.y"]);
    let x = |values: Vec<f32>| array::<f32>("x", &[2, 2], values);
    let y = |values: Vec<i64>| array::<i64>("y", &[2], values);
    npz(dir.path(), "a.npz", &[&x(vec![0.0; 4]), &array::<i64>("y", &[3], vec![0, 1, 1])]);
    refused_npz(&["[2, 2]", "[3]"]);
    npz(dir.path(), "a.npz", &[&x(vec![0.0; 4]), &array::<i64>("y", &[2, 2], vec![0, 1, 1, 0])]);
    refused_npz(&["array `y`", "[2, 2]", "one class per record"]);
    npz(dir.path(), "a.npz", &[&x(vec![0.0; 4]), &y(vec![0, -1])]);
    refused_npz(&["array `y`", "label 1 is -1"]);
    npz(dir.path(), "a.npz", &[&x(vec![0.0; 4]), &array::<f32>("y", &[2], vec![0.5, 1.0])]);
    refused_npz(&["label 0 is 0.5", "whole number"]);
    npz(dir.path(), "a.npz", &[&array::<u8>("x", &[2, 5, 5, 5], vec![0; 250]), &y(vec![0, 1])]);
    refused_npz(&["array `x`", "[2, 5, 5, 5]", "data.layout"]);
    npz(dir.path(), "a.npz", &[&x(vec![0.0, 1.0, 2.0, f32::NAN]), &y(vec![0, 1])]);
    refused("loader = 'npz'\npath = 'a.npz'\ntest_fraction = 0.0", dir.path(), &["NaN", "record 1 at value 1"]);
    npz(dir.path(), "a.npz", &[&array::<f64>("x", &[2, 1], vec![0.0, 1e300]), &y(vec![0, 1])]);
    refused(
        "loader = 'npz'\npath = 'a.npz'\ntest_fraction = 0.0\nnormalize = 'none'",
        dir.path(),
        &["a.npz", "too large for 32 bits", "train record 1"],
    );
    npz(
        dir.path(),
        "a.npz",
        &[
            &array::<u8>("train_images", &[2, 1, 1], vec![0, 1]),
            &array::<u8>("train_labels", &[2], vec![0, 1]),
            &array::<u8>("test_images", &[1, 1, 1], vec![0]),
        ],
    );
    refused_npz(&["no array `test_labels`"]);
}

/// An NPZ whose array `x` is `bytes`, whatever they are, packed by `method`.
fn npz_with(dir: &Path, bytes: &[u8], method: CompressionMethod) {
    let x = |archive: &mut Archive| archive.add("x", bytes, method);
    npz(dir, "a.npz", &[&x, &array::<u8>("y", &[2], vec![0, 1])]);
}

#[test]
fn npz_headers_are_not_believed() {
    let dir = folder();
    let text = "loader = 'npz'\npath = 'a.npz'";
    let keys = |text: &str| npy(&format!("{{{text}}}"), &[1, 2]);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (npy(&header("|u1", "False", "2, 1099511627776"), &[1, 2]), "2 follow"),
        (npy(&header("|u1", "False", "4294967296, 4294967296, 4294967296"), &[1, 2]), "4294967296) is impossible"),
        (npy(&header("|u1", "False", "9999999999999999999999, 2"), &[1, 2]), "impossible"),
        (npy(&header("|u1", "False", "2, -1"), &[1, 2]), "`x`: the shape (2, -1) is impossible"),
        (npy(&header("|u1", "False", "2, 0, 4294967296, 4294967297"), &[1, 2]), "impossible"),
        (npy(&header("<f8", "False", "2, 1"), &[0; 15]), "16 bytes, but 15 follow"),
        (npy(&header("|u1", "False", "2, 1"), &[1, 2, 3]), "2 bytes, but 3 follow"),
        (npy(&header("<c8", "False", "2, 1"), &[0; 16]), "'<c8'"),
        (npy(&header("<M8[ns]", "False", "2, 1"), &[0; 16]), "'<M8[ns]'"),
        (npy(&header("|O", "False", "2, 1"), &[0; 16]), "array `x`: its type is '|O'"),
        (npy("{'descr': [('a', '<f4')], 'shape': (2,)}", &[0; 8]), "structured"),
        (npy("{'descr': ('<f4', (2,)), 'shape': (2,)}", &[0; 8]), "structured"),
        (npy("garbage", &[0; 8]), "bad header: expected `{` at `garbage`"),
        (keys("'descr': '|u1', 'shape': (2, 1)"), "expected the keys"),
        (keys("'descr': '|u1', 'shape': (2, 1), 'fortran_order': 0"), "expected `False` at `0}`"),
        (keys("'descr': '|u1', 'fortran_order': False, 'shape': (2, 1), 'x': 1"), "key `x` is unknown"),
        (keys("'descr': '|u1', 'fortran_order': False, 'shape': (2, 1"), "the shape has no end"),
        (keys("'descr': '|u1, "), "has no end"),
        (keys("'descr': '|u1', 'fortran_order': False, 'shape': (2, 1)} {"), "`{}` follows the last bracket"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), "header should take"),
        (b"\x93NUMPY\x01\x00\xff\x00{".to_vec(), "header should take"),
        (b"hello".to_vec(), "does not begin like"),
    ];
    for (bytes, word) in cases {
        npz_with(dir.path(), &bytes, CompressionMethod::STORE);
        refused(text, dir.path(), &["a.npz", word]);
    }
    npz_with(dir.path(), &keys("'shape':(2L,1L,),'fortran_order':True,\"descr\":\"|u1\""), CompressionMethod::STORE);
    try_load(&format!("{text}\ntest_fraction = 0.0"), dir.path()).expect("in any order, with Python 2's numbers");
}

#[test]
fn npz_archives_that_are_damaged() {
    let dir = folder();
    let text = "loader = 'npz'\npath = 'a.npz'\ntest_fraction = 0.0";
    let bytes = npy(&header("|u1", "False", "2, 2000"), &[7; 4000]);
    for method in [CompressionMethod::STORE, CompressionMethod::DEFLATE] {
        npz_with(dir.path(), &bytes, method);
        try_load(text, dir.path()).expect("the same path, unspoilt");
        let good = std::fs::read(dir.path().join("a.npz")).unwrap();
        put(dir.path(), "a.npz", &good[..good.len() - 30]);
        refused(text, dir.path(), &["not a NumPy archive, or truncated"]);
        let spoilt = |at: usize, byte: u8| {
            let mut spoilt = good.clone();
            spoilt[at] = byte;
            put(dir.path(), "a.npz", &spoilt);
        };
        // In the packed bytes, in the name of the local file, and in the central directory: length and flags.
        spoilt(60, !good[60]);
        refused(text, dir.path(), &["a.npz", "array `x`: is truncated or corrupt"]);
        spoilt(0, b'Q');
        refused(text, dir.path(), &["array `x`: cannot be opened"]);
        let directory = good.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        spoilt(directory + 27, 0xff);
        refused(text, dir.path(), &["array `x`: promises", "more than the file can hold"]);
        spoilt(directory + 8, 1);
        refused(text, dir.path(), &["array `x`: cannot be opened: it is encrypted"]);
    }
    npz_with(dir.path(), &bytes, CompressionMethod::LZMA);
    refused(text, dir.path(), &["array `x`: cannot be opened: it is compressed by method 14 (LZMA)"]);
    npz_with(dir.path(), b"", CompressionMethod::STORE);
    refused(text, dir.path(), &["array `x`: does not begin like"]);
}

/// A CSV file `t.csv` of `text` with the label `y` and further `keys`.
fn refused_csv(text: &str, keys: &str, words: &[&str]) {
    let dir = folder();
    put(dir.path(), "t.csv", text.as_bytes());
    let config = format!("loader = 'csv'\npath = 't.csv'\nlabel = 'y'\ntest_fraction = 0.0\n{keys}");
    refused(&config, dir.path(), words);
}

#[test]
fn csv_complaints_name_line_and_column() {
    refused_csv("a,y\n1,0\n\n2\n", "", &["t.csv line 4", "1 cells", "2"]);
    refused_csv("a,y\n1,0\n2,1\nnan,1\n", "", &["t.csv line 4 column `a`", "`nan`", "finite"]);
    refused_csv("a,y\n1,0\n2,1\n-inf,1\n", "", &["line 4 column `a`", "`-inf`"]);
    refused_csv("a,y\n1,0\n1e999,1\n", "", &["line 3 column `a`", "`1e999`"]);
    refused_csv("a,y\n1,0\n1e99,1\n", "normalize = 'none'", &["t.csv", "too large for 32 bits", "train record 1"]);
    refused_csv("a,y\n1,0\n\n2,1\n12x,1\n", "", &["line 5 column `a`", "`12x`", "data.missing", "data.schema"]);
    refused_csv("a,y\n1,0\n2,1\nx,1\n", "schema = { a = 'numeric' }", &["line 4 column `a`", "`x`"]);
    refused_csv("a,y\n1,0\n2,?\n", "", &["line 3", "label `y` is missing"]);
    refused_csv("a,b,y\n?,1,0\n?,2,1\n", "", &["column `a`", "no value", "drop"]);
    refused_csv("a,y\n1,0\n2,0\n", "", &["one class"]);
    refused_csv("a,y\n", "", &["t.csv", "no rows below its header"]);
    refused_csv("", "", &["t.csv", "no rows"]);
    refused_csv("a,y\n1,0\n2,1\n", "drop = ['a']", &["no column remains"]);
    refused_csv("a,a,y\n1,1,0\n", "", &["two columns are named `a`"]);
    let many: String = (0..1100).map(|at| format!("w{at},{}\n", at % 2)).collect();
    refused_csv(&format!("word,y\n{many}"), "", &["column `word`", "1024 categories", "data.drop"]);
    let many: String = (0..1100).map(|at| format!("{},{at}\n", at % 2)).collect();
    refused_csv(&format!("a,y\n{many}"), "", &["label `y`", "1100", "classes"]);
}

#[test]
fn csv_keys_that_do_not_fit_the_file() {
    let table = "age,y\n1,0\n2,1\n";
    refused_csv(table, "drop = ['agee']", &["data.drop", "`agee`", "did you mean `age`"]);
    refused_csv(table, "drop = [2]", &["data.drop", "no column 2", "0 to 1"]);
    refused_csv(table, "drop = ['y']", &["data.label", "Drop"]);
    refused_csv(table, "schema = { x = 'drop' }", &["data.schema", "`x`"]);
    refused_csv(table, "columns = ['y']", &["data.columns", "names 1", "has 2"]);
    refused_csv(table, "delimiter = '::'", &["data.delimiter", "::"]);
    let dir = folder();
    put(dir.path(), "t.csv", table.as_bytes());
    refused("loader = 'csv'\npath = 't.csv'", dir.path(), &["data.label"]);
    let with_test = "loader = 'csv'\npath = 't.csv'\ntest_path = 'u.csv'\nlabel = 'y'";
    put(dir.path(), "u.csv", b"age,y\n1,0\n2,1.\n");
    refused(with_test, dir.path(), &["u.csv line 3", "`1.`", "label_strip"]);
    put(dir.path(), "u.csv", b"old,y\n1,0\n");
    refused(with_test, dir.path(), &["u.csv", "`old`", "`age`"]);
    put(dir.path(), "t.csv", b"a,y\n\xff,1\n");
    refused("loader = 'csv'\npath = 't.csv'\nlabel = 'y'", dir.path(), &["not UTF-8", "offset 4"]);
}

fn png(dir: &Path, name: &str, height: u32, width: u32) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::GrayImage::new(width, height).save(path).unwrap();
}

#[test]
fn class_folders_with_bad_pictures() {
    let dir = folder();
    let text = "loader = 'class_folder'\npath = 'd'\ntest_fraction = 0.0\n";
    refused(text, dir.path(), &["/d", "cannot open"]);
    std::fs::create_dir(dir.path().join("d")).unwrap();
    refused(text, dir.path(), &["no folders"]);
    png(dir.path(), "d/a/1.png", 2, 3);
    png(dir.path(), "d/b/2.png", 3, 3);
    refused(text, dir.path(), &["d/b/2.png", "3 × 3", "d/a/1.png", "2 × 3", "data.size"]);
    refused(&format!("{text}size = [0, 4]"), dir.path(), &["data.size", "[0, 4]"]);
    let good = std::fs::read(dir.path().join("d/a/1.png")).unwrap();
    put(dir.path(), "d/b/2.png", &good[..good.len() / 2]);
    refused(text, dir.path(), &["d/b/2.png", "cannot be decoded"]);
    // The width in the header: 2^30, checksum and all wrong.
    let mut huge = good.clone();
    huge[16] = 0x40;
    put(dir.path(), "d/b/2.png", &huge);
    refused(text, dir.path(), &["d/b/2.png", "cannot be decoded"]);
    put(dir.path(), "d/b/2.png", &good);
    put(dir.path(), "d/b/notes.txt", b"");
    refused(text, dir.path(), &["notes.txt", "not a picture"]);
    std::fs::remove_file(dir.path().join("d/b/notes.txt")).unwrap();
    try_load(text, dir.path()).expect("the same folder, unspoilt");
    png(dir.path(), "t/c/1.png", 2, 3);
    refused(&format!("{text}test_path = 't'"), dir.path(), &["/t", "`c`", "no folder in"]);
}

#[test]
fn configurations_that_ask_for_the_impossible() {
    let here = Path::new(".");
    refused("loader = 'diggits'", here, &["data.loader", "`diggits`", "did you mean `digits`", "breast_cancer"]);
    refused("loader = 'digits'\nseed = 1", here, &["data.seed", "`digits` does not read", "split_seed"]);
    refused("loader = 'digits'\ntest_fraction = 1.5", here, &["data.test_fraction", "1.5"]);
    refused("loader = 'digits'\nlimit = 0", here, &["data.limit"]);
    refused("loader = 'synth'\npattern = 'stripe'", here, &["data.pattern", "did you mean `stripes`"]);
    refused("loader = 'synth'\npattern = 'stripes'\nshape = [4]", here, &["data.shape", "[4]"]);
    refused("loader = 'synth'\nshape = [0]", here, &["data.shape"]);
    refused("loader = 'synth'\nshape = [1000000000, 1000000000, 1000000000]", here, &["data.shape"]);
    refused("loader = 'synth'\nclasses = 1", here, &["data.classes"]);
    refused("loader = 'synth'\nnoise = nan", here, &["data.noise"]);
}
