//! Rules of ast-grep, in YAML.

use crate::CodemodError;
use crate::fix::Template;
use crate::grammar::{Grammar, document};
use crate::sites::Site;
use ast_grep_config::{CombinedScan, Fixer, GlobalRules, RuleCollection, RuleConfig, Severity};
use ast_grep_core::AstGrep;
use ast_grep_core::replacer::Replacer;
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use serde::Deserialize;
use std::path::Path;

/// The longest file of rules.
const MAX_RULES: usize = 1 << 16;

/// What of a rule is read a second time: ast-grep keeps the texts of fixes to itself.
#[derive(Deserialize)]
struct Document {
    fix: Option<Fix>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fix {
    Text(String),
    One(Templated),
    Several(Vec<Templated>),
}

#[derive(Deserialize)]
struct Templated {
    template: String,
}

/// A rule that fixes what it finds.
pub(crate) struct Rule {
    id: String,
    language: Language,
    collection: RuleCollection<Grammar>,
    fixer: Fixer,
    template: Template,
    names: Vec<String>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("id", &self.id).field("language", &self.language).finish_non_exhaustive()
    }
}

/// The rules of a YAML text, in its order.
pub(crate) fn read(yaml: &str) -> Result<Vec<Rule>, CodemodError> {
    if yaml.len() > MAX_RULES {
        return Err(CodemodError::Rule("the text is too long".to_owned()));
    }
    let wrong = |error: &dyn std::error::Error| CodemodError::Rule(in_words(error));
    let configs: Vec<RuleConfig<Grammar>> =
        ast_grep_config::from_yaml_string(yaml, &GlobalRules::default()).map_err(|error| wrong(&error))?;
    let documents: Vec<Document> = ast_grep_config::from_multiple(yaml).map_err(|error| wrong(&error))?;
    let mut rules = Vec::new();
    for (config, document) in configs.into_iter().zip(documents) {
        if config.severity == Severity::Off {
            continue;
        }
        let id = config.id.clone();
        let template = match document.fix {
            Some(Fix::Text(text) | Fix::One(Templated { template: text })) => text,
            Some(Fix::Several(all)) => match all.into_iter().next() {
                Some(first) => first.template,
                None => return Err(CodemodError::NoFix(id)),
            },
            None => return Err(CodemodError::NoFix(id)),
        };
        let mut fixers = config.get_fixer().map_err(|error| wrong(&error))?;
        if fixers.is_empty() {
            return Err(CodemodError::NoFix(id));
        }
        let template = Template::new(&template);
        let names = template.names().map(str::to_owned).collect();
        let language = config.language.0;
        let collection = RuleCollection::try_new(vec![config]).map_err(|error| wrong(&error))?;
        rules.push(Rule { id, language, collection, fixer: fixers.swap_remove(0), template, names });
    }
    if rules.is_empty() {
        return Err(CodemodError::Rule("there is no rule in it".to_owned()));
    }
    Ok(rules)
}

/// An error with what caused it: ast-grep's messages say the least in front.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        words.push(cause.to_string());
        source = cause.source();
    }
    let mut words: Vec<String> = words.iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect();
    words.dedup();
    words.join(": ")
}

impl Rule {
    pub(crate) const fn language(&self) -> Language {
        self.language
    }
}

/// The matches of the rules in a file of `language`; `None` where it cannot be parsed.
pub(crate) fn sites<'r>(rules: &'r [Rule], language: Language, path: &RepoPath, text: &str) -> Option<Vec<Site<'r>>> {
    let grammar = Grammar(language);
    let root = AstGrep::doc(document(text, grammar)?);
    let mut sites = Vec::new();
    // A rule at a time: the first of the file goes first, whatever their names are.
    for rule in rules.iter().filter(|rule| rule.language == language) {
        for config in rule.collection.get_rule_from_lang(Path::new(path.as_str()), grammar) {
            let scan = CombinedScan::new(vec![config]);
            for (config, found) in scan.scan(&root, true).diffs {
                let range = rule.fixer.get_replaced_range(&found, &config.matcher);
                sites.push(Site::new(&found, range, &rule.template, &rule.names));
            }
        }
    }
    Some(sites)
}
