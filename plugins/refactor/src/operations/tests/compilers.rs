//! Renames of C and C++ judged by a compiler: it must make the same code of the files after each rename.

use crate::{Request, Target, Verdict, run};
use deepcoder_resolve::{Files, Memory, Project, Role};
use deepcoder_test_support::skip;
use deepcoder_types::RepoPath;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

type Texts = BTreeMap<RepoPath, Arc<str>>;

/// A tree, the options that compile it, and the folder that it is written to.
struct Tree {
    texts: Texts,
    options: Vec<String>,
    folder: PathBuf,
}

/// Small numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

impl Tree {
    fn write(&self, path: &RepoPath, text: &str) {
        let to = self.folder.join(path.as_str());
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        #[expect(clippy::disallowed_methods, reason = "a folder of the test's own")]
        std::fs::write(to, text).expect("written");
    }

    fn compiler(path: &str) -> Option<&'static str> {
        match path.rsplit_once('.')?.1 {
            "c" => Some("gcc"),
            "cc" | "cpp" | "cxx" => Some("g++"),
            _ => None,
        }
    }

    /// The files of the tree that a source is made of, with itself; none where it does not compile.
    fn parts(&self, source: &str) -> Vec<RepoPath> {
        let Some(compiler) = Self::compiler(source) else { return Vec::new() };
        let out = Command::new(compiler).current_dir(&self.folder).args(&self.options).args(["-MM", source]).output();
        let out = out.expect("the compiler runs");
        let list = String::from_utf8_lossy(&out.stdout).replace("\\\n", " ");
        let Some((_, list)) = list.split_once(": ").filter(|_| out.status.success()) else { return Vec::new() };
        let normal = |word: &str| {
            let mut parts: Vec<&str> = Vec::new();
            for part in word.split('/') {
                match part {
                    "." => {}
                    ".." => _ = parts.pop(),
                    part => parts.push(part),
                }
            }
            RepoPath::new(parts.join("/")).ok()
        };
        list.split_whitespace().filter_map(normal).collect()
    }

    /// The machine code of a source; the error where there is none.
    fn code(&self, source: &str) -> Result<Vec<u8>, String> {
        let compiler = Self::compiler(source).expect("a source");
        let (object, code) = (self.folder.join("out.o"), self.folder.join("out.bin"));
        let out = Command::new(compiler)
            .current_dir(&self.folder)
            .args(&self.options)
            .args(["-w", "-O0", "-g0", "-c", source, "-o"])
            .arg(&object)
            .output()
            .expect("the compiler runs");
        if !out.status.success() {
            return Err(String::from_utf8_lossy(&out.stderr).lines().take(6).collect::<Vec<_>>().join("\n"));
        }
        let args = ["-O", "binary", "-j", ".text"];
        Command::new("objcopy").args(args).arg(&object).arg(&code).output().expect("objcopy runs");
        Ok(std::fs::read(&code).unwrap_or_default())
    }

    /// The sources that compile, with what they are made of.
    fn sources(&self) -> BTreeMap<String, Vec<RepoPath>> {
        let parts = |path: &RepoPath| (path.as_str().to_owned(), self.parts(path.as_str()));
        let all = self.texts.keys().map(parts).filter(|(_, parts)| !parts.is_empty());
        all.filter(|(source, _)| self.code(source).is_ok()).collect()
    }
}

/// What the compiler said of renames, one after the other.
#[derive(Default, Debug)]
struct Report {
    tried: usize,
    safe: usize,
    review: usize,
    refused: usize,
    wrong: Vec<String>,
    reasons: BTreeMap<String, usize>,
}

