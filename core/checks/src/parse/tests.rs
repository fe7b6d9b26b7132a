use super::{Parser, Place, Printed, Raw, Tool, parse};
use deepcoder_types::Severity::{Error, Warning};

fn read(parser: Parser, tool: Tool, stdout: &str, stderr: &str, report: Option<&str>) -> Option<Vec<Raw>> {
    parse(parser, tool, &Printed { stdout, stderr, report })
}

/// Rule, severity, path, line and message of each.
fn told(found: Option<Vec<Raw>>) -> Vec<(String, deepcoder_types::Severity, String, u32, String)> {
    let one = |raw: Raw| (raw.rule, raw.severity, raw.path.unwrap_or_default(), raw.span.start.line, raw.message);
    found.expect("it is understood").into_iter().map(one).collect()
}

fn same(found: Option<Vec<Raw>>, wanted: &[(&str, deepcoder_types::Severity, &str, u32, &str)]) {
    let own =
        |(a, b, c, d, e): &(&str, _, &str, u32, &str)| ((*a).to_owned(), *b, (*c).to_owned(), *d, (*e).to_owned());
    assert_eq!(told(found), wanted.iter().map(own).collect::<Vec<_>>());
}

/// Protects the reading of linters and type checkers: the output of each as it was recorded, with places and fixes.
#[test]
fn linters_are_read() {
    let ruff = r#"[{"cell":null,"code":"F401","end_location":{"column":10,"row":1},"filename":"/t/a.py","fix":{"applicability":"safe",
        "edits":[{"content":"","end_location":{"column":1,"row":2},"location":{"column":1,"row":1}}],"message":"Remove"},
        "location":{"column":8,"row":1},"message":"`os` imported but unused","noqa_row":1,"url":"https://x"},
        {"code":null,"filename":"/t/b.py","fix":null,"location":{"column":1,"row":3},"end_location":{"column":2,"row":3},
        "message":"SyntaxError: x"}]"#;
    let found = read(Parser::Auto, Tool::Ruff, ruff, "", None);
    let first = found.as_ref().expect("understood")[0].clone();
    assert_eq!(first.span.end, Some(Place { line: 1, column: 10, offset: None }));
    assert_eq!((first.fixes.len(), first.fixes[0].1.as_str()), (1, ""));
    let wanted = [
        ("F401", Error, "/t/a.py", 1, "`os` imported but unused"),
        ("syntax-error", Error, "/t/b.py", 3, "SyntaxError: x"),
    ];
    same(found, &wanted);
    assert_eq!(read(Parser::Auto, Tool::Ruff, "[]", "", None), Some(Vec::new()));

    let mypy = "{\"file\": \"a.py\", \"line\": 3, \"column\": 4, \"message\": \"Incompatible types\", \"hint\": null, \
                \"code\": \"assignment\", \"severity\": \"error\"}\n{\"file\": \"a.py\", \"line\": 3, \"column\": 4, \"message\": \
                \"See\", \"hint\": null, \"code\": null, \"severity\": \"note\"}\n";
    same(read(Parser::Auto, Tool::Mypy, mypy, "", None), &[("assignment", Error, "a.py", 3, "Incompatible types")]);
    let text = "a.py:3: error: Incompatible types  [assignment]\na.py:4:2: note: see\nFound 1 error in 1 file\n";
    same(read(Parser::Auto, Tool::Mypy, text, "", None), &[("assignment", Error, "a.py", 3, "Incompatible types")]);

    let pyright = r#"{"version":"1.1","generalDiagnostics":[{"file":"/t/a.py","severity":"error","message":"No","range":{"start":
        {"line":0,"character":4},"end":{"line":0,"character":5}},"rule":"reportX"},{"file":"/t/a.py","severity":"information",
        "message":"i"}],"summary":{"errorCount":1}}"#;
    same(read(Parser::Auto, Tool::Pyright, pyright, "", None), &[("reportX", Error, "/t/a.py", 1, "No")]);

    let eslint = r#"[{"filePath":"/t/a.js","messages":[{"ruleId":"eqeqeq","severity":2,"message":"Expected '==='.","line":2,
        "column":7,"endLine":2,"endColumn":9,"fix":{"range":[20,22],"text":"==="}},{"ruleId":null,"severity":1,"message":"w","line":1,
        "column":1}],"errorCount":1}]"#;
    let found = read(Parser::Auto, Tool::Eslint, eslint, "", None);
    assert_eq!(found.as_ref().expect("understood")[0].fixes[0].0.start.offset, Some(20));
    same(found, &[("eqeqeq", Error, "/t/a.js", 2, "Expected '==='."), ("", Warning, "/t/a.js", 1, "w")]);

    let vet = "# example.com/a\n{\n\t\"example.com/a\": {\n\t\t\"printf\": [\n\t\t\t{\n\t\t\t\t\"posn\": \"/t/a.go:6:2\",\n\t\t\t\t\
               \"message\": \"wrong type\"\n\t\t\t}\n\t\t]\n\t}\n}\n";
    same(read(Parser::Auto, Tool::GoVet, "", vet, None), &[("printf", Error, "/t/a.go", 6, "wrong type")]);

    let sarif = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"ruleId":"R","level":"error","message":
        {"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"file:///t/a%20b.c"},"region":{"startLine":4}}}]},
        {"ruleId":"S","message":{"text":"default"}},{"level":"note","message":{"text":"n"}},{"level":"error","message":{"text":"s"},
        "suppressions":[{"kind":"inSource"}]}]}]}"#;
    let wanted = [("R", Error, "/t/a b.c", 4, "m"), ("S", Warning, "", 0, "default")];
    same(read(Parser::Sarif, Tool::Other, sarif, "", None), &wanted);
    same(read(Parser::Auto, Tool::Other, "", "", Some(sarif)), &wanted);
}

