//! The targets: good files, and who reads them.

use std::path::Path;

use rawzip::CompressionMethod;
use unlearn::data::{DataConfig, load, read_requests, resolve};
use unlearn::nn::{Model, ModelConfig};
use unlearn::run::config::Loaded;
use unlearn::run::folder::RunFolder;
use unlearn::train::checkpoint::Checkpoint;
use unlearn::train::weights;

use super::super::data_files::{Archive, folder, gzip, header, idx, idx_of, npy};
use super::super::pickles;
use super::{File, fuzz};

/// Loads the data set of a `[data]` table over damaged files.
fn loader(target: &str, text: &str, files: &[File]) {
    let config: DataConfig = toml::from_str(&format!("max_bytes = 16000000\n{text}")).expect("the target's TOML");
    fuzz(target, files, |dir| load(&config, dir).map(drop));
}

fn same(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

#[test]
fn csv() {
    let table = "name,age,pay,city,y\nann,31,\"1,200.5\",Oslo,p\nbob,?,900,Rome,q\ncyd,40,7,Oslo,p\ndan,22,1e3,,q\n";
    let text = "loader = 'csv'\npath = 't.csv'\nlabel = 'y'\nthousands = ','\nmissing_indicator = true\nlimit = 3";
    loader("csv", text, &[("t.csv", table.into(), same)]);
    loader("csv.gz", text, &[("t.csv", table.into(), gzip)]);
    let bare = "loader = 'csv'\npath = 't.csv'\ntest_path = 'u.csv'\nheader = false\ndelimiter = ';'\ndecimal = ','\n\
        label = -1\nskip_rows = 1\nlabel_strip = '.'\nschema = { 0 = 'categorical' }";
    let (t, u) = ("skip\n1;2,5;a\n2;3,5;b\n1;0,5;a\n", "1;2,5;a.\n2;-1;b.\n");
    loader("csv bare", bare, &[("t.csv", t.into(), same), ("u.csv", u.into(), same)]);
}

#[test]
fn parquet_files() {
    let text = "loader = 'parquet'\npath = 't'\nlabel = 'churn'\nid = 'customer'\nsubject = 'household'\n\
        drop = ['since']\nschema = { when = 'numeric' }\nmissing_indicator = true";
    for name in super::super::parquet::FILES {
        let bytes = std::fs::read(super::super::parquet::files().join(format!("{name}.parquet"))).unwrap();
        loader(&format!("parquet, {name}"), text, &[("t", bytes, same)]);
    }
}

#[test]
fn pictures_of_bytes() {
    let pair = [("a", idx(&[4, 2, 3], &[9; 24])), ("b", idx(&[4], &[0, 1, 0, 1]))];
    let text = "loader = 'idx'\ntrain_images = 'a'\ntrain_labels = 'b'";
    for (target, pack) in [("idx", same as fn(&[u8]) -> Vec<u8>), ("idx.gz", gzip)] {
        loader(target, text, &pair.clone().map(|(name, bytes)| (name, bytes, pack)));
    }
    for (element, size) in [(0x09, 1), (0x0b, 2), (0x0c, 4), (0x0d, 4), (0x0e, 8)] {
        let labels: Vec<u8> =
            [0i32, 1, 0, 1].map(|class| [class; 8]).concat().into_iter().flat_map(i32::to_be_bytes).collect();
        let pair = [("a", idx_of(element, &[4, 2, 3], &vec![9; 24 * size])), ("b", idx_of(0x0c, &[4, 8], &labels))];
        loader(
            &format!("idx {element:#x}"),
            text,
            &pair.map(|(name, bytes)| (name, bytes, same as fn(&[u8]) -> Vec<u8>)),
        );
    }
    let batch = [vec![1; 3074], vec![2; 3074], vec![1; 3074]].concat();
    loader("cifar-100", "loader = 'cifar'\ntrain_files = ['c']\nlabel = 'fine'", &[("c", batch, same)]);
    let batch = [vec![1; 3073], vec![2; 3073], vec![1; 3073]].concat();
    loader("cifar", "loader = 'cifar'\ntrain_files = ['c']", &[("c", batch, same)]);
}

/// An archive of arrays that are packed one behind the other, each with its name and its length.
fn archive(bytes: &[u8]) -> Vec<u8> {
    let dir = folder();
    let path = dir.path().join("a.npz");
    let mut out = Archive::create(&path);
    let mut rest = bytes;
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let [name, method, low, high] = *head;
        let length = (usize::from(low) | usize::from(high) << 8).min(after.len());
        let method = if method % 2 == 0 { CompressionMethod::STORE } else { CompressionMethod::DEFLATE };
        out.add(NAMES[usize::from(name) % NAMES.len()], &after[..length], method);
        rest = &after[length..];
    }
    out.finish();
    std::fs::read(path).unwrap()
}

