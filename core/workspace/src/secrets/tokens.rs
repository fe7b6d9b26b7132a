//! Tokens that say by their first letters whose they are.
//!
//! The table is data: the first letters, the alphabet and the length of the rest, as the services document them. Which
//! services are in it follows the rules of gitleaks (MIT, <https://github.com/gitleaks/gitleaks>) and detect-secrets
//! (Apache-2.0, <https://github.com/Yelp/detect-secrets>); none of their text is used.

use super::value::{is_placeholder, is_wordy, repeats};

/// The letters that the rest of a token may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// `0-9a-f`, in either case.
    Hex,
    /// `0-9A-Z`.
    Upper,
    /// `0-9a-z`.
    Lower,
    /// `A-Za-z`.
    Letters,
    /// `0-9A-Za-z`.
    Alnum,
    /// The same with `_` and `-`.
    Url,
    /// The same with `.` and `=`.
    Dotted,
    /// `0-9A-Za-z+/=`.
    Base64,
}

use Alphabet::{Alnum, Base64, Dotted, Hex, Letters, Lower, Upper, Url};

impl Alphabet {
    pub(super) const fn has(self, byte: u8) -> bool {
        match self {
            Hex => byte.is_ascii_hexdigit(),
            Upper => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            Lower => byte.is_ascii_digit() || byte.is_ascii_lowercase(),
            Letters => byte.is_ascii_alphabetic(),
            Alnum => byte.is_ascii_alphanumeric(),
            Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'='),
            Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
        }
    }
}

/// How a token looks.
#[derive(Debug)]
pub(super) struct Token {
    /// Its kind, for a message.
    pub(super) what: &'static str,
    /// How it begins, in this case.
    pub(super) prefix: &'static str,
    alphabet: Alphabet,
    least: usize,
    most: usize,
}

const fn token(what: &'static str, prefix: &'static str, alphabet: Alphabet, least: usize, most: usize) -> Token {
    Token { what, prefix, alphabet, least, most }
}

/// No service says how long its tokens may become.
const ANY: usize = 400;

const AWS: &str = "an AWS access key";
const GITHUB: &str = "a GitHub token";
const GITLAB: &str = "a GitLab token";
const SLACK: &str = "a Slack token";
const STRIPE: &str = "a Stripe key";
const GOOGLE: &str = "a Google credential";
const AI: &str = "an API key of a model service";
const KEY: &str = "a private key";
const DOCKER: &str = "a Docker token";
const OCEAN: &str = "a DigitalOcean token";
const DOPPLER: &str = "a Doppler token";
const GRAFANA: &str = "a Grafana token";
const RELIC: &str = "a New Relic key";
const SENTRY: &str = "a Sentry token";
const MAIL: &str = "a key of a mail service";
const SHOPIFY: &str = "a Shopify token";
const SQUARE: &str = "a Square token";
const ATLASSIAN: &str = "an Atlassian token";
const VAULT: &str = "a Vault token";
const FLY: &str = "a Fly.io token";
const SCALE: &str = "a PlanetScale credential";
const SONAR: &str = "a Sonar token";
const JFROG: &str = "a JFrog token";
const PACKAGES: &str = "a token of a package registry";
const BUILDS: &str = "a token of a build service";
const DATABASE: &str = "a credential of a database service";
const PAYMENT: &str = "a key of a payment service";
const OFFICE: &str = "a token of an office service";
const CLOUD: &str = "a token of a cloud service";
const WEBHOOK: &str = "a webhook's address";
const FACEBOOK: &str = "a Facebook token";

