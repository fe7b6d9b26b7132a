//! The end of a walk: names are looked up, everything is put in the order of the text.

use super::collect::{Base, Binder, Path, Pending, Wanted};
use crate::languages::names::{known, target};
use crate::{
    Bindings, Declaration, DeclarationId, DeclarationKind, Hazard, HazardKind, Import, Known, Members, Reference, Role,
    Space, Target, Why,
};
use deepcoder_types::TextRange;

impl<'t> Binder<'t> {
    pub(super) fn finish(mut self) -> Bindings {
        self.resolve_globs();
        self.constants();
        self.complete_imports();
        self.fill();
        let mut tokens = Vec::new();
        for pending in std::mem::take(&mut self.pending) {
            let name = self.slice(pending.at).to_owned();
            if matches!(pending.wanted, Wanted::Token) {
                tokens.push(Hazard { at: pending.at, kind: HazardKind::Macro, name: Some(name.clone()) });
            }
            let role = match &pending.wanted {
                Wanted::Pattern(id) if self.dead.contains(id) => Role::Reads,
                _ => pending.role,
            };
            let target = self.target(&pending, &name);
            let Pending { at, scope, form, .. } = pending;
            self.out.references.push(Reference { at, name, role, form, scope, target });
        }
        self.out.hazards.extend(tokens);
        self.ordered()
    }

    /// Finds out which names of patterns are constants.
    fn constants(&mut self) {
        let mut dead = Vec::new();
        for pending in &self.pending {
            let Wanted::Pattern(id) = pending.wanted else { continue };
            let name = self.slice(pending.at);
            let found = self.lookup_besides(id, pending.scope, pending.at.start, name);
            let upper = name.chars().next().is_some_and(char::is_uppercase);
            let kinds: Vec<DeclarationKind> =
                found.iter().filter_map(|id| self.out.declaration(*id)).map(|found| found.kind).collect();
            let constant = match kinds.first() {
                Some(DeclarationKind::Constant | DeclarationKind::EnumMember | DeclarationKind::Class) => true,
                Some(DeclarationKind::TypeParameter) => true,
                Some(DeclarationKind::Import) | None => upper,
                Some(_) => false,
            };
            if constant {
                dead.push(id);
            }
        }
        self.dead.extend(dead);
    }

    /// The modules of imports, as the file writes them or as its own imports and modules tell.
    fn complete_imports(&mut self) {
        let imports: Vec<(DeclarationId, usize)> = self.imports.iter().map(|(id, path)| (*id, *path)).collect();
        for (id, path) in imports {
            let Some(path) = self.paths.get(path).cloned() else { continue };
            let Some(name) = path.segments.last().map(|last| self.name(*last).to_owned()) else {
                let module = self.written(&path, 0, 0);
                if let Some(found) = self.declaration(id) {
                    found.import = Some(Import { module, name: None });
                }
                continue;
            };
            let count = path.segments.len() - 1;
            let module = self.written(&path, count, 0);
            let import = if module.is_empty() {
                // `use name;`: another crate.
                Import { module: name, name: None }
            } else {
                Import { module, name: Some(name) }
            };
            if let Some(found) = self.declaration(id) {
                found.import = Some(import);
            }
        }
        for (scope, path) in std::mem::take(&mut self.globs) {
            self.refuel();
            if !self.glob_bodies(path, &mut Vec::new()).is_empty() {
                continue;
            }
            let Some(path) = self.paths.get(path).cloned() else { continue };
            let module = self.written(&path, path.segments.len(), 0);
            if !module.is_empty() {
                self.out.wildcards.push((scope, Import { module, name: None }));
            }
        }
    }

