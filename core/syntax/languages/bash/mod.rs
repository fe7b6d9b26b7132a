use crate::language::{Spec, Visibility};

pub(crate) const SPEC: Spec = Spec {
    aliases: &["sh", "shell", "zsh"],
    extensions: &["sh", "bash"],
    file_names: &[".bashrc", ".bash_profile", ".bash_aliases", ".profile"],
    interpreters: &["bash", "sh", "dash"],
    exact: false,
    line_comments: &["#"],
    block_comments: &[],
    directives: &["# shellcheck"],
    visibility: Visibility::Underscore,
    name_characters: "-.:",
    keywords: "case coproc do done elif else esac fi for function if in select then time until while",
    tags: &[include_str!("tags.scm")],
    homes: &["program"],
    statements: &["program", "compound_statement", "do_group", "subshell", "if_statement", "else_clause", "case_item"],
    ..Spec::new("bash", || tree_sitter_bash::LANGUAGE.into())
};

#[cfg(test)]
mod tests;
