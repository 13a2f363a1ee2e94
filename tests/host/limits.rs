//! What would take more memory or time than there is, is refused before it does: files, headers, sizes and counts.

use std::path::Path;

use rawzip::CompressionMethod;
use unlearn::nn::{Model, ModelConfig};
use unlearn::run::config::Loaded;

use super::data_bad::refused;
use super::data_files::{Archive, array, folder, gzip, header, idx, npy, npz, put, try_load};
use super::pickles::{csr, pickle, tiny};

#[test]
fn files_that_unpack_to_more_than_is_allowed() {
    let dir = folder();
    let zeros = vec![b'0'; 1 << 20];
    put(dir.path(), "t.csv", &gzip(&zeros));
    let csv = "loader = 'csv'\npath = 't.csv'\nlabel = 0\nheader = false\n";
    refused(
        &format!("{csv}max_bytes = 100000"),
        dir.path(),
        &["t.csv", "its text with the rows made of it", "more than 100000", "data.max_bytes"],
    );
    // Few bytes, many rows.
    put(dir.path(), "t.csv", &b"1\n".repeat(5000));
    refused(&format!("{csv}max_bytes = 100000"), dir.path(), &["t.csv", "its rows", "data.max_bytes"]);
    refused(&format!("{csv}max_bytes = 0"), dir.path(), &["data.max_bytes: 0"]);
    put(dir.path(), "a", &gzip(&idx(&[100, 30, 30], &vec![0; 90_000])));
    put(dir.path(), "b", &idx(&[100], &[0; 100]));
    let pictures = "loader = 'idx'\ntrain_images = 'a'\ntrain_labels = 'b'\n";
    refused(&format!("{pictures}max_bytes = 300000"), dir.path(), &["/a", "its records would take 360000"]);
    refused(&format!("{pictures}max_bytes = 400000"), dir.path(), &["/a", "90000", "besides the 360016"]);
    // The tail of a bomb behind a whole file is not unpacked.
    put(dir.path(), "a", &gzip(&[idx(&[2, 1], &[1, 2]), vec![0; 40 << 20]].concat()));
    refused(pictures, dir.path(), &["/a", "16777216 or more bytes follow"]);
    put(dir.path(), "c.bin", &gzip(&vec![0; 3073 * 100]));
    let cifar = "loader = 'cifar'\ntrain_files = ['c.bin']\nmax_bytes = 400000";
    refused(cifar, dir.path(), &["c.bin", "its records", "data.max_bytes"]);
}

#[test]
fn archives_that_unpack_to_more_than_is_allowed() {
    let dir = folder();
    let text = "loader = 'npz'\npath = 'a.npz'\nmax_bytes = 100000";
    let many = npy(&header("|u1", "False", "2, 60000"), &vec![7; 120_000]);
    let x = |archive: &mut Archive| archive.add("x", &many, CompressionMethod::DEFLATE);
    npz(dir.path(), "a.npz", &[&x, &array::<u8>("y", &[2], vec![0, 1])]);
    refused(text, dir.path(), &["a.npz: array `x`", "would take 1200", "data.max_bytes allows 100000"]);
    npz(dir.path(), "a.npz", &[&array::<u8>("x", &[2, 12_000], vec![7; 24_000]), &array::<u8>("y", &[2], vec![0, 1])]);
    refused(text, dir.path(), &["array `x`", "its records would take 96000"]);
    let planetoid = "loader = 'planetoid'\npath = '.'\nname = 'tiny'\nmax_bytes = 1000";
    tiny(dir.path());
    put(dir.path(), "ind.tiny.x", &gzip(&vec![0; 100_000]));
    refused(planetoid, dir.path(), &["more than", "data.max_bytes allows 1000"]);
    put(dir.path(), "T_graph_labels.txt", &b"1\n".repeat(3000));
    let collection = "loader = 'tudataset'\npath = '.'\nname = 'T'\nmax_bytes = 100000";
    refused(collection, dir.path(), &["T_graph_labels.txt", "data.max_bytes"]);
}

