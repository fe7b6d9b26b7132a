//! Times for people.

use chrono::{Local, TimeZone, Utc};
use std::fmt::Display;

/// `2026-11-24 14:05`, in the local time zone.
pub(crate) fn local(ms: u64) -> String {
    said(ms, &Local, "%Y-%m-%d %H:%M")
}

/// `2026-11-24 14:05:09`, in the local time zone.
pub(crate) fn local_seconds(ms: u64) -> String {
    said(ms, &Local, "%Y-%m-%d %H:%M:%S")
}

/// `2026-11-24T13:05:09Z`, for programs (RFC 3339).
pub(crate) fn utc(ms: u64) -> String {
    said(ms, &Utc, "%Y-%m-%dT%H:%M:%SZ")
}

fn said<Z: TimeZone<Offset: Display>>(ms: u64, zone: &Z, format: &str) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| zone.timestamp_millis_opt(ms).single());
    at.map_or_else(|| "a time that is none".to_owned(), |at| at.format(format).to_string())
}

/// `3 s`, `5 min`, `2 h`, `4 d`.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `1.4 GiB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::FixedOffset;

    /// Protects the history's dates: over leap days and the ends of years, east and west of Greenwich, and numbers that
    /// are no times.
    #[test]
    fn dates_are_right() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_827_640_000), "2000-02-29T12:34:00Z");
        assert_eq!(utc(1_735_689_599_000), "2024-12-31T23:59:59Z");
        assert_eq!(utc(u64::MAX), "a time that is none");
        let east = FixedOffset::east_opt(3 * 3600).expect("an offset");
        assert_eq!(said(1_735_689_599_000, &east, "%Y-%m-%d %H:%M"), "2025-01-01 02:59");
        assert_eq!(local(951_827_640_000).len(), "2000-02-29 12:34".len());
        assert_eq!((span(90), span(7199), bytes(1_503_238_553)), ("90 s".into(), "119 min".into(), "1.4 GiB".into()));
    }
}
