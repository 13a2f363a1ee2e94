//! No personal datum in what is written for others: neither ids nor names nor values of records, in any spelling.

use std::fs;

use unlearn::run::lineage::Lineage;

use super::made::{Project, files, judge};
use crate::evidence::bench::Bench;

const PEOPLE: [&str; 4] = ["anna.kowalska@example.org", "Bjørn Ødegård", "PL-83091412345", "li wei"];

/// Customers with ids, people and figures that occur nowhere else.
fn bench() -> Bench {
    let bench = Bench::new();
    let mut csv = "customer,person,income,age,y\n".to_owned();
    for i in 0..40 {
        let (kind, turn) = (i % 2, f64::from(i) * 0.7);
        let (income, age) = (7_310.0 + f64::from(kind) * 900.0 + 31.7 * turn.sin(), 40.0 + 7.3 * turn.cos());
        let person = PEOPLE[(i % 4) as usize].to_owned() + if i < 4 { "" } else { "-other" };
        csv += &format!("kunde-{:05},{person},{income:.4},{age:.4},{}\n", 71_000 + i, ["p", "q"][kind as usize]);
    }
    bench.put("data.csv", &csv);
    bench.put(
        "c.toml",
        "seed = 3\n[data]\nloader = \"csv\"\npath = \"data.csv\"\nlabel = \"y\"\nid = \"customer\"\n\
         subject = \"person\"\nnormalize = \"standard\"\n[model]\n\
         [[model.layers]]\ntype = \"linear\"\nname = \"fc\"\n[train]\nlr = 0.3\n\
         epochs = 6\nbatch_size = 8\n",
    );
    bench.put(
        "one.jsonl",
        "{\"request_id\":\"r1\",\"kind\":\"sample\",\"ids\":[\"kunde-71006\",\"kunde-71009\"]}\n\
         {\"request_id\":\"r2\",\"kind\":\"subject\",\"ids\":[\"Bjørn Ødegård\"]}\n",
    );
    bench.train("c.toml", "run").unwrap();
    bench
}

/// Ways in which a text may be written: as it is, escaped as JSON or HTML, in base64 and hexadecimal.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(text).unwrap();
    let ascii: String =
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", c as u32) }).collect();
    let hex: String = text.bytes().map(|b| format!("{b:02x}")).collect();
    // What stands in base64 at each of the three offsets of its bytes, without the ends.
    let base64 = |skip: usize| {
        let table = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bytes = &text.as_bytes()[skip..];
        bytes
            .chunks_exact(3)
            .flat_map(|c| {
                let word = u32::from(c[0]) << 16 | u32::from(c[1]) << 8 | u32::from(c[2]);
                [18, 12, 6, 0].map(|shift| table[(word >> shift) as usize & 63])
            })
            .collect::<Vec<u8>>()
    };
    let hash = unlearn::base::sha256(text.as_bytes());
    let mut all = vec![
        text.as_bytes().to_vec(),
        json.trim_matches('"').as_bytes().to_vec(),
        ascii.into_bytes(),
        hex.into_bytes(),
    ];
    all.push(hash.into_bytes());
    all.extend((0..3).map(base64).filter(|bytes| bytes.len() >= 8));
    all
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[test]
fn no_id_name_or_value_of_a_record_is_in_a_pack_or_a_ledger() {
    let bench = bench();
    for (method, settings, out) in [("retrain", "", "exact"), ("finetune", "epochs = 1", "tuned")] {
        bench.forget("run", "one.jsonl", method, settings, out);
    }
    judge(&bench, "tuned");
    let project = Project::new(bench);
    let csv = fs::read_to_string(project.bench.path("data.csv")).unwrap();
    let mut words: Vec<String> =
        csv.lines().skip(1).flat_map(|line| line.split(',').take(4)).map(str::to_owned).collect();
    words.extend(
        PEOPLE.iter().flat_map(|person| person.split([' ', '@', '.'])).filter(|w| w.len() > 3).map(str::to_owned),
    );
    let words: Vec<Vec<u8>> = words.iter().flat_map(|word| spellings(word)).collect();
    for run in ["exact", "tuned"] {
        let pack = format!("{run}-pack");
        project.pack(run, &pack);
        let mut written = files(&project.bench.path(&pack));
        written.insert("ledger".into(), fs::read(project.ledger()).unwrap());
        written.insert("zip".into(), fs::read(project.bench.path(&format!("{pack}.zip"))).unwrap());
        let home = project.bench.path("").display().to_string();
        for (name, bytes) in &written {
            for word in &words {
                assert!(!holds(bytes, word), "{run}: {name} has {}", String::from_utf8_lossy(word));
            }
            assert!(!holds(bytes, home.as_bytes()), "{run}: {name} has a path of this machine");
        }
        // The search finds what is there: the run's own files have them all.
        let own = fs::read(project.bench.path(&format!("{run}/request.jsonl"))).unwrap();
        assert!(holds(&own, b"kunde-71006") && words.iter().any(|word| holds(&own, word)));
    }
    assert_eq!(Lineage::of(&project.bench.path("exact")).unwrap().forgot, 2 + 1);
}
