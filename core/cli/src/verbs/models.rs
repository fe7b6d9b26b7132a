//! `deepcoder models`

use crate::args::ModelsVerb;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Result};
use crate::progress::Progress;
use crate::sanitise::for_terminal;
use crate::time;
use crate::verbs::eval::calibrate::lines;
use deepcoder_hub::Catalogue;
use deepcoder_profile::Role;
use serde_json::json;

pub(crate) fn models(verb: &ModelsVerb, invocation: &Invocation, console: &mut Console) -> Result {
    match verb {
        ModelsVerb::List => list(invocation, console),
        ModelsVerb::Show { name } => show(name, invocation, console),
        ModelsVerb::Rm { name } => {
            let freed = invocation.profile.store().remove(name)?;
            if console.json {
                console.json(&json!({ "removed": name, "freed": freed }))?;
            } else {
                console.note(&format!("removed {name}: {} free again", time::bytes(freed)));
            }
            Ok(Done::Clean)
        }
        ModelsVerb::Forget => {
            let folder = &invocation.profile.folders().prefixes;
            let freed = deepcoder_model::forget_prefixes(folder)?;
            if console.json {
                console.json(&json!({ "forgotten": freed.pages, "freed": freed.bytes }))?;
            } else {
                let (pages, free) = (freed.pages, time::bytes(freed.bytes));
                console.note(&format!("deleted {pages} pages of prompts: {free} free again"));
            }
            Ok(Done::Clean)
        }
        ModelsVerb::Verify { name } => verify(name, invocation, console),
    }
}

fn list(invocation: &Invocation, console: &mut Console) -> Result {
    let store = invocation.profile.store();
    let installed = store.list()?;
    let default = invocation.profile.model_for(Role::Edit);
    let mut damaged = false;
    for model in &installed {
        match &model.model {
            Ok(found) if console.json => console.json(&json!({
                "name": model.name,
                "installed": true,
                "default": model.name == default,
                "roles": roles_of(&model.name, invocation),
                "size": found.size,
                "architecture": found.manifest.architecture,
                "context_length": found.manifest.context_length,
                "license": found.manifest.license,
                "path": model.path.to_string_lossy(),
            }))?,
            Ok(found) => {
                let roles = roles_of(&model.name, invocation);
                let star = if roles.is_empty() { String::new() } else { format!("  ({})", roles.join(", ")) };
                let size = time::bytes(found.size);
                console.line(&format!("{:36} {size:>10}  {}{star}", model.name, found.manifest.architecture))?;
            }
            Err(error) => {
                damaged = true;
                if console.json {
                    let error = error.to_string();
                    console.json(
                        &json!({ "name": model.name, "installed": true, "damaged": error, "path": model.path.to_string_lossy() }),
                    )?;
                } else {
                    console.line(&format!("{:36} {:>10}  {error}", model.name, "damaged"))?;
                }
            }
        }
    }
    for entry in Catalogue::builtin().entries() {
        if installed.iter().any(|model| model.name == entry.name) {
            continue;
        }
        if console.json {
            console.json(&json!({
                "name": entry.name,
                "installed": false,
                "default": entry.name == default,
                "download": entry.size,
                "architecture": entry.architecture,
                "license": entry.license.name,
            }))?;
        } else {
            let size = time::bytes(entry.size);
            console.line(&format!("{:36} {size:>10}  to be had: deepcoder pull {}", entry.name, entry.name))?;
        }
    }
    Ok(if damaged { Done::Findings } else { Done::Clean })
}

/// The roles that the model `name` has.
pub(crate) fn roles_of(name: &str, invocation: &Invocation) -> Vec<&'static str> {
    let profile = &invocation.profile;
    Role::ALL.into_iter().filter(|role| profile.model_for(*role) == name).map(Role::name).collect()
}

fn show(name: &str, invocation: &Invocation, console: &mut Console) -> Result {
    let model = invocation.profile.store().show(name)?;
    let manifest = &model.manifest;
    if console.json {
        let mut value = json!(manifest);
        value["path"] = json!(model.path.to_string_lossy());
        value["size"] = json!(model.size);
        value["calibration"] = json!(invocation.profile.calibration(&manifest.name));
        value["roles"] = json!(roles_of(name, invocation));
        console.json(&value)?;
        return Ok(Done::Clean);
    }
    console.heading(&manifest.name)?;
    let fim = manifest
        .fim
        .as_ref()
        .map_or_else(|| "none".to_owned(), |fim| format!("{} {} {}", fim.prefix, fim.suffix, fim.middle));
    let mapping: Vec<_> = manifest.recipe.mapping.iter().map(|(from, to)| format!("{from}: {to}")).collect();
    let mut rows = vec![
        (
            "used for",
            match roles_of(name, invocation).as_slice() {
                [] => "nothing by default".to_owned(),
                roles => roles.join(", "),
            },
        ),
        ("architecture", manifest.architecture.clone()),
        ("context", format!("{} tokens", manifest.context_length)),
        ("vocabulary", format!("{} tokens", manifest.vocab_size)),
        ("FIM tokens", fim),
        ("licence", manifest.license.clone().unwrap_or_else(|| "not stated".into())),
        ("source", format!("{} ({})", manifest.source.file, manifest.source.format)),
        ("source sha256", manifest.source.sha256.to_string()),
        ("made by", format!("deepcoder {}", manifest.recipe.deepcoder)),
        ("needs", format!("ONNX Runtime {}", manifest.recipe.onnxruntime_min)),
        ("folder", model.path.display().to_string()),
        ("size", time::bytes(model.size)),
    ];
    rows.extend(mapping.into_iter().map(|m| ("weights", m)));
    for (label, value) in rows {
        console.line(&format!("{label:14} {}", for_terminal(&value)))?;
    }
    for (file, entry) in &manifest.files {
        console.line(&format!(
            "{:14} {} · {} · {}",
            "file",
            for_terminal(file),
            time::bytes(entry.size),
            entry.sha256
        ))?;
    }
    if let Some(calibration) = invocation.profile.calibration(&manifest.name) {
        console.line("")?;
        lines(&calibration).iter().try_for_each(|line| console.line(&for_terminal(line)))?;
    }
    Ok(Done::Clean)
}

fn verify(name: &str, invocation: &Invocation, console: &mut Console) -> Result {
    let progress = Progress::bytes(console.can_animate(&invocation.vars), "checking", 0);
    let store = invocation.profile.store();
    let verified = store.verify_with(name, &mut |at| progress.position(at.done, at.total), &invocation.cancel);
    progress.clear();
    verified?;
    // Every byte may be as it was imported, by a version that checked less.
    deepcoder_model::Engine::check(&store.path(name)?)?;
    if console.json {
        console.json(&json!({ "name": name, "verified": true }))?;
    } else {
        console.note(&format!("{name}: every file is as it was imported, and can be loaded"));
    }
    Ok(Done::Clean)
}
