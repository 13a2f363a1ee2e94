//! Every public record function with buffers of wrong sizes: an error that names function, buffer and both sizes, from
//! whatever consumes the recording, and never a panic.

mod dense;
mod edits;
mod graph;
mod pictures;
mod sequences;
mod values;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use unlearn::Error;
use unlearn::engine::{Buf, Element, Engine, Recording, Target};
use unlearn::error::{Mistake, Misuse};
use unlearn::kernels::map;

/// What the length of a buffer must be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Length {
    /// What its shape says.
    Exact,
    /// That or more.
    Least,
    /// The other shapes follow from it, so the error may name another buffer; none at all may be allowed.
    Leads,
    /// Any.
    Free,
}

/// Makes the buffers of one call, one of them with a wrong length.
struct Rig {
    rec: Recording,
    asked: Vec<(&'static str, Vec<usize>, Length)>,
    wrong: Option<(usize, usize)>,
}

impl Rig {
    fn new(wrong: Option<(usize, usize)>) -> Rig {
        let mut rec = Recording::new(Target::default());
        rec.enter("scope");
        Rig { rec, asked: Vec::new(), wrong }
    }

    fn buffer<T: Element>(&mut self, name: &'static str, dims: &[usize], length: Length) -> Buf<T> {
        let right = dims.iter().product();
        let len = self.wrong.filter(|(i, _)| *i == self.asked.len()).map_or(right, |(_, len)| len);
        self.asked.push((name, dims.to_vec(), length));
        self.rec.temp(name, len)
    }

    fn exact<T: Element>(&mut self, name: &'static str, dims: &[usize]) -> Buf<T> {
        self.buffer(name, dims, Length::Exact)
    }

    fn least<T: Element>(&mut self, name: &'static str, dims: &[usize]) -> Buf<T> {
        self.buffer(name, dims, Length::Least)
    }

    fn leads<T: Element>(&mut self, name: &'static str, dims: &[usize]) -> Buf<T> {
        self.buffer(name, dims, Length::Leads)
    }

    fn free<T: Element>(&mut self, name: &'static str, dims: &[usize]) -> Buf<T> {
        self.buffer(name, dims, Length::Free)
    }
}

/// A record function `<family>.<name>`, the one that its mistakes name, and a call with right shapes.
struct Call {
    name: &'static str,
    names: &'static str,
    record: fn(&mut Rig),
}

const fn call(name: &'static str, record: fn(&mut Rig)) -> Call {
    Call { name, names: name, record }
}

const fn through(name: &'static str, names: &'static str, record: fn(&mut Rig)) -> Call {
    Call { name, names, record }
}

fn calls() -> impl Iterator<Item = &'static Call> {
    [dense::CALLS, edits::CALLS, pictures::CALLS, graph::CALLS, sequences::CALLS].into_iter().flatten()
}

