//! The encoder of a table: what it says, and that others get the loader's numbers by it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::super::evidence::bench::refused;
use super::out::drawn;
use super::{LENET, Place};
use unlearn::data::Arrays;
use unlearn::run::config::Loaded;
use unlearn::run::export::ExportJob;

const CONFIG: &str = "[data]\nloader = 'csv'\npath = 't.csv'\ntest_path = 'u.csv'\nlabel = 'outcome'\nid = 'name'\n\
    delimiter = ';'\ndecimal = ','\nthousands = '.'\nmissing_indicator = true\nlabel_strip = '.'\n\
    [[model.layers]]\ntype = 'linear'\nname = 'fc'\n";

const TRAIN: &str = "name;age;plan;pay;outcome\na;31;basic;1,5;yes\nb;;family;2.250,25;no\nc;45;;0,5;yes\n\
    d;52;basic;3;no\ne;28;family;;yes\nf;33;basic;1;no\n";

/// A missing number, a category that training has not seen, a missing one, blanks, quotation marks.
const TEST: &str = "name;age;plan;pay;outcome\nu;?;gold;7,125;yes.\nv;40;;;no.\nw; 29 ;\"family\";1.002;yes.\n";

fn place() -> Place {
    let place = Place::new(CONFIG);
    place.put("t.csv", TRAIN);
    place.put("u.csv", TEST);
    drawn(&place);
    let job = ExportJob::read(&place.path("run")).unwrap();
    job.write_encoder(&place.path("encoder.json")).unwrap();
    place
}

fn document(place: &Place) -> Value {
    serde_json::from_slice(&std::fs::read(place.path("encoder.json")).unwrap()).unwrap()
}

/// The document applied by what it says alone.
fn applied(encoder: &Value, text: &str) -> Vec<f32> {
    let rows: Vec<Vec<&str>> =
        text.lines().map(|line| line.split(';').map(|cell| cell.trim().trim_matches('"')).collect()).collect();
    let (offset, scale) = (&encoder["normalization"]["offset"], &encoder["normalization"]["scale"]);
    let mut x = Vec::new();
    for row in &rows[1..] {
        let mut features = Vec::new();
        for column in encoder["columns"].as_array().unwrap() {
            assert_eq!(column["features"][0], features.len());
            let at = rows[0].iter().position(|name| column["column"] == *name).unwrap();
            let cell =
                Some(row[at]).filter(|cell| !encoder["table"]["missing"].as_array().unwrap().contains(&json!(cell)));
            match column["categories"].as_array() {
                Some(categories) => {
                    features.extend(categories.iter().map(|category| f64::from(u8::from(category.as_str() == cell))));
                }
                None => {
                    let number = |cell: &str| cell.replace('.', "").replace(',', ".").parse().unwrap();
                    features.push(cell.map_or(column["mean"].as_f64().unwrap(), number));
                    features.extend((column["indicator"] == true).then(|| f64::from(u8::from(cell.is_none()))));
                }
            }
            assert_eq!(column["features"][1], features.len());
        }
        let scaled = features
            .iter()
            .enumerate()
            .map(|(at, value)| ((value - offset[at].as_f64().unwrap()) / scale[at].as_f64().unwrap()) as f32);
        x.extend(scaled);
    }
    x
}

#[test]
fn the_encoder_of_a_table_gives_the_numbers_of_the_loader() {
    let place = place();
    let encoder = document(&place);
    let names: Vec<&Value> = encoder["columns"].as_array().unwrap().iter().map(|column| &column["column"]).collect();
    assert_eq!(names, ["age", "plan", "pay"]);
    assert_eq!(encoder["columns"][1]["categories"], json!([null, "basic", "family"]));
    assert_eq!((&encoder["label"], &encoder["class_names"]), (&json!("outcome"), &json!(["no", "yes"])));
    let data = Loaded::read(&place.path("c.toml"), &[], None).unwrap().config.load().unwrap();
    assert_eq!(data.shape, [7]);
    assert_eq!(applied(&encoder, TEST), data.test.x);
    assert_eq!(applied(&encoder, TRAIN), data.train.x);
}

/// Where Python (`python3`, or what UNLEARN_PYTHON names) has NumPy.
#[test]
fn the_script_that_is_shipped_gives_the_same_bits() {
    let python = std::env::var("UNLEARN_PYTHON").unwrap_or_else(|_| "python3".into());
    if !Command::new(&python).args(["-c", "import numpy"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no numpy");
        return;
    }
    let place = place();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/python/unfit/encode.py");
    let files = ["encoder.json", "u.csv", "x.npz"].map(|name| place.path(name));
    let output = Command::new(&python).arg(script).args(&files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let data = Loaded::read(&place.path("c.toml"), &[], None).unwrap().config.load().unwrap();
    assert_eq!(Arrays::read(&files[2], &["x"]).unwrap().need("x").unwrap().1, data.test.x);
}

#[test]
fn what_is_no_table_has_no_encoder() {
    let place = Place::new(LENET);
    place.run("lenet.pt");
    let job = ExportJob::read(&place.path("run")).unwrap();
    refused(job.write_encoder(&place.path("e.json")), &["--encoder", "digits", "no table"]);
}
