//! What NumPy and SciPy write today: layouts of pictures, orders, halves, texts, and pickles of every protocol.

use super::data_bad::refused;
use super::data_files::{Archive, array, folder, header, npy, npz, put, texts, try_load};
use super::pickles::tiny;

use rawzip::CompressionMethod;
use unlearn::data::{Id, Portion};

const NPZ: &str = "loader = 'npz'\npath = 'a.npz'\ntest_fraction = 0.0\nnormalize = 'none'\n";

#[test]
fn where_channels_stand_is_guessed_where_one_reading_is_possible_alone() {
    let dir = folder();
    let pictures = |shape: &'static [u64]| {
        let values = (0..shape.iter().product::<u64>()).map(|value| value as u8).collect();
        npz(dir.path(), "a.npz", &[&array::<u8>("x", shape, values), &array::<u8>("y", &[2], vec![0, 1])]);
    };
    let shape = |keys: &str| try_load(&format!("{NPZ}{keys}"), dir.path()).unwrap_or_else(|e| panic!("{keys}: {e}"));
    pictures(&[2, 1, 6, 4]);
    refused(NPZ, dir.path(), &["array `x`", "[2, 1, 6, 4]", "nchw", "nhwc"]);
    assert_eq!(shape("layout = 'nchw'").shape, [1, 6, 4]);
    let last = shape("layout = 'nhwc'");
    assert_eq!((last.shape, &last.train.x[..6]), (vec![4, 1, 6], &[0.0, 4.0, 8.0, 12.0, 16.0, 20.0][..]));
    pictures(&[2, 3, 5, 5]);
    assert_eq!(shape("").shape, [3, 5, 5]);
    // What was said is done, however unlikely.
    assert_eq!(shape("layout = 'nhwc'").shape, [5, 3, 5]);
    pictures(&[2, 5, 5, 3]);
    assert_eq!(shape("").shape, [3, 5, 5]);
    assert_eq!(shape("layout = 'nchw'").shape, [5, 5, 3]);
    pictures(&[2, 5, 5, 2]);
    refused(NPZ, dir.path(), &["neither", "data.layout"]);
    assert_eq!(shape("layout = 'nhwc'").shape, [2, 5, 5]);
    pictures(&[2, 7]);
    refused(&format!("{NPZ}layout = 'nchw'"), dir.path(), &["data.layout goes with pictures"]);
}

#[test]
fn fortran_order_halves_and_texts_are_read() {
    let dir = folder();
    let raw = |name: &'static str, bytes: Vec<u8>| {
        move |archive: &mut Archive| archive.add(name, &bytes, CompressionMethod::STORE)
    };
    // [[0, 1, 2], [3, 4, 5]], the first axis fastest.
    let columns = raw("x", npy(&header("|u1", "True", "2, 3"), &[0, 3, 1, 4, 2, 5]));
    let load = || try_load(NPZ, dir.path()).unwrap();
    npz(dir.path(), "a.npz", &[&columns, &texts("y", &["dog", "cat"])]);
    let data = load();
    assert_eq!(data.train.x, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!((data.class_names.join(" "), data.train.y), ("cat dog".to_owned(), vec![1, 0]));
    let halves = raw("x", npy(&header("<f2", "False", "2, 1"), &[0x00, 0x3c, 0x00, 0xc1]));
    let bytes = raw("y", npy(&header("|S3", "False", "2,"), b"b\0\0abc"));
    npz(dir.path(), "a.npz", &[&halves, &bytes]);
    let data = load();
    assert_eq!((data.train.x, data.class_names.join(" ")), (vec![1.0, -2.5], "abc b".to_owned()));
    let big: Vec<u8> = "10".chars().chain("9\0".chars()).flat_map(|c| u32::from(c).to_be_bytes()).collect();
    npz(dir.path(), "a.npz", &[&halves, &raw("y", npy(&header(">U2", "False", "2,"), &big))]);
    assert_eq!(load().class_names, ["9", "10"], "numbers by their size");
    // The other parts have the classes of the training part.
    let part = |x: &'static str| array::<f32>(x, &[2, 1], vec![1.0, 2.0]);
    let with = |train: &'static [&'static str], test: &'static [&'static str]| {
        npz(
            dir.path(),
            "a.npz",
            &[&part("x_train"), &texts("y_train", train), &part("x_test"), &texts("y_test", test)],
        );
    };
    with(&["b", "a"], &["a", "b"]);
    assert_eq!(load().test.y, [0, 1]);
    with(&["b", "a"], &["a", "c"]);
    refused(NPZ, dir.path(), &["y_test", "label 1 is `c`", "it has a, b"]);
    npz(
        dir.path(),
        "a.npz",
        &[&part("x_train"), &texts("y_train", &["a", "b"]), &part("x_test"), &array::<u8>("y_test", &[2], vec![0, 1])],
    );
    refused(NPZ, dir.path(), &["y_test", "labels are numbers", "texts"]);
}

