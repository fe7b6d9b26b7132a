//! Converts the Python arguments of a request: prompts, options and grammars.

use crate::error::{Kind, raise};
use deepcoder_types::{Form, GenerateError, GenerateRequest, Grammar, Message, Priority, Prompt, Role, Sampling};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// The arguments of `generate`, `stream` and `generate_all`, beside the prompt.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) suffix: Option<String>,
    pub(crate) raw: bool,
    pub(crate) sampling: Sampling,
    pub(crate) max_tokens: u32,
    pub(crate) stop: Vec<String>,
    pub(crate) logprobs: Option<u32>,
    pub(crate) draft: Option<String>,
    pub(crate) grammar: Option<Grammar>,
}

impl Options {
    pub(crate) fn request(self, prompt: &Bound<'_, PyAny>) -> PyResult<GenerateRequest> {
        Ok(GenerateRequest {
            prompt: prompt_of(prompt, self.suffix, self.raw)?,
            sampling: self.sampling,
            max_tokens: self.max_tokens,
            stop: self.stop,
            logprobs: self.logprobs,
            draft: self.draft,
            priority: Priority::Interactive,
            grammar: self.grammar,
            client: String::new(),
        })
    }
}

/// A question, the turns of a chat, or a text to continue.
pub(crate) fn prompt_of(prompt: &Bound<'_, PyAny>, suffix: Option<String>, raw: bool) -> PyResult<Prompt> {
    match (prompt.extract::<String>(), suffix, raw) {
        (Ok(_), Some(_), true) => Err(PyValueError::new_err("`suffix` and `raw` exclude each other")),
        (Ok(prefix), Some(suffix), false) => Ok(Prompt::Fill { prefix, suffix }),
        (Ok(text), None, true) => Ok(Prompt::Text(text)),
        (Ok(question), None, false) => {
            Ok(Prompt::Chat { messages: vec![Message::user(question)], prefill: String::new() })
        }
        (Err(_), None, false) => chat(prompt),
        (Err(_), ..) => Err(PyTypeError::new_err("`suffix` and `raw` go with a prompt that is a string")),
    }
}

/// The turns of a chat, as dictionaries with `role` and `content`. A last turn of the assistant is continued.
fn chat(turns: &Bound<'_, PyAny>) -> PyResult<Prompt> {
    let mut messages = Vec::new();
    for turn in turns.try_iter()? {
        let turn = turn?;
        let role = match turn.get_item("role")?.extract::<String>()?.as_str() {
            "system" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            other => {
                return Err(PyValueError::new_err(format!("`{other}` is not a role: system, user or assistant")));
            }
        };
        messages.push(Message { role, content: turn.get_item("content")?.extract()? });
    }
    let prefill = match messages.pop_if(|last| last.role == Role::Assistant) {
        Some(last) => last.content,
        None => String::new(),
    };
    if messages.is_empty() {
        return Err(PyValueError::new_err("the chat has no turn of the user"));
    }
    Ok(Prompt::Chat { messages, prefill })
}

/// The arguments that constrain an answer.
pub(crate) struct FormOptions<'a, 'py> {
    pub(crate) schema: Option<&'a Bound<'py, PyAny>>,
    pub(crate) regex: Option<String>,
    pub(crate) choices: Option<Strings>,
    pub(crate) grammar: Option<String>,
    pub(crate) after: Option<String>,
}

impl FormOptions<'_, '_> {
    /// The grammar, checked without the model.
    pub(crate) fn grammar(self, py: Python<'_>) -> PyResult<Option<Grammar>> {
        let schema = self.schema.map(|schema| {
            let text = py.import("deepcoder._schema")?.call_method1("text_of", (schema,))?;
            text.extract::<String>()
        });
        let forms = [
            ("schema", schema.transpose()?.map(Form::Json)),
            ("regex", self.regex.map(Form::Regex)),
            ("choices", self.choices.map(|choices| Form::Choices(choices.0))),
            ("grammar", self.grammar.map(Form::Lark)),
        ];
        let mut given = forms.into_iter().filter_map(|(name, form)| Some((name, form?)));
        let form = match (given.next(), given.next()) {
            (Some((one, _)), Some((other, _))) => {
                return Err(PyValueError::new_err(format!("`{one}` and `{other}` exclude each other")));
            }
            (None, _) if self.after.is_some() => {
                return Err(PyValueError::new_err("`after` goes with `schema`, `regex`, `choices` or `grammar`"));
            }
            (None, _) => return Ok(None),
            (Some((_, form)), None) => form,
        };
        let grammar = Grammar { form, after: self.after };
        let checked = py.detach(|| deepcoder_grammar::check(&grammar));
        checked.map_err(|error| raise(py, Kind::Model, &GenerateError::from(error)))?;
        Ok(Some(grammar))
    }
}

/// Several strings. A lone string is refused: it is a sequence of its characters.
#[derive(Default)]
pub(crate) struct Strings(pub(crate) Vec<String>);

impl<'py> FromPyObject<'_, 'py> for Strings {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("a sequence of strings, not a string"));
        }
        object.extract().map(Self)
    }
}
