//! Templates that mean no good, and what real ones do.

use super::*;
use deepcoder_types::Manifest;
use serde_json::json;

fn vocabulary() -> Vocabulary {
    let manifest: Manifest = serde_json::from_value(json!({
        "format": 1, "name": "m", "architecture": "llama", "context_length": 64, "vocab_size": 8, "eos_ids": [1],
        "bos_id": null, "fim": null, "license": null, "graph": { "file": "model.onnx", "cache": [], "chunk": 512 },
        "source": { "format": "gguf", "file": "x", "sha256": "0".repeat(64) },
        "recipe": { "bits": null, "block": 32, "mapping": {}, "deepcoder": "0", "onnxruntime_min": "1.32.0" },
        "files": {},
    }))
    .unwrap();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": { "type": "BPE", "vocab": { "a": 0, "b": 1 }, "merges": [] },
    });
    Vocabulary::parse(tokenizer.to_string().as_bytes(), &manifest).unwrap()
}

fn render(source: &str) -> Result<String, String> {
    let template = ChatTemplate::new(source.to_owned(), "<s>".into(), "</s>".into())?;
    template.render(&[Message::user("hello <there>")], "", &vocabulary()).map_err(|e| e.to_string())
}

/// The most memory that this process has taken, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Doubles what it holds with every step: small in memory, and endless once it is written out.
fn doubled(then: &str) -> String {
    format!(
        "{{% set ns = namespace(x=[1]) %}}{{% for i in range(60) %}}{{% set ns.x = [ns.x, ns.x] %}}{{% endfor %}}{then}"
    )
}

/// Protects the process that loads or imports a model from its template: each of these took the stack, gigabytes, or
/// hours. All end in an error, soon, and with little memory.
#[test]
fn hostile_templates_are_errors() {
    let chain = |unit: &str, times: usize, end: &str| format!("{{{{ {}{end} }}}}", unit.repeat(times));
    let cases = [
        // The parser and the compiler.
        chain("-", 50_000, "1"),
        chain("not ", 50_000, "1"),
        chain("1+", 50_000, "1"),
        chain("1~", 50_000, "1"),
        chain("1 if 0 else ", 50_000, "1"),
        format!("{{{{ messages{} }}}}", ".a".repeat(50_000)),
        format!("{{{{ messages{} }}}}", "|list".repeat(50_000)),
        chain("(", 50_000, "1"),
        chain("[", 50_000, "1"),
        format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(50_000)),
        "{% if 1 %}".repeat(4000),
        "{% for i in [1] %}".repeat(4000),
        // Output and memory.
        "{{ messages|tojson(indent=1000000000) }}".into(),
        "{{ messages|tojson(1000000000) }}".into(),
        "{{ 'x'|indent(1000000000, true) }}".into(),
        "{{ 'x' * 1000000000 }}".into(),
        "{{ ('x' * 1000000)|replace('x', 'y' * 1000000) }}".into(),
        "{{ ('x' * 1000000).replace('x', 'y' * 1000000) }}".into(),
        "{{ ('x' * 1000000).replace('', 'y' * 1000000) }}".into(),
        "{{ ((1, 2) * 100000000)|length }}".into(),
        "{{ ([1] * 100000000)|list|length }}".into(),
        "{{ ([1] * 100000000)|join('xxxxxxxxxx') }}".into(),
        "{{ [1]|batch(1000000000, 'x')|list }}".into(),
        "{{ [1]|slice(1000000000)|list }}".into(),
        "{{ '%1000000000d'|format(1) }}".into(),
        "{{ '%.1000000000f'|format(1.5) }}".into(),
        "{{ 10 ** 1000000000 }}".into(),
        "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}".into(),
        "{% set ns = namespace(x='xxxxxxxx') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}".into(),
        "{% macro m(a) %}{{ m(a ~ 'x') }}{% endmacro %}{{ m('') }}".into(),
        "{% macro m(a) %}{{ m(a) }}{{ m(a) }}{% endmacro %}{{ m('') }}".into(),
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}".into(),
        "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}".into(),
        // Values that hold each other.
        doubled("{{ ns.x }}"),
        doubled("{{ ns.x|tojson }}"),
        doubled("{{ ns.x|string }}"),
        doubled("{{ ns.x|join(',') }}"),
        doubled("{{ ns|tojson }}"),
    ];
    let before = peak();
    for case in &cases {
        let (case, start) = (case.clone(), Instant::now());
        let short: String = case.chars().take(100).collect();
        // As small as the stacks of the threads that answer requests.
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let result = thread.spawn(move || render(&case)).unwrap().join().unwrap();
        assert!(result.is_err(), "{short}: {:?}", result.map(|text| text.len()));
        assert!(start.elapsed() < Duration::from_secs(15), "{short}: {:?}", start.elapsed());
        assert!(peak() - before < 400 << 20, "{short}: {} MiB", (peak() - before) >> 20);
    }
}

