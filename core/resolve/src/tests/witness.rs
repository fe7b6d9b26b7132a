use crate::{Memory, Occurrences, Project, Resolution, Witness};
use deepcoder_types::{Meant, NameAnswer, NameQuestion, RepoPath, Spot, TextRange};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

const BANK: &str =
    "class Book:\n    def pay(self):\n        return 1\n\n\nclass Shop:\n    def pay(self):\n        return 2\n";
const MAIN: &str =
    "from bank import Book\n\nBook().pay()\n\n\ndef one(a):\n    a.pay()\n\n\ndef other(b):\n    b.pay()\n";

fn spot(file: &str, text: &str, nth: usize) -> Spot {
    let (at, _) = text.match_indices("pay").nth(nth).expect("the word");
    let at = u32::try_from(at).expect("small");
    Spot { path: path(file), range: TextRange::new(at, at + 3) }
}

/// A source that says this, and keeps what it was asked.
struct Says(Option<NameAnswer>, Mutex<Vec<NameQuestion>>);

impl Witness for Says {
    fn ask(&self, question: &NameQuestion) -> Option<NameAnswer> {
        self.1.lock().expect("no panic").push(question.clone());
        self.0.clone()
    }
}

/// The places of `Book.pay` when a source says this: the line of each with whether it is certain.
fn places(meant: Vec<Meant>, references: Option<Vec<Spot>>) -> (Vec<(usize, bool)>, Occurrences) {
    places_with(Some(NameAnswer { by: "server".into(), meant, references }))
}

fn places_with(answer: Option<NameAnswer>) -> (Vec<(usize, bool)>, Occurrences) {
    let texts: BTreeMap<RepoPath, Arc<str>> =
        [(path("bank.py"), Arc::from(BANK)), (path("main.py"), Arc::from(MAIN))].into();
    let files = Memory::new(texts);
    let says = Says(answer, Mutex::default());
    let project = Project::new(&files).with_witness(&says);
    let names = project.names_at(&path("bank.py"), spot("bank.py", BANK, 0).range.start);
    let Resolution::Exact(symbol) = &names[0].1 else { panic!("{names:?}") };
    let found = project.occurrences(symbol);
    let asked = says.1.into_inner().expect("no panic");
    assert_eq!(asked[0].declared, [spot("bank.py", BANK, 0)]);
    assert_eq!(asked[0].doubtful, [spot("main.py", MAIN, 1), spot("main.py", MAIN, 2)], "nothing that is certain");
    let line = |o: &crate::Occurrence| {
        let text = if o.place.path == path("main.py") { MAIN } else { BANK };
        text[..o.place.at.start as usize].matches('\n').count() + 1
    };
    (found.found.iter().map(|o| (line(o), o.doubt.is_none())).collect(), found)
}

/// Protects renames with a second source: a doubt becomes certain either way by what it says is declared, and what it does not
/// say stays a doubt.
#[test]
fn a_second_source_settles_doubts() {
    let (book, shop) = (spot("bank.py", BANK, 0), spot("bank.py", BANK, 1));
    let (yes, no) = (Meant::Declared(vec![book.clone()]), Meant::Declared(vec![shop.clone()]));
    assert_eq!(places_with(None).0, [(2, true), (3, true), (7, false), (11, false)]);
    let (told, found) = places(vec![yes.clone(), no], None);
    assert_eq!(told, [(2, true), (3, true), (7, true)]);
    let heard = found.heard.expect("it has said something");
    assert_eq!((heard.yes.len(), heard.no.len(), heard.by.as_str()), (1, 1, "server"));
    let outside = Meant::Elsewhere("/usr/lib/queue.py".into());
    assert_eq!(places(vec![Meant::Unknown, outside], None).0, [(2, true), (3, true), (7, false)]);
}

/// Protects renames from a source that lies: an answer of another length, one that names places that declare nothing or
/// several things, and one about a copy of the file, tells nothing.
#[test]
fn nonsense_of_a_second_source_tells_nothing() {
    let (book, shop) = (spot("bank.py", BANK, 0), spot("bank.py", BANK, 1));
    let open = [(2, true), (3, true), (7, false), (11, false)];
    let nowhere = Spot { range: TextRange::new(0, 5), ..book.clone() };
    let beyond = Spot { range: TextRange::new(9_000, 9_003), ..book.clone() };
    let missing = Spot { path: path("none.py"), ..book.clone() };
    for meant in [
        Meant::Declared(vec![nowhere]),
        Meant::Declared(vec![beyond]),
        Meant::Declared(vec![missing]),
        Meant::Declared(vec![book.clone(), shop]),
        Meant::Declared(Vec::new()),
        Meant::Elsewhere("/usr/lib/python3/site-packages/bank.py".into()),
        Meant::Elsewhere(String::new()),
    ] {
        assert_eq!(places(vec![meant.clone(), meant.clone()], None).0, open, "{meant:?}");
    }
    assert_eq!(places(vec![Meant::Declared(vec![book])], None).0, open);
}

/// Protects what is certain: a source that knows other places changes none of it, and the differences are told.
#[test]
fn a_second_source_overrules_nothing() {
    let more = spot("bank.py", BANK, 1);
    let no_name = Spot { range: TextRange::new(0, 5), ..more.clone() };
    let references = vec![spot("bank.py", BANK, 0), more.clone(), no_name, spot("main.py", MAIN, 1)];
    let (told, found) = places(vec![Meant::Unknown, Meant::Unknown], Some(references));
    assert_eq!(told, [(2, true), (3, true), (7, false), (11, false)]);
    let heard = found.heard.expect("it has said something");
    assert_eq!(heard.more.iter().map(|place| place.at).collect::<Vec<_>>(), [more.range]);
    assert_eq!(heard.fewer.iter().map(|place| place.at).collect::<Vec<_>>(), [spot("main.py", MAIN, 0).range]);
}
