//! The model's own chat template, rendered with minijinja: no loader, no access to anything but the messages, and limits
//! on its source, its work, its output and its time. A template comes with a model from elsewhere.

mod source;
mod weight;

use crate::vocab::Vocabulary;
use deepcoder_types::{GenerateError, Message, Role};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, State, Value, context, escape_formatter};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Work that a template may do: steps, and 64 bytes that it reads or writes for each. The longest real ones take a few
/// thousand steps for a long chat.
const FUEL: u64 = 400_000;

/// More of it for each byte of the messages, up to so many of them: a template reads and writes each a few times.
const FUEL_BYTES: usize = 4 << 20;

/// The stack that a template is compiled and rendered on. Values that it nests one in another are dropped by recursion,
/// and the work above pays for a few hundred thousand levels. Pages that are not touched cost nothing.
const STACK: usize = 128 << 20;

/// Limits on work that fuel does not count, such as joining nested lists to a text with `~`. Real templates take
/// milliseconds and some copies of the chat.
const BOUNDS: Bounds = Bounds { patience: Duration::from_secs(1), deadline: Duration::from_secs(20), growth: 1 << 30 };

/// How often the memory of a long rendering is polled: the system has no event for its growth.
const TICK: Duration = Duration::from_millis(50);

const NAME: &str = "chat";

/// A template that compiles.
pub(crate) struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// `bos` and `eos` are the texts of the tokens that the template may write.
    pub(crate) fn new(source: String, bos: String, eos: String) -> Result<Self, String> {
        source::check(&source)?;
        let environment = aside(move || compile(source).map_err(|e| e.to_string()))??;
        Ok(Self { environment: Arc::new(environment), bos, eos })
    }

    /// The text of a chat up to where the model is to go on, with `prefill` as the beginning of its answer. Control
    /// tokens in messages come out broken, see [`Vocabulary::mark`].
    pub(crate) fn render(
        &self,
        messages: &[Message],
        prefill: &str,
        vocabulary: &Vocabulary,
    ) -> Result<String, GenerateError> {
        let bytes: usize = messages.iter().map(|m| m.content.len()).sum();
        let fuel = FUEL + bytes.min(FUEL_BYTES) as u64 / 2;
        let messages: Vec<Value> = messages
            .iter()
            .map(|m| context! { role => role_name(m.role), content => vocabulary.mark(&m.content) })
            .collect();
        let (environment, bos, eos) = (Arc::clone(&self.environment), self.bos.clone(), self.eos.clone());
        let render = move || {
            let mut environment = Environment::clone(&environment);
            environment.set_fuel(Some(fuel));
            let template = environment.get_template(NAME).map_err(failed)?;
            let values = context! { messages, add_generation_prompt => true, bos_token => bos, eos_token => eos };
            template.render(values).map_err(failed)
        };
        let mut text = aside(render).map_err(GenerateError::Template)??;
        text.push_str(&vocabulary.mark(prefill));
        Ok(text)
    }
}

fn compile(source: String) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    // As transformers sets them; templates are written for it.
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.set_unknown_method_callback(python_method);
    environment.set_formatter(|out, state, value| {
        weight::check(value, 0)?;
        escape_formatter(out, state, value)
    });
    environment.add_filter("tojson", weight::tojson);
    environment.add_filter("string", weight::string);
    environment.add_filter("join", weight::join);
    // They are for people who write templates, and write out everything that there is.
    environment.remove_filter("pprint");
    environment.remove_global("debug");
    environment.add_template_owned(NAME, source)?;
    Ok(environment)
}

/// The limits of one rendering.
#[derive(Clone, Copy)]
struct Bounds {
    /// The time before its memory is checked.
    patience: Duration,
    deadline: Duration,
    /// Bytes by which the process may grow meanwhile.
    growth: u64,
}

/// Runs `work` on a stack of its own, within [`BOUNDS`]. Work that goes beyond is left to itself and its result is dropped:
/// a thread cannot be ended. It ends with its fuel or with the process.
fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    aside_within(BOUNDS, work)
}

fn aside_within<T: Send + 'static>(bounds: Bounds, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (done, result) = channel();
    let (start, before) = (Instant::now(), resident());
    let thread = std::thread::Builder::new().name("deepcoder-template".into()).stack_size(STACK);
    thread.spawn(move || done.send(work()).unwrap_or_default()).map_err(|e| format!("it cannot be run: {e}"))?;
    let mut wait = bounds.patience;
    loop {
        match result.recv_timeout(wait) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => return Err("it panicked".into()),
            Err(RecvTimeoutError::Timeout) if start.elapsed() > bounds.deadline => {
                return Err(format!("it takes more than {} s", bounds.deadline.as_secs()));
            }
            Err(RecvTimeoutError::Timeout) if resident().saturating_sub(before) > bounds.growth => {
                return Err(format!("it takes more than {} MiB of memory", bounds.growth >> 20));
            }
            Err(RecvTimeoutError::Timeout) => wait = TICK,
        }
    }
}

/// Bytes of memory that this process has resident; 0 where the system does not tell.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: Error) -> GenerateError {
    GenerateError::Template(error.detail().map_or_else(|| error.to_string(), str::to_owned))
}

/// The methods of Python's strings and dictionaries that chat templates use.
fn python_method(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let unknown = || Error::new(ErrorKind::UnknownMethod, format!("the method `{method}` is not known"));
    if let Some(text) = value.as_str() {
        let arg = |i: usize| args.get(i).and_then(Value::as_str);
        let set: Vec<char> = arg(0).map_or_else(Vec::new, |s| s.chars().collect());
        let strip = |c: char| if args.is_empty() { c.is_whitespace() } else { set.contains(&c) };
        return Ok(match (method, arg(0), arg(1)) {
            ("strip", ..) => text.trim_matches(strip).into(),
            ("lstrip", ..) => text.trim_start_matches(strip).into(),
            ("rstrip", ..) => text.trim_end_matches(strip).into(),
            ("upper", ..) => text.to_uppercase().into(),
            ("lower", ..) => text.to_lowercase().into(),
            ("startswith", Some(a), _) => text.starts_with(a).into(),
            ("endswith", Some(a), _) => text.ends_with(a).into(),
            ("split", Some(a), _) if !a.is_empty() => text.split(a).map(Value::from).collect::<Vec<_>>().into(),
            ("split", None, _) => text.split_whitespace().map(Value::from).collect::<Vec<_>>().into(),
            ("replace", Some(a), Some(b)) => {
                // Paid for before it is made: what is put in may be long, and often.
                let made = text.matches(a).count().saturating_mul(b.len()).saturating_add(text.len());
                state.consume_fuel(made as u64 / 64)?;
                text.replace(a, b).into()
            }
            _ => return Err(unknown()),
        });
    }
    match method {
        "get" => {
            let found = args.first().map(|key| value.get_item(key)).transpose()?;
            let default = || args.get(1).cloned().unwrap_or_else(|| Value::from(()));
            Ok(found.filter(|v| !v.is_undefined()).unwrap_or_else(default))
        }
        "keys" => Ok(value.try_iter()?.collect::<Vec<_>>().into()),
        "items" => {
            let pairs: Result<Vec<Value>, Error> =
                value.try_iter()?.map(|k| Ok(Value::from(vec![k.clone(), value.get_item(&k)?]))).collect();
            Ok(pairs?.into())
        }
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests;
