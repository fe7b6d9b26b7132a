//! Planted secrets: kinds of them, in the forms that files have. They are made when they are needed, so that nothing in
//! this repository looks like one.

use std::fmt::Write as _;

/// A generator whose numbers depend on nothing else.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % n
    }

    pub(crate) fn pick(&mut self, from: &str, n: usize) -> String {
        let from: Vec<char> = from.chars().collect();
        (0..n).map(|_| from[self.below(from.len())]).collect()
    }
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &str = "0123456789abcdef";
const BECH32: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const DIGITS: &str = "0123456789";

/// Secrets that are known wherever they stand: what they are, and one of them.
pub(crate) fn tokens(dice: &mut Dice) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let mut add = |what, parts: &[&str]| all.push((what, parts.concat()));
    let mut p = |from, n| dice.pick(from, n);
    add("AWS access key", &["AK", "IA", &p(UPPER, 16)]);
    add("AWS temporary key", &["AS", "IA", &p(UPPER, 16)]);
    add("GitHub personal token", &["gh", "p_", &p(ALNUM, 36)]);
    add("GitHub server token", &["gh", "s_", &p(ALNUM, 36)]);
    add("GitHub fine-grained token", &["github", "_pat_", &p(ALNUM, 22), "_", &p(ALNUM, 59)]);
    add("GitLab token", &["glp", "at-", &p(URL, 20)]);
    add("Slack bot token", &["xo", "xb-", &p(DIGITS, 12), "-", &p(DIGITS, 12), "-", &p(ALNUM, 24)]);
    add(
        "Slack webhook",
        &["https://hooks.sl", "ack.com/services/T", &p(UPPER, 8), "/B", &p(UPPER, 8), "/", &p(ALNUM, 24)],
    );
    add("Stripe key", &["sk_", "live_", &p(ALNUM, 24)]);
    add("Google API key", &["AI", "za", &p(URL, 35)]);
    add("Google client secret", &["GOC", "SPX-", &p(URL, 28)]);
    add("OpenAI key, old form", &["s", "k-", &p(ALNUM, 48)]);
    add("OpenAI project key", &["sk-", "proj-", &p(URL, 74)]);
    add("Anthropic key", &["sk-", "ant-api03-", &p(URL, 93), "AA"]);
    add("npm token", &["np", "m_", &p(ALNUM, 36)]);
    add("PyPI token", &["pyp", "i-AgEIcHlwaS5vcmc", &p(URL, 90)]);
    add("RubyGems token", &["rubyg", "ems_", &p(HEX, 48)]);
    add("Docker token", &["dckr", "_pat_", &p(URL, 27)]);
    add("DigitalOcean token", &["dop", "_v1_", &p(HEX, 64)]);
    add("Hugging Face token", &["h", "f_", &p(&ALNUM[..52], 34)]);
    add("SendGrid key", &["S", "G.", &p(URL, 22), ".", &p(URL, 43)]);
    add("Mailchimp key", &[&p(HEX, 32), "-u", "s12"]);
    add("Twilio key", &["S", "K", &p(HEX, 32)]);
    add("Shopify token", &["shp", "at_", &p(HEX, 32)]);
    add("Telegram token", &["7", &p(DIGITS, 9), ":", "AA", &p(URL, 33)]);
    add("Vault token", &["hv", "s.", &p(URL, 90)]);
    add("Databricks token", &["da", "pi", &p(HEX, 32)]);
    add("Grafana token", &["gl", "sa_", &p(ALNUM, 32), "_", &p(HEX, 8)]);
    add("Linear key", &["lin", "_api_", &p(ALNUM, 40)]);
    add("Azure client secret", &[&p(ALNUM, 3), "8", "Q~", &p(ALNUM, 34)]);
    add("Terraform token", &[&p(ALNUM, 14), ".atlas", "v1.", &p(ALNUM, 67)]);
    add("age key", &["AGE-SEC", "RET-KEY-1", &p(BECH32, 58)]);
    add("signed web token", &["ey", "J", &p(ALNUM, 33), ".ey", "J", &p(ALNUM, 60), ".", &p(URL, 43)]);
    add("password in an address", &["postgres://app:", &p(ALNUM, 14), "@db.internal:5432/main"]);
    add("token as an address's password", &["redis://:", &p(ALNUM, 32), "@cache.internal:6379/0"]);
    all
}

/// Blocks of several lines.
pub(crate) fn blocks(dice: &mut Dice) -> Vec<(&'static str, String)> {
    let mut key = |from, to: &str| {
        let dashes = "-".repeat(5);
        let mut text = format!("{dashes}BEGIN {to}{dashes}\n");
        (0..6).for_each(|_| _ = writeln!(text, "{}", dice.pick(from, 64)));
        text + &format!("{dashes}END {to}{dashes}\n")
    };
    let mut all = vec![
        ("RSA key", key(BASE64, "RSA PRIVATE KEY")),
        ("PKCS 8 key", key(BASE64, "PRIVATE KEY")),
        ("OpenSSH key", key(BASE64, "OPENSSH PRIVATE KEY")),
        ("PGP key", key(BASE64, "PGP PRIVATE KEY BLOCK")),
    ];
    let escaped = all[1].1.replace('\n', "\\n");
    all.push((
        "key in a service account",
        format!("{{\n  \"type\": \"service_account\",\n  \"private_key\": \"{escaped}\"\n}}\n"),
    ));
    let program: String = all[0].1.lines().map(|line| format!("    \"{line}\\n\" +\n")).collect();
    all.push(("key in program text", program));
    all
}

