//! Fairness between clients: start-time fair queueing (Goyal, Vin and Cheng 1996), where the service is computed
//! tokens. Many requests of one client do not delay the few of another.

use std::collections::HashMap;

/// Tokens computed for each client that has requests.
#[derive(Default)]
pub(super) struct FairShares {
    clients: HashMap<String, Share>,
    // Virtual time: the least service of any client when one last came or went. A new client starts there, so that it
    // neither pays for the past nor gets ahead for it.
    now: u64,
}

#[derive(Default)]
struct Share {
    served: u64,
    requests: usize,
}

impl FairShares {
    /// A client has one more request.
    pub(super) fn join(&mut self, client: &str) {
        let now = self.now();
        let share = self.clients.entry(client.to_owned()).or_default();
        if share.requests == 0 {
            share.served = share.served.max(now);
        }
        share.requests += 1;
    }

    /// A client has one request less.
    pub(super) fn leave(&mut self, client: &str) {
        self.now = self.now();
        let Some(share) = self.clients.get_mut(client) else { return };
        share.requests = share.requests.saturating_sub(1);
        if share.requests == 0 {
            self.clients.remove(client);
        }
    }

    pub(super) fn charge(&mut self, client: &str, tokens: usize) {
        if let Some(share) = self.clients.get_mut(client) {
            share.served += tokens as u64;
        }
    }

    pub(super) fn served(&self, client: &str) -> u64 {
        self.clients.get(client).map_or(0, |share| share.served)
    }

    fn now(&self) -> u64 {
        let least = self.clients.values().filter(|share| share.requests > 0).map(|share| share.served).min();
        least.unwrap_or(self.now).max(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects clients that come late or seldom: a new client starts at the least service of the others, so that it
    /// neither pays for the past nor takes the model for itself.
    #[test]
    fn a_new_client_begins_with_the_others() {
        let mut shares = FairShares::default();
        shares.join("a");
        shares.charge("a", 1000);
        shares.join("b");
        assert_eq!((shares.served("a"), shares.served("b")), (1000, 1000));
        shares.charge("a", 50);
        assert!(shares.served("b") < shares.served("a"));
        shares.leave("b");
        shares.charge("a", 500);
        shares.join("b");
        assert_eq!(shares.served("b"), 1550);
        shares.leave("a");
        shares.leave("b");
        shares.join("c");
        assert_eq!(shares.served("c"), 1550);
    }
}
