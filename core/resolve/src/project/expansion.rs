//! Names in macros (C): in their bodies, and among their arguments.

use super::{Global, Meaning, Project};
use crate::bindings::{Declaration, Reference, Space, Why};
use crate::languages::c::lexer::Kind;
use crate::languages::c::macros::{Use, definition, is_keyword};
use deepcoder_types::{RepoPath, TextRange};

/// Macros that use others; more are not followed.
const DEEPEST: u32 = 8;

/// Macros of libraries that evaluate their arguments and do nothing else with them.
const EVALUATED: &[&str] = &[
    "INT8_C",
    "INT16_C",
    "INT32_C",
    "INT64_C",
    "UINT8_C",
    "UINT16_C",
    "UINT32_C",
    "UINT64_C",
    "INTMAX_C",
    "UINTMAX_C",
    "S_ISDIR",
    "S_ISREG",
    "S_ISLNK",
    "S_ISBLK",
    "S_ISCHR",
    "S_ISFIFO",
    "S_ISSOCK",
    "WIFEXITED",
    "WEXITSTATUS",
    "WIFSIGNALED",
    "WTERMSIG",
    "WIFSTOPPED",
    "WSTOPSIG",
    "FD_SET",
    "FD_CLR",
    "FD_ISSET",
    "FD_ZERO",
    "MIN",
    "MAX",
    "HUGE_VAL",
];

/// Functions and macros of libraries that take the name of a member.
const MEMBER_TAKERS: &[&str] = &["offsetof", "container_of", "list_entry", "list_for_each_entry", "va_arg"];

impl Project<'_> {
    /// A name in the body of a macro: exact where everything of this name that may be there is one.
    pub(super) fn expanded(&self, path: &RepoPath, name: &str) -> Meaning {
        let mut all = self.everywhere(name, |other| self.together(path, other));
        // In C a member is named after a dot only.
        if self.only_c(path) {
            all.retain(|(global, d)| !self.is_member(global, d));
        }
        if all.is_empty() {
            return self.included(path, name);
        }
        let globals: Vec<Global> = all.iter().map(|(global, _)| global.clone()).collect();
        let count = all.len();
        let outer = self.linkable(all);
        let group = outer.first().map(|(global, _, _)| self.group(global));
        let one = group.is_some_and(|group| globals.iter().all(|global| group.declarations.contains(global)));
        if one && outer.len() == count { Meaning::exact(globals) } else { Meaning::doubtful(globals, Why::Macro) }
    }

    fn is_member(&self, global: &Global, d: &Declaration) -> bool {
        let bindings = self.bindings(&global.0);
        bindings.is_some_and(|b| b.scope(d.scope).is_some_and(|scope| scope.kind == crate::ScopeKind::Class))
    }

    /// A name among the arguments of a macro that does more than evaluate it may mean anything of its name.
    pub(super) fn in_arguments(&self, path: &RepoPath, reference: &Reference, meaning: Meaning) -> Meaning {
        let Some(bindings) = self.bindings(path) else { return meaning };
        let all = &bindings.arguments;
        let before = all.partition_point(|argument| argument.at.start <= reference.at.start);
        let mut next = before.checked_sub(1).and_then(|index| u32::try_from(index).ok());
        let inside = |at: TextRange| at.start <= reference.at.start && reference.at.end <= at.end;
        while let Some(argument) = next.and_then(|index| all.get(index as usize)) {
            next = argument.around;
            if !inside(argument.at) {
                continue;
            }
            let taken = MEMBER_TAKERS.contains(&argument.callee.as_str()) && meaning.declarations.is_empty();
            if taken || !self.evaluates(path, &argument.callee, argument.position as usize, 0) {
                let mut declarations = meaning.declarations;
                for (global, d) in self.everywhere(&reference.name, |other| self.together(path, other)) {
                    // Locals of other functions are not in reach.
                    let member = self
                        .bindings(&global.0)
                        .is_some_and(|b| b.scope(d.scope).is_some_and(|scope| scope.kind == crate::ScopeKind::Class));
                    let outer = !self.linkable(vec![(global.clone(), d.clone())]).is_empty();
                    if (member || outer || d.space == Space::Label) && !declarations.contains(&global) {
                        declarations.push(global);
                    }
                }
                return Meaning::doubtful(declarations, Why::Macro);
            }
        }
        meaning
    }

    /// Whether what is called does with this argument what a function would do.
    fn evaluates(&self, path: &RepoPath, callee: &str, position: usize, depth: u32) -> bool {
        if callee.is_empty() || depth > DEEPEST {
            return false;
        }
        let all = self.everywhere(callee, |other| self.together(path, other));
        let (defined, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, d)| d.space == Space::Macro);
        if defined.is_empty() {
            // By convention a macro has no small letters.
            let small = callee.chars().any(char::is_lowercase) || callee.len() == 1;
            return small || !others.is_empty() || EVALUATED.contains(&callee);
        }
        defined.iter().all(|(global, d)| self.evaluated_by(path, global, d, position, depth))
    }

    fn evaluated_by(&self, path: &RepoPath, global: &Global, d: &Declaration, position: usize, depth: u32) -> bool {
        // Of several definitions in a file only one extent is kept: all of them are read.
        let (Some(bindings), Some(text)) = (self.bindings(&global.0), self.files.text(&global.0)) else { return false };
        let mut places = bindings
            .references
            .iter()
            .filter(|r| r.target == crate::Target::Declaration(global.1) && r.role == crate::Role::Declares);
        places.all(|place| {
            let Some(found) = line(&text, place.at).and_then(definition) else { return false };
            if !found.takes {
                // It is another name of what is called.
                let last = found.body.iter().rev().find(|token| token.kind == Kind::Word && !is_keyword(token.text));
                return match last {
                    Some(token) if token.text == d.name => true,
                    Some(token) => self.evaluates(path, token.text, position, depth + 1),
                    None => true,
                };
            }
            found.uses(position).iter().all(|how| match how {
                Use::Plain => true,
                Use::Argument(callee, position) => {
                    *callee == d.name || self.evaluates(path, callee, *position, depth + 1)
                }
                Use::Other => false,
            })
        })
    }
}

/// The directive around a name, with the lines that it goes on in.
fn line(text: &str, at: TextRange) -> Option<&str> {
    let start = text.get(..at.start as usize)?.rfind('#')?;
    let mut end = at.end as usize;
    loop {
        let rest = text.get(end..)?;
        let Some(next) = rest.find('\n') else { return text.get(start..) };
        end += next;
        let before = text.get(start..end)?;
        if !before.trim_end_matches('\r').ends_with('\\') {
            return text.get(start..end);
        }
        end += 1;
    }
}