const NAMES: [&str; 11] = [
    "x",
    "y",
    "adj_data",
    "adj_indices",
    "adj_indptr",
    "adj_shape",
    "attr_data",
    "attr_indices",
    "attr_indptr",
    "attr_shape",
    "labels",
];

/// What `archive` takes.
fn arrays(arrays: &[(u8, &str, &str, &str, Vec<u8>)]) -> Vec<u8> {
    let one = |(name, dtype, order, shape, bytes): &(u8, &str, &str, &str, Vec<u8>)| {
        let file = npy(&header(dtype, order, shape), bytes);
        [&[*name, *name, file.len() as u8, (file.len() >> 8) as u8], &file[..]].concat()
    };
    arrays.iter().flat_map(one).collect()
}

fn words<const N: usize>(values: [i32; N]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn archives_of_numpy() {
    let text = "loader = 'npz'\npath = 'a.npz'";
    let plain = arrays(&[(0, "<f2", "True", "4, 2,", vec![0x3c; 16]), (1, "<i4", "False", "4,", words([0, 1, 0, 1]))]);
    loader("npz", text, &[("a.npz", plain.clone(), archive)]);
    loader("npz raw", text, &[("a.npz", archive(&plain), same)]);
    let names =
        arrays(&[(0, "|u1", "False", "2, 2, 2, 3,", vec![7; 24]), (1, "<U2", "False", "2,", words([97, 0, 98, 99]))]);
    loader("npz texts", &format!("{text}\ntest_fraction = 0.0"), &[("a.npz", names, archive)]);
    let matrix = |from: u8| {
        vec![
            (from, "<i4", "False", "3,", words([1, 1, 1])),
            (from + 1, "<i4", "False", "3,", words([1, 0, 1])),
            (from + 2, "<i4", "False", "4,", words([0, 1, 2, 3])),
            (from + 3, "<i4", "False", "2,", words([3, 3])),
        ]
    };
    let graph = [matrix(2), matrix(6), vec![(10, "<i4", "False", "3,", words([0, 1, 0]))]].concat();
    let text = "loader = 'graph_npz'\npath = 'a.npz'\nsplit = 'random'";
    loader("graph_npz", text, &[("a.npz", arrays(&graph), archive)]);
}

#[test]
fn pickles_of_planetoid() {
    let text = "loader = 'planetoid'\npath = '.'\nname = 'tiny'";
    let dir = folder();
    pickles::tiny(dir.path());
    const PARTS: [&str; 8] = ["x", "y", "tx", "ty", "allx", "ally", "graph", "test.index"];
    const FILES: [&str; 8] = [
        "ind.tiny.x",
        "ind.tiny.y",
        "ind.tiny.tx",
        "ind.tiny.ty",
        "ind.tiny.allx",
        "ind.tiny.ally",
        "ind.tiny.graph",
        "ind.tiny.test.index",
    ];
    let old: Vec<File> = FILES
        .iter()
        .map(|name| (*name, std::fs::read(dir.path().join(name)).unwrap(), same as fn(&[u8]) -> Vec<u8>))
        .collect();
    loader("planetoid", text, &old);
    let new = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/pickles");
    for protocol in 2..=5 {
        let read = |(at, part): (usize, &&str)| {
            let bytes = std::fs::read(new.join(format!("ind.p{protocol}.{part}")));
            (FILES[at], bytes.unwrap_or_else(|_| old[at].1.clone()), same as fn(&[u8]) -> Vec<u8>)
        };
        let files: Vec<File> = PARTS.iter().enumerate().map(read).collect();
        loader(&format!("planetoid, protocol {protocol}"), text, &files);
    }
}

#[test]
fn models_of_pytorch() {
    for name in ["lenet.pt", "mlp.pt", "half.pt"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shared/import").join(name);
        let bytes = std::fs::read(file).unwrap();
        fuzz(name, &[("m", bytes, same)], |dir| unlearn::data::StateDict::read(&dir.join("m"), None).map(drop));
    }
}

#[test]
fn tables_of_graphs() {
    let text = "loader = 'edge_list'\nedges = 'e'\nlabels = 'l'\nlabel = 'ok'\nid = 'node'\nnode_features = 'f.json'\n\
        drop = ['w']\ntest_fraction = 0.25";
    let files: [File; 3] = [
        ("e", b"# edges\nu v w\nann bob 1\nbob 7 0.5\n".into(), same),
        ("l", b"node\tok\nann\ta\nbob\tb\n7\tb\n".into(), same),
        ("f.json", b"{\"ann\": [0, 2], \"bob\": [], \"7\": [1]}".into(), same),
    ];
    loader("edge_list", text, &files);
    let ring: String = (0..12).map(|at| format!("{at},{}\n", (at + 1) % 12)).collect();
    let links = "loader = 'edge_list'\nedges = 'e'\ntask = 'link'\nheader = false";
    loader("edge_list of links", links, &[("e", ring.into(), gzip)]);
    let text = "loader = 'cora_text'\npath = '.'\nname = 't'\nsplit = 'random'";
    let files: [File; 2] = [
        ("t.content", b"p7\t1\t0\tB\np2\t0\t0.5\tA\np9\t0\t0\tB\n".into(), same),
        ("t.cites", b"p7\tp9\np9 p7\np7 p2\n".into(), same),
    ];
    loader("cora_text", text, &files);
    let text = "loader = 'tudataset'\npath = '.'\nname = 'T'\nfolds = 2";
    let files: [File; 5] = [
        ("T_graph_indicator.txt", b"1\n1\n2\n3\n4\n".into(), same),
        ("T_A.txt", b"1, 2\n2, 1\n".into(), same),
        ("T_graph_labels.txt", b"0\n1\n1\n0\n".into(), same),
        ("T_node_labels.txt", b"0\n1\n1\n0\n5\n".into(), same),
        ("T_node_attributes.txt", b"0.5, 1\n1, 1\n0, 0\n2, 2\n0, 9\n".into(), same),
    ];
    loader("tudataset", text, &files);
}

/// Mends the checksums of a PNG's chunks, as far as it has some.
fn checked(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = 8;
    while let Some(head) = out.get(at..at + 4).and_then(<[u8]>::first_chunk::<4>) {
        let end = at.saturating_add(8).saturating_add(u32::from_be_bytes(*head) as usize);
        if end.saturating_add(4) > out.len() {
            break;
        }
        let mut sum = flate2::Crc::new();
        sum.update(&out[at + 4..end]);
        out[end..end + 4].copy_from_slice(&sum.sum().to_be_bytes());
        at = end + 4;
    }
    out
}

#[test]
fn folders_of_pictures() {
    let dir = folder();
    let save = |name: &str| {
        let path = dir.path().join(name);
        image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([(x * 20) as u8, (y * 30) as u8, 5])).save(&path).unwrap();
        std::fs::read(path).unwrap()
    };
    let files: [File; 4] = [
        ("d/a/1.png", save("a.png"), checked),
        ("d/a/2.jpg", save("a.jpg"), same),
        ("d/b/1.png", save("b.png"), checked),
        ("d/b/2.jpg", save("b.jpg"), same),
    ];
    loader("class_folder", "loader = 'class_folder'\npath = 'd'\nsize = [4, 5]\ngrayscale = true", &files);
    loader("class_folder as it is", "loader = 'class_folder'\npath = 'd'", &files);
    let files: [File; 4] = [
        ("d/train/a/1.bmp", save("a.bmp"), same),
        ("d/train/b/2.webp", save("a.webp"), same),
        ("d/val/a/1.tif", save("b.tif"), same),
        ("d/test/b/2.tiff", save("b.tiff"), same),
    ];
    loader("class_folder of parts", "loader = 'class_folder'\npath = 'd'", &files);
}