/// Values that a name makes secret: what they are, names for them, and one of them.
pub(crate) fn values(dice: &mut Dice) -> Vec<(&'static str, &'static [&'static str], String)> {
    let chosen =
        format!("{}{}#{}!", dice.pick("BCDFGKLMNPRSTVZ", 1), dice.pick("bdfgklmnprstvz", 5), dice.pick("23456789", 4));
    let signs =
        format!("{}&{}*{}@{}", dice.pick(ALNUM, 4), dice.pick(ALNUM, 5), dice.pick(DIGITS, 2), dice.pick(LOWER, 4));
    let uuid: Vec<String> = [8, 4, 4, 4, 12].iter().map(|n| dice.pick(HEX, *n)).collect();
    let uuid = uuid.join("-");
    vec![
        (
            "chosen password",
            &["password", "db_password", "MYSQL_ROOT_PASSWORD", "adminPassword", "DB_PASS", "ldap.pwd"],
            chosen,
        ),
        ("password with signs", &["password", "smtp_passwd", "REDIS_PASSWORD", "spring.datasource.password"], signs),
        ("random password", &["password", "PGPASSWORD", "jdbcPassword"], dice.pick(ALNUM, 20)),
        (
            "AWS secret key",
            &["aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "secretAccessKey"],
            dice.pick(BASE64, 40),
        ),
        ("token", &["token", "auth_token", "accessToken", "BOT_TOKEN", "X-Auth-Token"], dice.pick(ALNUM, 32)),
        ("token in small letters", &["token", "api_token", "refresh_token"], dice.pick(LOWER, 40)),
        ("API key", &["api_key", "apiKey", "X-API-Key", "STRIPE_API_KEY", "datadog_apikey"], dice.pick(ALNUM, 24)),
        ("hexadecimal key", &["secret_key", "SECRET_KEY_BASE", "client_secret", "encryption_key"], dice.pick(HEX, 64)),
        ("client secret", &["client_secret", "clientSecret", "OAUTH_CLIENT_SECRET"], dice.pick(URL, 40)),
        ("UUID", &["HEROKU_API_KEY", "apiKey", "client_secret"], uuid),
        ("session secret", &["session_secret", "JWT_SECRET", "cookieSecret"], dice.pick(BASE64, 44)),
        (
            "storage key",
            &["AccountKey", "account_key", "AZURE_STORAGE_ACCESS_KEY"],
            format!("{}==", dice.pick(BASE64, 86)),
        ),
    ]
}

/// Forms in which a name is given a value; `{name}` and `{value}` stand for them.
pub(crate) const FORMS: &[(&str, &str)] = &[
    ("Python", "{name} = \"{value}\""),
    ("single quotes", "{name} = '{value}'"),
    ("JSON", "  \"{name}\": \"{value}\","),
    ("JSON in a string", "{\\\"{name}\\\": \\\"{value}\\\"}"),
    ("YAML", "{name}: {value}"),
    ("YAML in a list", "  - {name}: {value}"),
    ("YAML, quoted", "{name}: \"{value}\""),
    ("INI", "{name} = {value}"),
    ("properties", "{name}={value}"),
    ("shell", "export {name}={value}"),
    ("shell, quoted", "export {name}=\"{value}\""),
    ("Dockerfile", "ENV {name} {value}"),
    ("Dockerfile, equals", "ENV {name}={value}"),
    ("compose list", "      - {name}={value}"),
    ("PHP", "'{name}' => '{value}',"),
    ("PHP constant", "define('{name}', '{value}');"),
    ("Rust", "let {name}: &str = \"{value}\";"),
    ("Rust constant", "const {name}: &'static str = \"{value}\";"),
    ("Go", "{name} := \"{value}\""),
    ("TypeScript", "private readonly {name}: string = '{value}';"),
    ("call with a name", "connect(host, {name}=\"{value}\", port=1)"),
    ("default", "os.environ.get(\"{name}\", \"{value}\")"),
    ("setter", "config.{name}(\"{value}\");"),
    ("index", "config[\"{name}\"] = \"{value}\""),
    ("comparison", "if {name} == \"{value}\":"),
    ("XML element", "<{name}>{value}</{name}>"),
    ("XML attribute", "<add key=\"{name}\" value=\"{value}\" />"),
    ("option", "tool --{name} {value} --verbose"),
    ("option, equals", "tool --{name}={value}"),
    ("comment", "# old: {name} = '{value}'"),
    ("Make", "{name} ?= {value}"),
];

/// Names of files that hold secrets.
pub(crate) const FILES: &[&str] = &[
    ".env",
    ".env.local",
    ".env~",
    ".env_backup",
    ".env-prod",
    ".env.bak",
    "prod.env",
    "secret.yaml",
    "secrets.yml",
    "app-secrets.json",
    "db_credentials.ini",
    "passwords.txt",
    "terraform.tfvars",
    "terraform.tfvars.json",
    "prod.auto.tfvars",
    "terraform.tfstate.backup",
    "id_rsa",
    "id_ed25519.bak",
    "deploy_rsa",
    "server.key",
    "server.pem.old",
    "keystore.jks",
    ".npmrc",
    ".pypirc",
    ".netrc",
    ".pgpass",
    ".git-credentials",
    ".htpasswd",
    "client_secret_1.json",
    "gcp-service-account.json",
    "service-account-prod.json",
    "kubeconfig.yaml",
    ".aws/config",
    ".docker/config.json",
    "wp-config.php",
    ".bash_history",
    "vault_pass.txt",
    ".envrc",
    "#.env#",
    ".secrets.swp",
    "Credentials.json",
];
