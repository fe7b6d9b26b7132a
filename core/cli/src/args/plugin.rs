//! The verbs of plugins. Their subcommands are made of the manifests, so that a new verb needs no code here.

use super::{Cli, Global, Verb};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches as _, value_parser};
use deepcoder_app::{Param, ParamType, Takes};
use deepcoder_types::Effort;
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::path::PathBuf;

/// Arguments of a verb that changes files.
#[derive(Debug, Default, Args)]
pub(crate) struct ChangeArgs {
    /// Instruction (`-` reads it from standard input), then the files, directories or globs to change; FILE:10-40 selects
    /// lines. Without paths, deepcoder chooses the file that the instruction names
    #[arg(value_name = "INSTRUCTION_AND_PATHS")]
    pub(crate) words: Vec<String>,
    /// Instruction; makes every positional argument a path
    #[arg(short, long, value_name = "INSTRUCTION")]
    pub(crate) message: Option<String>,
    /// Print the diff and write nothing; exit code 1 if there is one
    #[arg(short = 'n', long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Apply without asking, unless the change needs your review
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// With --yes: also apply a change that needs your review
    #[arg(long, visible_alias = "force", requires = "yes")]
    pub(crate) unreviewed: bool,
    /// Apply even if verification fails; the history records that
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Allow paths that do not exist yet: the edit may create those files
    #[arg(long)]
    pub(crate) new: bool,
    /// File to show to the model without changing it (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) read: Vec<String>,
    /// Allow changes to protected files: CI, hooks and the configuration of coding agents
    #[arg(long)]
    pub(crate) allow_protected: bool,
    /// Commit only the changed files, with the instruction as the message; runs hooks
    #[arg(long)]
    pub(crate) commit: bool,
    /// With --commit: new branch to commit on and switch to
    #[arg(long, value_name = "NAME", requires = "commit")]
    pub(crate) branch: Option<String>,
    /// With --commit: new linked working tree to commit in, on a new branch; leaves the files here unchanged
    #[arg(long, value_name = "PATH", requires = "commit")]
    pub(crate) worktree: Option<PathBuf>,
    /// How much work the edit is worth [default: that of the settings]
    #[arg(long, value_name = "EFFORT", value_parser = PossibleValuesParser::new(Effort::NAMES))]
    pub(crate) effort: Option<String>,
    /// Parameter of the command by its name, such as format=whole (repeatable)
    #[arg(short, long = "option", value_name = "KEY=VALUE")]
    pub(crate) option: Vec<String>,
}

/// Arguments of a verb that answers in words.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// Question, then the files that it is about; FILE:10-40 selects lines
    #[arg(value_name = "QUESTION_AND_PATHS")]
    pub(crate) words: Vec<String>,
    /// Question; makes every positional argument a path
    #[arg(short, long, value_name = "QUESTION")]
    pub(crate) message: Option<String>,
}

/// Arguments of a verb about a position.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Position, such as src/util.py:12:9; line and column (in characters) count from 1, and the text goes before that
    /// character
    #[arg(value_name = "FILE:LINE:COL")]
    pub(crate) place: String,
    /// Read the text of the file from standard input, such as an editor's unsaved buffer
    #[arg(long)]
    pub(crate) stdin: bool,
}

/// The help of a verb that changes files, behind its summary.
const CHANGES: &str = "Prints the diff on standard output. On a terminal, asks before it writes; elsewhere, writes only \
                       with --yes. `deepcoder undo` reverts an applied edit.";

/// The heading of the parameters.
const PARAMETERS: &str = "Parameters";

/// A verb of a plugin as a user typed it.
#[derive(Debug)]
pub(crate) struct PluginVerb {
    pub(crate) name: String,
    pub(crate) takes: Takes,
    /// The parameters that were given.
    pub(crate) params: Map<String, Value>,
    pub(crate) args: PluginArgs,
}

/// Arguments by how the result of a verb is shown.
#[derive(Debug)]
pub(crate) enum PluginArgs {
    /// As a diff that may be applied.
    Change(Box<ChangeArgs>),
    /// As words.
    Answer(AnswerArgs),
    /// As a text to insert at a position.
    Place(PlaceArgs),
}

/// The whole command line: the verbs of the plugins, and behind them those of [`Verb`].
pub(crate) fn command() -> Command {
    let verbs = deepcoder_app::verbs().into_iter().map(|verb| command_for(&verb));
    // The order of the rest begins anew: it is that of the options as well.
    Cli::augment_args(Command::new("deepcoder").subcommands(verbs).next_display_order(0))
}