    /// The first segments of a path as other files understand them.
    fn written(&self, path: &Path<'t>, count: usize, depth: u32) -> String {
        let mut words: Vec<String> = Vec::new();
        match &path.base {
            Base::Module(scope) => words.push(self.module_path(*scope)),
            Base::Outer(module) if module != "::" => words.push(module.clone()),
            Base::Scope if count > 0 && depth < 12 => {
                let first =
                    path.segments.first().map(|first| (self.name(*first), super::collect::offset(first.start_byte())));
                let Some((name, at)) = first else { return String::new() };
                let found = self.lookup(path.scope, at, name, Space::Type);
                let declared = found.first().and_then(|id| Some((*id, self.out.declaration(*id)?)));
                let before = declared.and_then(|(id, found)| match found.kind {
                    DeclarationKind::Import => {
                        let path = self.paths.get(*self.imports.get(&id)?)?;
                        Some(self.written(path, path.segments.len(), depth + 1))
                    }
                    DeclarationKind::Module | DeclarationKind::Enum => {
                        Some(format!("{}::{name}", self.module_path(self.module(found.scope))))
                    }
                    _ => None,
                });
                words.push(before.unwrap_or_else(|| name.to_owned()));
            }
            Base::Scope => {
                words.extend(path.segments.first().filter(|_| count > 0).map(|first| self.name(*first).to_owned()))
            }
            _ => {}
        }
        let rest = usize::from(matches!(path.base, Base::Scope));
        words.extend(path.segments.iter().take(count).skip(rest).map(|segment| self.name(*segment).to_owned()));
        words.join("::")
    }

    fn target(&mut self, pending: &Pending<'t>, name: &str) -> Target {
        let at = pending.at.start;
        match &pending.wanted {
            Wanted::Known(target) => target.clone(),
            Wanted::Pattern(id) if !self.dead.contains(id) => Target::Declaration(*id),
            Wanted::Pattern(_) => chosen(self.lookup(pending.scope, at, name, Space::Value)),
            Wanted::Scoped(space) => {
                let mut found = self.lookup(pending.scope, at, name, *space);
                if found.is_empty() && *space == Space::Type {
                    // A constant as a type argument.
                    found = self.lookup(pending.scope, at, name, Space::Value);
                }
                chosen(found)
            }
            Wanted::Token => {
                let mut found = self.lookup(pending.scope, at, name, Space::Value);
                for space in [Space::Type, Space::Macro] {
                    let more = self.lookup(pending.scope, at, name, space);
                    found.extend(more.into_iter().filter(|id| !found.contains(id)).collect::<Vec<_>>());
                }
                if found.is_empty() { Target::Dynamic(Why::Macro) } else { Target::Several(found, Why::Macro) }
            }
            Wanted::MemberOf(node, members) => Target::Lookup {
                // Implementations for all types and `Deref` give a type members that its own texts do not show.
                of: vec![self.value_of(*node, pending.scope, 0), Known::Unknown],
                members: *members,
                otherwise: Box::new(Target::Dynamic(Why::UnknownReceiver)),
            },
            Wanted::TypeMember(node) => Target::Member(self.type_of(*node, pending.scope, 0)),
            Wanted::Segment(path, index) => self.segment_target(*path, *index),
            Wanted::Imported(import, path) => {
                let last = self.paths.get(*path).map_or(0, |path| path.segments.len().saturating_sub(1));
                let found = self.in_any_space(*path, last, Some(*import));
                match (found.is_empty(), pending.role) {
                    (false, _) => chosen(found),
                    (true, Role::Declares) => Target::Declaration(*import),
                    (true, _) => self.elsewhere(*path, last),
                }
            }
            Wanted::Field(path) => self.field_target(*path, name),
        }
    }

    fn segment_target(&mut self, path: usize, index: usize) -> Target {
        let Some(of) = self.paths.get(path).cloned() else { return Target::Outside };
        let last = index + 1 == of.segments.len();
        let space = if last { of.space } else { Space::Type };
        let found = match space {
            Space::Both => self.in_any_space(path, index, None),
            space => {
                self.refuel();
                self.segment(path, index, space, &mut Vec::new())
            }
        };
        if !found.is_empty() {
            return chosen(found);
        }
        self.elsewhere(path, index)
    }

    /// What a segment means that this file does not declare.
    fn elsewhere(&mut self, path: usize, index: usize) -> Target {
        let Some(of) = self.paths.get(path).cloned() else { return Target::Outside };
        if index == 0 && matches!(of.base, Base::Scope) {
            return Target::Outside;
        }
        let before = Path { segments: of.segments.iter().take(index).copied().collect(), space: Space::Type, ..of };
        if before.segments.is_empty() && matches!(&before.base, Base::Outer(module) if module == "::") {
            return Target::Outside;
        }
        Target::Member(self.known_path(&before, true, 0))
    }

    fn in_any_space(&self, path: usize, index: usize, besides: Option<DeclarationId>) -> Vec<DeclarationId> {
        let mut found: Vec<DeclarationId> = Vec::new();
        for space in [Space::Type, Space::Value, Space::Macro] {
            self.refuel();
            let more = self.segment(path, index, space, &mut besides.into_iter().collect());
            found.extend(more.into_iter().filter(|id| !found.contains(id)).collect::<Vec<_>>());
        }
        found
    }

