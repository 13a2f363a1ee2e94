//! Bad files through the program: exit code 2, one sentence, and nothing written. Nothing here needs an adapter: input
//! is judged before one is looked for.

use crate::shared::binary::{Desk, refused};

/// A configuration with this `[data]` and a small network.
fn config(data: &str) -> String {
    format!("[data]\n{data}\n[model]\nzoo = \"mlp\"\nhidden = [4]\n")
}

/// Trains with these files and this `[data]`, and holds that the program refuses with `says` and writes nothing.
#[track_caller]
fn bad(files: &[(&str, Vec<u8>)], data: &str, says: &[&str]) {
    let desk = Desk::new();
    files.iter().for_each(|(name, content)| {
        desk.put(name, content);
    });
    let file = desk.put("c.toml", config(data));
    let before = desk.names();
    refused(&["train", &file, "--out", &desk.text("run")], says).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(desk.names(), before);
}

/// An IDX file of bytes.
fn idx(shape: &[u32], content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
    bytes.extend(content);
    bytes
}

const IDX: &str = "loader = \"idx\"\ntrain_images = \"x\"\ntrain_labels = \"y\"";

#[test]
fn idx_truncated_wrong_magic_wrong_counts() {
    let good = idx(&[4, 2, 2], &[7; 16]);
    let labels = idx(&[4], &[0, 1, 0, 1]);
    bad(&[("x", good[..20].to_vec()), ("y", labels.clone())], IDX, &["x"]);
    let mut magic = good.clone();
    magic[2] = 0x77;
    bad(&[("x", magic), ("y", labels.clone())], IDX, &["x"]);
    bad(&[("x", good.clone()), ("y", idx(&[3], &[0, 1, 0]))], IDX, &["y"]);
    bad(&[("x", idx(&[u32::MAX, u32::MAX, 200], &[1])), ("y", labels.clone())], IDX, &["x"]);
    bad(&[("x", [&[0x1f, 0x8b, 8, 0][..], &[9; 40]].concat()), ("y", labels)], IDX, &["x"]);
    bad(&[("x", good)], IDX, &["y"]);
}

#[test]
fn npz_and_csv_corrupt_or_not_finite() {
    let npz = "loader = \"npz\"\npath = \"a.npz\"";
    bad(&[("a.npz", b"PK\x03\x04 not a zip".to_vec())], npz, &["a.npz"]);
    bad(&[("a.npz", Vec::new())], npz, &["a.npz"]);
    let csv = "loader = \"csv\"\npath = \"a.csv\"\nlabel = \"c\"";
    bad(&[("a.csv", b"a,b,c\n1,2,x\n3,y\n".to_vec())], csv, &["a.csv", "3"]);
    bad(&[("a.csv", b"a,b,c\n1,NaN,x\n3,4,y\n".to_vec())], csv, &["a.csv"]);
    bad(&[("a.csv", b"a,b,c\n1,2,x\n3,4,x\n".to_vec())], csv, &["class"]);
    bad(&[("a.csv", b"a,b,d\n1,2,x\n".to_vec())], csv, &["`c`"]);
    bad(&[], "loader = \"csv\"\npath = \"absent.csv\"\nlabel = \"c\"", &["absent.csv"]);
}

/// A safetensors file from its header and data.
fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[test]
fn weights_of_the_wrong_kind_shape_or_name() {
    // logistic on [2] features and 2 classes: fc.weight [2, 2], fc.bias [2].
    let tensor = |name: &str, kind: &str, shape: &str, from: usize, to: usize| {
        format!("\"{name}\":{{\"dtype\":\"{kind}\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
    };
    let weight = tensor("fc.weight", "F32", "[2,2]", 0, 16);
    let bias = tensor("fc.bias", "F32", "[2]", 16, 24);
    let of = |tensors: &[&String], data: &[u8]| {
        let all: Vec<&str> = tensors.iter().map(|t| t.as_str()).collect();
        safetensors(&format!("{{{}}}", all.join(",")), data)
    };
    let nan = [&[0; 20][..], &f32::NAN.to_le_bytes()].concat();
    let extra = tensor("other", "F32", "[1]", 24, 28);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (of(&[&weight], &[0; 16]), "`fc.bias`"),
        (of(&[&weight, &bias, &extra], &[0; 28]), "`other`"),
        (of(&[&tensor("fc.weight", "F32", "[4]", 0, 16), &bias], &[0; 24]), "[2, 2]"),
        (of(&[&tensor("fc.weight", "I32", "[2,2]", 0, 16), &bias], &[0; 24]), "I32"),
        (of(&[&weight, &bias], &nan), "NaN"),
        (of(&[&weight, &bias], &[0; 10]), "w.safetensors"),
        ([&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "w.safetensors"),
        (b"no".to_vec(), "w.safetensors"),
    ];
    for (content, says) in cases {
        let desk = Desk::new();
        desk.put("w.safetensors", content);
        let text = "init = \"w.safetensors\"\n[data]\nloader = \"synth\"\nclasses = 2\nshape = [2]\n[model]\nzoo = \
            \"logistic\"\n";
        let file = desk.put("c.toml", text);
        refused(&["train", &file, "--out", &desk.text("run")], &["w.safetensors", says])
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(desk.names(), ["c.toml", "w.safetensors"]);
    }
}

#[test]
fn requests_of_an_experiment() {
    let desk = Desk::new();
    let with = |request: &str| {
        let forget = format!("[forget]\nrequest = {request}\nmethods = [\"ssd\"]\n");
        desk.put("e.toml", config("loader = \"synth\"\nclasses = 3\nsamples = 40") + &forget)
    };
    let cases = [
        ("{ kind = \"sample\", ids = [400] }", "unknown sample id 400"),
        ("{ kind = \"sample\", ids = [] }", "empty"),
        ("{ kind = \"class\", ids = [3] }", "no class 3"),
        ("{ kind = \"class\", ids = [0, 1, 2] }", "nothing would be retained"),
        ("{ kind = \"node\", ids = [1] }", "needs a graph"),
        ("{ kind = \"sample\", fraction = 2.0 }", "fraction"),
        ("\"absent.jsonl\"", "absent.jsonl"),
    ];
    for (request, says) in cases {
        let file = with(request);
        refused(&["run", &file, "--out", &desk.text("out")], &[says]).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(desk.names(), ["e.toml"], "{request}");
    }
}

#[test]
fn folders_that_are_no_runs_and_arguments_that_are_none() {
    let desk = Desk::new();
    let (empty, out) = (desk.text(""), desk.text("out"));
    let request = desk.put("q.jsonl", "{\"request_id\":\"r\",\"kind\":\"sample\",\"ids\":[0]}\n");
    let cases: [(&[&str], &str); 7] = [
        (&["eval", &empty], "is not a run folder"),
        (&["gradients", &empty, "--kind", "mean", "--indices", "0..2", "--out", &out], "is not a run folder"),
        (&["forget", &empty, "--request", &request, "--method", "ssd", "--out", &out], "is not a run folder"),
        (&["forget", &empty, "--request", &request, "--method", "sdd", "--out", &out], "`sdd`"),
        (&["report", &empty, "--out", &out], "holds neither"),
        (&["train", &out, "--out", &out], "out"),
        (&["demo", "--only", "nothing", "--out", &out], "--only"),
    ];
    for (arguments, says) in cases {
        refused(arguments, &[says]).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(desk.names(), ["q.jsonl"], "{arguments:?}");
    }
}
