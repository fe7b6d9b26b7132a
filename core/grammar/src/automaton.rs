//! An automaton over bytes for texts with long literal parts, which is built lazily.
//!
//! It is a nondeterministic automaton whose positions are offsets in literals and states of regular expressions; the
//! subset construction makes it deterministic while it is walked. A set with a single position in a literal is not
//! stored.

use crate::GrammarError;
use crate::parser::{classify, expression, strip_anchors};
use llguidance::derivre::{Regex, StateID};
use llguidance::toktrie::{Recognizer, SimpleVob};
use std::collections::HashMap;
use std::sync::Arc;

/// A part of a chain: a literal, or a regular expression that matches as a whole.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Literal(String),
    Pattern(String),
}

/// The end of a chain, in place of the number of a part.
const END: u32 = u32::MAX;
/// A transition that is not computed yet, and one that is not allowed.
const UNKNOWN: u32 = u32::MAX;
const DEAD: u32 = u32::MAX - 1;
/// Maximum number of bytes of the automaton's states, and of the automata of its regular expressions.
const MAX_BYTES: usize = 32 << 20;
const MAX_PATTERN_BYTES: usize = 50 << 20;
/// Fuel, which bounds time: to build all regular expressions, and for one step. A unit is about 50 ns.
const BUILD_FUEL: u64 = 500_000;
const STEP_FUEL: u64 = 500_000;
/// Maximum number of bytes that are forced at once: without a bound the cost of a long literal would be quadratic.
const MAX_FORCED: usize = 2048;
/// Maximum number of cached masks.
const MAX_MASKS: usize = 64;

/// A position: a part, and the offset in its literal or the state of its regular expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position {
    part: u32,
    at: u32,
}

impl Position {
    /// Whether it is the end of a chain.
    pub(crate) const fn is_end(self) -> bool {
        self.part == END
    }
}

/// A state: the set of positions that a text may have reached. Most often that is one position in a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Literal(Position),
    Set(u32),
}

#[derive(Clone)]
enum Body {
    Literal(Box<[u8]>),
    Pattern(usize),
}

#[derive(Clone)]
struct Step {
    body: Body,
    next: u32,
}

#[derive(Clone)]
pub(crate) struct Automaton {
    steps: Arc<[Step]>,
    patterns: Vec<Regex>,
    sets: Vec<Arc<[Position]>>,
    index: HashMap<Arc<[Position]>, u32>,
    rows: Vec<Option<Box<[u32; 256]>>>,
    masks: HashMap<u32, SimpleVob>,
    /// For each part, the round in which it was last entered, so that a round enters it once.
    entered: Vec<u32>,
    round: u32,
    bytes: usize,
    fuel: u64,
    /// Whether the library panicked in it.
    pub(crate) broken: bool,
}

fn pattern(text: &str, fuel: &mut u64) -> Result<Regex, GrammarError> {
    let (builder, expression) = expression(strip_anchors(text))?;
    let mut regex = builder.to_regex_limited(expression, *fuel).map_err(|e| classify(&e.to_string()))?;
    *fuel = fuel.saturating_sub(regex.cost());
    if *fuel == 0 {
        return Err(GrammarError::TooComplex("its patterns are too large".into()));
    }
    if regex.always_empty() { Err(GrammarError::Stuck) } else { Ok(regex) }
}

impl Automaton {
    pub(crate) fn new(chains: &[Vec<Part>]) -> Result<(Self, Arc<[Position]>), GrammarError> {
        let mut steps = Vec::new();
        let mut patterns = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut starts = Vec::new();
        let mut fuel = BUILD_FUEL;
        for chain in chains {
            let parts = chain.iter().filter(|part| !matches!(part, Part::Literal(text) if text.is_empty()));
            let first = steps.len();
            for part in parts {
                let body = match part {
                    Part::Literal(text) => Body::Literal(text.as_bytes().into()),
                    Part::Pattern(text) => Body::Pattern(match known.get(text.as_str()) {
                        Some(index) => *index,
                        None => {
                            patterns.push(pattern(text, &mut fuel)?);
                            known.insert(text, patterns.len() - 1);
                            patterns.len() - 1
                        }
                    }),
                };
                steps.push(Step { body, next: number(steps.len() + 1) });
            }
            starts.push(if steps.len() == first { END } else { number(first) });
            if let Some(last) = steps.last_mut().filter(|_| starts.last() != Some(&END)) {
                last.next = END;
            }
        }
        let mut automaton = Self {
            steps: steps.into(),
            patterns,
            sets: Vec::new(),
            index: HashMap::new(),
            rows: Vec::new(),
            masks: HashMap::new(),
            entered: Vec::new(),
            round: 0,
            bytes: 0,
            fuel: 0,
            broken: false,
        };
        automaton.entered = vec![0; automaton.steps.len()];
        let mut positions = automaton.new_round();
        for start in starts {
            automaton.enter(start, &mut positions);
        }
        Ok((automaton, sorted(positions)))
    }

