//! The program `unlearn`.

fn main() -> std::process::ExitCode {
    unlearn::cli::main()
}
