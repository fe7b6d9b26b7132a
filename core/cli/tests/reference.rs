//! The reference documentation is made of the code. These tests compare the files in docs/ with it, and write them
//! where INSTA_UPDATE is `always`.

use clap::{Arg, Command};
use deepcoder_cli::command;
use deepcoder_profile::SETTINGS;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two directories up").to_owned()
}

/// Compares a file of the repository with the text that the code makes.
fn is_current(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
        std::fs::write(&file, text).expect("written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    let again = "INSTA_UPDATE=always cargo nextest run -p deepcoder-cli reference";
    assert!(found == text, "{path} is not what the code says; `{again}` writes it");
}

/// Every command that users see, with its whole name, in the order of the help.
fn commands() -> Vec<(String, Command)> {
    fn add(name: &str, command: &Command, list: &mut Vec<(String, Command)>) {
        list.push((name.to_owned(), command.clone()));
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            add(&format!("{name} {}", inner.get_name()), inner, list);
        }
    }
    let mut root = command();
    root.build();
    let mut list = Vec::new();
    add("deepcoder", &root, &mut list);
    list
}

/// A text as one cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn argument(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let value = names.iter().map(|name| format!(" <{name}>")).collect::<String>();
    let value = if arg.get_action().takes_values() { value } else { String::new() };
    let many = if arg.is_positional() && arg.get_num_args().is_some_and(|n| n.max_values() > 1) { "…" } else { "" };
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = arg.get_short().map(|short| format!("-{short}")).into_iter().chain(long).collect();
    format!("`{}`", format!("{}{value}{many}", flags.join(", ")).trim().replace('|', "\\|"))
}

fn meaning(arg: &Arg) -> String {
    let mut text = cell(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    let values = arg.get_possible_values();
    if arg.get_action().takes_values() && !values.is_empty() && !arg.is_hide_possible_values_set() {
        let values = values.iter().map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        });
        let _ = write!(text, ". Values: {}", values.collect::<Vec<_>>().join(", "));
    }
    let defaults: Vec<String> = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(text, " [default: {}]", defaults.join(", "));
    }
    text
}

fn table(text: &mut String, heading: &str, args: &[&Arg]) {
    if !args.is_empty() {
        let _ = writeln!(text, "\n| {heading} | |\n| --- | --- |");
        for arg in args {
            let _ = writeln!(text, "| {} | {} |", argument(arg), meaning(arg));
        }
    }
}

/// Protects users of the reference: docs/reference/commands.md says what `--help` says.
#[test]
fn reference_of_commands_is_current() {
    let mut text =
        "# Commands\n\nGenerated from the command line; `deepcoder help COMMAND` prints the same.\n".to_owned();
    for (name, mut command) in commands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = write!(text, "\n## {name}\n\n{about}.\n");
        let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
        if let Some((_, more)) = long.split_once("\n\n") {
            let _ = write!(text, "\n{more}\n");
        }
        let usage = command.render_usage().to_string();
        let _ = write!(text, "\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ").replace("       ", ""));
        let own = |arg: &&Arg| !arg.is_hide_set() && (name == "deepcoder" || !arg.is_global_set());
        let args: Vec<&Arg> = command.get_arguments().filter(own).filter(|arg| arg.get_id() != "help").collect();
        let (places, options): (Vec<&Arg>, Vec<&Arg>) = args.iter().partition(|arg| arg.is_positional());
        table(&mut text, "argument", &places);
        table(&mut text, if name == "deepcoder" { "option of every command" } else { "option" }, &options);
        if let Some(after) = command.get_after_help() {
            let _ = write!(text, "\n{}\n", after.to_string().replace("\n", "\n\n"));
        }
    }
    is_current("docs/reference/commands.md", &text);
}

/// Protects users of the reference: a setting without documentation does not exist, and docs/reference/settings.md is
/// what the table of settings says.
#[test]
fn reference_of_settings_is_current() {
    let mut text = "# Settings\n\n\
        Generated from the table of settings in the code. A flag overrides an environment variable, which overrides\n\
        `config.toml`, which overrides the default. `-c KEY=VALUE` sets any key for one command. An unknown key is an error.\n\n\
        `config.toml` is in `~/.config/deepcoder`, or in `$DEEPCODER_HOME` where that is set;\n\
        [files](files.md) lists every place.\n\n\
        | key | variable | default | meaning |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for setting in SETTINGS {
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
        let variable = code(setting.variable.unwrap_or_default());
        let _ = writeln!(
            text,
            "| `{}` | {variable} | {} | {} |",
            setting.key,
            code(setting.default),
            cell(setting.meaning)
        );
    }
    text.push_str(
        "\n`DEEPCODER_NO_DAEMON` set to anything means `daemon = false`. The flags `--model`, `--threads` and `--no-daemon`\n\
         set `model`, `threads` and `daemon`. A command that sets `threads`, `device`, `weights`, `onnxruntime`,\n\
         `max_context`, `prefix_cache_mib` or `cache_mib` for itself runs the model in its own process, since a running daemon keeps\n\
         the settings that it was started with.\n",
    );
    is_current("docs/reference/settings.md", &text);
}

/// Protects users of `man`: the pages are those that clap makes of the command line, no more and no fewer.
#[test]
fn reference_man_pages_are_current() {
    let made = tempfile::tempdir().expect("a temporary directory");
    let version = command().get_version().map(str::to_owned).unwrap_or_default();
    clap_mangen::generate_to(command(), made.path()).expect("pages");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(made.path()).expect("pages") {
        let name = entry.expect("a page").file_name().to_string_lossy().into_owned();
        let page = std::fs::read_to_string(made.path().join(&name)).expect("text");
        assert!(page.contains(".SH NAME"), "{name}");
        // The version would make every release change every page.
        is_current(&format!("docs/man/{name}"), &page.replace(&format!("deepcoder {version}"), "deepcoder"));
        names.push(name);
    }
    assert!(names.contains(&"deepcoder.1".to_owned()) && names.len() > 20, "{names:?}");
    for entry in std::fs::read_dir(root().join("docs/man")).expect("docs/man") {
        let name = entry.expect("a page").file_name().to_string_lossy().into_owned();
        assert!(names.contains(&name), "docs/man/{name} is of no command");
    }
}

/// Protects programs: docs/reference/json.md has a row for every command.
#[test]
fn reference_of_json_names_every_command() {
    let document = std::fs::read_to_string(root().join("docs/reference/json.md")).expect("docs/reference/json.md");
    let rows: String = document.lines().filter(|line| line.starts_with("| `")).collect();
    // They print text for shells and people, or run until they are stopped.
    let without = ["completions", "help", "version", "serve", "demo"];
    for (name, command) in commands() {
        let name = name.trim_start_matches("deepcoder").trim();
        let (group, last) = name.rsplit_once(' ').unwrap_or(("", name));
        let has = rows.contains(&format!("`{name}`")) || (rows.contains(&format!("`{group} ")) && rows.contains(last));
        let leaf = !command.has_subcommands();
        assert!(!leaf || without.contains(&name) || group == "eval" || has, "docs/reference/json.md lacks `{name}`");
    }
}

/// Protects users of shells: each script completes the commands.
#[test]
fn reference_completions_know_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_deepcoder"))
            .args(["completions", shell])
            .env_clear()
            .output()
            .expect("it runs");
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
        assert!(script.contains("models") && script.contains("dry-run"), "{shell}:\n{script}");
    }
}