/// Renames what is declared at random places to new names, or to names of the file.
fn renames(tree: &mut Tree, tries: usize, seed: u64) -> Report {
    let mut random = Random(seed);
    let mut report = Report::default();
    let sources = tree.sources();
    let compiled: Vec<RepoPath> = {
        let mut all: Vec<RepoPath> =
            sources.values().flatten().filter(|p| tree.texts.contains_key(*p)).cloned().collect();
        all.sort();
        all.dedup();
        all
    };
    if compiled.is_empty() {
        return report;
    }
    let mut codes: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for number in 0..tries {
        let files = Memory::new(tree.texts.clone());
        let project = Project::new(&files);
        let path = compiled[random.below(compiled.len())].clone();
        let Some(bindings) = project.bindings(&path) else { continue };
        let declared: Vec<_> =
            bindings.references.iter().filter(|r| r.role == Role::Declares && r.name.len() > 1).collect();
        if declared.is_empty() {
            continue;
        }
        let reference = declared[random.below(declared.len())];
        // Mostly a new name, and now and then one that may be taken.
        let new = match random.below(4) {
            0 => bindings.references[random.below(bindings.references.len())].name.clone(),
            _ => format!("renamed_{number}"),
        };
        let target = Target { path: path.clone(), range: reference.at };
        report.tried += 1;
        let what = format!("{} -> {new} in {}", reference.name, path.as_str());
        let changes = match run(&project, &Request::Rename { target, new_name: new.clone() }) {
            Err(refusal) => {
                report.refused += 1;
                *report
                    .reasons
                    .entry(format!("refused: {}", refusal.message.split('`').next().unwrap_or("")))
                    .or_default() += 1;
                continue;
            }
            Ok(changes) if changes.verdict() != Verdict::Safe => {
                report.review += 1;
                let doubt = changes.doubts.first().map(|doubt| doubt.why.to_string()).unwrap_or_default();
                *report.reasons.entry(doubt).or_default() += 1;
                continue;
            }
            Ok(changes) => changes,
        };
        report.safe += 1;
        let after = changes.apply(&files).expect("fits");
        let old = reference.name.as_str();
        let mut affected: Vec<&String> =
            sources.iter().filter(|(_, parts)| parts.iter().any(|p| after.contains_key(p))).map(|(s, _)| s).collect();
        // Those that hold the name, and a few of those that only include a file that changes.
        let holds = |source: &String| {
            RepoPath::new(source).ok().and_then(|path| files.text(&path)).is_some_and(|text| text.contains(old))
        };
        affected.sort_by_key(|source| !holds(source));
        let others = affected.iter().filter(|source| !holds(source)).count();
        affected.truncate(affected.len() - others + others.min(8));
        for source in &affected {
            if !codes.contains_key(*source) {
                codes.insert((*source).clone(), tree.code(source).expect("it compiles"));
            }
        }
        let before = tree.texts.clone();
        for (path, text) in &after {
            tree.write(path, text);
            tree.texts.insert(path.clone(), Arc::from(text.as_str()));
        }
        let wrong = affected.iter().find_map(|source| match tree.code(source) {
            Err(error) => Some(format!("{source}: {error}")),
            Ok(code) if Some(&code) != codes.get(*source) => Some(format!("{source}: other code")),
            Ok(_) => None,
        });
        if let Some(wrong) = wrong {
            report.wrong.push(format!("{what}: {wrong}"));
            for path in after.keys() {
                if let Some(text) = before.get(path) {
                    tree.write(path, text);
                }
            }
            tree.texts = before;
        }
    }
    report
}

fn read(folder: &Path, root: &Path, texts: &mut Texts) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, root, texts);
        } else if let Ok(text) = std::fs::read_to_string(&path)
            && let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str)
            && let Ok(name) = RepoPath::new(name)
        {
            texts.insert(name, Arc::from(text));
        }
    }
}

fn available() -> bool {
    ["gcc", "g++", "objcopy"].iter().all(|name| Command::new(name).arg("--version").output().is_ok())
}

const HEADER: &str = r#"#ifndef LIST_H
#define LIST_H
#include <stddef.h>
typedef struct node node;
typedef int (*visit_fn)(node *at, void *data);
struct node { int value; node *next; union { int tag; char *text; }; struct { unsigned low : 4, high : 4; } bits; };
enum kind { KIND_A, KIND_B = 4, KIND_END };
#define NODE_VALUE(n) ((n)->value)
#define EACH(at, list) for (node *at = (list); at; at = at->next)
#define GETTER(field) static int get_##field(const node *n) { return (int)n->field; }
#ifdef LIST_FAST
int list_length(node *list);
#else
int list_length(node *list);
#endif
int list_walk(node *list, visit_fn visit, void *data);
extern int list_count;
static inline int list_empty(const node *list) { return list == NULL; }
#endif
"#;

