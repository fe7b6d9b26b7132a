//! How the statements of a language run after each other: one table for each language.

use deepcoder_syntax::Language;

/// The node kinds of a language by what they do to the order in which code runs.
#[derive(Debug)]
pub(crate) struct Paths {
    /// Functions that have a name, and other members that hold statements.
    pub(crate) named: &'static [&'static str],
    /// Functions that are values.
    pub(crate) lambdas: &'static [&'static str],
    /// The bodies of types.
    pub(crate) types: &'static [&'static str],
    pub(crate) returns: &'static [&'static str],
    pub(crate) throws: &'static [&'static str],
    pub(crate) breaks: &'static [&'static str],
    pub(crate) continues: &'static [&'static str],
    /// Choices with `condition`, `consequence` and `alternative`.
    pub(crate) ifs: &'static [&'static str],
    /// Choices of which one part runs; some go on with the next part.
    pub(crate) switches: &'static [&'static str],
    /// Parts of a choice.
    pub(crate) arms: &'static [&'static str],
    /// The part that runs where no other does.
    pub(crate) default: &'static [&'static str],
    /// Whether one part of a choice goes on with the next.
    pub(crate) falls_through: bool,
    pub(crate) tries: &'static [&'static str],
    pub(crate) catches: &'static [&'static str],
    pub(crate) finals: &'static [&'static str],
    pub(crate) labelled: &'static [&'static str],
    /// Loops whose body runs first.
    pub(crate) body_first: &'static [&'static str],
    /// Loops without an end of their own.
    pub(crate) endless: &'static [&'static str],
    /// Where a value (the second field) goes to a name (the first).
    pub(crate) gives: &'static [(&'static str, &'static str, &'static str)],
    /// Where a name is read and then gets a value.
    pub(crate) updates: &'static [&'static str],
    /// What belongs to the function around it, and how it is written.
    pub(crate) bound: &'static [(&'static str, &'static str)],
}

impl Paths {
    pub(crate) const fn of(language: Language) -> Option<&'static Self> {
        Some(match language {
            Language::Python => &PYTHON,
            Language::JavaScript | Language::TypeScript | Language::Tsx => &JAVASCRIPT,
            Language::Java => &JAVA,
            Language::Go => &GO,
            Language::Rust => &RUST,
            _ => return None,
        })
    }

    /// Whether code in a node of this kind runs when something calls it.
    pub(crate) fn is_function(&self, kind: &str) -> bool {
        self.named.contains(&kind) || self.lambdas.contains(&kind)
    }
}

static PYTHON: Paths = Paths {
    named: &["function_definition"],
    lambdas: &["lambda"],
    types: &["class_definition"],
    returns: &["return_statement"],
    throws: &["raise_statement"],
    breaks: &["break_statement"],
    continues: &["continue_statement"],
    ifs: &["if_statement"],
    switches: &["match_statement"],
    arms: &["case_clause"],
    default: &[],
    falls_through: false,
    tries: &["try_statement"],
    catches: &["except_clause", "except_group_clause", "else_clause"],
    finals: &["finally_clause"],
    labelled: &[],
    body_first: &[],
    endless: &[],
    gives: &[
        ("assignment", "left", "right"),
        ("named_expression", "name", "value"),
        ("for_statement", "left", "right"),
    ],
    updates: &["augmented_assignment"],
    bound: &[("yield", "yield"), ("await", "await")],
};

static JAVASCRIPT: Paths = Paths {
    named: &[
        "function_declaration",
        "generator_function_declaration",
        "function_expression",
        "generator_function",
        "method_definition",
    ],
    lambdas: &["arrow_function"],
    types: &["class_body"],
    returns: &["return_statement"],
    throws: &["throw_statement"],
    breaks: &["break_statement"],
    continues: &["continue_statement"],
    ifs: &["if_statement"],
    switches: &["switch_statement"],
    arms: &["switch_case", "switch_default"],
    default: &["switch_default"],
    falls_through: true,
    tries: &["try_statement"],
    catches: &["catch_clause"],
    finals: &["finally_clause"],
    labelled: &["labeled_statement"],
    body_first: &["do_statement"],
    endless: &[],
    gives: &[
        ("assignment_expression", "left", "right"),
        ("variable_declarator", "name", "value"),
        ("for_in_statement", "left", "right"),
    ],
    updates: &["augmented_assignment_expression", "update_expression"],
    bound: &[("yield_expression", "yield"), ("super", "super"), ("with_statement", "with")],
};

static JAVA: Paths = Paths {
    named: &["method_declaration", "constructor_declaration", "compact_constructor_declaration", "static_initializer"],
    lambdas: &["lambda_expression"],
    types: &["class_body", "interface_body", "enum_body", "enum_body_declarations", "annotation_type_body"],
    returns: &["return_statement"],
    throws: &["throw_statement"],
    breaks: &["break_statement"],
    continues: &["continue_statement"],
    ifs: &["if_statement"],
    switches: &["switch_expression"],
    arms: &["switch_block_statement_group", "switch_rule"],
    default: &["default"],
    falls_through: true,
    tries: &["try_statement", "try_with_resources_statement"],
    catches: &["catch_clause"],
    finals: &["finally_clause"],
    labelled: &["labeled_statement"],
    body_first: &["do_statement"],
    endless: &[],
    gives: &[
        ("assignment_expression", "left", "right"),
        ("variable_declarator", "name", "value"),
        ("enhanced_for_statement", "name", "value"),
        ("resource", "name", "value"),
    ],
    updates: &["update_expression"],
    bound: &[("explicit_constructor_invocation", "a call of a constructor"), ("yield_statement", "yield")],
};

static GO: Paths = Paths {
    named: &["function_declaration", "method_declaration"],
    lambdas: &["func_literal"],
    types: &["interface_type", "struct_type"],
    returns: &["return_statement"],
    throws: &[],
    breaks: &["break_statement"],
    continues: &["continue_statement"],
    ifs: &["if_statement"],
    switches: &["expression_switch_statement", "type_switch_statement", "select_statement"],
    arms: &["expression_case", "default_case", "type_case", "communication_case"],
    default: &["default_case"],
    falls_through: false,
    tries: &[],
    catches: &[],
    finals: &[],
    labelled: &["labeled_statement"],
    body_first: &[],
    endless: &[],
    gives: &[
        ("assignment_statement", "left", "right"),
        ("short_var_declaration", "left", "right"),
        ("var_spec", "name", "value"),
        ("range_clause", "left", "right"),
    ],
    updates: &["inc_statement", "dec_statement"],
    bound: &[("defer_statement", "defer"), ("fallthrough_statement", "fallthrough")],
};

pub(crate) static RUST: Paths = Paths {
    named: &["function_item"],
    lambdas: &["closure_expression", "async_block"],
    types: &["declaration_list"],
    returns: &["return_expression"],
    throws: &[],
    breaks: &["break_expression"],
    continues: &["continue_expression"],
    ifs: &["if_expression"],
    switches: &["match_expression"],
    arms: &["match_arm"],
    default: &[],
    falls_through: false,
    tries: &[],
    catches: &[],
    finals: &[],
    labelled: &[],
    body_first: &[],
    endless: &["loop_expression"],
    gives: &[("assignment_expression", "left", "right"), ("let_declaration", "pattern", "value")],
    updates: &["compound_assignment_expr"],
    bound: &[("yield_expression", "yield")],
};
