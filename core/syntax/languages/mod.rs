//! The languages, each in a folder of its own: what is known of it, the query for its definitions, and its tests.

use crate::language::Spec;

/// One line for each language makes its module and its variant.
macro_rules! languages {
    ($($variant:ident: $folder:ident, $doc:literal;)*) => {
        $(mod $folder;)*

        /// A language that has a grammar.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Language {
            $(#[doc = $doc] $variant,)*
        }

        impl Language {
            /// All of them.
            pub const ALL: [Self; [$(stringify!($variant)),*].len()] = [$(Self::$variant),*];

            pub(crate) fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$variant => &$folder::SPEC,)*
                }
            }
        }
    };
}

languages! {
    Python: python, "Python.";
    Rust: rust, "Rust.";
    JavaScript: javascript, "JavaScript, with JSX.";
    TypeScript: typescript, "TypeScript.";
    Tsx: tsx, "TypeScript with JSX.";
    Go: go, "Go.";
    Java: java, "Java.";
    C: c, "C.";
    Cpp: cpp, "C++, and headers, which may be either.";
    Bash: bash, "Bash and other shells that read the same.";
    CSharp: csharp, "C#.";
    Kotlin: kotlin, "Kotlin.";
    Php: php, "PHP, with the HTML around it.";
    Ruby: ruby, "Ruby.";
    Html: html, "HTML.";
    Css: css, "CSS.";
    Json: json, "JSON, with comments.";
    Toml: toml, "TOML.";
    Yaml: yaml, "YAML.";
}
