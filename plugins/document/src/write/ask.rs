//! The question to the model about one definition: descriptions in a form that leaves nothing else to write.

use super::clean::{capital, sentence};
use super::{Descriptions, Layout, exact};
use crate::files::File;
use crate::signature::Gives;
use crate::units::Unit;
use deepcoder_edit::formats::fenced::fence_for;
use deepcoder_plugin_api::{ErrorCode, Host, Level, PluginError, fill};
use deepcoder_syntax::{Language, fence_tag};
use deepcoder_types::{FinishReason, Form, GenerateRequest, Grammar, Instruction, Message, Priority, Prompt, Sampling};

const PROMPT: &str = include_str!("../../prompts/describe.md");
/// Tokens that the template puts around a chat, generously.
const TEMPLATE_TOKENS: u32 = 96;
/// Tokens of one line of the answer.
const LINE_TOKENS: u32 = 48;
/// Lines of a definition that are shown at most.
const SHOWN_LINES: usize = 160;
/// With more parameters than this, only the whole is described: a small model repeats itself.
const MOST_PARAMETERS: usize = 10;
/// Characters of one line of the answer at most.
const LINE: usize = 160;
/// The temperature of the second attempt.
const AGAIN: f32 = 0.5;

/// What came of a question.
pub(super) enum Asked {
    Said(Descriptions),
    /// Nothing that can be used, and why.
    Nothing(String),
}

/// The line that a description stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Label {
    Summary,
    Parameter(String),
    Returns,
    Raises(String),
}

impl Label {
    fn text(&self) -> String {
        match self {
            Self::Summary => "Summary".to_owned(),
            Self::Parameter(name) => name.clone(),
            Self::Returns => "Returns".to_owned(),
            Self::Raises(name) => format!("Raises {name}"),
        }
    }

    /// As the question shows it.
    fn example(&self) -> String {
        let what = match self {
            Self::Summary => "(what it does)",
            Self::Parameter(_) => "(what it is)",
            Self::Returns => "(what is returned)",
            Self::Raises(_) => "(when)",
        };
        format!("{}: {what}", self.text())
    }
}

fn labels(unit: &Unit, layout: &Layout) -> Vec<Label> {
    let mut labels = vec![Label::Summary];
    let Some(signature) = unit.signature.as_ref().filter(|_| layout.has_sections()) else { return labels };
    let named: Vec<&str> =
        signature.parameters.iter().map(|p| p.name.as_str()).filter(|name| !name.is_empty()).collect();
    if named.len() <= MOST_PARAMETERS {
        labels.extend(named.into_iter().map(|name| Label::Parameter(name.to_owned())));
        if signature.gives == Gives::Something && unit.symbol.name != "__init__" {
            labels.push(Label::Returns);
        }
        labels.extend(signature.raises.iter().map(|name| Label::Raises(name.clone())));
    }
    labels
}

/// Asks for the descriptions of one definition, and once more where they cannot be used.
pub(super) fn descriptions(
    file: &File,
    unit: &Unit,
    layout: &Layout,
    (instruction, host): (&Instruction, &dyn Host),
) -> Result<Asked, PluginError> {
    let labels = labels(unit, layout);
    let mut why = String::new();
    let mut best: Option<Descriptions> = None;
    for number in 0..2 {
        let answer = match answer(file, unit, layout, &labels, (instruction, host), number) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(Asked::Nothing("it does not fit the model's context".to_owned())),
            // The model has no answer of this form.
            Err(error) if error.code == ErrorCode::Invalid => {
                host.log(Level::Info, &format!("`{}`: {}", unit.symbol.qualified, error.message));
                why = error.message;
                continue;
            }
            Err(error) => return Err(error),
        };
        match read(&answer, &labels, file, unit) {
            Ok((said, None)) => return Ok(Asked::Said(said)),
            Ok((said, Some(reason))) => {
                why = reason;
                best = best.or(Some(said));
            }
            Err(reason) => why = reason,
        }
    }
    Ok(best.map_or(Asked::Nothing(why), Asked::Said))
}

/// The answer of the model, with the lines of the form; `None` where the definition does not fit its context.
fn answer(
    file: &File,
    unit: &Unit,
    layout: &Layout,
    labels: &[Label],
    (instruction, host): (&Instruction, &dyn Host),
    number: u32,
) -> Result<Option<String>, PluginError> {
    if host.cancelled() {
        return Err(PluginError::cancelled());
    }
    let begin = beginning(layout.language, unit);
    let form: Vec<String> = labels.iter().map(Label::example).collect();
    let what = format!("the {} `{}`", unit.symbol.kind, unit.symbol.name);
    let tokens = LINE_TOKENS * u32::try_from(labels.len() + 1).unwrap_or(u32::MAX);
    let context = host.model()?.context_length;
    let mut lines = SHOWN_LINES;
    let content = loop {
        let code = shown(&file.text, unit, lines);
        let fence = fence_for(&code);
        let shown = format!("`{}`:\n\n{fence}{}\n{code}{fence}\n", file.path, fence_tag(&file.path));
        let content = fill(PROMPT, &[("file", &shown), ("what", &what), ("form", &form.join("\n"))]);
        let room = context.saturating_sub(host.count_tokens(&content)?.saturating_add(TEMPLATE_TOKENS));
        if room >= tokens {
            break content.trim_end().to_owned();
        }
        if lines <= 5 {
            return Ok(None);
        }
        lines /= 2;
    };
    let foreign = !file.text.is_ascii();
    let request = GenerateRequest {
        prompt: Prompt::Chat { messages: vec![Message::user(content)], prefill: format!("Summary:{begin}") },
        sampling: match number {
            0 => Sampling { seed: instruction.seed, ..Sampling::GREEDY },
            _ => Sampling {
                temperature: AGAIN,
                top_p: 0.95,
                seed: instruction.seed.wrapping_add(u64::from(number)),
                ..Sampling::GREEDY
            },
        },
        max_tokens: tokens,
        stop: Vec::new(),
        logprobs: None,
        draft: None,
        priority: Priority::Interactive,
        grammar: Some(Grammar::of(Form::Regex(grammar(labels, !begin.is_empty(), foreign)))),
        client: String::new(),
    };
    let generation = host.generate(&request, &mut |_| {})?;
    match generation.finish {
        FinishReason::Cancelled => Err(PluginError::cancelled()),
        // Whole lines count, and the rest is missing.
        FinishReason::Length => {
            let whole = generation.text.rfind('\n').map_or("", |end| &generation.text[..end]);
            Ok(Some(format!("Summary: {whole}")))
        }
        FinishReason::End | FinishReason::Stop => Ok(Some(format!("Summary: {}", generation.text))),
    }
}

