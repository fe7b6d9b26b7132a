//! The grammar of an answer, from the options of `deepcoder generate`.

use crate::args::FormArgs;
use crate::context::Invocation;
use crate::failure::{Failure, Result};
use deepcoder_types::{Form, GenerateError, Grammar, MAX_GRAMMAR_BYTES};
use std::path::Path;

/// The grammar, checked here so that a wrong one is refused before a model is loaded, which takes seconds.
pub(crate) fn form(args: &FormArgs, invocation: &Invocation) -> Result<Option<Grammar>> {
    let form = if let Some(file) = &args.schema {
        Form::Json(read(file, invocation)?)
    } else if let Some(pattern) = &args.regex {
        Form::Regex(pattern.clone())
    } else if let Some(file) = &args.grammar {
        Form::Lark(read(file, invocation)?)
    } else if args.choices.is_empty() {
        return Ok(None);
    } else {
        // `low, medium` is written with a space that no answer has.
        Form::Choices(args.choices.iter().map(|option| option.trim_matches(' ').to_owned()).collect())
    };
    let grammar = Grammar { form, after: args.after.clone() };
    deepcoder_grammar::check(&grammar).map_err(GenerateError::from)?;
    Ok(Some(grammar))
}

fn read(file: &Path, invocation: &Invocation) -> Result<String> {
    let failed = |e| Failure::io(format_args!("cannot read {}", file.display()), &e);
    deepcoder_files::read_text(&invocation.path(file), MAX_GRAMMAR_BYTES as u64).map_err(failed)
}
