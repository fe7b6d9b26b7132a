use super::*;

fn vars(pairs: &[(&str, &str)]) -> Vars {
    Vars::new(pairs.iter().map(|(k, v)| (k.into(), v.into())))
}

/// Protects the order that every user relies on: flag, environment, file, default.
#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let file = ConfigFile { model: Some("file".into()), threads: Some(3), ..ConfigFile::default() };
    let env = vars(&[("DEEPCODER_MODEL", "env"), ("DEEPCODER_IDLE_SECONDS", "7")]);
    let flags = Overrides { model: Some("flag".into()), ..Overrides::default() };
    let none = Overrides::default();
    let model = |o: &Overrides, v: &Vars, f: &ConfigFile| Settings::resolve(o, v, f.clone()).expect("valid").model;
    assert_eq!(model(&flags, &env, &file), "flag");
    assert_eq!(model(&none, &env, &file), "env");
    assert_eq!(model(&none, &vars(&[]), &file), "file");
    assert_eq!(model(&none, &vars(&[]), &ConfigFile::default()), DEFAULT_MODEL);
    let pairs = Overrides { config: vec!["model=pair".into(), "idle_seconds=5".into()], ..Overrides::default() };
    let settings = Settings::resolve(&pairs, &env, file).expect("valid");
    assert_eq!((settings.model.as_str(), settings.idle.as_secs(), settings.threads), ("pair", 5, Some(3)));
}

/// Protects a user with two models: each role has the model that was named for it, the nearest to the user's hands first.
#[test]
fn models_are_named_by_role() {
    let file: ConfigFile =
        toml::from_str("model = 'all'\n[models]\ncomplete = 'small'\nedit = 'large'\n").expect("a file");
    let models = |pairs: &[&str], flag: Option<&str>, env: &[(&str, &str)]| {
        let config = pairs.iter().map(|pair| (*pair).to_owned()).collect();
        let overrides = Overrides { config, model: flag.map(str::to_owned), ..Overrides::default() };
        let models = Settings::resolve(&overrides, &vars(env), file.clone()).expect("valid").models;
        [models.complete, models.edit, models.agent].map(Option::unwrap_or_default)
    };
    assert_eq!(models(&[], None, &[]), ["small", "large", "all"]);
    assert_eq!(models(&["models.edit=x", "models.agent=y"], None, &[]), ["small", "x", "y"]);
    assert_eq!(models(&["model=x"], None, &[]), ["x", "x", "x"]);
    assert_eq!(models(&["models.edit=x"], Some("flag"), &[]), ["flag", "flag", "flag"]);
    assert_eq!(models(&[], None, &[(env_var::MODEL, "env")]), ["env", "env", "env"]);
    let none = Settings::resolve(&Overrides::default(), &vars(&[]), ConfigFile::default()).expect("valid");
    assert_eq!(none.models, crate::RoleModels::default());
    let wrong = Overrides { config: vec!["models.write=x".into()], ..Overrides::default() };
    assert!(Settings::resolve(&wrong, &vars(&[]), ConfigFile::default()).is_err());
}

/// Protects readers of the reference: a documented default is the value that applies without the setting, and every
/// setting of one line says what it does.
#[test]
fn documented_defaults_are_the_defaults() {
    for setting in SETTINGS {
        let meaning = setting.meaning.trim();
        assert!(meaning.ends_with('.') && meaning.len() > 10, "{} says nothing: {meaning}", setting.key);
        if !setting.default.is_empty() {
            let pair = format!("{}={}", setting.key, setting.default);
            let set = Overrides { config: vec![pair.clone()], ..Overrides::default() };
            let resolve = |overrides| Settings::resolve(overrides, &vars(&[]), ConfigFile::default()).expect("valid");
            let known = Settings { daemon: true, ..resolve(&set) };
            assert_eq!(known, resolve(&Overrides::default()), "{pair}");
        }
    }
}