/// Protects the reading of compilers: gcc, clang, javac, tsc, go, rustc and cargo, and lines that only look like messages.
#[test]
fn compilers_are_read() {
    let gcc = "a.c: In function 'f':\na.c:3:9: error: 'y' undeclared (first use in this function)\n    3 |   return y;\n      |          \
               ^\na.c:3:9: note: each undeclared identifier\nsrc/b.c:1:5: warning: unused variable 'x' [-Wunused-variable]\n\
               a.c:1:10: fatal error: x.h: No such file or directory\ncompilation terminated.\n";
    let wanted = [
        ("", Error, "a.c", 3, "'y' undeclared (first use in this function)"),
        ("-Wunused-variable", Warning, "src/b.c", 1, "unused variable 'x'"),
        ("", Error, "a.c", 1, "x.h: No such file or directory"),
    ];
    same(read(Parser::Auto, Tool::Gcc, "", gcc, None), &wanted);
    let javac = "A.java:2: error: incompatible types: String cannot be converted to int\n        int x = \"a\";\n                ^\n\
                 A.java:5: warning: [deprecation] f() in B has been deprecated\n1 error\n";
    let wanted = [
        ("", Error, "A.java", 2, "incompatible types: String cannot be converted to int"),
        ("deprecation", Warning, "A.java", 5, "f() in B has been deprecated"),
    ];
    same(read(Parser::Auto, Tool::Javac, "", javac, None), &wanted);
    let tsc = "src/a.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.\nFound 1 error.\n";
    same(
        read(Parser::Auto, Tool::Tsc, tsc, "", None),
        &[("TS2322", Error, "src/a.ts", 1, "Type 'string' is not assignable to type 'number'.")],
    );
    let go = "# example.com/a\n./a.go:3:5: undefined: x\n";
    same(read(Parser::Auto, Tool::GoBuild, "", go, None), &[("", Error, "./a.go", 3, "undefined: x")]);
    same(
        read(Parser::Text, Tool::Other, "a.py:1:80: E501 line too long", "", None),
        &[("E501", Error, "a.py", 1, "line too long")],
    );
    let cargo = r#"{"reason":"compiler-artifact","target":{}}
{"reason":"compiler-message","message":{"rendered":"error…","level":"error","message":"mismatched types","code":{"code":"E0308"},"spans":[{"file_name":"src/lib.rs","byte_start":10,"byte_end":12,"line_start":1,"line_end":1,"column_start":11,"is_primary":true}],"children":[{"spans":[{"file_name":"src/lib.rs","byte_start":10,"byte_end":12,"line_start":1,"line_end":1,"is_primary":true,"suggested_replacement":"1","suggestion_applicability":"MachineApplicable"}]}]}}
{"reason":"compiler-message","message":{"level":"error","message":"aborting due to 1 previous error","code":null,"spans":[],"children":[]}}
{"reason":"build-finished","success":false}
"#;
    let found = read(Parser::Auto, Tool::Cargo, cargo, "   Compiling a\n", None);
    let first = found.as_ref().expect("understood")[0].clone();
    assert_eq!((first.span.start.offset, first.fixes.len()), (Some(10), 1));
    same(found, &[("E0308", Error, "src/lib.rs", 1, "mismatched types")]);
    let text = "error[E0308]: mismatched types\n --> src/lib.rs:3:5\n  |\nwarning: unused\n  --> src/lib.rs:1:1\nerror: aborting\n";
    same(
        read(Parser::Text, Tool::Other, "", text, None),
        &[("E0308", Error, "src/lib.rs", 3, "mismatched types"), ("", Warning, "src/lib.rs", 1, "unused")],
    );
    for line in [
        "12:30:45: started",
        "http://host:80: refused",
        "a.b: c",
        "x.y:",
        ":::",
        "é.py:٣: x",
        "12:30",
        "  a.c:1: error: x",
    ] {
        assert_eq!(read(Parser::Text, Tool::Other, line, line, None), Some(Vec::new()), "{line}");
    }
}

