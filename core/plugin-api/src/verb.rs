//! A verb as its plugin's manifest describes it: enough to offer, check and explain it without the plugin's code.

use crate::{ErrorCode, PluginError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Options that the program itself puts beside the parameters of a verb.
const PUT_BESIDE: &[&str] = &["comments", "repair"];

/// The input of a verb beside files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// An instruction.
    #[default]
    Words,
    /// A question, or nothing but files.
    OptionalWords,
    /// A line and a column of the first file.
    Position,
    /// A command of its own: all words together, files and places among them.
    Command,
    /// Nothing.
    Nothing,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParamType {
    /// A text.
    String,
    /// A whole number from 0.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// The text of a file. The command line takes its name and sends the text, which may be from outside of the repository.
    File,
}

impl ParamType {
    fn holds(self, value: &Value) -> bool {
        match self {
            Self::String | Self::File => value.is_string(),
            Self::Integer => value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
        }
    }

    /// In words, as in "`x` takes a whole number".
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::File => "the text of a file",
        }
    }
}

/// A parameter of a verb.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// Letters, digits and `_`.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// The texts that it may be; empty means any.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Its value where the user gives none; `None` where that depends on the request.
    #[serde(default)]
    pub default: Option<Value>,
    /// Whether the verb asks no model where it is `true`, so that none is loaded.
    #[serde(default)]
    pub without_model: bool,
    /// Its effect, in a phrase.
    pub help: String,
}

impl Param {
    /// Its values, in words.
    fn values(&self) -> String {
        if self.choices.is_empty() { self.kind.in_words().to_owned() } else { self.choices.join(", ") }
    }

    fn holds(&self, value: &Value) -> bool {
        let among = |text: &str| self.choices.is_empty() || self.choices.iter().any(|choice| choice == text);
        self.kind.holds(value) && value.as_str().is_none_or(among)
    }
}

/// A verb of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerbManifest {
    /// The verb: lower-case letters, digits and `-`.
    pub name: String,
    /// Its effect, in a phrase.
    pub summary: String,
    /// Its input beside files.
    #[serde(default)]
    pub takes: Takes,
    /// Its parameters.
    #[serde(default)]
    pub params: Vec<Param>,
}

impl VerbManifest {
    /// Whether it asks no model with these parameters.
    #[must_use]
    pub fn is_without_model(&self, params: &Value) -> bool {
        let set = |param: &Param| params.get(&param.name).and_then(Value::as_bool) == Some(true);
        self.params.iter().any(|param| param.without_model && set(param))
    }

    /// Whether `params` are known and of their types. A parameter that is `null` is not given.
    pub fn check(&self, params: &Map<String, Value>) -> Result<(), PluginError> {
        let invalid =
            |message: String, hint: String| Err(PluginError::new(ErrorCode::Invalid, message).with_hint(hint));
        for (name, value) in params.iter().filter(|(name, _)| !PUT_BESIDE.contains(&name.as_str())) {
            let Some(param) = self.params.iter().find(|param| param.name == *name) else {
                let known: Vec<&str> = self.params.iter().map(|param| param.name.as_str()).collect();
                let hint = match known.as_slice() {
                    [] => "it has none".to_owned(),
                    known => format!("the options are {}", known.join(", ")),
                };
                return invalid(format!("`{}` has no option `{name}`", self.name), hint);
            };
            if !value.is_null() && !param.holds(value) {
                let message = format!("the option `{name}` of `{}` cannot be {value}", self.name);
                return invalid(
                    message,
                    format!("it is {}{}", if param.choices.is_empty() { "" } else { "one of " }, param.values()),
                );
            }
        }
        Ok(())
    }