/// Protects passwords: the address of the jobs' database is used whole, and shown without.
#[test]
fn an_address_is_not_shown_with_its_password() {
    let file: ConfigFile = toml::from_str("store = 'postgres://me:secret@file/db'").expect("valid");
    let none = Overrides::default();
    let settings = Settings::resolve(&none, &vars(&[]), file.clone()).expect("valid");
    assert_eq!(settings.store, Some(QueuePlace::Postgres("postgres://me:secret@file/db".into())));
    let shown = format!("{file:?} {settings:?} {}", settings.store.as_ref().expect("set"));
    assert!(shown.contains("postgres://me@file/db") && !shown.contains("secret"), "{shown}");
    let env = vars(&[("DEEPCODER_STORE", "postgres://env/db")]);
    assert_eq!(
        Settings::resolve(&none, &env, file.clone()).expect("valid").store,
        Some(QueuePlace::Postgres("postgres://env/db".into()))
    );
    let empty = Overrides { config: vec!["store=".into()], ..Overrides::default() };
    assert_eq!(Settings::resolve(&empty, &env, file).expect("valid").store, None, "set to nothing");
}

/// Protects users who want no language server, or another one: the setting is a switch or a table of commands.
#[test]
fn language_servers_are_a_switch_or_commands() {
    let of = |pair: &str| {
        let overrides = Overrides { config: vec![pair.to_owned()], ..Overrides::default() };
        Settings::resolve(&overrides, &vars(&[]), ConfigFile::default()).map(|settings| settings.language_servers)
    };
    assert_eq!(Settings::default().language_servers, LanguageServers::Installed(true));
    assert_eq!(of("language_servers=false").expect("valid"), LanguageServers::Installed(false));
    let commands = [("python".to_owned(), "/opt/server --stdio".to_owned())].into();
    assert_eq!(
        of("language_servers={ python = '/opt/server --stdio' }").expect("valid"),
        LanguageServers::Commands(commands)
    );
    assert!(of("language_servers=1").is_err());
}

/// Protects the limit of memory from being a thousand times too small or too large.
#[test]
fn sizes_have_units() {
    for (text, want) in [
        ("8G", Some(8 << 30)),
        (" 512 MiB ", Some(512 << 20)),
        ("100000000", Some(100_000_000)),
        ("1T", Some(1 << 40)),
        ("8", None),
        ("G", None),
        ("-1G", None),
        ("99999999999T", None),
        ("", None),
    ] {
        assert_eq!(bytes(text), want, "{text}");
    }
}

/// Protects users from settings that silently do nothing: misspelt keys and senseless values are errors that say
/// where.
#[test]
fn wrong_settings_are_refused_with_their_place() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let path = dir.path().join("config.toml");
    #[expect(clippy::disallowed_methods, reason = "a temporary folder")]
    std::fs::write(&path, "model = 'a'\nthreds = 2\n").expect("written");
    let message = ConfigFile::read(&path).expect_err("refused").to_string();
    assert!(message.contains("line 2: unknown field `threds`"), "{message}");
    let resolve = |o: &Overrides, v: &[(&str, &str)]| {
        Settings::resolve(o, &vars(v), ConfigFile::default()).expect_err("refused").to_string()
    };
    let none = Overrides::default();
    assert_eq!(resolve(&none, &[("DEEPCODER_THREADS", "many")]), "DEEPCODER_THREADS is `many`, but must be a number");
    assert_eq!(resolve(&none, &[("DEEPCODER_DEVICE", "tpu")]), "device is `tpu`, but must be cpu, cuda or auto");
    let secret = "postgresq://me:secret@host/db";
    let said = resolve(&none, &[("DEEPCODER_STORE", secret)]);
    assert!(said.starts_with("store: ") && said.contains("me@host/db") && !said.contains("secret"), "{said}");
    let pair = Overrides { config: vec!["worker_memory=8X".into()], ..Overrides::default() };
    assert!(resolve(&pair, &[]).starts_with("worker_memory is `8X`, but must be a size"));
    for mib in ["0", "1048577", "18446744073709551615"] {
        let pair = Overrides { config: vec![format!("cache_mib={mib}")], ..Overrides::default() };
        assert_eq!(resolve(&pair, &[]), format!("cache_mib is `{mib}`, but must be from 1 to 1048576"));
    }
    let pair = Overrides { config: vec!["modle=x".into()], ..Overrides::default() };
    assert!(resolve(&pair, &[]).starts_with("`modle=x` is not a setting: unknown field"));
}
