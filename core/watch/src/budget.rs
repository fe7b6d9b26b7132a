//! How much of the model's time the changes of one repository may take.

use std::time::{Duration, Instant};

const HOUR: f64 = 3600.0;

/// Time that is there to be spent: it fills up evenly, to at most an hour's worth.
pub(crate) struct Budget {
    per_hour: f64,
    left: f64,
    /// When that was so, and the time that the model had worked until then.
    at: Instant,
    used: Duration,
}

impl Budget {
    pub(crate) fn new(per_hour: Duration, used: Duration, now: Instant) -> Self {
        let per_hour = per_hour.as_secs_f64().min(HOUR);
        Self { per_hour, left: per_hour, at: now, used }
    }

    /// `None` when there is something left; otherwise when there will be, `Some(None)` for never.
    pub(crate) fn wait(&mut self, used: Duration, now: Instant) -> Option<Option<Instant>> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let spent = used.saturating_sub(self.used).as_secs_f64();
        self.left = (self.left - spent + passed * self.per_hour / HOUR).min(self.per_hour);
        (self.at, self.used) = (now, used);
        if self.per_hour <= 0.0 {
            return Some(None);
        }
        // A twentieth again, so that it does not stop at once.
        let wanted = self.per_hour / 20.0;
        (self.left <= 0.0).then(|| Some(now + Duration::from_secs_f64((wanted - self.left) / self.per_hour * HOUR)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the user's own requests: what is spent is spent, and comes back with time and not by asking.
    #[test]
    fn time_is_spent_and_comes_back() {
        let (start, minute) = (Instant::now(), Duration::from_secs(60));
        let mut budget = Budget::new(10 * minute, minute, start);
        assert_eq!(budget.wait(10 * minute, start), None);
        let back = budget.wait(12 * minute, start).flatten().expect("nothing is left");
        let waits = back - start;
        assert!(waits > 8 * minute && waits < 10 * minute, "{waits:?}");
        assert!(budget.wait(12 * minute, start + 2 * minute).is_some());
        assert_eq!(budget.wait(12 * minute, back), None);
        assert_eq!(Budget::new(Duration::ZERO, minute, start).wait(minute, back), Some(None));
    }
}