pub(super) const TOKENS: &[Token] = &[
    token(AWS, "AKIA", Upper, 16, 16),
    token(AWS, "ASIA", Upper, 16, 16),
    token(AWS, "ABIA", Upper, 16, 16),
    token(AWS, "ACCA", Upper, 16, 16),
    token(AWS, "ABSK", Base64, 100, ANY),
    token(GITHUB, "ghp_", Alnum, 36, ANY),
    token(GITHUB, "gho_", Alnum, 36, ANY),
    token(GITHUB, "ghu_", Alnum, 36, ANY),
    token(GITHUB, "ghs_", Alnum, 36, ANY),
    token(GITHUB, "ghr_", Alnum, 36, ANY),
    token(GITHUB, "github_pat_", Url, 60, ANY),
    token(GITLAB, "glpat-", Url, 20, ANY),
    token(GITLAB, "gldt-", Url, 20, ANY),
    token(GITLAB, "glrt-", Url, 20, ANY),
    token(GITLAB, "glft-", Url, 20, ANY),
    token(GITLAB, "glptt-", Url, 20, ANY),
    token(GITLAB, "glcbt-", Url, 20, ANY),
    token(GITLAB, "glimt-", Url, 20, ANY),
    token(GITLAB, "glagent-", Url, 40, ANY),
    token(GITLAB, "gloas-", Url, 40, ANY),
    token(GITLAB, "glsoat-", Url, 20, ANY),
    token(GITLAB, "glffct-", Url, 20, ANY),
    token(GITLAB, "GR1348941", Url, 20, ANY),
    token(SLACK, "xoxb-", Url, 20, ANY),
    token(SLACK, "xoxp-", Url, 20, ANY),
    token(SLACK, "xoxa-", Url, 20, ANY),
    token(SLACK, "xoxr-", Url, 20, ANY),
    token(SLACK, "xoxs-", Url, 20, ANY),
    token(SLACK, "xoxo-", Url, 20, ANY),
    token(SLACK, "xoxc-", Url, 20, ANY),
    token(SLACK, "xoxe-", Url, 20, ANY),
    token(SLACK, "xoxe.xox", Url, 20, ANY),
    token(SLACK, "xapp-", Url, 30, ANY),
    token(STRIPE, "sk_live_", Alnum, 16, ANY),
    token(STRIPE, "rk_live_", Alnum, 16, ANY),
    token(STRIPE, "sk_prod_", Alnum, 16, ANY),
    token(STRIPE, "sk_test_", Alnum, 24, ANY),
    token(STRIPE, "rk_test_", Alnum, 24, ANY),
    token(STRIPE, "whsec_", Base64, 32, ANY),
    token(GOOGLE, "AIza", Url, 35, 35),
    token(GOOGLE, "GOCSPX-", Url, 28, 28),
    token(GOOGLE, "ya29.", Dotted, 30, ANY),
    token(GOOGLE, "1//0", Url, 40, ANY),
    token(AI, "sk-ant-", Url, 32, ANY),
    token(AI, "sk-proj-", Url, 32, ANY),
    token(AI, "sk-svcacct-", Url, 32, ANY),
    token(AI, "sk-admin-", Url, 32, ANY),
    token(AI, "sk-or-", Url, 32, ANY),
    token(AI, "sk-lf-", Url, 32, ANY),
    token(AI, "sk-", Alnum, 32, 64),
    token(AI, "xai-", Alnum, 60, ANY),
    token(AI, "gsk_", Alnum, 40, ANY),
    token(AI, "pplx-", Alnum, 40, ANY),
    token(AI, "r8_", Alnum, 37, 40),
    token(AI, "nvapi-", Url, 50, ANY),
    token(AI, "tvly-", Url, 28, ANY),
    token(AI, "lsv2_pt_", Url, 40, ANY),
    token(AI, "lsv2_sk_", Url, 40, ANY),
    token(AI, "jina_", Alnum, 50, ANY),
    token(AI, "hf_", Letters, 34, 40),
    token(AI, "api_org_", Letters, 34, 40),
    token(PACKAGES, "npm_", Alnum, 36, 36),
    token(PACKAGES, "pypi-AgE", Url, 32, ANY),
    token(PACKAGES, "rubygems_", Hex, 48, 48),
    token(PACKAGES, "oy2", Lower, 43, 43),
    token(PACKAGES, "cio", Alnum, 32, 32),
    token(PACKAGES, "CLOJARS_", Lower, 60, 60),
    token(DOCKER, "dckr_pat_", Url, 27, ANY),
    token(DOCKER, "dckr_oat_", Url, 27, ANY),
    token(DOCKER, "SWMTKN-1-", Url, 60, ANY),
    token(OCEAN, "dop_v1_", Hex, 64, 64),
    token(OCEAN, "doo_v1_", Hex, 64, 64),
    token(OCEAN, "dor_v1_", Hex, 64, 64),
    token(DOPPLER, "dp.pt.", Dotted, 40, ANY),
    token(DOPPLER, "dp.st.", Dotted, 40, ANY),
    token(DOPPLER, "dp.ct.", Dotted, 40, ANY),
    token(DOPPLER, "dp.sa.", Dotted, 40, ANY),
    token(CLOUD, "dapi", Hex, 32, 32),
    token(CLOUD, "dt0c01.", Dotted, 80, ANY),
    token(CLOUD, "HRKU-", Url, 36, ANY),
    token(CLOUD, "rnd_", Alnum, 32, 32),
    token(CLOUD, "nfp_", Alnum, 36, ANY),
    token(CLOUD, "pnu_", Alnum, 36, 36),
    token(CLOUD, "pul-", Hex, 40, 40),
    token(CLOUD, "tskey-", Url, 30, ANY),
    token(CLOUD, "LTAI", Alnum, 20, 20),
    token(CLOUD, "AKID", Alnum, 32, 32),
    token(CLOUD, "AQVN", Url, 35, 38),
    token(CLOUD, "ops_eyJ", Base64, 200, ANY),
    token(CLOUD, "v1.0-", Url, 140, ANY),
    token(CLOUD, "sdk-", Url, 36, 36),
    token(CLOUD, "CFPAT-", Url, 43, 43),
    token(CLOUD, "tk-us-", Url, 48, 48),
    token(CLOUD, "sk.eyJ", Dotted, 60, ANY),
    token(GRAFANA, "glc_", Base64, 32, ANY),
    token(GRAFANA, "glsa_", Url, 40, ANY),
    token(GRAFANA, "eyJrIjoi", Base64, 60, ANY),
    token(RELIC, "NRAK-", Upper, 27, 27),
    token(RELIC, "NRII-", Url, 32, 32),
    token(SENTRY, "sntrys_", Dotted, 60, ANY),
    token(SENTRY, "sntryu_", Hex, 64, 64),
    token(MAIL, "SG.", Dotted, 60, ANY),
    token(MAIL, "key-", Hex, 32, 32),
    token(MAIL, "xkeysib-", Url, 70, ANY),
    token(MAIL, "xsmtpsib-", Url, 70, ANY),
    token("a Twilio key", "SK", Hex, 32, 32),
    token(SQUARE, "sq0atp-", Url, 22, ANY),
    token(SQUARE, "sq0csp-", Url, 40, ANY),
    token(SHOPIFY, "shpat_", Hex, 32, 32),
    token(SHOPIFY, "shpca_", Hex, 32, 32),
    token(SHOPIFY, "shppa_", Hex, 32, 32),
    token(SHOPIFY, "shpss_", Hex, 32, 32),
    token(PAYMENT, "access_token$production$", Lower, 16, ANY),
    token(PAYMENT, "access-production-", Url, 36, 36),
    token(PAYMENT, "FLWSECK-", Url, 32, ANY),
    token(PAYMENT, "duffel_live_", Dotted, 43, 43),
    token(PAYMENT, "EZAK", Alnum, 54, 54),
    token(PAYMENT, "shippo_live_", Hex, 40, 40),
    token(FACEBOOK, "EAACEdEose0cBA", Alnum, 20, ANY),
    token(FACEBOOK, "EAA", Alnum, 100, ANY),
    token(ATLASSIAN, "ATATT3", Dotted, 100, ANY),
    token(ATLASSIAN, "ATCTT3", Dotted, 100, ANY),
    token(ATLASSIAN, "ATBB", Alnum, 28, 40),
    token(OFFICE, "lin_api_", Alnum, 40, 40),
    token(OFFICE, "lin_oauth_", Hex, 64, 64),
    token(OFFICE, "ntn_", Alnum, 40, ANY),
    token(OFFICE, "secret_", Alnum, 43, 43),
    token(OFFICE, "figd_", Url, 40, ANY),
    token(OFFICE, "figo_", Url, 40, ANY),
    token(OFFICE, "PMAK-", Url, 59, 59),
    token(OFFICE, "rdme_", Lower, 70, 70),
    token(OFFICE, "tfp_", Dotted, 59, 59),
    token(OFFICE, "p8e-", Lower, 32, 32),
    token(OFFICE, "fio-u-", Dotted, 64, 64),
    token(VAULT, "hvs.", Url, 24, ANY),
    token(VAULT, "hvb.", Url, 24, ANY),
    token(VAULT, "hvr.", Url, 24, ANY),
    token(FLY, "fo1_", Url, 43, 43),
    token(FLY, "fm1r_", Base64, 100, ANY),
    token(FLY, "fm2_", Base64, 100, ANY),
    token(SCALE, "pscale_tkn_", Dotted, 32, ANY),
    token(SCALE, "pscale_oauth_", Dotted, 32, ANY),
    token(SCALE, "pscale_pw_", Dotted, 32, ANY),
    token(DATABASE, "sbp_", Hex, 40, 40),
    token(DATABASE, "sb_secret_", Url, 30, ANY),
    token(DATABASE, "npg_", Alnum, 12, 16),
    token(SONAR, "squ_", Hex, 40, 40),
    token(SONAR, "sqp_", Hex, 40, 40),
    token(SONAR, "sqa_", Hex, 40, 40),
    token(JFROG, "AKCp", Alnum, 69, 69),
    token(JFROG, "cmVmd", Alnum, 59, 59),
    token(BUILDS, "CCIPAT_", Url, 60, ANY),
    token(BUILDS, "CCIPRJ_", Url, 60, ANY),
    token(BUILDS, "bkua_", Hex, 40, 40),
    token(BUILDS, "sgp_", Url, 40, 60),
    token(BUILDS, "ico-", Alnum, 32, 32),
    token(BUILDS, "API-", Upper, 26, 26),
    token(BUILDS, "sha256~", Url, 43, 43),
    token(KEY, "AGE-SECRET-KEY-1", Upper, 58, 58),
    // Keys without their marks: PKCS #8 and PKCS #1 of the usual lengths, Ed25519, OpenSSH.
    token(KEY, "MIIEvQIBADANBgkqhki", Base64, 60, ANY),
    token(KEY, "MIIEvgIBADANBgkqhki", Base64, 60, ANY),
    token(KEY, "MIIEvAIBADANBgkqhki", Base64, 60, ANY),
    token(KEY, "MIIJQgIBADANBgkqhki", Base64, 60, ANY),
    token(KEY, "MIIEowIBAAKCAQEA", Base64, 60, ANY),
    token(KEY, "MIIEpAIBAAKCAQEA", Base64, 60, ANY),
    token(KEY, "MIIEpQIBAAKCAQEA", Base64, 60, ANY),
    token(KEY, "MIIJKAIBAAKCAgEA", Base64, 60, ANY),
    token(KEY, "MIIJKQIBAAKCAgEA", Base64, 60, ANY),
    token(KEY, "MC4CAQAwBQYDK2VwBCIEI", Base64, 40, ANY),
    token(KEY, "b3BlbnNzaC1rZXktdjE", Base64, 60, ANY),
    token(WEBHOOK, "hooks.slack.com/services/T", Base64, 40, ANY),
    token(WEBHOOK, "hooks.slack.com/workflows/T", Base64, 40, ANY),
    token(WEBHOOK, "hooks.slack.com/triggers/T", Base64, 40, ANY),
];

