//! A second source for what the texts leave open.
//!
//! **Invariant:** it is asked about doubts and about nothing else: it makes a doubt certain, one way or the other, and what is
//! certain by the texts stays as it is. An answer counts where it names declarations of the tree, or a file outside of it.

use super::{Occurrence, Occurrences, Place, Project, Symbol, related};
use crate::Role;
use deepcoder_types::{Meant, NameAnswer, NameQuestion, RepoPath, Spot};
use std::collections::BTreeSet;

/// Knows what names mean, such as a language server.
pub trait Witness: Sync {
    /// The answer; `None` where it does not answer.
    fn ask(&self, question: &NameQuestion) -> Option<NameAnswer>;
}

/// What a second source has said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// Its name.
    pub by: String,
    /// Doubtful places that mean the symbol.
    pub yes: Vec<Place>,
    /// Doubtful places that do not.
    pub no: Vec<Place>,
    /// Places that it alone knows as the symbol's.
    pub more: Vec<Place>,
    /// Places that are certain by the texts, and that it does not list.
    pub fewer: Vec<Place>,
}

impl Project<'_> {
    /// Settles doubts about where a symbol is named.
    pub(super) fn settle(&self, symbol: &Symbol, out: &mut Occurrences) {
        let Some(witness) = self.witness else { return };
        let open = |o: &&Occurrence| o.doubt.is_some() && o.role != Role::Declares;
        let doubtful: BTreeSet<&Place> = out.found.iter().filter(open).map(|o| &o.place).collect();
        let spot = |place: &Place| Spot { path: place.path.clone(), range: place.at };
        let places: Vec<Place> = doubtful.into_iter().cloned().collect();
        if places.is_empty() {
            return;
        }
        let declared = symbol.declarations.iter().filter_map(|(path, id)| {
            let range = self.bindings(path)?.declaration(*id)?.at;
            Some(Spot { path: path.clone(), range })
        });
        let question = NameQuestion { declared: declared.collect(), doubtful: places.iter().map(spot).collect() };
        let Some(answer) = witness.ask(&question).filter(|answer| answer.meant.len() == places.len()) else { return };
        let mut heard = Heard { by: answer.by, ..Heard::default() };
        for (place, meant) in places.iter().zip(&answer.meant) {
            match self.means(symbol, meant) {
                Some(true) => heard.yes.push(place.clone()),
                Some(false) => heard.no.push(place.clone()),
                None => {}
            }
        }
        if let Some(references) = answer.references.filter(|references| !references.is_empty()) {
            let theirs: BTreeSet<Place> =
                references.into_iter().map(|spot| Place { path: spot.path, at: spot.range }).collect();
            let ours: BTreeSet<&Place> = out.found.iter().map(|o| &o.place).collect();
            let named = |place: &&Place| {
                let related = symbol.declarations.iter().any(|(path, _)| related(path, &place.path));
                let text = self.files.text(&place.path);
                related && text.is_some_and(|text| text.get(place.at.as_range()) == Some(symbol.name.as_str()))
            };
            heard.more = theirs.iter().filter(|place| !ours.contains(place)).filter(named).cloned().collect();
            let certain = out.found.iter().filter(|o| o.doubt.is_none()).map(|o| &o.place);
            heard.fewer = certain.filter(|place| !theirs.contains(place)).filter(named).cloned().collect();
            heard.fewer.dedup();
        }
        for occurrence in out.found.iter_mut().filter(|o| heard.yes.contains(&o.place)) {
            occurrence.doubt = None;
        }
        out.found.retain(|o| o.doubt.is_none() || !heard.no.contains(&o.place));
        out.heard = Some(heard);
    }

    /// Whether an answer means the symbol; `None` where it does not tell, or speaks of places that declare nothing.
    fn means(&self, symbol: &Symbol, meant: &Meant) -> Option<bool> {
        let spots = match meant {
            Meant::Unknown => return None,
            // A package may be installed beside its own sources.
            Meant::Elsewhere(file) => {
                let name = file.rsplit('/').next().unwrap_or(file);
                let copy = symbol.declarations.iter().any(|(path, _)| path.file_name() == name);
                return (!file.is_empty() && !copy).then_some(false);
            }
            Meant::Declared(spots) => spots,
        };
        let mut told: Option<bool> = None;
        for spot in spots {
            let one = self.declares(symbol, spot)?;
            if told.is_some_and(|before| before != one) {
                return None;
            }
            told = Some(one);
        }
        told
    }

    /// Whether a declaration at a place is one of the symbol; `None` where nothing is declared there.
    fn declares(&self, symbol: &Symbol, spot: &Spot) -> Option<bool> {
        let bindings = self.bindings(&spot.path)?;
        let (id, declaration) = bindings.ids().find(|(_, declaration)| declaration.at == spot.range).or_else(|| {
            // A name that is declared several times.
            let declares = |r: &&crate::Reference| r.at == spot.range && r.role == Role::Declares;
            let reference = bindings.references.iter().find(declares)?;
            let crate::Target::Declaration(id) = reference.target else { return None };
            Some((id, bindings.declaration(id)?))
        })?;
        let global: (RepoPath, crate::DeclarationId) = (spot.path.clone(), id);
        if declaration.import.is_none() {
            return Some(symbol.declarations.contains(&global));
        }
        let origins = self.origin(global.clone());
        let ours = origins.iter().filter(|origin| symbol.declarations.contains(origin)).count();
        match ours {
            // An import that leads nowhere tells nothing.
            0 if origins.contains(&global) => None,
            0 => Some(false),
            all => (all == origins.len()).then_some(true),
        }
    }
}