/// A pickle that encodes one text over and over, each time into new bytes.
#[test]
fn pickles_that_multiply() {
    let dir = folder();
    tiny(dir.path());
    let text = [&b"X\xe8\x03\x00\x00"[..], &[b'a'; 1000]].concat();
    let head = [b"c_codecs\nencode\nq\x00".to_vec(), text, b"q\x01X\x06\x00\x00\x00latin1q\x02".to_vec()].concat();
    let bomb = [head, b"h\x00h\x01h\x02\x86R".repeat(100), csr(4, &[&[0], &[1, 2]])].concat();
    put(dir.path(), "ind.tiny.x", &pickle(&bomb));
    refused("loader = 'planetoid'\npath = '.'\nname = 'tiny'", dir.path(), &["ind.tiny.x", "more bytes of texts"]);
}

#[test]
fn shapes_of_nothing_are_shapes_too() {
    let dir = folder();
    put(dir.path(), "a", &idx(&[0, u32::MAX, u32::MAX, u32::MAX], &[]));
    put(dir.path(), "b", &idx(&[0], &[]));
    refused("loader = 'idx'\ntrain_images = 'a'\ntrain_labels = 'b'", dir.path(), &["/a", "4294967295", "at most"]);
    let width = [2, i64::MAX];
    let matrix = |name: [&'static str; 4], shape: [i64; 2]| {
        move |archive: &mut Archive| {
            array::<f32>(name[0], &[2], vec![1.0, 1.0])(archive);
            array::<i32>(name[1], &[2], vec![1, 0])(archive);
            array::<i32>(name[2], &[3], vec![0, 1, 2])(archive);
            array::<i64>(name[3], &[2], shape.to_vec())(archive);
        }
    };
    let adjacency = matrix(["adj_data", "adj_indices", "adj_indptr", "adj_shape"], [2, 2]);
    let wide = matrix(["attr_data", "attr_indices", "attr_indptr", "attr_shape"], width);
    npz(dir.path(), "g.npz", &[&adjacency, &wide, &array::<i64>("labels", &[2], vec![0, 1])]);
    refused("loader = 'graph_npz'\npath = 'g.npz'", dir.path(), &["g.npz", "features; expected at most 16777216"]);
    let x = |archive: &mut Archive| {
        archive.add("x", &npy(&header("<U4611686018427387905", "False", "0,"), &[]), CompressionMethod::STORE);
    };
    npz(dir.path(), "a.npz", &[&x, &array::<u8>("y", &[0], vec![])]);
    refused("loader = 'npz'\npath = 'a.npz'", dir.path(), &["a.npz"]);
}

#[test]
fn counts_of_the_data_table() {
    let here = Path::new(".");
    let huge = i64::MAX;
    for (text, word) in [
        (format!("loader = 'synth'\nsamples = {huge}"), "data.samples"),
        (format!("loader = 'synth'\nshape = [{huge}, 2]"), "data.shape"),
        (format!("loader = 'synth'\nclasses = {huge}"), "data.classes"),
        ("loader = 'synth'\nsamples = 1000000\nshape = [2]\nclasses = 1000000".to_owned(), "at most 65536"),
        (format!("loader = 'sbm'\nnodes = {huge}"), "data.features"),
        (format!("loader = 'sbm'\nfeatures = {huge}"), "data.features"),
        ("loader = 'sbm'\nnodes = 100000\nfeatures = 1\nclasses = 100000".to_owned(), "at most 1024"),
        ("loader = 'sbm'\nnodes = 20000\nfeatures = 1\nclasses = 10\np_out = 0.5".to_owned(), "data.p_in, data.p_out"),
        (format!("loader = 'karate'\nplant = {{ columns = {huge} }}"), "data.plant.columns"),
        ("loader = 'karate'\npoison = { edges = 1e300 }".to_owned(), "data.poison.edges"),
        (format!("loader = 'digits'\nmax_bytes = {huge}"), "does not read"),
    ] {
        refused(&text, here, &[word]);
    }
    try_load(&format!("loader = 'digits'\nlimit = {huge}"), here).expect("a limit that is none");
}