#[test]
fn requests_and_indices() {
    let table = "loader = 'synth'\nsamples = 60\ntest_fraction = 0.0";
    let rows = load(&toml::from_str(table).unwrap(), Path::new(".")).unwrap();
    let nodes = load(&toml::from_str("loader = 'karate'").unwrap(), Path::new(".")).unwrap();
    let lines = "{\"request_id\":\"r1\",\"kind\":\"sample\",\"ids\":[5, 1]}\n\n\
        {\"request_id\":\"r2\",\"kind\":\"class\",\"ids\":[\"3\"]}\n";
    fuzz("requests", &[("r.jsonl", lines.into(), same)], |dir| {
        resolve(&read_requests(&dir.join("r.jsonl"))?, &rows, 0).map(drop)
    });
    let of_nodes = "{\"request_id\":\"a\",\"kind\":\"node\",\"ids\":[5]}\n\
        {\"request_id\":\"b\",\"kind\":\"edge\",\"ids\":[[0, 1]]}\n\
        {\"request_id\":\"c\",\"kind\":\"feature\",\"ids\":[3, [4, 4]]}\n\
        {\"request_id\":\"d\",\"kind\":\"feature\",\"nodes\":[7]}\n";
    fuzz("requests on a graph", &[("r.jsonl", of_nodes.into(), same)], |dir| {
        resolve(&read_requests(&dir.join("r.jsonl"))?, &nodes, 0).map(drop)
    });
    let csv = "request_id,kind,ids\nr1,sample,5 1\nr2,class,3\nr3,sample,[7]\n";
    fuzz("requests as CSV", &[("r.csv", csv.into(), same)], |dir| {
        resolve(&read_requests(&dir.join("r.csv"))?, &rows, 0).map(drop)
    });
    for (name, text) in [("indices", "5\n7\n\n12\n"), ("indices as JSON", "[5, 7, 12]")] {
        fuzz(name, &[("i", text.into(), same)], |dir| rows.indices(&dir.join("i").display().to_string()).map(drop));
    }
    fuzz("indices as a range", &[("i", "10..20".into(), same)], |dir| {
        let text = std::fs::read(dir.join("i")).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        // What is no range is the name of a file.
        if text.contains("..") && !text.contains(['/', '\0']) { rows.indices(&text).map(drop) } else { Ok(()) }
    });
}