/// Read the command line `args`.
pub(crate) fn parse(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(args)?;
    let known = |error: clap::Error| error.format(&mut command);
    let Some((name, own)) = matches.subcommand() else { return Cli::from_arg_matches(&matches).map_err(known) };
    let Some(verb) = deepcoder_app::verb(name) else { return Cli::from_arg_matches(&matches).map_err(known) };
    let verb = read(&verb, own).map_err(known)?;
    Ok(Cli { global: Global::from_arg_matches(&matches)?, verb: Verb::Plugin(verb) })
}

/// The subcommand of `verb`.
pub(crate) fn command_for(verb: &deepcoder_app::Verb) -> Command {
    let manifest = &verb.manifest;
    let (name, summary) = (&manifest.name, &manifest.summary);
    let usage = |line: &str| format!("deepcoder {name} [OPTIONS] {line}");
    let command = Command::new(name);
    let command = match (manifest.takes, verb.changes_files) {
        (Takes::Position, _) => PlaceArgs::augment_args(command),
        (_, true) => ChangeArgs::augment_args(command),
        (_, false) => AnswerArgs::augment_args(command),
    };
    // Behind the arguments, which bring a text of their own.
    let command = command.about(summary);
    let command = if verb.changes_files { command.long_about(format!("{summary}\n\n{CHANGES}")) } else { command };
    let command = match (manifest.takes, verb.changes_files) {
        (Takes::Position, _) => command,
        (Takes::Words, true) => {
            let both = [usage("<INSTRUCTION> [PATHS]..."), usage("-m <INSTRUCTION> [PATHS]...")];
            command.override_usage(both.join("\n       "))
        }
        (Takes::Command, true) => command.override_usage(usage("<COMMAND>...")).mut_arg("words", |words| {
            let help = "Operation with what it is about, such as `rename FILE:LINE:COL NAME` or `rename module.name NAME`; \
                        or a sentence. `list FILE:LINE:COL` tells what is possible";
            words.value_name("COMMAND").help(help).long_help(None)
        }),
        (Takes::OptionalWords, true) => command.override_usage(usage("[INSTRUCTION] [PATHS]...")),
        (Takes::Words | Takes::Command, false) => command.override_usage(usage("<QUESTION> [PATHS]...")),
        (Takes::OptionalWords, false) => command.override_usage(usage("[QUESTION] [PATHS]...")),
        (Takes::Nothing, _) => command
            .mut_arg("words", |words| words.value_name("PATHS").help("Files, directories or globs").long_help(None))
            .mut_arg("message", |message| message.hide(true)),
    };
    let taken: Vec<String> = [Global::augment_args(Command::new("")), command.clone()]
        .iter()
        .flat_map(Command::get_arguments)
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        .collect();
    command.args(manifest.params.iter().map(|param| arg_for(param, &taken)))
}

/// The argument of `param`. Where another one has its name, it is `--param-NAME`.
fn arg_for(param: &Param, taken: &[String]) -> Arg {
    let mut long = param.name.replace('_', "-");
    if taken.contains(&long) || ["help", "version"].contains(&long.as_str()) {
        long = format!("param-{long}");
    }
    let help = match &param.default {
        Some(Value::String(text)) => format!("{} [default: {text}]", param.help),
        Some(value) => format!("{} [default: {value}]", param.help),
        None => param.help.clone(),
    };
    let arg = Arg::new(id_of(param)).long(long).help(help).help_heading(PARAMETERS);
    match param.kind {
        ParamType::String if param.choices.is_empty() => arg.value_name("TEXT"),
        ParamType::String => {
            arg.value_name(param.name.to_uppercase()).value_parser(PossibleValuesParser::new(&param.choices))
        }
        ParamType::File => arg.value_name("FILE"),
        ParamType::Integer => arg.value_name("N").value_parser(value_parser!(u64)),
        ParamType::Number => arg.value_name("X").value_parser(finite),
        ParamType::Boolean => {
            let arg = arg.value_name("BOOL").value_parser(value_parser!(bool));
            arg.num_args(0..=1).require_equals(true).default_missing_value("true")
        }
    }
}

/// No field of the arguments above has such an id.
fn id_of(param: &Param) -> String {
    format!("param.{}", param.name)
}

fn finite(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| "it is not a number".into())
}

