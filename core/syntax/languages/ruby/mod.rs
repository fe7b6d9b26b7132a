use crate::language::{Spec, Tests, Visibility};

pub(crate) const SPEC: Spec = Spec {
    aliases: &["rb"],
    extensions: &["rb", "rake", "gemspec", "ru"],
    file_names: &["Gemfile", "Rakefile", "Guardfile", "Vagrantfile"],
    interpreters: &["ruby", "jruby"],
    exact: false,
    line_comments: &["#"],
    block_comments: &[("=begin", "=end")],
    directives: &["# frozen_string_literal", "# encoding", "# coding", "# -*-", "# rubocop:", "# typed:"],
    visibility: Visibility::Underscore,
    name_characters: "?!=",
    keywords: "BEGIN END alias and begin break case class def defined? do else elsif end ensure false for if in module next \
        nil not or redo rescue retry return self super then true undef unless until when while yield",
    tests: Tests { suffixes: &["_test", "_spec"], names: &[] },
    shares_names: true,
    tags: &[include_str!("tags.scm")],
    homes: &["program", "body_statement"],
    statements: &["program", "body_statement", "then", "else", "do", "begin", "block_body", "ensure"],
    ..Spec::new("ruby", || tree_sitter_ruby::LANGUAGE.into())
};

#[cfg(test)]
mod tests;
