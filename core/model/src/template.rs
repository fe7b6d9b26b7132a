//! The model's own chat template, rendered with minijinja: no loader, no access to anything but the messages, and a
//! limit on the work that it may do.

use crate::vocab::Vocabulary;
use deepcoder_types::{GenerateError, Message, Role};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, State, Value, context};

/// Steps that a template may take. The longest real ones take a few thousand for a long chat.
const FUEL: u64 = 2_000_000;
const NAME: &str = "chat";

/// A template that compiles.
pub(crate) struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// `bos` and `eos` are the texts of the tokens that the template may write.
    pub(crate) fn new(source: String, bos: String, eos: String) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        // As transformers sets them; templates are written for it.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|e| e.to_string())?);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.set_unknown_method_callback(python_method);
        environment.add_template_owned(NAME, source).map_err(|e| e.to_string())?;
        Ok(Self { environment, bos, eos })
    }

    /// The text of a chat up to where the model is to go on, with `prefill` as the beginning of its answer. Control
    /// tokens in messages come out broken, see [`Vocabulary::mark`].
    pub(crate) fn render(
        &self,
        messages: &[Message],
        prefill: &str,
        vocabulary: &Vocabulary,
    ) -> Result<String, GenerateError> {
        let messages: Vec<Value> = messages
            .iter()
            .map(|m| context! { role => role_name(m.role), content => vocabulary.mark(&m.content) })
            .collect();
        let template = self.environment.get_template(NAME).map_err(failed)?;
        let mut text = template
            .render(context! {
                messages,
                add_generation_prompt => true,
                bos_token => self.bos.as_str(),
                eos_token => self.eos.as_str(),
            })
            .map_err(failed)?;
        text.push_str(&vocabulary.mark(prefill));
        Ok(text)
    }
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
fn python_method(_: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
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
            ("replace", Some(a), Some(b)) => text.replace(a, b).into(),
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