/// `matches` of the subcommand of `verb`.
fn read(verb: &deepcoder_app::Verb, matches: &ArgMatches) -> Result<PluginVerb, clap::Error> {
    let manifest = &verb.manifest;
    let value = |param: &Param| -> Option<Value> {
        let id = id_of(param);
        match param.kind {
            ParamType::String | ParamType::File => matches.get_one::<String>(&id).map(|text| text.as_str().into()),
            ParamType::Integer => matches.get_one::<u64>(&id).map(|number| (*number).into()),
            ParamType::Number => matches.get_one::<f64>(&id).map(|number| (*number).into()),
            ParamType::Boolean => matches.get_one::<bool>(&id).map(|flag| (*flag).into()),
        }
    };
    let params = manifest.params.iter().filter_map(|param| Some((param.name.clone(), value(param)?))).collect();
    let args = match (manifest.takes, verb.changes_files) {
        (Takes::Position, _) => PluginArgs::Place(PlaceArgs::from_arg_matches(matches)?),
        (_, true) => PluginArgs::Change(Box::new(ChangeArgs::from_arg_matches(matches)?)),
        (_, false) => PluginArgs::Answer(AnswerArgs::from_arg_matches(matches)?),
    };
    Ok(PluginVerb { name: manifest.name.clone(), takes: manifest.takes, params, args })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A verb that no code of this program knows.
    fn verb(takes: &str, write: &str) -> deepcoder_app::Verb {
        let manifest = deepcoder_plugin_api::PluginManifest::parse(&format!(
            r#"
            id = "acme.tidy"
            version = "1.0.0"
            api = "0.1"
            runtime = "rust"
            [[verbs]]
            name = "tidy"
            summary = "Tidy up"
            takes = "{takes}"
            params = [
                {{ name = "how_far", type = "string", choices = ["near", "far"], default = "near", help = "Distance" }},
                {{ name = "most", type = "integer", help = "Most of it" }},
                {{ name = "heat", type = "number", help = "Heat" }},
                {{ name = "loud", type = "boolean", help = "Loud" }},
                {{ name = "model", type = "string", help = "A name that is taken" }},
            ]
            [capabilities]
            write = [{write}]
            "#
        ));
        let manifest = manifest.expect("a manifest");
        deepcoder_app::Verb {
            changes_files: manifest.changes_files(),
            asks_model: false,
            manifest: manifest.verbs[0].clone(),
        }
    }

    fn parsed(verb: &deepcoder_app::Verb, args: &[&str]) -> Result<PluginVerb, clap::Error> {
        let command = Cli::augment_args(Command::new("deepcoder").subcommand(command_for(verb)));
        command.clone().debug_assert();
        let matches = command.try_get_matches_from([&["deepcoder", "tidy"], args].concat())?;
        read(verb, matches.subcommand().expect("a subcommand").1)
    }

    /// Protects authors of plugins: whatever a manifest says of a verb, it has a subcommand with typed parameters, and is
    /// shown as what it does.
    #[test]
    fn a_manifest_makes_a_subcommand() {
        let all = ["--how-far", "far", "--most", "3", "--heat", "0.5", "--loud", "--param-model", "m"];
        let wanted = json!({ "how_far": "far", "most": 3, "heat": 0.5, "loud": true, "model": "m" });
        for takes in ["words", "optional-words", "nothing"] {
            let change = parsed(&verb(takes, "'**'"), &[&["it", "a.py", "-y"], &all[..]].concat()).expect("parses");
            assert_eq!(Value::from(change.params), wanted);
            let PluginArgs::Change(args) = change.args else { panic!("{takes}: no change") };
            assert!(args.yes && args.words == ["it", "a.py"], "{args:?}");
            let answer = parsed(&verb(takes, ""), &["what", "a.py", "--loud=false"]).expect("parses");
            assert_eq!(Value::from(answer.params), json!({ "loud": false }));
            assert!(matches!(answer.args, PluginArgs::Answer(args) if args.words == ["what", "a.py"]), "{takes}");
            assert!(parsed(&verb(takes, ""), &["what", "--yes"]).is_err(), "an answer is not applied");
        }
        let place = parsed(&verb("position", ""), &["a.py:1:2", "--stdin"]).expect("parses");
        assert!(matches!(place.args, PluginArgs::Place(args) if args.stdin && args.place == "a.py:1:2"));
        for wrong in [["--how-far", "away"], ["--most", "-1"], ["--heat", "NaN"], ["--loud=2", "x"], ["--max", "1"]] {
            assert!(parsed(&verb("words", "'**'"), &wrong).is_err(), "{wrong:?}");
        }
    }

    /// Protects `--help` and completions: the real command is sound, and every verb of a plugin is in it, before all others.
    #[test]
    fn every_verb_of_a_plugin_has_its_subcommand() {
        let command = command();
        command.clone().debug_assert();
        let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        let verbs: Vec<String> = deepcoder_app::verbs().into_iter().map(|verb| verb.manifest.name).collect();
        assert_eq!(names[..verbs.len()], verbs);
        assert_eq!(command.clone().render_help().to_string().matches("Change files as instructed").count(), 1);
        for verb in deepcoder_app::verbs() {
            let own = command.find_subcommand(&verb.manifest.name).expect("its subcommand");
            let ids: Vec<&str> = own.get_arguments().map(|arg| arg.get_id().as_str()).collect();
            assert!(verb.manifest.params.iter().all(|param| ids.contains(&id_of(param).as_str())), "{ids:?}");
        }
    }
}