    /// The error in the description itself.
    pub(crate) fn mistake(&self) -> Option<String> {
        let of_letters = |name: &str, also: char| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == also)
        };
        if !of_letters(&self.name, '-') {
            return Some(format!("the verb `{}` must be lower-case letters, digits or `-`", self.name));
        }
        for (at, param) in self.params.iter().enumerate() {
            let name = &param.name;
            if !of_letters(name, '_') || PUT_BESIDE.contains(&name.as_str()) {
                return Some(format!("no parameter can be named `{name}`"));
            }
            if self.params.iter().take(at).any(|other| other.name == *name) {
                return Some(format!("there are two parameters `{name}`"));
            }
            if !param.choices.is_empty() && param.kind != ParamType::String {
                return Some(format!("`{name}` has choices and is no string"));
            }
            if param.default.as_ref().is_some_and(|default| !param.holds(default)) {
                return Some(format!("the default of `{name}` is not of its type"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verb() -> VerbManifest {
        let param = |name: &str, kind, choices: &[&str]| Param {
            name: name.into(),
            kind,
            choices: choices.iter().map(ToString::to_string).collect(),
            default: None,
            without_model: false,
            help: "x".into(),
        };
        VerbManifest {
            name: "tidy".into(),
            summary: "Tidy up".into(),
            takes: Takes::Words,
            params: vec![
                param("format", ParamType::String, &["whole", "diff"]),
                param("max_tokens", ParamType::Integer, &[]),
                param("temperature", ParamType::Number, &[]),
                param("loud", ParamType::Boolean, &[]),
                param("rules", ParamType::File, &[]),
            ],
        }
    }

    /// Protects users from options that silently do nothing or mean something else: names and types are those of the
    /// manifest, and the error names what is possible.
    #[test]
    fn parameters_are_known_and_of_their_types() {
        let check = |params: Value| verb().check(params.as_object().expect("an object"));
        for good in [
            json!({}),
            json!({ "format": "diff", "max_tokens": 5, "temperature": 0, "loud": true, "rules": "a: b\n" }),
            json!({ "temperature": 0.5, "max_tokens": null, "repair": {}, "comments": [] }),
        ] {
            assert_eq!(check(good.clone()), Ok(()), "{good}");
        }
        for (bad, message, hint) in [
            (
                json!({ "fromat": "whole" }),
                "`tidy` has no option `fromat`",
                "format, max_tokens, temperature, loud, rules",
            ),
            (json!({ "format": "xml" }), "`format` of `tidy` cannot be \"xml\"", "it is one of whole, diff"),
            (json!({ "format": 1 }), "cannot be 1", "it is one of whole, diff"),
            (json!({ "max_tokens": -1 }), "cannot be -1", "it is a whole number"),
            (json!({ "max_tokens": 1.5 }), "cannot be 1.5", "it is a whole number"),
            (json!({ "temperature": "hot" }), "cannot be \"hot\"", "it is a number"),
            (json!({ "loud": "yes" }), "cannot be \"yes\"", "it is true or false"),
            (json!({ "rules": 1 }), "cannot be 1", "it is the text of a file"),
        ] {
            let error = check(bad).expect_err(message);
            assert!(error.message.contains(message), "{}", error.message);
            assert!(error.hint.as_ref().is_some_and(|said| said.contains(hint)), "{:?}", error.hint);
        }
    }

    /// Protects users without a model: a parameter that says so does without one, and nothing else does.
    #[test]
    fn a_parameter_may_do_without_a_model() {
        let mut verb = verb();
        let loud = verb.params.iter().position(|param| param.name == "loud").expect("a parameter");
        assert!(!verb.is_without_model(&json!({ "loud": true })));
        verb.params[loud].without_model = true;
        assert!(verb.is_without_model(&json!({ "loud": true, "format": "diff" })));
        for asks in
            [json!({}), json!(null), json!({ "loud": false }), json!({ "loud": "true" }), json!({ "format": "diff" })]
        {
            assert!(!verb.is_without_model(&asks), "{asks}");
        }
    }

    /// Protects every surface that makes arguments of a manifest: names that cannot be arguments and defaults that the
    /// check would refuse do not load.
    #[test]
    fn a_description_that_cannot_be_used_is_refused() {
        assert_eq!(verb().mistake(), None);
        let changes: [fn(&mut VerbManifest); 6] = [
            |verb| verb.name = "Tidy up".into(),
            |verb| verb.params[0].name = "for-mat".into(),
            |verb| verb.params[0].name = "repair".into(),
            |verb| verb.params[0].name = "loud".into(),
            |verb| verb.params[1].choices = vec!["1".into()],
            |verb| verb.params[0].default = Some("xml".into()),
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut verb = verb();
            change(&mut verb);
            assert!(verb.mistake().is_some(), "{at}");
        }
    }
}
