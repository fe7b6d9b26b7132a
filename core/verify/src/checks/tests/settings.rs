use super::{NONE, edit, findings};

const TOML: &str = "[server]\nport = 8080\n\n[database]\n# Connections that are kept open.\npool_size = 5\nurl = \"postgres://db/station\"\n";

/// Protects the values that an instruction does not speak of.
#[test]
fn values_change_when_they_are_spoken_of() {
    let asked = "set the pool size of the database to 20 and add a timeout of 30 to the database section";
    let set = TOML.replace("= 5", "= 20");
    let good = set.replace("20\n", "20\ntimeout = 30\n");
    assert_eq!(edit(asked, "app.toml", TOML, &good), NONE);
    assert_eq!(
        edit(asked, "app.toml", TOML, &set),
        ["R app.toml: `30`, which is asked for as the timeout, is nowhere"]
    );
    let wrong = "R app.toml: `database.url` is changed, and the instruction does not speak of it";
    assert_eq!(edit(asked, "app.toml", TOML, &set.replace("/station", "/station?connect_timeout=30")), [wrong]);
    assert_eq!(edit(asked, "app.toml", TOML, &good.replace("url = \"postgres://db/station\"\n", "")).len(), 1);
    for instruction in
        ["change the url to the host db2", "update the database", "replace postgres by mysql", "use mysql://db"]
    {
        let new = TOML.replace("postgres://db/", "mysql://db2/");
        assert_eq!(edit(instruction, "app.toml", TOML, &new), NONE, "{instruction}");
    }
    // A value that moves is not gone, and an order is none.
    let moved = "{\"a\": {\"first\": \"value\"}, \"b\": 1}";
    assert_eq!(edit("nest it", "a.json", moved, "{\"b\": 1, \"c\": {\"first\": \"value\"}}"), NONE);
    let yaml = "on: push\njobs:\n  test:\n    steps:\n      - name: check\n        run: make\n      - name: build\n        run: cargo b\n";
    let swapped =
        yaml.replace("      - name: check\n        run: make\n", "") + "      - name: check\n        run: make\n";
    assert_eq!(edit("build first", "ci.yml", yaml, &swapped), NONE);
    // An instruction that has no key is about the file as a whole.
    assert_eq!(edit("build first", "ci.yml", yaml, &yaml.replace("        run: make\n", "")), NONE);
    assert_eq!(edit("quote it", "a.yml", "a: b\n", "a: 'b'\n"), NONE);
}

/// Protects files whose readers take the last of two equal keys, or refuse them.
#[test]
fn keys_do_not_come_twice() {
    let compose = "services:\n  db:\n    image: postgres\n\nvolumes:\n  readings: {}\n";
    let twice = format!("{compose}services:\n  cache:\n    image: redis:7\n");
    let asked = "add a service called cache with the image redis:7";
    assert!(edit(asked, "compose.yaml", compose, &twice).contains(&"E compose.yaml: `services` is there twice".into()));
    let good = compose.replace("\nvolumes", "  cache:\n    image: redis:7\n\nvolumes");
    assert_eq!(edit(asked, "compose.yaml", compose, &good), NONE);
    assert_eq!(edit("x", "compose.yaml", &twice, &twice.replace("readings", "readings2")), NONE);
    let json = "{\"a\": {\"b\": 1}}";
    assert_eq!(edit("add b", "a.json", json, "{\"a\": {\"b\": 1, \"b\": 2}}"), ["E a.json: `a.b` is there twice"]);
    assert_eq!(findings("x", &[], &[("a.json", Some("{\"b\": 1, \"b\": 2}"))]), ["E a.json: `b` is there twice"]);
    let merge = "a: &a\n  x: 1\nb:\n  <<: *a\n";
    assert_eq!(edit("x", "a.yml", merge, &format!("{merge}  <<: *a\n")), NONE);
}

/// Protects what was to be set: a key that is nowhere.
#[test]
fn named_keys_are_set() {
    let told = ["R app.toml: no key `max_age` was set"];
    let new = TOML.replace("8080", "8081");
    assert_eq!(edit("set the port to 8081 and max_age to 5m", "app.toml", TOML, &new), told);
    assert_eq!(edit("set `port` to 8081 and `max_age`, too", "app.toml", TOML, &new), told);
    assert_eq!(edit("remove `max_conn` and set the port to `8081`", "app.toml", TOML, &new), NONE);
    assert_eq!(edit("set `server.port` in `app.toml` to 8081", "app.toml", TOML, &new), NONE);
}

/// Protects from checks that take longer than the edit: large files of every kind, changed throughout.
#[test]
fn large_files_are_judged_in_time() {
    let started = std::time::Instant::now();
    let json = |value: usize| {
        let rows: Vec<String> =
            (0..4_000).map(|i| format!("{{\"id\": {i}, \"port\": {}, \"host\": \"h{i}\"}}", i + value)).collect();
        format!("{{\"port\": 1, \"rows\": [{}]}}", rows.join(",\n"))
    };
    edit("set the port to 3 and max_age", "a.json", &json(0), &json(7));
    let lines =
        |word: &str| (0..2_000).map(|i| format!("{word} {i} of many that are here {word}\n")).collect::<String>();
    edit("add a line", "a.md", &lines("one"), &lines("other"));
    let few = |word: &str| (0..150).map(|i| format!("{} {i}\n", word.repeat(60))).collect::<String>();
    edit("add a line", "a.md", &few("abc"), &few("cab"));
    edit("add a line", "a.md", &few("abc"), &few("xyz"));
    let code =
        |value: usize| (0..3_000).map(|i| format!("def f{i}(a):\n    return f{i}({value})\n\n\n")).collect::<String>();
    edit("fix f1", "a.py", &code(1), &code(2));
    assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", started.elapsed());
}
