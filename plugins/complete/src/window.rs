//! How much of the file the model sees.

use deepcoder_plugin_api::{Host, PluginError};

/// The end of `before` and the beginning of `after` that have `budget` tokens together, three quarters of them before the
/// cursor. Cut between lines.
pub(crate) fn window<'a>(
    before: &'a str,
    after: &'a str,
    budget: u32,
    host: &dyn Host,
) -> Result<(&'a str, &'a str), PluginError> {
    let suffix = fitting(after, budget / 4, host, &|text, size| {
        let end = ceil_boundary(text, size);
        let end = text[..end].rfind('\n').map_or(end, |at| at + 1);
        &text[..end]
    })?;
    let left = budget.saturating_sub(host.count_tokens(suffix)?);
    let prefix = fitting(before, left, host, &|text, size| {
        let start = ceil_boundary(text, text.len() - size);
        let start = text[start..].find('\n').map_or(start, |at| start + at + 1);
        &text[start..]
    })?;
    Ok((prefix, suffix))
}

/// Cut `text` down until it fits.
fn fitting<'a>(
    text: &'a str,
    budget: u32,
    host: &dyn Host,
    cut: &dyn Fn(&'a str, usize) -> &'a str,
) -> Result<&'a str, PluginError> {
    // A token of code is rarely longer than this, so that a large file is not counted as a whole.
    let mut size = text.len().min(budget as usize * 8);
    let mut part = if size < text.len() { cut(text, size) } else { text };
    loop {
        let tokens = host.count_tokens(part)?;
        if tokens <= budget || part.is_empty() {
            return Ok(part);
        }
        size = (part.len() * budget as usize / tokens as usize).min(part.len().saturating_sub(1));
        part = cut(text, size);
    }
}

fn ceil_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}