impl Token {
    /// Where the token ends that begins at `start` of `text`, where one does. Its prefix was found without regard to case.
    pub(super) fn end(&self, text: &[u8], start: usize) -> Option<usize> {
        let body = start + self.prefix.len();
        if text.get(start..body)? != self.prefix.as_bytes() || !begins(text, start) {
            return None;
        }
        // A few letters stand in base64 by chance.
        let by_chance = self.prefix.len() <= 4 && self.prefix.bytes().all(|b| b.is_ascii_alphanumeric());
        if by_chance && start > 0 && matches!(text[start - 1], b'+' | b'/') {
            return None;
        }
        let rest = &text[body..];
        let length = rest.iter().take(self.most + 1).take_while(|b| self.alphabet.has(**b)).count();
        let value = std::str::from_utf8(rest.get(..length)?).ok()?;
        let longer = length > self.most && self.most < ANY;
        // A word may follow without being a part of it: `AKIA…` in the middle of base64 is none.
        let goes_on = self.most < ANY && rest.get(length).is_some_and(u8::is_ascii_alphanumeric);
        // Without a digit they may be words: `sk-learn-…`, `glft-some-name`.
        let joined = matches!(self.alphabet, Url | Dotted | Base64 | Letters);
        let plain = joined && !value.bytes().any(|b| b.is_ascii_digit()) && is_wordy(value);
        let fits = length >= self.least && !longer && !goes_on && !plain;
        (fits && !is_placeholder(value) && !repeats(value)).then_some(body + length)
    }
}

/// Whether a word can begin at `start`: an escape such as `\n` or `%20` in front of it is no part of it.
pub(super) fn begins(text: &[u8], start: usize) -> bool {
    let before = |n: usize| start.checked_sub(n).and_then(|at| text.get(at)).copied();
    match before(1) {
        Some(b'n' | b'r' | b't') if before(2) == Some(b'\\') => true,
        Some(b) if b.is_ascii_hexdigit() && before(3) == Some(b'%') => true,
        Some(b) => !b.is_ascii_alphanumeric(),
        None => true,
    }
}