#[test]
fn configurations() {
    let text = "seed = 3\n[data]\nloader = 'synth'\nsamples = 40\nclasses = 3\nshape = [1, 6, 6]\npattern = 'stripes'\n\
        test_fraction = 0.25\nnoise = 0.5\n\
        [[model.layers]]\ntype = 'conv2d'\nout = 2\nkernel = 3\npadding = 1\nstride = [1, 2]\n\
        [[model.layers]]\ntype = 'max_pool'\nkernel = 2\n[[model.layers]]\ntype = 'flatten'\n\
        [[model.layers]]\ntype = 'linear'\n\
        [train]\noptimizer = 'adam'\nlr = 0.1\neps = 1e-8\nepochs = 2\nbatch_size = 8\nschedule = 'cosine'\n\
        [forget]\nrequest = { kind = 'sample', fraction = 0.1 }\nmethods = ['finetune', 'ssd']\nreferences = 2\n\
        [forget.settings.finetune]\nlr = 0.01\nepochs = 3\n";
    fuzz("configuration", &[("c.toml", text.into(), same)], |dir| {
        Loaded::read(&dir.join("c.toml"), &[], None)?.build().map(drop)
    });
    let graph = "[data]\nloader = 'sbm'\nnodes = 30\nclasses = 3\nfeatures = 6\np_in = 0.3\nplant = { columns = 2 }\n\
        poison = { edges = 0.1 }\nsplit = 'random'\nvalidation_fraction = 0.1\n\
        [[model.layers]]\ntype = 'gat_conv'\nout = 4\nheads = 2\n[[model.layers]]\ntype = 'cheb_conv'\nk = 2\nout = 3\n\
        [[model.layers]]\ntype = 'sgc'\nk = 2\n[train]\nfanout = [3, 3]\nclip_norm = 1.0\n";
    fuzz("configuration of a graph", &[("c.toml", graph.into(), same)], |dir| {
        Loaded::read(&dir.join("c.toml"), &[], None)?.build().map(drop)
    });
}

#[test]
fn weights_checkpoints_and_runs() {
    let config: ModelConfig = toml::from_str("zoo = 'mlp'\nhidden = [3]").unwrap();
    let layout = Model::build(&config, &[2], 2).unwrap().layout;
    let theta: Vec<f32> = (0..layout.total()).map(|at| at as f32 / 8.0).collect();
    let dir = folder();
    let path = dir.path().join("m");
    weights::save_model(&path, &layout, &theta, &[("format", "pt".to_owned())]).unwrap();
    let saved = std::fs::read(&path).unwrap();
    fuzz("weights", &[("m", saved, same)], |dir| weights::load(&dir.join("m"), &layout).map(drop));
    let metadata = ["config_sha256", "epoch", "at", "step", "loss_sum", "correct_sum", "count", "data_sha256"];
    let metadata: Vec<(&str, String)> =
        metadata.iter().map(|key| (*key, "1".to_owned())).chain([("version", "1".to_owned())]).collect();
    let vectors: Vec<(String, Vec<usize>, &[f32])> = ["theta", "optimizer.m", "optimizer.v"]
        .iter()
        .map(|name| ((*name).to_owned(), vec![theta.len()], theta.as_slice()))
        .collect();
    weights::save_tensors(&path, &vectors, &metadata).unwrap();
    let saved = std::fs::read(&path).unwrap();
    // An older or newer form is refused as a whole, which is an answer too.
    fuzz("checkpoint", &[("m", saved, same)], |dir| accept(Checkpoint::load(&dir.join("m"), &layout).map(drop)));
    let info = include_bytes!("run.json");
    fuzz("run.json", &[("run.json", info.to_vec(), same)], |dir| accept(RunFolder::new(dir).read_info().map(drop)));
}

/// A refusal with exit code 2 is as good as an answer.
fn accept(result: unlearn::Result<()>) -> unlearn::Result<()> {
    result.or_else(|error| if error.exit_code() == 2 { Ok(()) } else { Err(error) })
}