const LIST: &str = r#"#include "list.h"
int list_count = KIND_END;
static int count;
GETTER(value)
static int step(node *at, void *data)
{
    int *sum = data, value = at->value;
    *sum += value + NODE_VALUE(at) + get_value(at);
    return 0;
}
int list_length(node *list)
{
    int length = 0;
    EACH(item, list) length++;
    for (node *at = list; at; at = at->next) { int length = at->bits.low; count += length; }
    goto out;
out:
    return length + count;
}
int list_walk(node *list, visit_fn visit, void *data)
{
    node local = { .value = 1, .bits = { .low = 2, .high = 1 }, .tag = 3 }, *p = &local;
    struct pair { int a, b; } pairs[2] = { { .a = 1 }, [1] = { .b = local.tag } };
    if (!visit) visit = step;
    switch (p->bits.high) { case KIND_A: return pairs[1].b; case KIND_B: break; default: p = list; }
    return visit(p, data) + list_count + (int)offsetof(node, next) + (int)sizeof(struct pair);
}
"#;

const MAIN: &str = r#"#include "list.h"
static int count(node *list) { return list_empty(list) ? 0 : list_length(list); }
static int old(list, length) node *list; int length; { return count(list) + length; }
int main(void)
{
    node one = { 0 }, all[2] = { { .value = 2 }, { .value = 3, .text = "value" } };
    one.next = &all[0];
    all->next = all + 1;
    return list_walk(&one, NULL, &one.value) + old(&one, list_count) + (&all[1])->value;
}
"#;

const CLASSES: &str = r#"namespace geo {
struct Base { virtual ~Base() {} virtual int area() const = 0; };
class Square : public Base {
public:
    explicit Square(int side) : side_(side) {}
    int area() const override;
    int side() const { return side_; }
    static int made;
private:
    int side_;
};
enum class Color { Red, Green };
template <typename T> T twice(T value) { return value + value; }
using Shape = Square;
}
int geo::Square::made = 0;
int geo::Square::area() const { int side = side_; return side * this->side_ + made; }
namespace geo {
static int paint(Color color) { return color == Color::Red ? 1 : 2; }
int total(const Square *all, int count) {
    int sum = 0;
    auto add = [&sum, count](int more) { sum += more + count; };
    for (int i = 0; i < count; i++) add(all[i].area());
    const int sizes[] = {1, 2};
    for (int size : sizes) sum += twice(size);
    return sum + paint(Color::Green);
}
}
int use() { geo::Shape one(3); geo::Square *p = &one; return geo::total(p, 1) + p->side() + one.area(); }
"#;

/// Protects exact renames of C and C++: the compiler makes the same code after each of them, and most are exact.
#[test]
fn a_compiler_agrees_on_every_kind_of_name() {
    if !available() {
        skip!("compilers", "gcc, g++ and objcopy judge renames of C");
    }
    let texts = [("list.h", HEADER), ("list.c", LIST), ("main.c", MAIN), ("classes.cpp", CLASSES)];
    let texts = texts.into_iter().map(|(path, text)| (RepoPath::new(path).expect("a path"), Arc::from(text))).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let mut tree = Tree { texts, options: Vec::new(), folder: folder.path().to_owned() };
    for (path, text) in tree.texts.clone() {
        tree.write(&path, &text);
    }
    assert_eq!(tree.sources().len(), 3, "all sources compile");
    let report = renames(&mut tree, 120, 1);
    assert!(report.wrong.is_empty(), "{report:#?}");
    assert!(report.safe * 2 > report.tried, "{report:#?}");
}

/// Renames over a tree of C that the environment names: `DEEPCODER_TEST_C_TREE`, with `DEEPCODER_TEST_C_OPTIONS` for gcc.
#[test]
#[ignore = "it needs a tree that DEEPCODER_TEST_C_TREE names, and minutes"]
#[expect(clippy::disallowed_methods, reason = "the environment names the tree")]
fn a_compiler_agrees_on_a_real_tree() {
    let root = std::env::var_os("DEEPCODER_TEST_C_TREE").expect("DEEPCODER_TEST_C_TREE names a folder of C sources");
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or);
    let mut texts = Texts::new();
    read(Path::new(&root), Path::new(&root), &mut texts);
    let folder = tempfile::tempdir().expect("a folder");
    let options = std::env::var("DEEPCODER_TEST_C_OPTIONS").unwrap_or_default();
    let options = options.split_whitespace().map(str::to_owned).collect();
    let mut tree = Tree { texts, options, folder: folder.path().to_owned() };
    for (path, text) in tree.texts.clone() {
        tree.write(&path, &text);
    }
    let tries = usize::try_from(number("DEEPCODER_TEST_C_TRIES", 100)).expect("a number");
    let report = renames(&mut tree, tries, number("DEEPCODER_TEST_C_SEED", 1));
    eprintln!("{report:#?}");
    assert!(report.wrong.is_empty(), "{} of {} are wrong", report.wrong.len(), report.safe);
}