/// Builds the layers for records of `shape` and expects a refusal that holds every one of `words`.
fn refused_model(text: &str, shape: &[usize], words: &[&str]) {
    let config: ModelConfig = toml::from_str(text).expect("the test's TOML");
    let error = Model::build(&config, shape, 3).err().unwrap_or_else(|| panic!("{text} was built"));
    let said = error.to_string();
    assert!(error.exit_code() == 2 && !said.contains('\n'), "{said}");
    words.iter().for_each(|word| assert!(said.contains(word), "`{word}` is not in: {said}"));
}

#[test]
fn sizes_of_networks() {
    let huge = i64::MAX;
    let layer = |text: &str| format!("[[layers]]\n{text}\n[[layers]]\ntype = 'flatten'\n[[layers]]\ntype = 'linear'");
    let nodes = |text: &str| format!("[[layers]]\nname = 'first'\n{text}\n[[layers]]\ntype = 'graph_conv'");
    for zoo in ["mlp", "gcn", "sage", "gin", "gat", "gcn_delete"] {
        let text = format!("zoo = '{zoo}'\nhidden = [{huge}]");
        refused_model(&text, &[5], &["layer", "expected at most 268435456 values"]);
        refused_model(&format!("zoo = '{zoo}'\nhidden = [10000000, 20000000]"), &[5], &["1073741824 parameters"]);
    }
    refused_model("zoo = 'mlp'\nhidden = [100000, 1000000]", &[64], &["fc2.weight", "[1000000, 100000]"]);
    refused_model(&format!("zoo = 'vgg_gn'\nhidden = [{huge}]"), &[1, 8, 8], &["layer 1"]);
    let picture = [1, 8, 8];
    for (text, word) in [
        ("type = 'conv2d'\nout = 2\nkernel = 3\npadding = 1000000".to_owned(), "[2, 2000006, 2000006]"),
        ("type = 'conv2d'\nout = 2\nkernel = 3\npadding = 4294967295".to_owned(), "at most"),
        ("type = 'conv2d'\nout = 1\nkernel = 4294967295\npadding = 4294967295".to_owned(), "layer"),
        ("type = 'conv2d'\nout = 1\nkernel = 2147483656\npadding = 1073741824".to_owned(), "conv"),
        (format!("type = 'conv2d'\nout = {huge}\nkernel = 1"), "at most"),
        (format!("type = 'conv2d'\nout = 2\nkernel = 1\ngroups = {huge}"), "groups"),
        ("type = 'conv2d'\nout = 2\nkernel = 2\ndilation = 4294967295".to_owned(), "does not fit"),
        ("type = 'conv2d'\nout = 2\nkernel = 1\nstride = 0".to_owned(), "does not fit"),
        ("type = 'max_pool'\nkernel = 4294967295\npadding = 2147483647".to_owned(), "max_pool"),
        ("type = 'avg_pool'\nkernel = 2\nstride = 0".to_owned(), "stride"),
        (format!("type = 'group_norm'\ngroups = {huge}"), "groups"),
        ("type = 'group_norm'\ngroups = 1\neps = 1e-46".to_owned(), "eps"),
        ("type = 'group_norm'\ngroups = 1\neps = 1e39".to_owned(), "eps"),
        ("type = 'dropout'\np = 0.99999999999".to_owned(), "p must be"),
    ] {
        refused_model(&layer(&text), &picture, &[word]);
    }
    for (text, word) in [
        ("type = 'sgc'\nout = 2\nk = 1000000000".to_owned(), "k must be from 1 to 256"),
        ("type = 'cheb_conv'\nout = 2\nk = 1000000000".to_owned(), "k must be from 1 to 256"),
        ("type = 'gat_conv'\nout = 2\nheads = 1000000".to_owned(), "heads must be from 1 to 1024"),
        (format!("type = 'gat_conv'\nout = {huge}\nheads = 1024"), "at most"),
        (format!("type = 'gin_conv'\nout = 2\nhidden = {huge}"), "1073741824 parameters"),
        ("type = 'gin_conv'\nout = 2\nhidden = 0".to_owned(), "hidden must be"),
        ("type = 'gin_conv'\nout = 2\neps = 1e39".to_owned(), "eps must be"),
        ("type = 'gat_conv'\nout = 2\nslope = 1e39".to_owned(), "slope must be"),
        (format!("type = 'graph_conv'\nout = {huge}"), "at most"),
    ] {
        refused_model(&nodes(&text), &[5], &[word]);
    }
    refused_model("[[layers]]\ntype = 'deletion'\n[[layers]]\ntype = 'graph_conv'", &[100_000], &["1073741824"]);
}

