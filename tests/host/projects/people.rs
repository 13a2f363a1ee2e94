//! Customers, pictures and friends whose ids, names and features are found again wherever they are written.

use super::*;

/// Some data, a run on them, and what people ask of it.
pub struct Family {
    pub original: PathBuf,
    /// The file or folder of the data.
    pub data: PathBuf,
    /// Kind of most requests.
    pub kind: &'static str,
    /// What the data call a record.
    pub id: fn(usize) -> String,
    /// What the sixth and the tenth request ask for: a kind, and ids as JSON has them.
    pub sixth: (&'static str, String),
    pub tenth: (&'static str, String),
    /// How the first batch is planned, and one that does not pass its gate.
    pub wish: Wish,
    pub fails: Wish,
    /// What names somebody.
    pub private: Vec<String>,
}

/// Ids as JSON has them.
fn quoted(ids: &[String]) -> String {
    ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(",")
}

/// A number that looks like any other (SplitMix64).
fn drawn(from: usize) -> u64 {
    let mut bits = (from as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Customers of whom four columns tell a little and the others nothing, every fifth wrongly labelled: the network has
/// room to learn them by heart, and whoever was in the training shows.
pub fn customers_by_heart(desk: &Desk) -> Family {
    const COLUMNS: usize = 30;
    const TOLD: usize = 4;
    const ROWS: usize = 240;
    let value = |row: usize, column: usize| (drawn(1000 + row * 100 + column) >> 11) as f64 / (1u64 << 53) as f64;
    let mut text = String::from("id,person,town,label");
    (0..COLUMNS).for_each(|column| text += &format!(",c{column}"));
    let mut cells = Vec::new();
    for row in 0..ROWS {
        let town = ["Zwettl", "Quakenbr", "Xanten", "Jever"][row * 5 % 4];
        let told = (0..TOLD).map(|column| value(row, column)).sum::<f64>() > TOLD as f64 / 2.0;
        let class = u8::from(told ^ drawn(row).is_multiple_of(5));
        let _ = write!(text, "\n{},{},{town},klasse{class}", id(row), person(row / 4));
        for column in 0..COLUMNS {
            cells.push(format!("{:.9}", value(row, column)));
            let _ = write!(text, ",{:.9}", value(row, column));
        }
    }
    let table = desk.put("data/customers.csv", text + "\n");
    let text = format!(
        "seed = 5\n[data]\nloader = \"csv\"\npath = '{table}'\nid = \"id\"\nsubject = \"person\"\nlabel = \"label\"\n\
         normalize = \"standard\"\ntest_fraction = 0.4\n[model]\nzoo = \"mlp\"\nhidden = [16]\n[train]\n\
         batch_size = 16\nlr = 0.1\nepochs = 40\n"
    );
    let original = train(&desk.put("customers.toml", text), &desk.path("original"));
    let settings = "epochs = 1\nlr = 1e-4".parse().unwrap();
    let names = ["Zwettl", "Quakenbr", "Xanten", "Jever", "klasse"].map(str::to_owned);
    let private = (0..ROWS).map(id).chain((0..ROWS / 4).map(person)).chain(cells).chain(names).collect();
    Family {
        original,
        data: table.into(),
        kind: "subject",
        id: person,
        sixth: ("subject", quoted(&[person(9), person(10), person(11)])),
        tenth: ("sample", quoted(&[id(ROWS - 1)])),
        wish: Wish { shadows: 8, ..Wish::default() },
        fails: Wish { method: Some("finetune".into()), settings, references: Some(5), ..Wish::default() },
        private,
    }
}

/// What the folder calls a picture.
fn portrait(number: usize) -> String {
    format!("gruppe-{}/Zelda-Quux-{number}.png", number % 3)
}

/// Pictures of stripes in three directions, in an ensemble of small convolutional networks.
pub fn pictures(desk: &Desk) -> Family {
    const PICTURES: usize = 60;
    let folder = desk.path("data/portraits");
    for number in 0..PICTURES {
        let picture = image::GrayImage::from_fn(6, 6, |x, y| {
            let along = [x, y, x + y][number % 3];
            image::Luma([(along % 2 * 160) as u8 + ((number * 37 + (x * 5 + y) as usize * 11) % 90) as u8])
        });
        let path = folder.join(portrait(number));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(path).unwrap();
    }
    let text = format!(
        "seed = 5\n[data]\nloader = \"class_folder\"\npath = '{}'\ngrayscale = true\ntest_fraction = 0.2\n\
         [model]\nlayers = [{{type='conv2d',out=4,kernel=3}},{{type='relu'}},{{type='max_pool',kernel=2}},\
         {{type='flatten'}},{{type='linear'}}]\n[train]\nbatch_size = 8\nlr = 0.1\nepochs = 6\n\
         [ensemble]\nkind = \"sisa\"\nshards = 3\n",
        folder.display()
    );
    let original = train(&desk.put("pictures.toml", text), &desk.path("original"));
    let private = (0..PICTURES).map(|n| format!("Zelda-Quux-{n}.png")).chain((0..PICTURES).map(portrait));
    Family {
        original,
        data: folder,
        kind: "sample",
        id: portrait,
        // Whose pictures are all gone are not told any more, and that is more than may be lost.
        sixth: ("class", quoted(&["gruppe-1".to_owned()])),
        tenth: ("sample", quoted(&[portrait(20)])),
        wish: Wish::default(),
        fails: Wish { max_drop: Some(0.0), ..Wish::default() },
        private: private.chain(["gruppe-".to_owned()]).collect(),
    }
}

/// What the network calls a person.
fn friend(number: usize) -> String {
    format!("Zelda-Quux-{number}-{}", number * 7919 % 1009)
}

/// Friends in three clubs, who know most of their own.
pub fn friends(desk: &Desk) -> Family {
    const FRIENDS: usize = 60;
    let (mut content, mut cites) = (String::new(), String::new());
    for number in 0..FRIENDS {
        let hobby = |at: usize| u8::from(at % 3 == number % 3 && !(number * 7 + at * 5).is_multiple_of(4) || at == 12);
        let hobbies: Vec<String> = (0..13).map(|at| hobby(at).to_string()).collect();
        let _ = writeln!(content, "{}\t{}\tverein-{}", friend(number), hobbies.join("\t"), number % 3);
        for other in [number + 3, number + 9, number * 5 + 1] {
            let _ = writeln!(cites, "{} {}", friend(number), friend(other % FRIENDS));
        }
    }
    desk.put("data/friends/cora.content", content);
    desk.put("data/friends/cora.cites", cites);
    let folder = desk.path("data/friends");
    let text = format!(
        "seed = 3\n[data]\nloader = \"cora_text\"\npath = '{}'\nsplit = \"random\"\ntest_fraction = 0.2\n\
         [model]\nlayers = [{{type='graph_conv',out=6}},{{type='relu'}},{{type='graph_conv'}}]\n\
         [train]\noptimizer = \"adam\"\nlr = 0.02\nepochs = 12\n",
        folder.display()
    );
    let original = train(&desk.put("friends.toml", text), &desk.path("original"));
    let settings = "epochs = 4\nlr = 1000.0".parse().unwrap();
    Family {
        original,
        data: folder,
        kind: "node",
        id: friend,
        sixth: ("node", quoted(&[friend(9), friend(10), friend(11)])),
        tenth: ("edge", format!("[{}]", quoted(&[friend(20), friend(23)]))),
        wish: Wish::default(),
        fails: Wish { method: Some("finetune".into()), settings, references: Some(0), ..Wish::default() },
        private: (0..FRIENDS).map(friend).chain(["verein-".to_owned(), "Zelda".to_owned()]).collect(),
    }
}