#[test]
fn every_part_of_an_archive_names_its_records() {
    let dir = folder();
    let part = |x: &'static str| array::<f32>(x, &[2, 1], vec![1.0, 2.0]);
    let numbers = |name: &'static str, ids: Vec<i64>| array::<i64>(name, &[2], ids);
    let labels = |name: &'static str| array::<u8>(name, &[2], vec![0, 1]);
    let text = format!("{NPZ}id = 'id'\nsubject = 'who'");
    let write = |ids: [Vec<i64>; 2], test_ids: &'static str| {
        let members: [&dyn Fn(&mut Archive); 8] = [
            &part("x_train"),
            &labels("y_train"),
            &part("x_test"),
            &labels("y_test"),
            &numbers("id_train", ids[0].clone()),
            &numbers(test_ids, ids[1].clone()),
            &texts("who_train", &["ann", "bob"]),
            &texts("who_test", &["ann", "cyd"]),
        ];
        npz(dir.path(), "a.npz", &members);
    };
    write([vec![7, 3], vec![9, 11]], "id_test");
    let data = try_load(&text, dir.path()).unwrap();
    let who: Vec<String> = data
        .who
        .places()
        .map(|(place, of)| format!("{} {} {}", place.portion.name(), of.id(), of.subject.as_deref().unwrap()))
        .collect();
    assert_eq!(who, ["train `7` ann", "train `3` bob", "test `9` ann", "test `11` cyd"]);
    assert_eq!(data.who.subjects()["ann"].len(), 2);
    write([vec![7, 3], vec![3, 11]], "id_test");
    refused(&text, dir.path(), &["a.npz", "row 1 of train and row 0 of test", "value of `id`", "`3`"]);
    write([vec![7, 7], vec![3, 11]], "id_test");
    refused(&text, dir.path(), &["rows 0 and 1 have the same value of `id`, `7`"]);
    write([vec![7, 3], vec![9, 11]], "id");
    refused(&text, dir.path(), &["no array `id_test` (data.id)", "records of `x_test`", "it has x_train"]);
    let short: [&dyn Fn(&mut Archive); 4] =
        [&part("train_images"), &labels("train_labels"), &array::<i64>("train_id", &[1], vec![5]), &part("x")];
    npz(dir.path(), "a.npz", &short);
    let keys = format!("{NPZ}id = 'id'");
    refused(&keys, dir.path(), &["`train_id` (data.id) names 1 records of 2 in `train_images`"]);
    // One part, whose array may be called as it is.
    npz(dir.path(), "a.npz", &[&part("x"), &labels("y"), &numbers("id", vec![4, 5])]);
    assert_eq!(try_load(&keys, dir.path()).unwrap().who.part(Portion::Train)[1].id(), Id::Name("5".into()));
}

/// `tools/parity/pickles.py` wrote the files with Python 3, NumPy 2 and SciPy.
#[test]
fn pickles_of_every_protocol_hold_the_same_graph() {
    let dir = folder();
    tiny(dir.path());
    let text = "loader = 'planetoid'\npath = '.'\nname = 'tiny'";
    let expected = try_load(text, dir.path()).unwrap();
    let files = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/pickles");
    for protocol in 2..=5 {
        let read = |part: &str| std::fs::read(files.join(format!("ind.p{protocol}.{part}"))).unwrap();
        for graph in ["graph", "list"] {
            ["x", "y", "tx", "ty", "allx", "ally"]
                .iter()
                .for_each(|part| put(dir.path(), &format!("ind.tiny.{part}"), &read(part)));
            put(dir.path(), "ind.tiny.graph", &read(graph));
            let data = try_load(text, dir.path()).unwrap_or_else(|e| panic!("protocol {protocol}: {e}"));
            assert_eq!(data, expected, "protocol {protocol}");
        }
        // Whatever is cut off is missed.
        let whole = read("x");
        for end in [0, 1, whole.len() / 3, whole.len() - 1] {
            put(dir.path(), "ind.tiny.x", &whole[..end]);
            refused(text, dir.path(), &["ind.tiny.x", "offset", "truncated"]);
        }
    }
}
