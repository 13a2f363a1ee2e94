//! The package `unfit` and what else lies in contrib/python, by its own tests.

use std::path::Path;
use std::process::Command;

use super::shared::binary::unlearn;

/// Where Python (`python3`, or what UNLEARN_PYTHON names) has NumPy and safetensors; without, a word on stderr. Tests
/// that compute are skipped where the program has no adapter, those of modules where there is no PyTorch.
#[test]
fn the_package_for_python_passes_its_own_tests() {
    let python = std::env::var("UNLEARN_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import numpy, safetensors"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no numpy and safetensors");
        return;
    }
    let program = unlearn(&[]).get_program().to_owned();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/python/tests");
    let mut command = Command::new(&python);
    command.args(["-m", "unittest", "discover", "--start-directory"]).arg(tests);
    let output = command.env("UNLEARN", program).env("PYTHONDONTWRITEBYTECODE", "1").output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