    /// Starts a round: a new set of positions.
    fn new_round(&mut self) -> Vec<Position> {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.entered.fill(0);
            self.round = 1;
        }
        Vec::new()
    }

    /// Adds the first position of a part and, if the part may be empty, of the parts after it.
    fn enter(&mut self, mut part: u32, positions: &mut Vec<Position>) {
        loop {
            let Some(step) = self.steps.get(part as usize) else {
                return positions.push(Position { part: END, at: 0 });
            };
            let entered = &mut self.entered[part as usize];
            if std::mem::replace(entered, self.round) == self.round {
                return;
            }
            let Body::Pattern(index) = step.body else { return positions.push(Position { part, at: 0 }) };
            let next = step.next;
            let regex = &mut self.patterns[index];
            let state = regex.initial_state();
            positions.push(Position { part, at: state.as_u32() });
            if !regex.is_accepting(state) {
                return;
            }
            part = next;
        }
    }

    fn literal(&self, position: Position) -> Option<(&[u8], u32)> {
        match self.steps.get(position.part as usize)? {
            Step { body: Body::Literal(bytes), next } => Some((&bytes[position.at as usize..], *next)),
            Step { body: Body::Pattern(_), .. } => None,
        }
    }

    /// Adds the positions after `byte`.
    fn follow(&mut self, position: Position, byte: u8, positions: &mut Vec<Position>) {
        let Some(step) = self.steps.get(position.part as usize) else { return };
        let next = step.next;
        match &step.body {
            Body::Literal(bytes) => match bytes.get(position.at as usize) {
                Some(b) if *b == byte && position.at as usize + 1 == bytes.len() => self.enter(next, positions),
                Some(b) if *b == byte => positions.push(Position { at: position.at + 1, ..position }),
                _ => {}
            },
            Body::Pattern(index) => {
                let regex = &mut self.patterns[*index];
                let before = regex.cost();
                let state = regex.transition(StateID::new(position.at), byte);
                self.fuel = self.fuel.saturating_sub(regex.cost() - before);
                if state.is_dead() {
                    return;
                }
                let accepts = regex.is_accepting(state);
                positions.push(Position { at: state.as_u32(), ..position });
                if accepts {
                    self.enter(next, positions);
                }
            }
        }
    }

    fn set(&mut self, positions: &Arc<[Position]>) -> u32 {
        if let Some(id) = self.index.get(positions) {
            return *id;
        }
        let id = number(self.sets.len());
        self.sets.push(Arc::clone(positions));
        self.rows.push(None);
        self.bytes += 256 + positions.len() * size_of::<Position>();
        self.index.insert(Arc::clone(positions), id);
        id
    }

    fn state(&self, id: u32) -> State {
        match &*self.sets[id as usize] {
            [position] if self.literal(*position).is_some() => State::Literal(*position),
            _ => State::Set(id),
        }
    }

    pub(crate) fn state_of(&mut self, positions: &Arc<[Position]>) -> State {
        match &**positions {
            [position] if self.literal(*position).is_some() => State::Literal(*position),
            _ => State::Set(self.set(positions)),
        }
    }

    pub(crate) fn positions(&self, state: State) -> Arc<[Position]> {
        match state {
            State::Literal(position) => [position].into(),
            State::Set(id) => Arc::clone(&self.sets[id as usize]),
        }
    }

    /// The state after `byte`, if it is allowed. Without fuel no byte is; see [`Automaton::check`].
    pub(crate) fn step(&mut self, state: State, byte: u8) -> Option<State> {
        let from = match state {
            State::Literal(position) => {
                let (bytes, next) = self.literal(position)?;
                if bytes.first() != Some(&byte) {
                    return None;
                }
                if bytes.len() > 1 {
                    return Some(State::Literal(Position { at: position.at + 1, ..position }));
                }
                let mut positions = self.new_round();
                self.enter(next, &mut positions);
                return Some(self.state_of(&sorted(positions)));
            }
            State::Set(id) => id as usize,
        };
        let known = self.rows[from].as_ref().map_or(UNKNOWN, |row| row[usize::from(byte)]);
        let to = match known {
            UNKNOWN => self.compute_transition(from, byte)?,
            known => known,
        };
        (to != DEAD).then(|| self.state(to))
    }

    fn compute_transition(&mut self, from: usize, byte: u8) -> Option<u32> {
        if self.fuel == 0 {
            return None;
        }
        let mut positions = self.new_round();
        let before = Arc::clone(&self.sets[from]);
        for position in before.iter() {
            self.follow(*position, byte, &mut positions);
        }
        let to = if positions.is_empty() { DEAD } else { self.set(&sorted(positions)) };
        if self.rows[from].is_none() {
            self.bytes += size_of::<[u32; 256]>();
        }
        self.rows[from].get_or_insert_with(|| Box::new([UNKNOWN; 256]))[usize::from(byte)] = to;
        self.fuel = self.fuel.saturating_sub(1 + before.len() as u64 / 8);
        if self.bytes > MAX_BYTES {
            self.fuel = 0;
        }
        Some(to)
    }

    /// Refuels for one call.
    pub(crate) fn begin(&mut self) {
        self.fuel = STEP_FUEL;
        // Between calls a `ChainMatcher` holds positions, not states, so states can be dropped.
        if self.bytes > MAX_BYTES / 2 {
            self.bytes = 0;
            self.sets.clear();
            self.rows.clear();
            self.index.clear();
            self.masks.clear();
        }
    }

    /// An error if the work since [`Automaton::begin`] exceeded a limit.
    pub(crate) fn check(&self) -> Result<(), GrammarError> {
        let bytes: usize = self.patterns.iter().map(Regex::num_bytes).sum();
        if self.fuel == 0 || bytes > MAX_PATTERN_BYTES {
            return Err(GrammarError::TooComplex("a pattern has too many states".into()));
        }
        Ok(())
    }

    /// The cached mask of a state.
    pub(crate) fn cached_mask(&self, state: State) -> Option<SimpleVob> {
        match state {
            State::Set(id) => self.masks.get(&id).cloned(),
            State::Literal(_) => None,
        }
    }

    /// Caches the mask of a state, unless its walk ran out of fuel.
    pub(crate) fn cache_mask(&mut self, state: State, mask: &SimpleVob) {
        let State::Set(id) = state else { return };
        if self.fuel == 0 {
            return;
        }
        if self.masks.len() >= MAX_MASKS {
            self.masks.clear();
        }
        self.masks.insert(id, mask.clone());
    }

    pub(crate) fn complete(&self, state: State) -> bool {
        matches!(state, State::Set(id) if self.sets[id as usize].iter().any(|position| position.is_end()))
    }

    /// The bytes that must follow, the state after them, and whether more bytes must follow.
    pub(crate) fn forced(&mut self, mut state: State) -> (Vec<u8>, State, bool) {
        let mut forced = Vec::new();
        while forced.len() < MAX_FORCED {
            if let State::Literal(position) = state {
                let Some((bytes, _)) = self.literal(position) else { break };
                let (rest, last) = bytes.split_at(bytes.len() - 1);
                let (more, end) = (rest.len().min(MAX_FORCED), last[0]);
                forced.extend_from_slice(&rest[..more]);
                if more < rest.len() {
                    return (forced, State::Literal(Position { at: position.at + number(more), ..position }), true);
                }
                forced.push(end);
                let at = position.at + number(more);
                let Some(next) = self.step(State::Literal(Position { at, ..position }), end) else { break };
                state = next;
                continue;
            }
            if self.complete(state) {
                return (forced, state, false);
            }
            let mut only = None;
            for byte in 0..=u8::MAX {
                if let Some(next) = self.step(state, byte)
                    && only.replace((byte, next)).is_some()
                {
                    return (forced, state, false);
                }
            }
            let Some((byte, next)) = only else { return (forced, state, false) };
            forced.push(byte);
            state = next;
        }
        (forced, state, true)
    }
}

fn sorted(mut positions: Vec<Position>) -> Arc<[Position]> {
    positions.sort_unstable();
    positions.dedup();
    positions.into()
}

/// Parts and states are counted in 32 bits: a grammar has at most 256 KiB.
fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(END - 1)
}

/// Walks the vocabulary's trie along the automaton.
pub(crate) struct Walk<'a> {
    automaton: &'a mut Automaton,
    stack: Vec<State>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(automaton: &'a mut Automaton, from: State) -> Self {
        Self { automaton, stack: vec![from] }
    }
}

impl Recognizer for Walk<'_> {
    fn pop_bytes(&mut self, count: usize) {
        self.stack.truncate(self.stack.len().saturating_sub(count).max(1));
    }

    fn collapse(&mut self) {
        self.stack.drain(..self.stack.len() - 1);
    }

    fn trie_finished(&mut self) {
        self.stack.truncate(1);
    }

    fn try_push_byte(&mut self, byte: u8) -> bool {
        let next = self.stack.last().copied().and_then(|top| self.automaton.step(top, byte));
        next.map(|next| self.stack.push(next)).is_some()
    }
}