/// The mistake that compiling finds, which is the one the recording tells.
fn refusal(rec: Recording) -> Option<Misuse> {
    let told = rec.misuse().cloned();
    match Engine::reference().compile(rec) {
        Ok(_) => {
            assert_eq!(told, None, "compiled all the same");
            None
        }
        Err(Error::Misuse(found)) => {
            assert_eq!(told.as_ref(), Some(&*found));
            Some(*found)
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn calls_with_right_shapes_are_recorded() {
    for call in calls() {
        let mut rig = Rig::new(None);
        (call.record)(&mut rig);
        assert!(rig.rec.dispatches().count() > 0, "{} recorded nothing", call.name);
        assert_eq!(refusal(rig.rec), None, "{}", call.name);
    }
}

#[test]
fn every_wrong_length_is_an_error_that_names_function_buffer_and_both_sizes() {
    let mut tried = 0;
    for call in calls() {
        let mut rig = Rig::new(None);
        (call.record)(&mut rig);
        for (i, (buffer, dims, length)) in rig.asked.iter().enumerate() {
            let right: usize = dims.iter().product();
            for len in BTreeSet::from([right - 1, right + 1, 0]) {
                let mut rig = Rig::new(Some((i, len)));
                (call.record)(&mut rig);
                let found = refusal(rig.rec);
                let case = format!("{} with {len} elements in `{buffer}` {dims:?}", call.name);
                judge(call.names, (buffer, right, *length), len, found, &case);
                tried += 1;
            }
        }
    }
    assert!(tried > 900, "{tried} wrong lengths");
}

fn judge(
    function: &str,
    (buffer, right, length): (&str, usize, Length),
    len: usize,
    found: Option<Misuse>,
    case: &str,
) {
    let allowed = match length {
        Length::Exact => false,
        Length::Least => len > right,
        Length::Leads => len == 0,
        Length::Free => true,
    };
    let Some(found) = found else {
        assert!(allowed, "{case}: accepted");
        return;
    };
    assert!(length != Length::Least || len < right, "{case}: {found}");
    assert_eq!((found.function, &*found.scope), (function, "scope"), "{case}: {found}");
    let Mistake::Shape { buffer: named, expected, found: sizes } = &found.mistake else { panic!("{case}: {found}") };
    assert_ne!(expected.elements(), sizes.elements(), "{case}: {found}");
    if matches!(length, Length::Exact | Length::Least) {
        assert_eq!((&**named, expected.elements(), &*sizes.dims), (buffer, Some(right), &[len][..]), "{case}: {found}");
        assert_eq!(expected.at_least, length == Length::Least, "{case}: {found}");
    }
}

#[test]
fn other_wrong_arguments_are_errors_that_name_the_function() {
    for (function, words, record) in values::CALLS {
        let mut rig = Rig::new(None);
        record(&mut rig);
        let said = refusal(rig.rec).unwrap_or_else(|| panic!("{function}: accepted, expected {words}")).to_string();
        assert!(said.starts_with(&format!("{function} (scope): ")) && said.contains(words), "{words}: {said}");
    }
}

#[test]
fn the_first_mistake_stays_and_nothing_is_recorded_after_it() {
    let mut rig = Rig::new(None);
    let (x, y): (Buf<f32>, Buf<f32>) = (rig.exact("x", &[4]), rig.exact("y", &[4]));
    let mut rec = rig.rec;
    map::axpby(&mut rec, 1.0, x, 0.0, y);
    map::axpby(&mut rec, 1.0, x.range(0..3), 0.0, y);
    map::axpby(&mut rec, 1.0, x.range(0..2), 0.0, y);
    map::axpby(&mut rec, 1.0, x, 0.0, y);
    rec.clear(y);
    rec.copy(x, y);
    assert_eq!((rec.upload(x), rec.readback(y)), (0, 0));
    assert_eq!((rec.commands.len(), rec.inputs.len(), rec.outputs.len()), (1, 0, 0));
    let said = "map.axpby (scope): `x` needs 4 elements, got 3 elements";
    assert_eq!(rec.check().expect_err("a mistake").to_string(), said);
    assert_eq!(unlearn::kernels::tangent::tangent(&mut rec.clone(), &[]).err().expect("a mistake").to_string(), said);
    assert_eq!(rec.misuse().expect("a mistake").to_string(), said);
}

/// Record functions that are told of no shape.
const SHAPELESS: &[&str] = &["attention.new", "attention.cut", "attention.themselves", "tangent.tangent"];

#[test]
fn every_public_record_function_is_called_here() {
    let mut written = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kernels");
    record_functions(&root, &root, &mut written);
    assert!(written.len() > 70, "{written:?}");
    let here: BTreeSet<&str> = calls().map(|c| c.name).chain(SHAPELESS.iter().copied()).collect();
    let here: BTreeSet<String> = here.into_iter().map(str::to_owned).collect();
    assert_eq!(written.difference(&here).collect::<Vec<_>>(), Vec::<&String>::new(), "not called in tests/host/misuse");
    assert_eq!(here.difference(&written).collect::<Vec<_>>(), Vec::<&String>::new(), "not in src/kernels");
}

/// `<family>.<name>` of each public function of the folder that takes a recording; a given variant, `<name>_as`, counts
/// as its function.
fn record_functions(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            record_functions(root, &path, found);
            continue;
        }
        let inside = path.strip_prefix(root).expect("below the root").with_extension("");
        if ["cases", "tests", "twin"].contains(&inside.file_name().expect("a name").to_string_lossy().as_ref()) {
            continue;
        }
        let family = inside.components().next().expect("a family").as_os_str().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a source file is text");
        for function in text.split("pub fn ").skip(1) {
            let (head, rest) = function.split_once('(').expect("parameters");
            if rest.split_once('{').is_some_and(|(signature, _)| signature.contains("rec: &mut Recording")) {
                let name = head.split('<').next().unwrap_or(head);
                found.insert(format!("{family}.{}", name.strip_suffix("_as").unwrap_or(name)));
            }
        }
    }
}
