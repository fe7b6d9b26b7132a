//! Which experts a token has.

use crate::Level;
use crate::float::softmax;

/// How experts are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Routing {
    /// Experts of a token.
    pub top_k: usize,
    /// Groups that the experts are in, one after the other.
    pub groups: usize,
    /// Groups that a token's experts may come from; those whose best expert is best.
    pub top_groups: usize,
    /// Whether groups count.
    pub limited: bool,
    /// Times the weights.
    pub scale: f32,
    /// Whether the weights of a token add up to one before they are scaled.
    pub normalise: bool,
}

impl Routing {
    pub(super) fn fits(&self, experts: usize) -> bool {
        let groups = !self.limited
            || (self.groups > 0
                && experts.is_multiple_of(self.groups)
                && (1..=self.groups).contains(&self.top_groups)
                && self.top_k <= experts / self.groups * self.top_groups);
        (1..=experts).contains(&self.top_k) && groups
    }

    /// The tokens of each expert with their weights, from the router's results. Ties go to the lower number.
    pub(crate) fn choose(&self, level: Level, logits: &[f32], experts: usize) -> Vec<Vec<(usize, f32)>> {
        let mut chosen = vec![Vec::new(); experts];
        let mut powers = vec![0f32; experts.next_multiple_of(16)];
        let mut order: Vec<usize> = Vec::with_capacity(experts);
        for (token, logits) in logits.chunks_exact(experts).enumerate() {
            // Softmax keeps the order, but rounds what is near to equal.
            order.clear();
            if self.limited {
                let size = experts / self.groups;
                let mut groups: Vec<usize> = (0..self.groups).collect();
                let best = |group: usize| {
                    logits[group * size..(group + 1) * size].iter().fold(f32::NEG_INFINITY, |best, l| best.max(*l))
                };
                groups.sort_by(|a, b| best(*b).total_cmp(&best(*a)));
                groups.truncate(self.top_groups);
                groups.sort_unstable();
                order.extend(groups.into_iter().flat_map(|group| group * size..(group + 1) * size));
            } else {
                order.extend(0..experts);
            }
            // Adding zero makes the zeros equal.
            order.sort_by(|a, b| (logits[*b] + 0.0).total_cmp(&(logits[*a] + 0.0)));
            order.truncate(self.top_k);
            let mut most = f32::NEG_INFINITY;
            powers.iter_mut().zip(logits.iter()).for_each(|(p, l)| *p = l * std::f32::consts::LOG2_E);
            let all = softmax(level, &mut powers, experts, &mut most);
            let chosen_sum: f32 = order.iter().map(|e| powers[*e]).sum();
            let sum = if self.normalise { chosen_sum } else { all };
            for expert in &order {
                chosen[*expert].push((token, powers[*expert] / sum * self.scale));
            }
        }
        chosen
    }
}
