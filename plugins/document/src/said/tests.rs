use super::*;

fn names(said: &[(String, u32)]) -> Vec<&str> {
    said.iter().map(|(name, _)| name.as_str()).collect()
}

/// Protects the check of Python's conventions: names in all three, and nothing in prose that looks like them.
#[test]
fn python_has_three_conventions() {
    let google = "Sum.\n\nArgs:\n    a (int): One: the first.\n        More of it.\n    *rest: Others.\n    b, c: Two.\n\nReturns:\n    int: The sum.\n\nRaises:\n    errors.Bad: If not.\n";
    let said = said(Language::Python, google);
    assert_eq!(names(&said.parameters), ["a", "rest", "b", "c"]);
    assert_eq!((names(&said.raises), said.gives, said.style), (vec!["Bad"], Some(9), Some(Style::Google)));
    let numpy = "Sum.\n\nParameters\n----------\na : int\n    The first.\nx, y : float\n    Two.\n**kw\n\nReturns\n-------\nint\n    The sum.\n\nRaises\n------\nValueError\n    If not.\n";
    let said = super::said(Language::Python, numpy);
    assert_eq!(names(&said.parameters), ["a", "x", "y", "kw"]);
    assert_eq!((names(&said.raises), said.gives, said.style), (vec!["ValueError"], Some(12), Some(Style::Numpy)));
    let sphinx = "Sum.\n\n:param int a: The first.\n:param b: Another.\n:type b: str\n:returns: The sum.\n:raises Bad, Worse: If not.\n";
    let said = super::said(Language::Python, sphinx);
    assert_eq!(names(&said.parameters), ["a", "b"]);
    assert_eq!((names(&said.raises), said.gives, said.style), (vec!["Bad", "Worse"], Some(5), Some(Style::Sphinx)));
    let prose = "Returns: a number, as :meth:`x` does.\n\nNote: this is it.\n";
    let said = super::said(Language::Python, prose);
    assert_eq!((said.parameters.len(), said.style), (0, None));
    assert_eq!(super::said(Language::Python, "A.\n\nReturns:\n    None\n").gives, None);
}

/// Protects the check of tags: types, defaults, directions, members and type parameters are no names.
#[test]
fn tags_name_parameters() {
    let doc = "Adds.\n\n@param {{a: number}} one - the first\n@param {string} [two='x'] the second\n@param one.a inside\n@param <T> a type\n@param ...rest others\n@returns {void}\n@throws {RangeError} if not\n";
    let said = said(Language::JavaScript, doc);
    assert_eq!(names(&said.parameters), ["one", "two", "rest"]);
    assert_eq!((said.gives, names(&said.raises), said.style), (None, vec!["RangeError"], Some(Style::Tags)));
    let doc = "Copies.\n\\param[in] from,size where from\n\\return how many\n\\code\n\\param no\n\\endcode";
    let said = super::said(Language::C, doc);
    assert_eq!(names(&said.parameters), ["from", "size"]);
    assert_eq!((said.gives, said.style), (Some(2), Some(Style::Doxygen)));
    assert!(super::said(Language::Java, "{@inheritDoc}").inherits);
}

/// Protects the check of rustdoc: names in the list of arguments, and none of an example.
#[test]
fn rust_has_headings() {
    let doc =
        "Adds.\n\n# Arguments\n\n* `a` - the first\n- `b`: the second\n\n# Safety\n\nKeep it.\n\n```\n# Returns\n```\n";
    let said = said(Language::Rust, doc);
    assert_eq!((names(&said.parameters), said.has_safety, said.gives), (vec!["a", "b"], true, None));
}