/// What the first sentence begins with: the name, in Go. No blank is at its end, since tokens begin with it.
fn beginning(language: Language, unit: &Unit) -> String {
    if language == Language::Go { format!(" {}", unit.symbol.name) } else { String::new() }
}

/// The definition, cut after some lines.
fn shown(text: &str, unit: &Unit, most: usize) -> String {
    let start = text[..unit.symbol.range.start as usize].rfind('\n').map_or(0, |at| at + 1);
    let code = text.get(start..unit.symbol.range.end as usize).unwrap_or_default();
    let mut lines: Vec<&str> = code.lines().take(most).collect();
    if code.lines().count() > most {
        lines.push("…");
    }
    lines.join("\n") + "\n"
}

/// The answers that are possible: a line for each label, in their order.
fn grammar(labels: &[Label], begun: bool, foreign: bool) -> String {
    // No backslash and no quote, which would have to be written otherwise.
    let any = if foreign { "[^\\n\\\\\"]" } else { "[ !#-\\[\\]-~]" };
    let line = |first: &str| format!("{first}{any}{{5,{LINE}}}");
    labels
        .iter()
        .enumerate()
        .map(|(at, label)| match at {
            0 if begun => line(" [a-z]"),
            0 => line(" [A-Z]"),
            _ => format!("\\n{}: {}", label.text().replace('$', "\\$"), line("[A-Z]")),
        })
        .collect::<String>()
        + "\\n?"
}

/// The descriptions of an answer, and why some are missing; an error where there is no summary to use.
fn read(answer: &str, labels: &[Label], file: &File, unit: &Unit) -> Result<(Descriptions, Option<String>), String> {
    let foreign = !file.text.is_ascii();
    let signature = unit.signature.as_ref();
    let of = |label: &Label| -> Result<String, String> {
        let wanted = label.text();
        let found =
            answer.lines().find_map(|line| line.trim().strip_prefix(wanted.as_str())?.trim_start().strip_prefix(':'));
        let text = found.ok_or_else(|| format!("the model wrote nothing for `{wanted}`"))?.trim();
        let cut = text.chars().count() >= LINE && !text.ends_with(['.', '!', '?']);
        let text = sentence(text, foreign).filter(|_| !cut);
        let text = text.ok_or_else(|| format!("the model wrote nothing that fits for `{wanted}`"))?;
        // A result or an error is what these lines are about.
        let about = signature.filter(|_| *label == Label::Summary);
        match exact::wrong(&text, &file.text, about) {
            Some(why) => Err(why),
            None => Ok(capital(&text)),
        }
    };
    let mut summary = of(&Label::Summary)?;
    if file.source.language == Language::Go {
        summary = after_name(&summary, &unit.symbol.name);
    }
    let mut said = Descriptions { summary, ..Descriptions::default() };
    let mut why = None;
    for label in &labels[1..] {
        match (label, of(label)) {
            (Label::Parameter(name), Ok(text)) => said.parameters.push((name.clone(), text)),
            (Label::Returns, Ok(text)) => said.gives = Some(text),
            (Label::Raises(name), Ok(text)) => said.raises.push((name.clone(), text)),
            (Label::Summary, _) => {}
            (_, Err(reason)) => why = why.or(Some(reason)),
        }
    }
    // Half a list of parameters is wrong in itself.
    let wanted = labels.iter().filter(|label| matches!(label, Label::Parameter(_))).count();
    if said.parameters.len() < wanted {
        said.parameters.clear();
    }
    Ok((said, why))
}

/// A sentence that begins with the name, as the documentation of Go does.
fn after_name(summary: &str, name: &str) -> String {
    let rest = summary.strip_prefix(name).filter(|rest| rest.starts_with([' ', '.'])).unwrap_or(summary).trim_start();
    let mut chars = rest.chars();
    let second_upper = rest.chars().nth(1).is_some_and(char::is_uppercase);
    match chars.next() {
        Some(c) if !second_upper => format!("{name} {}", c.to_lowercase().chain(chars).collect::<String>()),
        _ => format!("{name} {rest}"),
    }
}
