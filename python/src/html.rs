//! Diffs and jobs for notebooks. Everything that a repository, a model or a user wrote is escaped.

use deepcoder_types::{Job, JobState};

const BLOCK: &str = "margin:0;padding:.3em .5em;overflow-x:auto;border-left:3px solid #8885;line-height:1.35";

/// A unified diff. Added and removed lines keep their signs, so that the diff can be read without colours. The tints
/// leave the notebook's own text colour alone, so that it can be read in a dark theme.
pub(crate) fn diff(diff: &str) -> String {
    let mut html = format!("<pre class=\"deepcoder-diff\" style=\"{BLOCK}\">");
    let mut in_hunk = false;
    for line in diff.lines() {
        in_hunk = !line.starts_with("diff --git ") && (in_hunk || line.starts_with("@@"));
        let (tag, style) = match line.as_bytes().first() {
            Some(b'+') if in_hunk => ("ins", "text-decoration:none;background:#2da44e33"),
            Some(b'-') if in_hunk => ("del", "text-decoration:none;background:#cf222e33"),
            Some(b'@') => ("span", "opacity:.65"),
            _ if !in_hunk => ("strong", ""),
            _ => ("span", ""),
        };
        html.push_str(&format!("<{tag} style=\"{style}\">{}</{tag}>\n", escape(line)));
    }
    html.push_str("</pre>");
    html
}

/// How a job stands, and its diff.
pub(crate) fn job(job: &Job) -> String {
    let mut html = format!(
        "<div class=\"deepcoder-job\"><strong>{}</strong> <code>{}</code> {}",
        job.state.name(),
        escape(&job.id.0),
        escape(&job.spec.prompt),
    );
    if let Some(progress) = job.progress.as_ref().filter(|_| job.state == JobState::Running) {
        let value = progress.fraction.filter(|f| f.is_finite());
        let value = value.map_or_else(String::new, |f| format!(" value=\"{:.3}\"", f.clamp(0.0, 1.0)));
        html.push_str(&format!("<br><progress{value}></progress> {}", escape(&progress.stage)));
    }
    if let Some(failure) = job.failure.as_ref().filter(|_| job.state == JobState::Failed) {
        html.push_str(&format!("<br>error: {}", escape(&failure.message)));
        if let Some(hint) = &failure.hint {
            html.push_str(&format!("<br>hint: {}", escape(hint)));
        }
    }
    if let Some(result) = &job.result {
        html.push_str(&format!("<br>{}", escape(&result.summary)));
        for note in &result.notes {
            html.push_str(&format!("<br>note: {}", escape(note)));
        }
        if let Some(answer) = &result.answer {
            html.push_str(&format!("<pre style=\"{BLOCK};white-space:pre-wrap\">{}</pre>", escape(answer)));
        }
        if !result.diff.is_empty() {
            html.push_str(&diff(&result.diff));
        }
    }
    html.push_str("</div>");
    html
}

/// `text` as HTML shows it. Characters without a glyph that change how others are shown appear as their code points.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' => safe.push(c),
            '\0'..='\u{1f}' => safe.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => safe.push_str(&format!("&lt;U+{:04X}&gt;", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}