    /// The field of the struct or variant that a path names.
    fn field_target(&mut self, path: usize, name: &str) -> Target {
        let Some(of) = self.paths.get(path).cloned() else { return Target::Outside };
        self.refuel();
        let found = match of.segments.len() {
            0 => self.self_type(of.scope, &mut Vec::new()).into_iter().collect(),
            count => self.segment(path, count - 1, Space::Type, &mut Vec::new()),
        };
        if let [one] = found.as_slice()
            && let Some(body) = self.bodies.get(one)
        {
            let fields = self.index.get(&(*body, name)).cloned().unwrap_or_default();
            if !fields.is_empty() {
                return chosen(fields);
            }
        }
        match self.known_path(&of, false, 0) {
            Known::Unknown => Target::Member(Known::Unknown),
            known => Target::Lookup {
                of: vec![Known::Instance(Box::new(known)), Known::Unknown],
                members: Members::Values,
                otherwise: Box::new(Target::Dynamic(Why::UnknownReceiver)),
            },
        }
    }

    /// Names that attributes and derived traits may make others of.
    fn rewritten_names(&mut self) {
        let mut merged: Vec<TextRange> = Vec::new();
        self.rewritten.sort_by_key(|range| (range.start, range.end));
        for range in &self.rewritten {
            match merged.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => merged.push(*range),
            }
        }
        let mut left = merged.into_iter().peekable();
        for found in &self.out.declarations {
            while left.next_if(|range| range.end <= found.at.start).is_some() {}
            let local =
                matches!(found.kind, DeclarationKind::Variable | DeclarationKind::Lifetime | DeclarationKind::Label);
            if !local && found.at.end > found.at.start && left.peek().is_some_and(|range| range.start <= found.at.start)
            {
                let hazard = Hazard { at: found.at, kind: HazardKind::Macro, name: Some(found.name.clone()) };
                self.out.hazards.push(hazard);
            }
        }
    }

    /// The bindings in the order of the text, without the variables that are constants.
    fn ordered(mut self) -> Bindings {
        let mut order: Vec<usize> = (0..self.out.declarations.len()).collect();
        let dead = |index: &usize| self.dead.contains(&DeclarationId(super::collect::offset(*index)));
        order.retain(|index| !dead(index));
        order.sort_by_key(|index| self.out.declarations.get(*index).map_or(0, |found| found.at.start));
        let mut moved: Vec<Option<DeclarationId>> = vec![None; self.out.declarations.len()];
        for (to, from) in (0..).zip(&order) {
            if let Some(slot) = moved.get_mut(*from) {
                *slot = Some(DeclarationId(to));
            }
        }
        let moved = |id: &mut DeclarationId| *id = moved.get(id.0 as usize).copied().flatten().unwrap_or(*id);
        let mut declarations: Vec<Option<Declaration>> =
            std::mem::take(&mut self.out.declarations).into_iter().map(Some).collect();
        self.out.declarations = order.iter().filter_map(|index| declarations.get_mut(*index)?.take()).collect();
        self.rewritten_names();
        let mut bindings = self.out;
        for found in &mut bindings.declarations {
            known(&mut found.value, &moved);
            found.bases.iter_mut().for_each(|base| known(base, &moved));
        }
        for scope in &mut bindings.scopes {
            scope.owner.iter_mut().for_each(moved);
            scope.of.iter_mut().for_each(|of| known(of, &moved));
        }
        bindings.references.iter_mut().for_each(|reference| target(&mut reference.target, &moved));
        let second = |form: crate::Form, role: Role| match form {
            crate::Form::Second(_) => 1,
            crate::Form::Fixed if role != Role::Keyword => 1,
            _ => 0,
        };
        bindings.references.sort_by_key(|found| (found.at.start, found.at.end, second(found.form, found.role)));
        bindings.hazards.sort_by_key(|hazard| hazard.at.start);
        bindings
    }
}

fn chosen(mut found: Vec<DeclarationId>) -> Target {
    match found.len() {
        0 => Target::Outside,
        1 => Target::Declaration(found.remove(0)),
        _ => Target::Several(found, Why::SeveralDeclarations),
    }
}
