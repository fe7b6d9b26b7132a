//! Compiles a grammar into a constraint.

use crate::GrammarError;
use crate::automaton::Part;
use crate::chains::ChainMatcher;
use crate::constraint::Constraint;
use crate::matcher::Matcher;
use crate::parser::{self, ParserMatcher};
use crate::scope::parts;
use crate::trigger::Trigger;
use crate::vocabulary::Vocabulary;
use deepcoder_types::{Form, GenerateError, Grammar};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Maximum number of cached grammars, and of their bytes; a byte of a grammar's text counts as a hundred.
const MAX_KEPT: usize = 16;
const MAX_KEPT_BYTES: usize = 64 << 20;

/// Stack of the building thread, in bytes. The system maps only what a grammar uses.
const STACK: usize = 256 << 20;

/// Compiles grammars for a vocabulary, and caches recent ones, which candidates of one prompt and repeated requests
/// share.
pub struct Compiler {
    vocabulary: Arc<Vocabulary>,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    grammar: Grammar,
    machine: Matcher,
    trigger: Option<Arc<Trigger>>,
    bytes: usize,
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Compiler({:?})", self.vocabulary)
    }
}

impl Compiler {
    /// A compiler without any grammar.
    #[must_use]
    pub fn new(vocabulary: Arc<Vocabulary>) -> Self {
        Self { vocabulary, kept: Mutex::default() }
    }

    /// The constraint of a new answer. The first call for a grammar takes milliseconds, up to a second for a grammar at
    /// the limits.
    ///
    /// # Errors
    /// The grammar is wrong or not supported, exceeds a limit, or matches no text of this vocabulary.
    pub fn compile(&self, grammar: &Grammar) -> Result<Constraint, GrammarError> {
        grammar.check().map_err(|error| match error {
            GenerateError::Grammar(reason) => GrammarError::TooComplex(reason),
            other => GrammarError::Invalid(other.to_string()),
        })?;
        if let Some(known) = self.known(grammar) {
            return known;
        }
        let mut machine = self.build(&grammar.form)?;
        // The first mask shows whether any text matches, and what it computes is shared by all clones.
        if machine.mask()?.is_zero() && !machine.complete()? {
            return Err(GrammarError::Stuck);
        }
        let after = grammar.after.as_deref().filter(|after| !after.is_empty());
        let trigger = after.map(|after| Arc::new(Trigger::new(after, machine.isolated())));
        let constraint = Constraint::new(&self.vocabulary, machine.isolated(), trigger.clone())?;
        let bytes = machine.bytes() + 100 * length(&grammar.form);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(0, Kept { grammar: grammar.clone(), machine, trigger, bytes });
        let mut sum = 0_usize;
        let fits = kept.iter().take(MAX_KEPT).take_while(|kept| {
            sum += kept.bytes;
            sum <= MAX_KEPT_BYTES
        });
        let fits = fits.count();
        kept.truncate(fits);
        Ok(constraint)
    }

    fn known(&self, grammar: &Grammar) -> Option<Result<Constraint, GrammarError>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|kept| kept.grammar == *grammar)?;
        kept[..=at].rotate_right(1);
        let Kept { machine, trigger, .. } = &kept[0];
        Some(Constraint::new(&self.vocabulary, machine.isolated(), trigger.clone()))
    }

    /// Builds on a large stack: the library recurses into nested rules.
    fn build(&self, form: &Form) -> Result<Matcher, GrammarError> {
        let failed = |reason: &str| GrammarError::Failed(reason.to_owned());
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("grammar".into()).stack_size(STACK);
            let thread = thread.spawn_scoped(scope, || self.machine(form)).map_err(|e| failed(&e.to_string()))?;
            thread.join().unwrap_or_else(|_| Err(failed("it panicked")))
        })
    }

    fn machine(&self, form: &Form) -> Result<Matcher, GrammarError> {
        let guided =
            |grammar| ParserMatcher::new(&self.vocabulary, grammar).map(|guided| Matcher::Parser(Box::new(guided)));
        let chains = |chains: &[Vec<Part>]| ChainMatcher::new(&self.vocabulary, chains).map(Matcher::Chains);
        match form {
            Form::Json(schema) => guided(parser::json(schema)?),
            Form::Regex(pattern) => guided(parser::regex(pattern)?),
            Form::Lark(text) => guided(parser::lark(text)?),
            Form::Choices(options) if options.iter().any(String::is_empty) => {
                Err(GrammarError::Invalid("an option is an empty text".into()))
            }
            Form::Choices(options) => {
                let each: Vec<Vec<Part>> = options.iter().map(|option| vec![Part::Literal(option.clone())]).collect();
                chains(&each)
            }
            Form::Scope { text, free } => chains(&[parts(text, free)?]),
        }
    }
}

fn length(form: &Form) -> usize {
    match form {
        Form::Json(text) | Form::Regex(text) | Form::Lark(text) => text.len(),
        Form::Choices(options) => options.iter().map(String::len).sum(),
        Form::Scope { text, free } => text.len() + free.iter().map(|free| free.regex.len()).sum::<usize>(),
    }
}

/// Checks a grammar without a model, by compiling it for a vocabulary of single bytes.
///
/// # Errors
/// As [`Compiler::compile`].
pub fn check(grammar: &Grammar) -> Result<(), GrammarError> {
    static BYTES: OnceLock<Result<Arc<Vocabulary>, GrammarError>> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| Vocabulary::bytes().map(Arc::new)).clone()?;
    let logits = &mut vec![0.0; bytes.len()];
    Compiler::new(bytes).compile(grammar)?.mask(logits)
}