/// Protects the process from a value that is nested very deep, which is dropped level by level.
#[test]
fn deep_values_are_dropped() {
    let deep = "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% for j in range(100000) %}\
                {% set ns.x = [ns.x] %}{% endfor %}{% endfor %}";
    assert!(render(deep).is_err());
    let some = "{% set ns = namespace(x=[1]) %}{% for i in range(20000) %}{% set ns.x = [ns.x] %}{% endfor %}done";
    assert_eq!(render(some), Ok("done".into()));
}

/// Protects real templates from the limits: what they do is done, and a long chat is rendered whole.
#[test]
fn what_real_templates_do_is_done() {
    for (source, text) in [
        ("{{ messages|tojson }}", r#"[{"role": "user", "content": "hello \u003cthere\u003e"}]"#),
        ("{{ {'a': [1, 2]}|tojson(indent=1) }}", "{\n \"a\": [\n  1,\n  2\n ]\n}"),
        ("{{ [1, 'a']|join('-') }}{{ 5|string }}", "1-a5"),
        ("{{ messages[0].content.replace('l', 'LL') }}", "heLLLLo <there>"),
        ("{{ messages[1:]|list|length }}{{ ['-'] * 3 }}", "0['-', '-', '-']"),
    ] {
        assert_eq!(render(source).as_deref(), Ok(text), "{source}");
    }
    let source = "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content']|trim + '\\n' }}{% endfor %}";
    let template = ChatTemplate::new(source.into(), String::new(), String::new()).unwrap();
    let chat: Vec<Message> = (0..2000).map(|i| Message::user(format!("{i} {}", "x".repeat(4000)))).collect();
    let text = template.render(&chat, "", &vocabulary()).unwrap();
    assert_eq!(text.len(), chat.iter().map(|m| m.content.len() + "<|user|>\n".len()).sum::<usize>());
}

/// Protects the process from what fuel does not see: work that takes too long, too much memory, or panics, is an error
/// soon, and the caller does not wait for the rendering.
#[test]
fn work_beyond_its_bounds_is_left() {
    let ms = Duration::from_millis;
    let bounds = Bounds { patience: ms(10), deadline: Duration::from_secs(60), growth: 64 << 20 };
    assert_eq!(aside_within(bounds, || 7), Ok(7));
    // The hook of a panic may read the symbols of the whole program.
    let wide = Bounds { growth: 1 << 30, ..bounds };
    assert_eq!(aside_within(wide, || panic!("as asked")), Err::<(), _>("it panicked".into()));
    let (over, stop) = channel::<()>();
    let hoard = move || {
        let mut all = Vec::new();
        while matches!(stop.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty)) {
            if all.len() < 256 {
                all.push(vec![1u8; 1 << 20]);
            }
        }
        all.len()
    };
    let error = aside_within(bounds, hoard).expect_err("too much");
    assert!(error.contains("64 MiB"), "{error}");
    drop(over);
    let (over, stop) = channel::<()>();
    let short = Bounds { deadline: ms(30), ..bounds };
    let error = aside_within(short, move || stop.recv().is_ok()).expect_err("too long");
    assert!(error.contains("takes more than"), "{error}");
    drop(over);
}
