//! Files that want more than to be read: each is refused in a sentence, nothing is run and nothing is unpacked.

use std::path::{Path, PathBuf};

use super::super::evidence::bench::refused;
use super::files::{View, global, pickle, state_dict, text, zip};
use unlearn::data::StateDict;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.pt");
    (dir, path)
}

fn written(path: &Path, data: &[u8]) {
    zip(path, &[("m/data.pkl", data, false), ("m/data/0", &[0; 16], false)]);
}

const PLAIN: View = View { file: "0", stored: 4, offset: 0, shape: &[2, 2], strides: &[2, 1] };

#[test]
fn a_plain_file_is_read() {
    let (_dir, path) = folder();
    written(&path, &state_dict(&[("w", PLAIN)]));
    let dict = StateDict::read(&path, None).unwrap();
    assert_eq!(
        (dict.tensors[0].shape.as_slice(), dict.tensors[0].values.as_deref()),
        (&[2, 2][..], Some(&[0.0; 4][..]))
    );
}

#[test]
fn code_is_not_run() {
    let (dir, path) = folder();
    let trace = dir.path().join("trace");
    let command = format!("touch {}", trace.display());
    for (module, name) in [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("torch", "load")] {
        let call = [global(module, name), b"(".to_vec(), text(&command), b"tR".to_vec()].concat();
        written(&path, &pickle(&call));
        refused(StateDict::read(&path, None), &["m.pt", &format!("{module}.{name}"), "nothing was run"]);
    }
    // Behind a list as well, and as the state of something that is let pass.
    let state = [global("collections", "OrderedDict"), b")R".to_vec(), global("os", "system"), b"b".to_vec()].concat();
    written(&path, &pickle(&state));
    refused(StateDict::read(&path, None), &["os.system"]);
    assert!(!trace.exists());
}

#[test]
fn storages_end_where_they_end() {
    let (dir, path) = folder();
    std::fs::write(dir.path().join("secret"), [0; 16]).unwrap();
    let cases = [
        (View { file: "../../secret", ..PLAIN }, "no name"),
        (View { file: "1", ..PLAIN }, "not in the archive"),
        (View { stored: 5, ..PLAIN }, "16 bytes, and 20"),
        (View { stored: i64::MAX, ..PLAIN }, "has 16 bytes"),
        (View { offset: 1, ..PLAIN }, "does not fit"),
        (View { strides: &[3, 1], ..PLAIN }, "does not fit"),
        (View { strides: &[i64::MAX, 1], ..PLAIN }, "does not fit"),
        (View { strides: &[-2, 1], ..PLAIN }, "not written as PyTorch does"),
        (View { shape: &[1 << 20, 1 << 20], strides: &[0, 0], ..PLAIN }, "does not fit"),
        (View { shape: &[i64::MAX, i64::MAX], strides: &[0, 0], ..PLAIN }, "does not fit"),
        (View { shape: &[4], ..PLAIN }, "not written as PyTorch does"),
    ];
    for (view, says) in cases {
        written(&path, &state_dict(&[("w", view)]));
        refused(StateDict::read(&path, None), &["m.pt", "`w`", says]);
    }
}

#[test]
fn bombs_are_not_unpacked() {
    let (_dir, path) = folder();
    let (data, zeros) =
        (state_dict(&[("w", View { stored: 1 << 22, shape: &[1 << 22], strides: &[1], ..PLAIN })]), vec![0; 4 << 22]);
    zip(&path, &[("m/data.pkl", &data, false), ("m/data/0", &zeros, true)]);
    refused(StateDict::read(&path, None), &["compressed", "data/0"]);
    zip(&path, &[("m/data.pkl", &zeros, true)]);
    refused(StateDict::read(&path, None), &["compressed", "data.pkl"]);
    // Many names for one storage.
    let names: Vec<String> = (0..2000).map(|i| format!("w{i}")).collect();
    let big = |_| View { stored: 4096, shape: &[4096], strides: &[1], ..PLAIN };
    let items: Vec<(&str, View)> = names.iter().map(|name| (name.as_str(), big(name))).collect();
    zip(&path, &[("m/data.pkl", &state_dict(&items), false), ("m/data/0", &[0; 4 * 4096], false)]);
    refused(StateDict::read(&path, None), &["shared too often"]);
}

#[test]
fn nesting_and_cut_files_are_no_trouble() {
    let (_dir, path) = folder();
    written(&path, &pickle(&[b'('; 100]));
    refused(StateDict::read(&path, None), &["marks"]);
    written(&path, &pickle(&[b"N".to_vec(), vec![0x85; 200_000]].concat()));
    refused(StateDict::read(&path, None), &["no dictionary"]);
    // A dictionary that holds itself.
    written(&path, &pickle(&[b"}q\x00".to_vec(), text("model"), b"h\x00s".to_vec()].concat()));
    refused(StateDict::read(&path, None), &["its keys are model"]);
    written(&path, &state_dict(&[("w", PLAIN)]));
    let whole = std::fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        refused(StateDict::read(&path, None), &["m.pt"]);
    }
}

#[test]
fn other_files_of_pytorch_are_named() {
    let (_dir, path) = folder();
    std::fs::write(&path, [0x80, 2, 0x8a, 10, 0x6c]).unwrap();
    refused(StateDict::read(&path, None), &["before version 1.6"]);
    zip(&path, &[("m/data.pkl", b"", false), ("m/constants.pkl", b"", false)]);
    refused(StateDict::read(&path, None), &["TorchScript"]);
    zip(&path, &[("a.npy", b"", false)]);
    refused(StateDict::read(&path, None), &["no data.pkl"]);
    // A whole module has its class in it.
    written(&path, &pickle(&[global("__main__", "Net"), b")\x81".to_vec()].concat()));
    refused(StateDict::read(&path, None), &["__main__.Net", "model.state_dict()"]);
}
