//! `torture`: see the library.

fn main() -> std::process::ExitCode {
    deepcoder_torture::main()
}