#[test]
fn numbers_of_the_train_table_are_held_to_32_bits() {
    let dir = folder();
    let base = "[data]\nloader = 'digits'\n[model]\nzoo = 'logistic'\n";
    let parse = |text: &str| Loaded::parse(text, "a.toml", dir.path(), &[], None);
    for (line, key) in [
        ("optimizer = 'adam'\neps = 1e-46", "train.eps"),
        ("optimizer = 'adam'\neps = 1e-40", "train.eps"),
        ("optimizer = 'adam'\neps = 1e39", "train.eps"),
        ("lr = 1e39", "train.lr"),
        ("lr = 1e-46", "train.lr"),
        ("momentum = 0.99999999999", "train.momentum"),
        ("beta1 = 0.99999999999", "train.beta1"),
        ("beta2 = 0.99999999999", "train.beta2"),
        ("weight_decay = 1e39", "train.weight_decay"),
        ("weight_decay = 1e-46", "train.weight_decay"),
        ("clip_norm = 1e39", "train.clip_norm"),
        ("clip_norm = inf", "train.clip_norm"),
        ("clip_norm = 1e-46", "train.clip_norm"),
        ("objective_noise = 1e39", "train.objective_noise"),
        ("epochs = 9223372036854775807", "train.epochs"),
        ("dp = { clip = 1e-46, noise_multiplier = 1.0, delta = 1e-5 }", "train.dp.clip"),
        ("dp = { clip = 1.0, noise_multiplier = 1e39, delta = 1e-5 }", "train.dp.noise_multiplier"),
        ("dp = { clip = 1e30, noise_multiplier = 1e30, delta = 1e-5 }", "train.dp.noise_multiplier"),
    ] {
        let error = parse(&format!("{base}[train]\n{line}\n")).err().unwrap_or_else(|| panic!("{line} was taken"));
        assert!(error.exit_code() == 2 && error.to_string().contains(key), "{error}");
    }
    for (method, line) in [
        ("finetune", "lr = 1e39"),
        ("finetune", "lr = 1e-46"),
        ("finetune", "momentum = 0.99999999999"),
        ("finetune", "epochs = 9223372036854775807"),
        ("l1_sparse", "epochs = 1000000000"),
        ("ssd", "alpha = 1e39"),
        ("ssd", "batch = 9223372036854775807"),
        ("ssd", "estimator = { model_sampled = { samples = 4000000000 } }"),
        ("newton", "iterations = 9223372036854775807"),
        ("delta_grad", "max_bytes = 9223372036854775807"),
    ] {
        let key = line.split(' ').next().unwrap();
        let forget = "[forget]\nrequest = { kind = 'sample', ids = [1] }\n";
        let text = format!("{base}{forget}methods = ['{method}']\n[forget.settings.{method}]\n{line}\n");
        let error = parse(&text).err().unwrap_or_else(|| panic!("{method} {line} was taken"));
        assert!(error.exit_code() == 2 && error.to_string().contains(key), "{error}");
    }
}
