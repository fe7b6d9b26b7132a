use super::*;
use crate::files::is_header;
use clean::{capital, sentence};
use deepcoder_types::{ContentHash, RepoPath};
use std::path::Path;

/// Texts that would end a comment or a string, join lines, begin tags, or speak to tools.
const HOSTILE: [&str; 16] = [
    "It ends */ int x; /* here",
    "Quotes \"\"\" and ''' and \" at the end\"",
    "A backslash \\ and one at the end \\",
    "\\u000a newline; \\\" and \\N{BULLET}",
    "#} {# {{ x }} %> <% ?> ]]> -->",
    "Two lines\nimport os; os.remove(1)\n\t\"\"\"",
    "@ts-ignore @deprecated {@inheritDoc}",
    "# type: ignore  # noqa: E501",
    "```\n>>> 1 + 1\n3\n```",
    "go:generate rm -rf / //go:build ignore",
    "Trigraph ??/ and \u{2028} \u{202e} \u{0} \u{7f} marks",
    "Returns <T> & a [link] to `x` ${y} $(z) %s {0}",
    "\"quoted\"",
    "Ein Text mit Umlauten: äöü ß 漢字",
    "r'''raw''' f\"{x!r}\" b'\\xff'",
    "/// //! /** /*! -- ; ' <!-- */*/*/",
];

fn file(name: &str, text: &str) -> Option<File> {
    let path = RepoPath::new(name).ok()?;
    let language = Language::program(&path)?;
    let source = read(language, text, is_header(&path))?;
    Some(File { hash: ContentHash::of(text.as_bytes()), text: text.to_owned(), source, path })
}

fn hostile(unit: &Unit, from: usize) -> Descriptions {
    let mut at = from;
    let mut next = || {
        at += 1;
        let text = sentence(HOSTILE[at % HOSTILE.len()], true).unwrap_or_else(|| "Nothing is left.".to_owned());
        capital(&text)
    };
    let signature = unit.signature.clone().unwrap_or_default();
    let named = signature.parameters.iter().filter(|p| !p.name.is_empty());
    Descriptions {
        summary: next(),
        parameters: named.map(|p| (p.name.clone(), next())).collect(),
        gives: Some(next()),
        raises: signature.raises.iter().map(|name| (name.clone(), next())).collect(),
    }
}

/// Documents everything in a file with hostile texts: how many texts were put, and the new text.
fn documented(file: &File, from: usize) -> (usize, String) {
    let language = file.source.language;
    let styles: Vec<Option<Style>> =
        [Style::Google, Style::Numpy, Style::Sphinx, Style::Tags, Style::Doxygen, Style::Markdown]
            .into_iter()
            .filter(|style| style.suits(language))
            .map(Some)
            .chain([None])
            .collect();
    let mut insertions = Vec::new();
    for (at, unit) in file.source.units.iter().enumerate().filter(|(_, unit)| unit.doc.is_none()) {
        let layout = Layout::new(language, &file.text, styles[(from + at) % styles.len()]);
        let Some(place) = place::of(language, &file.text, unit) else { continue };
        let said = hostile(unit, from + at);
        match placed(file, unit, &layout, &place, &said) {
            Ok(insertion) => insertions.push(insertion),
            Err(why) => {
                let text = render::rendered(&layout, unit, &place, &said);
                panic!("{}: `{}`: {why}: {text}", file.path, unit.symbol.qualified);
            }
        }
    }
    insertions.sort_by_key(|insertion| insertion.at);
    (insertions.len(), with(&file.text, &insertions))
}

fn proven(name: &str, text: &str, from: usize) -> usize {
    let Some(before) = file(name, text) else { return 0 };
    // What does not parse has no tokens to compare, and is left alone.
    if deepcoder_syntax::parses(before.source.language, text) != Some(true) {
        return 0;
    }
    let (count, after) = documented(&before, from);
    assert!(same_code(before.source.language, text, &after), "{name}: the code changed");
    let again = file(name, &after).expect("it parses as before");
    assert_eq!(again.source.units.len(), before.source.units.len(), "{name}: definitions");
    assert_eq!(documented(&again, from + 1).0, 0, "{name}: a second run has nothing to do");
    count
}

fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            walk(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// Protects the promise that documentation changes no code: hostile texts in the definitions of this repository's own files,
/// in every convention, and of the folders that `DOCUMENT_CORPUS` names when the test is built. The tokens are the same, and a second run has
/// nothing to do.
#[test]
fn no_text_changes_the_code() {
    let (mut files, mut count, most) = (Vec::new(), 0, 220);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for part in ["plugins", "python", "core/syntax", "core/edit"] {
        walk(&root.join(part), &mut files);
    }
    files.retain(|path| std::fs::metadata(path).is_ok_and(|data| data.len() < 16_000));
    let extra = option_env!("DOCUMENT_CORPUS");
    let own = files.len();
    extra.iter().flat_map(|folders| folders.split(':')).for_each(|folder| walk(Path::new(folder), &mut files));
    let most = if files.len() > own { usize::MAX } else { most };
    let mut by_language = std::collections::BTreeMap::<String, usize>::new();
    for (at, path) in files.iter().enumerate() {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let put = proven(&name, &text, at);
        *by_language.entry(name.rsplit('.').next().unwrap_or_default().to_owned()).or_default() += put;
        count += put;
        if count >= most {
            break;
        }
    }
    by_language.retain(|_, count| *count > 0);
    eprintln!("{count} texts in {} files: {by_language:?}", files.len());
    assert!(count >= 200, "only {count} definitions were seen");
}

/// Protects every language from the same texts, in the forms that its definitions have.
#[test]
fn every_language_keeps_its_code() {
    for (name, text) in [
        (
            "a.py",
            "import os\n\n\nclass A(B):  # so\n    x = 1\n\n    @property\n    def a(self, b: int = 1, *c, **d) -> int:\n        # first\n        return 1\n\n    async def e(self):\n        raise KeyError(1)\n\n\ndef f(\n    a,\n    b,\n):\n\treturn a\n",
        ),
        (
            "a.js",
            "export default class A {\n  static async *run(a, {b}, ...c) { throw new RangeError(1); }\n  get x() { return 1 }\n}\nexport const f = async (a = 1) => a;\nfunction g() {}\nmodule.exports = { g };\n",
        ),
        (
            "a.ts",
            "@Injectable()\nexport class A<T> {\n  constructor(private readonly a: string) {}\n  run(this: A<T>, a?: number): Promise<void> { return x; }\n}\nexport interface I { a(b: string): void; }\nexport type T = number;\nexport enum E { A }\nexport function f(a: string): string;\nexport function f(a: unknown) { return String(a); }\n",
        ),
        (
            "a.rs",
            "#[derive(Debug)]\n// plain\npub struct A<T>(T);\n\nimpl<T> A<T> {\n    #[inline]\n    pub UNSAFE fn a(&self, (b, c): (u8, u8), mut d: u8) -> Result<u8, E> { Ok(d) }\n}\npub trait T { fn f(); }\npub enum E { A }\npub mod m { pub fn g() {} }\n",
        ),
        (
            "a.go",
            "package a\n\ntype A struct{}\n\nfunc (a *A) B(x, y int, z ...string) (int, error) { return 1, nil }\n\ntype (\n\tC interface{ D() }\n)\n",
        ),
        (
            "A.java",
            "package a;\n\n@Deprecated\npublic class A<T> {\n  @Override public String toString() { return \"\"; }\n  public A(int x) {}\n  protected <U> void b(U u, int... c) throws E { throw new E(); }\n  enum F { G }\n  interface H { void i(); }\n}\n",
        ),
        (
            "a.h",
            "#ifndef A\n#define A\nint sum(int a, int *b);\nstatic inline void go(void) { }\nstruct point { int x; };\ntypedef struct { int y; } other;\nenum e { F };\n#endif\n",
        ),
        (
            "a.cpp",
            "namespace n {\ntemplate <typename T>\nclass A : public B {\npublic:\n  explicit A(int x);\n  virtual T get(const T &t) const override;\n};\nint f(int a, char b = 'x') { return a; }\n}\n",
        ),
    ] {
        for (ending, from) in [("\n", 0), ("\r\n", 5), ("\n", 9), ("\n", 12)] {
            let text = text.replace("UNSAFE", "unsafe").replace('\n', ending);
            let count = proven(name, &text, from);
            assert!(count >= 3, "{name}: {count}");
        }
    }
}

/// Protects the look of what is written: every convention, wrapped and indented.
#[test]
fn conventions_look_as_they_should() {
    let text = "class A:\n    def pay(self, amount: int, to=None):\n        raise LateError(1)\n        return 1\n";
    let file = file("a.py", text).expect("it parses");
    let unit = &file.source.units[1];
    let place = place::of(Language::Python, text, unit).expect("a place");
    let said = Descriptions {
        summary: "Pay an amount.".into(),
        parameters: vec![
            ("amount".into(), "How much is paid, in whole cents and never below zero or above the sum of all.".into()),
            ("to".into(), "Who gets it.".into()),
        ],
        gives: Some("The rest.".into()),
        raises: vec![("LateError".into(), "It is late.".into())],
    };
    let of = |style| render::rendered(&Layout::new(Language::Python, text, style), unit, &place, &said);
    assert_eq!(of(None), "        \"\"\"Pay an amount.\"\"\"\n");
    assert_eq!(
        of(Some(Style::Google)),
        "        \"\"\"Pay an amount.\n\n        Args:\n            amount: How much is paid, in whole cents and never below zero or\n                above the sum of all.\n            to: Who gets it.\n\n        Returns:\n            The rest.\n\n        Raises:\n            LateError: It is late.\n        \"\"\"\n"
    );
    let numpy = of(Some(Style::Numpy));
    assert!(
        numpy.contains("\n        Parameters\n        ----------\n        amount : int\n            How much"),
        "{numpy}"
    );
    assert!(
        numpy.contains("\n        Raises\n        ------\n        LateError\n            It is late.\n"),
        "{numpy}"
    );
    let sphinx = of(Some(Style::Sphinx));
    assert!(
        sphinx
            .contains("\n        :param to: Who gets it.\n        :returns: The rest.\n        :raises LateError: It"),
        "{sphinx}"
    );
}
