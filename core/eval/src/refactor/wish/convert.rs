//! The rewrites of other tools by the names of ours.

/// The rewrite that a tool names so; `to` is the action of a tool that has several under one name.
pub(super) fn kind(tool: &str, to: &str) -> Option<&'static str> {
    Some(match tool {
        "invert_if" | "refactor.rewrite.invertIf" => "invert-if",
        "apply_demorgan" => "de-morgan",
        "merge_nested_if" => "merge-nested-if",
        "flip_binexpr" => "flip-operands",
        "flip_comma" => "flip-comma",
        "flip_or_pattern" => "flip-pattern",
        "flip_trait_bound" => "flip-bound",
        "Add or remove braces in an arrow function" => match to {
            "Add braces to arrow function" => "add-braces",
            "Remove braces from arrow function" => "remove-braces",
            _ => return None,
        },
        "Convert arrow function or function expression" => match to {
            "Convert to named function" => "arrow-to-named-function",
            "Convert to anonymous function" => "arrow-to-function",
            "Convert to arrow function" => "function-to-arrow",
            _ => return None,
        },
        "Convert to template string" => "concatenation-to-template",
        "Convert to optional chain expression" => "optional-chain",
        "Convert overload list to single signature" => "merge-overloads",
        "refactor.rewrite.changeQuote" | "make_raw_string" | "make_usual_string" => {
            if tool == "make_raw_string" {
                "raw-string"
            } else if tool == "make_usual_string" {
                "usual-string"
            } else {
                "change-quotes"
            }
        }
        "refactor.rewrite.splitLines" => "split-lines",
        "refactor.rewrite.joinLines" => "join-lines",
        "refactor.rewrite.fillStruct" => "fill-struct",
        "add_hash" => "add-hash",
        "remove_hash" => "remove-hash",
        "replace_string_with_char" => "string-to-char",
        "replace_char_with_string" => "char-to-string",
        "remove_parentheses" => "remove-parentheses",
        "add_braces" => "add-braces",
        "unwrap_block" => "unwrap-block",
        "convert_to_guarded_return" => "guarded-return",
        "replace_if_let_with_match" => "if-let-to-match",
        "replace_match_with_if_let" => "match-to-if-let",
        "convert_match_to_let_else" => "match-to-let-else",
        "convert_let_else_to_match" => "let-else-to-match",
        "merge_match_arms" => "merge-match-arms",
        "unmerge_match_arm" => "split-match-arm",
        "convert_two_arm_bool_match_to_matches_macro" => "match-to-matches",
        "convert_while_to_loop" => "while-to-loop",
        "convert_for_loop_to_while_let" => "for-to-while-let",
        "convert_for_loop_with_for_each" => "for-to-for-each",
        "convert_iter_for_each_to_for" => "for-each-to-for",
        "convert_if_to_bool_then" => "if-to-bool-then",
        "convert_bool_then_to_if" => "bool-then-to-if",
        "convert_comment_block" => "comment-style",
        "convert_comment_from_or_to_doc" => "comment-to-doc",
        "toggle_macro_delimiter" => "macro-brackets",
        "replace_let_with_if_let" => "let-to-if-let",
        "pull_assignment_up" => "pull-assignment-up",
        _ => return None,
    })
}
