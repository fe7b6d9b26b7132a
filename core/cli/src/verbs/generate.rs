//! `deepcoder generate`

use crate::args::{GenerateArgs, SamplingArgs};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::progress::Progress;
use crate::verbs::form::form;
use deepcoder_types::{
    Cancel, FinishReason, GenerateRequest, Generation, LanguageModel, Message, Priority, Prompt, Sampling, TokenEvent,
};
use serde::Serialize;

pub(crate) fn generate(args: &GenerateArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let text = prompt(args, invocation)?;
    let prompt = if args.raw {
        Prompt::Text(text)
    } else {
        let system = args.system.iter().map(Message::system);
        Prompt::Chat { messages: system.chain([Message::user(text)]).collect(), prefill: String::new() }
    };
    let request = GenerateRequest {
        prompt,
        sampling: sampling(&args.sampling, invocation.seed),
        max_tokens: args.max_tokens,
        stop: args.stop.clone(),
        logprobs: args.logprobs,
        draft: None,
        priority: Priority::Interactive,
        grammar: form(&args.form, invocation)?,
        client: String::new(),
    };
    // Before seconds go into loading a model.
    request.check()?;
    let model = invocation.model(console)?;
    let waiting = Progress::spinner(console.can_animate(&invocation.vars), "reading the prompt");
    if console.json {
        whole(&*model, &request, invocation, waiting, console)
    } else {
        stream(&*model, &request, invocation, waiting, console)
    }
}

/// The output of `--json`: text, finish, usage and timing first.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    generation: &'a Generation,
    model: &'a str,
    fingerprint: &'a str,
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<&'a [TokenEvent]>,
}

/// One JSON object at the end.
fn whole(
    model: &dyn LanguageModel,
    request: &GenerateRequest,
    invocation: &Invocation,
    mut progress: Progress,
    console: &mut Console,
) -> Result {
    progress.label("generating");
    let mut tokens: Vec<TokenEvent> = Vec::new();
    let generation = model.generate(request, &invocation.cancel, &mut |token| {
        progress.token();
        if request.logprobs.is_some() {
            tokens.push(token.clone());
        }
    })?;
    progress.clear();
    console.json(&Report {
        generation: &generation,
        model: &model.info().name,
        fingerprint: &model.info().fingerprint,
        seed: request.sampling.seed,
        tokens: request.logprobs.map(|_| tokens.as_slice()),
    })?;
    finish(&generation, request, console)
}

/// The text as it comes.
fn stream(
    model: &dyn LanguageModel,
    request: &GenerateRequest,
    invocation: &Invocation,
    progress: Progress,
    console: &mut Console,
) -> Result {
    // Our own flag, because a reader that goes away ends the generation as an interrupt does.
    let mut failed = None;
    let mut ends_with_newline = true;
    let gone = Cancel::new();
    let generation = {
        let mut on_token = |token: &TokenEvent| {
            progress.clear();
            if !token.text.is_empty() {
                ends_with_newline = token.text.ends_with('\n');
            }
            if let Err(failure) = console.print(&token.text) {
                failed.get_or_insert(failure);
            }
            if failed.is_some() || console.out_closed() {
                gone.cancel();
                invocation.cancel.cancel();
            }
        };
        model.generate(request, &invocation.cancel, &mut on_token)
    };
    progress.clear();
    match failed {
        Some(failure) => return Err(failure),
        None if gone.is_cancelled() => return Ok(Done::Clean),
        None => {}
    }
    let generation = generation?;
    if !ends_with_newline {
        console.line("")?;
    }
    console.detail(&format!(
        "{} prompt tokens ({} cached), {} written; {:.0} ms to the first, then {:.1} tok/s",
        generation.usage.prompt_tokens,
        generation.usage.cached_tokens,
        generation.usage.completion_tokens,
        generation.timing.first_token_ms,
        generation.timing.decode_tps,
    ));
    finish(&generation, request, console)
}

fn finish(generation: &Generation, request: &GenerateRequest, console: &mut Console) -> Result {
    match generation.finish {
        FinishReason::Cancelled => Err(Failure::new("interrupted")),
        FinishReason::Length if request.grammar.is_some() => {
            console.note(
                "the answer was cut off at its limit, before its grammar was complete; --max-tokens raises the limit",
            );
            Ok(Done::Findings)
        }
        FinishReason::Length => {
            console.note("the answer was cut off at its limit; --max-tokens raises it");
            Ok(Done::Clean)
        }
        FinishReason::End | FinishReason::Stop => Ok(Done::Clean),
    }
}

fn prompt(args: &GenerateArgs, invocation: &mut Invocation) -> Result<String> {
    let text = match args.prompt.as_deref() {
        Some("-") => invocation.input.all(&invocation.cancel)?,
        Some(text) if invocation.input.is_piped => {
            let piped = invocation.input.all(&invocation.cancel)?;
            if piped.trim().is_empty() { text.to_owned() } else { format!("{text}\n\n{piped}") }
        }
        Some(text) => text.to_owned(),
        None if !invocation.input.is_terminal => invocation.input.all(&invocation.cancel)?,
        None => String::new(),
    };
    if text.trim().is_empty() {
        return Err(Failure::new("the prompt is empty")
            .hint("deepcoder generate \"Write a function that …\", or pipe the prompt in"));
    }
    Ok(text)
}

fn sampling(args: &SamplingArgs, seed: Option<u64>) -> Sampling {
    Sampling {
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        min_p: args.min_p,
        repetition_penalty: args.repetition_penalty,
        seed: seed.unwrap_or(0),
    }
}
