use super::c;
use crate::language::Spec;

pub(crate) const SPEC: Spec = Spec {
    name: "cpp",
    grammar: || tree_sitter_cpp::LANGUAGE.into(),
    aliases: &["c++", "cxx"],
    extensions: &["h", "cc", "cpp", "cxx", "c++", "hh", "hpp", "hxx", "h++", "inl", "ipp"],
    fences: &[("h", "c")],
    keywords: "alignas alignof auto bool break case catch char class const constexpr continue decltype default delete do \
        double else enum explicit export extern false float for friend goto if inline int long mutable namespace new \
        noexcept nullptr operator private protected public return short signed sizeof static struct switch template \
        this throw true try typedef typename union unsigned using virtual void volatile while",
    tags: &[c::TAGS, include_str!("tags.scm")],
    leads: &["attribute_declaration"],
    shells: &["template_declaration", "field_declaration"],
    ..c::SPEC
};
