//! The report as Markdown, CSV and events of TensorBoard.

use unlearn::run::curve::Phase;
use unlearn::run::report::tensorboard::{self, Scalar, write_events};
use unlearn::run::report::{Page, write_report};

use super::{curve, experiment};

#[test]
fn markdown_has_the_words_and_the_table_and_csv_every_figure() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = experiment();
    rows[0].dataset = "a|b_c".into();
    let page = Page { title: "demo", rows: &rows, curves: &[], audits: &[] };
    let (md, csv) = (dir.path().join("a.md"), dir.path().join("a.csv"));
    write_report(&md, &page).unwrap();
    write_report(&csv, &page).unwrap();
    let text = std::fs::read_to_string(&md).unwrap();
    for piece in [
        "# demo\n\n## mlp\\_digits\n",
        "**Take eu-2: it is the only method here that passes.**",
        "| --- | ---: |",
        "| retrain (reference) | 97.24 ± 0.56 |",
        "- **finetune** Fails: it does not treat",
    ] {
        assert!(text.contains(piece), "{piece} is not in {text}");
    }
    let mut read = csv::Reader::from_path(&csv).unwrap();
    let header: Vec<String> = read.headers().unwrap().iter().map(str::to_owned).collect();
    let lines: Vec<csv::StringRecord> = read.records().map(|line| line.unwrap()).collect();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!((lines.len(), &lines[0][at("dataset")]), (5, "a|b_c"));
    assert_eq!((&lines[0][at("js.forget")], &lines[0][at("verdict")]), ("0.0045", "pass"));
    // Controls have no spread but the retrain, and no verdict.
    assert_eq!((&lines[0][at("sd.js.forget")], &lines[4][at("verdict")]), ("", ""));
    assert!(lines[2][at("sd.js.forget")].parse::<f64>().is_ok());
    let error = write_report(&dir.path().join("a.pdf"), &page).unwrap_err();
    assert!(error.to_string().contains(".html, .md or .csv") && error.exit_code() == 2, "{error}");
}

#[test]
fn events_are_those_that_tensorboard_itself_writes() {
    let scalar = |tag: &str, step, value| Scalar { tag: tag.into(), step, value };
    let scalars = [
        scalar("train/loss", 0, 2.5),
        scalar("train/loss", 300, 0.125),
        scalar("metrics/js.forget", 70_000, -1e-3),
        scalar("größe", 1, 0.0),
    ];
    // Written by tools/parity/tensorboard_fixture.py.
    let fixture = include_bytes!("../../../assets/parity/tensorboard/events.tfevents");
    assert_eq!(tensorboard::file(1_700_000_000, &scalars), fixture);
}

/// Tag, step and value of every event of a file whose checksums hold.
fn scalars_of(bytes: &[u8]) -> Vec<(String, i64, f32)> {
    /// Field number → number, or bytes, of a message.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let mut value = 0;
            for shift in (0..).step_by(7) {
                let byte = bytes[0];
                *bytes = &bytes[1..];
                value |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            value
        }
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let len = match key & 7 {
                0 => {
                    all.push((key >> 3, varint(&mut bytes), &[][..]));
                    continue;
                }
                1 => 8,
                5 => 4,
                _ => varint(&mut bytes) as usize,
            };
            all.push((key >> 3, 0, &bytes[..len]));
            bytes = &bytes[len..];
        }
        all
    }
    let (mut rest, mut out) = (bytes, Vec::new());
    while !rest.is_empty() {
        let len = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        assert_eq!(rest[8..12], tensorboard::masked(&rest[..8]).to_le_bytes());
        let data = &rest[12..12 + len];
        assert_eq!(rest[12 + len..16 + len], tensorboard::masked(data).to_le_bytes());
        let event = fields(data);
        let step = event.iter().find(|field| field.0 == 2).map_or(0, |field| field.1 as i64);
        for summary in event.iter().filter(|field| field.0 == 5) {
            for value in fields(summary.2) {
                let value = fields(value.2);
                let tag = String::from_utf8(value[0].2.to_vec()).unwrap();
                out.push((tag, step, f32::from_le_bytes(value[1].2.try_into().unwrap())));
            }
        }
        rest = &rest[16 + len..];
    }
    out
}

#[test]
fn every_row_and_training_has_a_folder_of_events() {
    let dir = tempfile::tempdir().unwrap();
    let mut trained = curve("mlp_digits");
    trained.forgetting = vec![Phase { method: "finetune".into(), points: trained.points[..3].to_vec() }];
    let mut rows = experiment();
    rows.push(rows[0].clone());
    let written = write_events(dir.path(), &Page { title: "t", rows: &rows, curves: &[trained], audits: &[] }).unwrap();
    assert_eq!(written, 7);
    let of = |folder: &str| {
        let entries: Vec<_> = std::fs::read_dir(dir.path().join("mlp_digits").join(folder)).unwrap().collect();
        assert_eq!(entries.len(), 1, "{folder}");
        scalars_of(&std::fs::read(entries[0].as_ref().unwrap().path()).unwrap())
    };
    assert!(of("training").contains(&("train/loss".into(), 1, 1.15)));
    let forgot = of("finetune");
    assert_eq!(forgot[0], ("forget/loss".into(), 0, 2.3));
    // Its figures stand at the last step of its forgetting.
    assert!(forgot.contains(&("metrics/js.forget".into(), 2, 0.0121)), "{forgot:?}");
    assert!(of("eu-2 2").contains(&("times/method_s".into(), 0, 6.0)));
}
