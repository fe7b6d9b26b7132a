//! Jobs that come with time: those that wait for a moment, and templates that are due again and again.

use crate::refuse::{invalid, refused};
use chrono::{DateTime, Local, TimeZone as _};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use deepcoder_protocol::{Failure, Refusal};
use deepcoder_queue::{Queue, QueueError};
use deepcoder_types::{Job, JobFilter, JobState, Schedule};

/// How often templates are looked at when nothing is known to be due.
pub(crate) const LOOK_MS: u64 = 30_000;

/// Templates that are read at a time.
const PAGE: u32 = 1_000;

/// Whether a schedule makes sense.
pub(crate) fn check(schedule: &Schedule, now_ms: u64) -> Result<(), Failure> {
    const HINT: &str =
        "five fields: minute, hour, day of the month, month, day of the week, such as \"0 3 * * mon-fri\"";
    let Schedule::Cron(text) = schedule else { return Ok(()) };
    let cron = parse(text)
        .map_err(|why| refused(Refusal::Invalid, format!("`{text}` is not a schedule: {why}"), Some(HINT.into())))?;
    match next(&cron, now_ms) {
        Some(_) => Ok(()),
        None => invalid(&format!("`{text}` is never due"), HINT),
    }
}

fn parse(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text.trim()).map_err(|error| error.to_string())
}

/// When `cron` is due next, strictly after `after_ms`, in milliseconds since 1970, by the clock on the wall: a time that
/// the start of summer time skips comes right after the gap, one that its end repeats comes once.
fn next(cron: &Cron, after_ms: u64) -> Option<u64> {
    let after: DateTime<Local> = Local.timestamp_millis_opt(i64::try_from(after_ms).ok()?).single()?;
    let next = cron.find_next_occurrence(&after, false).ok()?;
    u64::try_from(next.timestamp_millis()).ok()
}

/// Queue what is due, and make the jobs of templates whose time has come: one, however many times were missed. When to
/// come again.
pub(crate) fn fire(queue: &Queue, now_ms: u64) -> Result<Option<u64>, QueueError> {
    for template in templates(queue)? {
        let Schedule::Cron(text) = &template.spec.schedule else { continue };
        let Some(next) = parse(text).ok().and_then(|cron| next(&cron, now_ms)) else { continue };
        match template.due_ms {
            // Keyed by the announced time, so that two processes that see it pass make the same job.
            Some(due) if due <= now_ms => {
                _ = queue.instantiate(&template.id, &due.to_string(), now_ms, Some(next))?;
            }
            Some(due) if due <= next => {}
            // New, or announced by a clock that was ahead.
            _ => queue.set_due(&template.id, Some(next))?,
        }
    }
    queue.tick(now_ms)
}

fn templates(queue: &Queue) -> Result<Vec<Job>, QueueError> {
    let mut all = Vec::new();
    let mut filter = JobFilter { states: vec![JobState::Scheduled], limit: PAGE, ..JobFilter::default() };
    loop {
        let page = queue.list(&filter)?;
        filter.before = page.last().map(|job| job.id.clone());
        let full = page.len() == PAGE as usize;
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}