/// Protects the reading of test runners: the failed tests by their names, however they are told, and nothing of those that pass.
#[test]
fn test_runners_are_read() {
    let names = |found: Option<Vec<Raw>>| -> Vec<_> {
        found.expect("understood").into_iter().map(|raw| (raw.identity.expect("a name"), raw.message)).collect()
    };
    let pair = |name: &str, message: &str| (name.to_owned(), message.to_owned());
    let junit = "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\"><testsuite errors=\"1\" failures=\"1\">\
                 <testcase classname=\"tests.test_a\" name=\"test_x[&lt;1&gt;]\" time=\"0.1\"><failure message=\"assert 1 &lt; 0&#10;second\">\
                 def test_x():\n&gt; assert 1 &lt; 0\n\ntests/test_a.py:7: AssertionError</failure></testcase><testcase classname=\"\" name=\"b\">\
                 <error message=\"collection failure\"><![CDATA[E ]]></error></testcase><testcase name=\"ok\"/><testcase name=\"s\"><skipped/>\
                 </testcase></testsuite></testsuites>";
    let wanted = vec![
        pair("tests.test_a.test_x[<1>]", "tests.test_a.test_x[<1>] fails: assert 1 < 0"),
        pair("b", "b fails: collection failure"),
    ];
    let found = read(Parser::Auto, Tool::Pytest, "", "", Some(junit));
    assert_eq!(found.as_ref().expect("understood")[0].path.as_deref(), Some("tests/test_a.py"));
    assert_eq!(names(found), wanted);
    assert_eq!(names(read(Parser::Junit, Tool::Other, junit, "", None)), wanted);
    // A report that was cut, and one that is none.
    assert_eq!(
        names(read(
            Parser::Junit,
            Tool::Other,
            &junit[..junit.find("<testcase name=\"ok\"").expect("there")],
            "",
            None
        )),
        wanted
    );
    assert_eq!(read(Parser::Junit, Tool::Other, "<html></html>", "", None), None);
    assert_eq!(read(Parser::Junit, Tool::Other, "not xml", "", None), None);
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><testsuite><testcase name=\"t\"><failure>&b;</failure></testcase></testsuite>";
    assert_eq!(names(read(Parser::Junit, Tool::Other, bomb, "", None)), [pair("t", "t fails")]);

    let short = "FAILED tests/test_a.py::test_b - assert 1 == 2\nERROR tests/test_c.py\n1 failed\n";
    assert_eq!(
        names(read(Parser::Auto, Tool::Pytest, short, "", None)),
        [
            pair("tests/test_a.py::test_b", "tests/test_a.py::test_b fails: assert 1 == 2"),
            pair("tests/test_c.py", "tests/test_c.py fails")
        ]
    );
    let unittest = "F.\n======\nFAIL: test_it (test_a.T.test_it)\n------\nTraceback (most recent call last):\n  File \"a\"\nAssertionError: 3 != 2\n\n\
                    ------\nRan 2 tests in 0.001s\n\nFAILED (failures=1)\n";
    assert_eq!(
        names(read(Parser::Auto, Tool::Unittest, "", unittest, None)),
        [pair("test_it (test_a.T.test_it)", "test_it (test_a.T.test_it) fails: AssertionError: 3 != 2")]
    );
    let tap = "TAP version 13\n# Subtest: /t/a.test.js\n    # Subtest: adds\n    not ok 1 - adds\n      ---\n      failureType: 'testCodeFailure'\n      \
               error: |-\n        Expected\n      ...\n    not ok 2 - later # todo\n    1..2\nnot ok 1 - /t/a.test.js\n  ---\n  failureType: \
               'subtestsFailed'\n  ...\nok 2 - fine\n";
    assert_eq!(names(read(Parser::Auto, Tool::NodeTest, tap, "", None)), [pair("adds", "adds fails")]);
    let libtest = "\nrunning 2 tests\ntest a::good ... ok\ntest a::bad ... FAILED\n\nfailures:\n\n---- a::bad stdout ----\n\nthread 'a::bad' (7) \
                   panicked at src/lib.rs:6:20:\nassertion `left == right` failed\n\n\nfailures:\n    a::bad\n\ntest result: FAILED.\n";
    let found = read(Parser::Auto, Tool::CargoTest, libtest, "", None);
    let first = found.as_ref().expect("understood")[0].clone();
    assert_eq!((first.path.as_deref(), first.span.start.line), (Some("src/lib.rs"), 6));
    assert_eq!(names(found), [pair("a::bad", "a::bad fails: assertion `left == right` failed")]);
    let go = "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"TestA\"}\n{\"Action\":\"fail\",\"Package\":\"p\",\"Test\":\"TestA\"}\n\
              {\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"TestB\"}\n{\"Action\":\"fail\",\"Package\":\"p\"}\n";
    assert_eq!(names(read(Parser::Auto, Tool::GoTest, go, "", None)), [pair("p.TestA", "p.TestA fails")]);
    let jest = r#"Words before
{"numFailedTests":1,"testResults":[{"name":"/t/a.test.js","status":"failed","message":"","assertionResults":[{"fullName":"adds up",
    "status":"failed","failureMessages":["Error: no\n at x"]},{"fullName":"ok","status":"passed","failureMessages":[]}]},
    {"name":"/t/b.test.js","status":"failed","message":"SyntaxError: y","assertionResults":[]}]}"#;
    assert_eq!(
        names(read(Parser::Auto, Tool::Jest, jest, "", None)),
        [pair("adds up", "adds up fails: Error: no"), pair("b.test.js", "b.test.js fails: SyntaxError: y")]
    );
}

/// Protects from output of another kind: it is not understood, so that the exit code decides, and nothing panics.
#[test]
fn what_is_not_understood_is_nothing() {
    let odd = [
        "",
        "{",
        "[1,2]",
        "[{}]",
        "{\"a\":1}",
        "null",
        "\u{feff}",
        "[[[[",
        "{\"reason\":1}",
        "<",
        "<a",
        "é\u{0}",
        "not ok",
        "FAIL: ",
    ];
    for text in odd {
        for tool in [
            Tool::Ruff,
            Tool::Mypy,
            Tool::Pyright,
            Tool::Eslint,
            Tool::Cargo,
            Tool::GoVet,
            Tool::Jest,
            Tool::Other,
            Tool::Pytest,
        ] {
            let found = read(Parser::Auto, tool, text, text, Some(text));
            assert!(found.unwrap_or_default().is_empty(), "{tool:?}: {text}");
        }
        for parser in [Parser::Json, Parser::Sarif, Parser::Junit, Parser::Text, Parser::Exit] {
            assert!(read(parser, Tool::Other, text, text, None).unwrap_or_default().is_empty(), "{parser:?}: {text}");
        }
    }
}
