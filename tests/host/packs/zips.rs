//! What comes from elsewhere: bombs, paths that leave the folder, links, later versions, halves. One sentence each, and
//! nothing is written.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::path::EntryPath;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use unlearn::run::pack::{Anchors, check};

use super::made::{Files, Project, files};
use crate::evidence::bench::{Bench, refused};
use crate::shared::binary::names;

/// A zip of these files, packed, names as they are given.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in files {
        let path = EntryPath::verbatim(name.as_bytes().to_vec());
        let (mut entry, config) = zip.new_file(path).compression_method(CompressionMethod::DEFLATE).start().unwrap();
        let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::best()));
        writer.write_all(bytes).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    zip.finish().unwrap()
}

fn made() -> (Project, Files) {
    let bench = Bench::trained();
    bench.forget("run", "one.jsonl", "retrain", "", "forgot");
    let project = Project::new(bench);
    project.pack("forgot", "pack");
    let clean = files(&project.bench.path("pack"));
    (project, clean)
}

#[test]
fn what_is_no_pack_gets_one_sentence_and_writes_nothing() {
    let (project, clean) = made();
    let desk = tempfile::tempdir().unwrap();
    let whole: Vec<(&str, &[u8])> = clean.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let with = |name: &str, bytes: &[u8]| {
        let mut all = whole.clone();
        let name = name.to_owned();
        all.push((&name, bytes));
        zip(&all)
    };
    let bomb = vec![0u8; 64 << 20];
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let later = String::from_utf8(clean["certificate.json"].clone()).unwrap().replace("certificate/1", "certificate/9");
    let mut other: Vec<(&str, &[u8])> = whole.clone();
    other.iter_mut().find(|(name, _)| *name == "certificate.json").unwrap().1 = later.as_bytes();
    let mut broken = zip(&whole);
    let middle = broken.len() / 2;
    broken[middle..middle + 64].fill(7);
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("bomb", with("zeros.bin", &bomb), &["zeros.bin", "would unpack from", "nothing was unpacked"]),
        ("above", with("../../outside.txt", b"x"), &["../../outside.txt", "leaves the pack"]),
        ("inside", with("a/../../outside.txt", b"x"), &["a/../../outside.txt", "leaves the pack"]),
        ("root", with("/outside.txt", b"x"), &["/outside.txt", "leaves the pack"]),
        ("drive", with("C:outside.txt", b"x"), &["C:outside.txt", "leaves the pack"]),
        ("backslash", with("..\\outside.txt", b"x"), &["leaves the pack"]),
        ("twice", with("config.toml", b"x"), &["two files `config.toml`"]),
        ("half", half(zip(&whole)), &["neither a folder nor a whole zip"]),
        ("empty", vec![], &["neither a folder nor a whole zip"]),
        ("text", b"PK\x03\x04 and no more".to_vec(), &["neither a folder nor a whole zip"]),
        ("other", zip(&[("readme.txt", b"hello")]), &["there is no certificate.json in it"]),
        ("later", zip(&other), &["unlearn.certificate/9", "the version that wrote it"]),
    ];
    let before = names(desk.path());
    for (name, bytes, says) in cases {
        let path = desk.path().join(format!("{name}.zip"));
        fs::write(&path, bytes).unwrap();
        let said = refused(check(&path, &Anchors::default()), says);
        assert!(!said.contains('\n') && said.contains(&format!("{name}.zip")), "{said}");
        fs::remove_file(&path).unwrap();
        assert_eq!(names(desk.path()), before, "{name}");
    }
    let path = desk.path().join("broken.zip");
    fs::write(&path, broken).unwrap();
    let said = check(&path, &Anchors::default());
    assert!(said.is_err() || said.is_ok_and(|checked| !checked.whole), "a broken zip passes");
    refused(check(&desk.path().join("absent"), &Anchors::default()), &["absent"]);
    drop(project);
}

/// Two entries of the directory that lie over each other unpack to more than the file has.
#[test]
fn entries_over_each_other_are_refused() {
    let (_project, _) = made();
    let desk = tempfile::tempdir().unwrap();
    let one = zip(&[("certificate.json", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), ("b.txt", b"bbbbbbbbbbbbbbbbb")]);
    // The second entry of the directory is made to point to the place of the first.
    let directory = one.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let second = directory + 4 + one[directory + 4..].windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let mut changed = one.clone();
    changed[second + 42..second + 46].fill(0);
    let path = desk.path().join("over.zip");
    fs::write(&path, changed).unwrap();
    assert_eq!(check(&path, &Anchors::default()).unwrap_err().exit_code(), 2);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let (project, _) = made();
    let secret = project.bench.put("secret.txt", "of somebody");
    let copy = project.bench.path("linked");
    fs::create_dir_all(&copy).unwrap();
    super::made::put(&copy, &files(&project.bench.path("pack")));
    std::os::unix::fs::symlink(&secret, copy.join("notes.txt")).unwrap();
    refused(check(&copy, &Anchors::default()), &["notes.txt", "is a link"]);
    fs::remove_file(copy.join("notes.txt")).unwrap();
    let model = copy.join("model.safetensors");
    fs::rename(&model, project.bench.path("elsewhere.safetensors")).unwrap();
    std::os::unix::fs::symlink(project.bench.path("elsewhere.safetensors"), &model).unwrap();
    refused(check(&copy, &Anchors::default()), &["model.safetensors", "is a link"]);
}

#[test]
fn a_place_that_is_taken_is_refused_and_a_failed_pack_leaves_nothing() {
    let (project, _) = made();
    let there = |name: &str| names(project.bench.path(name).parent().unwrap_or(Path::new("")));
    refused(project.pack_again("forgot", "pack").map(drop), &["--out", "is there already"]);
    project.bench.put("taken.zip", "x");
    refused(project.pack_again("forgot", "taken").map(drop), &["taken.zip is there already"]);
    let before = there("x");
    refused(project.pack_again("run", "none").map(drop), &["forgot nothing"]);
    project.bench.forget("run", "one.jsonl", "gradient_ascent", "max_steps = 2\ntarget_loss = 0.0001", "same");
    refused(project.pack_again("same", "none").map(drop), &["is unchanged", "nothing to certify"]);
    let after: Vec<String> = there("x").into_iter().filter(|name| name != "same").collect();
    assert_eq!(after, before);
    // A claim that the method does not bear out.
    let info = project.bench.path("forgot/run.json");
    let text = fs::read_to_string(&info).unwrap();
    fs::write(&info, text.replace("\"tier\": \"exact\"", "\"tier\": \"certified\"")).unwrap();
    refused(project.pack_again("forgot", "none").map(drop), &["run.json"]);
}
