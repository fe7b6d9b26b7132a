//! `deepcoder eval calibrate`

use crate::args::CalibrateArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use deepcoder_eval::calibrate::{Sample, calibrate};
use deepcoder_eval::{EvalError, Record};
use deepcoder_types::{CALIBRATION_FILE, Calibration};
use serde_json::json;
use std::path::Path;

/// The most bytes of a file of results.
const MAX_FILE: u64 = 256 << 20;

pub(super) fn run(args: &CalibrateArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let mut samples = Vec::new();
    let mut names = Vec::new();
    for file in &args.results {
        let path = invocation.path(file);
        samples.extend(read(&path)?);
        names.push(file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    }
    let model = &invocation.profile.settings().model;
    let data = args.name.clone().unwrap_or_else(|| names.join(", "));
    let calibration = calibrate(model, &data, &samples)?;
    if args.write {
        write(&calibration, &invocation.profile.store().path(model)?.join(CALIBRATION_FILE))?;
    }
    if console.json {
        console.json(&json!(calibration))?;
        return Ok(Done::Clean);
    }
    lines(&calibration).iter().try_for_each(|line| console.line(line))?;
    if args.write {
        console.note(&format!("edits by {model} are judged by this from now on"));
    } else {
        console.hint("`deepcoder eval calibrate --write` has edits by this model judged by it");
    }
    Ok(Done::Clean)
}

/// The results of `eval edits` in a file.
fn read(path: &Path) -> Result<Vec<Sample>> {
    let text = deepcoder_files::read_text(path, MAX_FILE)
        .map_err(|e| Failure::new(format!("cannot read {}: {e}", path.display())))?;
    let mut samples = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let wrong = |message: String| EvalError::Task { path: path.to_owned(), line: index + 1, message };
        let record: Record = serde_json::from_str(line).map_err(|e| wrong(e.to_string()))?;
        let edit = record.edit.ok_or_else(|| wrong("it is no result of `eval edits`".to_owned()))?;
        samples.push(Sample { evidence: edit.evidence, right: edit.right });
    }
    Ok(samples)
}

#[expect(clippy::disallowed_methods, reason = "writes to a model's folder, which is deepcoder's own")]
fn write(calibration: &Calibration, path: &Path) -> Result<()> {
    let failed = |e: &std::io::Error| Failure::io(format_args!("cannot write {}", path.display()), e);
    let text = serde_json::to_string_pretty(calibration).map_err(|e| failed(&e.into()))? + "\n";
    let partial = path.with_extension("json.partial");
    std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, path)).map_err(|e| failed(&e))
}

/// The calibration for people.
pub(crate) fn lines(calibration: &Calibration) -> Vec<String> {
    let percent = |share: f32| format!("{:.0} %", 100.0 * share);
    let mut lines = vec![
        format!(
            "calibrated on {} results of {} ({} right)",
            calibration.results,
            calibration.data,
            percent(calibration.right)
        ),
        "confidence   applied   right among the applied   right ones applied".to_owned(),
    ];
    lines.extend(calibration.curve.iter().map(|point| {
        let [applied, right, found] = [point.applied, point.right, point.found].map(percent);
        format!("{:>10.1}{applied:>10}{right:>26}{found:>21}", point.threshold)
    }));
    lines
}
