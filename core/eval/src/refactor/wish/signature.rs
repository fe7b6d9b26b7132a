//! What a case about a signature asks for.

use crate::refactor::case::Case;
use deepcoder_plugin_refactor::{NewParameter, ParameterChange, Which};
use deepcoder_resolve::{DeclarationKind, Memory, Project};
use deepcoder_types::{RepoPath, TextRange};
use serde_json::Value;

/// The steps that are asked for; `None`: another operation.
pub(super) fn steps(tool: &str, params: &Value) -> Option<Vec<ParameterChange>> {
    let text = |key: &str| params.get(key).and_then(Value::as_str);
    Some(match tool {
        "ChangeSignature" => {
            let changers = params.get("changers").and_then(Value::as_array).cloned().unwrap_or_default();
            let mut steps = changers.iter().map(changer).collect::<Option<Vec<ParameterChange>>>()?;
            // rope writes every call anew, by position as far as it can.
            steps.push(ParameterChange::Normalise);
            steps
        }
        "Convert parameters to destructured object" => vec![ParameterChange::Object],
        "refactor.rewrite.removeUnusedParam" | "remove_unused_param" => vec![ParameterChange::Remove(Which::AtTarget)],
        "refactor.rewrite.moveParamLeft" => vec![ParameterChange::Move { which: Which::AtTarget, right: false }],
        "refactor.rewrite.moveParamRight" => vec![ParameterChange::Move { which: Which::AtTarget, right: true }],
        "rename to a new signature" => {
            let list = text("new_name")?.strip_prefix("func(")?.strip_suffix(')')?;
            let names = list.split(',').map(str::trim).filter(|parameter| !parameter.is_empty());
            let names = names.filter_map(|parameter| parameter.split_whitespace().next());
            let parameters = names.map(|name| Which::Name(name.to_owned())).collect();
            vec![ParameterChange::Order { parameters, default: None }]
        }
        "AddMethodParameter" => {
            let arg = |at: usize| params["args"].get(at).and_then(Value::as_str);
            vec![ParameterChange::Add(NewParameter {
                name: arg(2)?.to_owned(),
                of_type: arg(1).map(str::to_owned),
                index: arg(3).and_then(|at| at.parse().ok()),
                ..NewParameter::default()
            })]
        }
        _ => return None,
    })
}

/// One of rope's changers.
fn changer(changer: &Value) -> Option<ParameterChange> {
    let text = |key: &str| changer.get(key).and_then(Value::as_str).map(str::to_owned);
    let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let index = changer.get("index").and_then(number);
    Some(match changer.get("kind").and_then(Value::as_str)? {
        "ArgumentNormalizer" => ParameterChange::Normalise,
        "ArgumentRemover" => ParameterChange::Remove(Which::Index(index?)),
        "ArgumentDefaultInliner" => ParameterChange::InlineDefault(Which::Index(index?)),
        "ArgumentAdder" => ParameterChange::Add(NewParameter {
            name: text("name")?,
            default: text("default"),
            value: text("value"),
            index,
            ..NewParameter::default()
        }),
        "ArgumentReorderer" => {
            let order = changer.get("new_order").and_then(Value::as_array)?;
            let parameters = order.iter().map(|at| number(at).map(Which::Index)).collect::<Option<Vec<_>>>()?;
            ParameterChange::Order { parameters, default: text("autodef") }
        }
        _ => return None,
    })
}

/// Why no operation of ours does this.
pub(super) fn beyond(case: &Case) -> Option<&'static str> {
    let some = case.params.get("resources").and_then(Value::as_array).map(Vec::len);
    let tool = case.tool_operation.as_deref().unwrap_or_default();
    match tool {
        _ if some.is_some_and(|some| some < case.before.len()) => Some("in some files only"),
        "DeleteMethodArgument" | "ReorderMethodArguments" => Some("the uses only, and not the declaration"),
        "AddMethodParameter" if place(case).is_none() => Some("several methods at once"),
        _ => None,
    }
}

/// The method that a recipe names: `a.B#m(..)`, `*..*#m(..)`, `a.B m(int)`. The topmost one, where it is overridden.
pub(super) fn place(case: &Case) -> Option<(RepoPath, TextRange)> {
    let pattern = case.params.get("args")?.get(0)?.as_str()?;
    let (of, method) = pattern.split_once([' ', '#'])?;
    let (name, parameters) = method.split_once('(')?;
    let parameters = parameters.trim_end_matches(')');
    let count = parameters.split(',').filter(|parameter| !parameter.trim().is_empty()).count();
    let files = Memory::new(case.before.clone());
    let project = Project::new(&files);
    let mut found = Vec::new();
    for path in case.before.keys() {
        let Some(bindings) = project.bindings(path) else { continue };
        for (_, declaration) in bindings.ids().filter(|(_, d)| d.name == name && d.kind == DeclarationKind::Method) {
            let owner = bindings.scope(declaration.scope).and_then(|scope| bindings.declaration(scope.owner?));
            let owner = owner.map(|owner| owner.name.as_str()).unwrap_or_default();
            let qualified = [bindings.package.as_str(), owner].join(".");
            let fits = of == "*..*" || of == qualified.trim_start_matches('.');
            let takes =
                parameters == ".." || declaration.parameters.is_none_or(|own| usize::try_from(own) == Ok(count));
            if fits && takes {
                found.push((path.clone(), declaration.at));
            }
        }
    }
    Some(found).filter(|found| found.len() == 1)?.pop()
}
