use super::{bits, blocks, distance, dot, noise, on, tiles, weights};
use crate::{Expert, Format, Level, Matrix, Mixture, MixtureError, Routing, Scratch, Stack};

/// Experts with random weights, and their tiles.
struct Layer {
    formats: [Format; 3],
    sizes: (usize, usize, usize, usize),
    router: Vec<f32>,
    // Gate, up, down, and those of the shared one.
    tiles: [Vec<u8>; 6],
    routing: Routing,
}

const PLAIN: Routing = Routing { top_k: 3, groups: 1, top_groups: 1, limited: false, scale: 1.0, normalise: false };

impl Layer {
    fn new(
        formats: [Format; 3],
        (count, hidden, inner, shared): (usize, usize, usize, usize),
        routing: Routing,
    ) -> Self {
        let many = |format: Format, n: usize, rows: usize, columns: usize, seed: u32| -> Vec<u8> {
            (0..n)
                .flat_map(|i| tiles(format, rows, columns, &blocks(format, rows, columns, seed + 31 * i as u32)))
                .collect()
        };
        let [g, u, d] = formats;
        let tiles = [
            many(g, count, inner, hidden, 1),
            many(u, count, inner, hidden, 2),
            many(d, count, hidden, inner, 3),
            many(g, usize::from(shared > 0), shared, hidden, 4),
            many(u, usize::from(shared > 0), shared, hidden, 5),
            many(d, usize::from(shared > 0), hidden, shared, 6),
        ];
        Self { formats, sizes: (count, hidden, inner, shared), router: noise(count * hidden, 9), tiles, routing }
    }

    fn mixture(&self) -> Mixture<'_> {
        let (count, hidden, inner, shared) = self.sizes;
        let expert = |n: usize, inner: usize, at: usize| {
            let tiles = &self.tiles[at..];
            Expert {
                gate: Stack::new(self.formats[0], n, inner, hidden, &tiles[0]).unwrap(),
                up: Stack::new(self.formats[1], n, inner, hidden, &tiles[1]).unwrap(),
                down: Stack::new(self.formats[2], n, hidden, inner, &tiles[2]).unwrap(),
            }
        };
        Mixture {
            router: &self.router,
            experts: expert(count, inner, 0),
            shared: (shared > 0).then(|| expert(1, shared, 3)),
            routing: self.routing,
        }
    }

    fn run(&self, level: Level, input: &[f32], threads: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; input.len()];
        self.mixture().run(level, input, &mut out, &mut Scratch::default(), &on(threads)).unwrap();
        out
    }

    /// In 64 bits, from the definition.
    fn exact(&self, input: &[f32]) -> Vec<f64> {
        let (count, hidden, inner, shared) = self.sizes;
        let of = |which: usize, index: usize, rows: usize, columns: usize| {
            let bytes = self.formats[which % 3].matrix_bytes(rows, columns).unwrap();
            let tiles = &self.tiles[which][index * bytes..(index + 1) * bytes];
            weights(&Matrix::new(self.formats[which % 3], rows, columns, tiles).unwrap())
        };
        let network = |first: usize, index: usize, inner: usize, x: &[f64]| -> Vec<f64> {
            let (gate, up) = (of(first, index, inner, hidden), of(first + 1, index, inner, hidden));
            let middle: Vec<f64> = gate
                .iter()
                .zip(&up)
                .map(|(g, u)| {
                    let g = dot(g, x);
                    g / (1.0 + (-g).exp()) * dot(u, x)
                })
                .collect();
            of(first + 2, index, hidden, inner).iter().map(|d| dot(d, &middle)).collect()
        };
        let mut out = Vec::new();
        for x in input.chunks_exact(hidden) {
            let x: Vec<f64> = x.iter().copied().map(f64::from).collect();
            let logits: Vec<f64> = self
                .router
                .chunks_exact(hidden)
                .map(|r| r.iter().zip(&x).map(|(r, x)| f64::from(*r) * x).sum())
                .collect();
            let sum: f64 = logits.iter().map(|l| l.exp()).sum();
            let scores: Vec<f64> = logits.iter().map(|l| l.exp() / sum).collect();
            let mut masked = scores.clone();
            if self.routing.limited {
                let size = count / self.routing.groups;
                let best = |g: usize| scores[g * size..(g + 1) * size].iter().copied().fold(0.0, f64::max);
                let mut groups: Vec<usize> = (0..self.routing.groups).collect();
                groups.sort_by(|a, b| best(*b).total_cmp(&best(*a)));
                for group in &groups[self.routing.top_groups..] {
                    masked[group * size..(group + 1) * size].fill(0.0);
                }
            }
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|a, b| masked[*b].total_cmp(&masked[*a]));
            order.truncate(self.routing.top_k);
            let norm = if self.routing.normalise { order.iter().map(|e| scores[*e]).sum() } else { 1.0 };
            let mut y = if shared > 0 { network(3, 0, shared, &x) } else { vec![0.0; hidden] };
            for expert in order {
                let weight = scores[expert] / norm * f64::from(self.routing.scale);
                let result = network(0, expert, inner, &x);
                y.iter_mut().zip(result).for_each(|(y, r)| *y += weight * r);
            }
            out.extend(y);
        }
        out
    }
}

const SIZES: (usize, usize, usize, usize) = (8, 256, 256, 512);

/// Protects the numbers: routing, gates, weights and the shared expert are those of the definition, but for what
/// rounding the activations to 8 bits changes.
#[test]
fn a_mixture_is_that_of_its_definition() {
    let limited = Routing { top_k: 3, groups: 4, top_groups: 2, limited: true, scale: 16.0, normalise: false };
    let normalised = Routing { normalise: true, scale: 2.5, ..PLAIN };
    for (routing, formats, sizes) in [
        (PLAIN, [Format::Q8_0; 3], SIZES),
        (PLAIN, [Format::Q4_K, Format::Q4_K, Format::Q6_K], SIZES),
        (limited, [Format::Q4_0; 3], SIZES),
        (normalised, [Format::Q8_0; 3], (8, 96, 32, 0)),
    ] {
        let layer = Layer::new(formats, sizes, routing);
        let input = noise(5 * sizes.1, 17).iter().map(|v| v * 0.3).collect::<Vec<f32>>();
        let far = distance(&layer.run(Level::best(), &input, 1), &layer.exact(&input));
        assert!(far < 0.015, "{routing:?} {formats:?}: {far}");
    }
}

/// Protects dense models: a network alone is an expert that every token has whole, in any company, and refuses what
/// does not fit.
#[test]
fn a_network_is_an_expert() {
    let layer = Layer::new([Format::Q4_0, Format::Q5_0, Format::Q8_0], (1, 96, 64, 0), Routing { top_k: 1, ..PLAIN });
    let input = noise(70 * 96, 5);
    let network = layer.mixture().experts;
    let run = |level: Level, input: &[f32], output: usize, threads: usize| {
        let mut out = vec![f32::NAN; output];
        network.run(level, input, &mut out, &mut Scratch::default(), &on(threads)).map(|()| bits(&out))
    };
    let alone: Vec<u32> = input.chunks_exact(96).flat_map(|x| bits(&layer.run(Level::best(), x, 1))).collect();
    for level in Level::available() {
        for count in [0, 1, 9, 70] {
            let out = run(level, &input[..count * 96], count * 96, 3).unwrap();
            assert!(out == alone[..count * 96], "{level:?}, {count} tokens");
        }
    }
    assert!(matches!(run(Level::best(), &input[..97], 97, 1), Err(MixtureError::Input { .. })));
    assert!(matches!(run(Level::best(), &input[..96], 192, 1), Err(MixtureError::Input { .. })));
    let wrong = Expert { down: network.up, ..network };
    let result = wrong.run(Level::best(), &input[..96], &mut [0.0; 96], &mut Scratch::default(), &on(1));
    assert_eq!(result, Err(MixtureError::Shapes));
}

/// Protects chunked prompts, cached prefixes and drafts: a token's bits depend on nothing but the token.
#[test]
fn a_token_has_the_same_bits_in_any_company() {
    let layer = Layer::new([Format::Q4_0, Format::Q5_0, Format::Q8_0], (8, 96, 64, 32), PLAIN);
    let input = noise(40 * 96, 5);
    let alone: Vec<u32> = input.chunks_exact(96).flat_map(|x| bits(&layer.run(Level::best(), x, 1))).collect();
    for level in Level::available() {
        for count in [1, 2, 7, 40] {
            for threads in [1, 3] {
                let out = bits(&layer.run(level, &input[..count * 96], threads));
                assert!(out == alone[..count * 96], "{level:?}, {count} tokens, {threads} threads");
            }
        }
    }
}

/// Protects routing where the router cannot decide: the lower number wins, among experts and among groups.
#[test]
fn ties_go_to_the_lower_number() {
    let limited = Routing { top_k: 2, groups: 4, top_groups: 1, limited: true, ..PLAIN };
    for (routing, expected) in [(PLAIN, [0, 1, 2].as_slice()), (limited, &[0, 1])] {
        let chosen = routing.choose(Level::best(), &[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, -0.5], 8);
        let got: Vec<usize> = (0..8).filter(|e| !chosen[*e].is_empty()).collect();
        assert_eq!(got, expected);
    }
    let chosen = Routing { top_k: 1, ..PLAIN }.choose(Level::best(), &[-0.0, 0.0], 2);
    assert_eq!(chosen[0].len(), 1);
}

/// Protects callers: shapes that do not fit are refused, and what is not a number does not come out as one.
#[test]
fn nonsense_is_refused() {
    let layer = Layer::new([Format::Q8_0; 3], (4, 32, 32, 0), PLAIN);
    let run = |mixture: Mixture<'_>, input: usize, output: usize| {
        let (input, mut output) = (vec![0.5; input], vec![0.0; output]);
        mixture.run(Level::best(), &input, &mut output, &mut Scratch::default(), &on(1))
    };
    assert_eq!(run(layer.mixture(), 0, 0), Ok(()));
    assert!(matches!(run(layer.mixture(), 33, 33), Err(MixtureError::Input { .. })));
    assert!(matches!(run(layer.mixture(), 32, 64), Err(MixtureError::Input { .. })));
    let of = |routing| Mixture { routing, ..layer.mixture() };
    for routing in [
        Routing { top_k: 5, ..PLAIN },
        Routing { top_k: 0, ..PLAIN },
        Routing { groups: 3, limited: true, ..PLAIN },
        Routing { groups: 0, limited: true, ..PLAIN },
        Routing { groups: 4, top_groups: 2, limited: true, ..PLAIN },
    ] {
        assert!(matches!(run(of(routing), 32, 32), Err(MixtureError::Routing { .. })), "{routing:?}");
    }
    let short = Mixture { router: &layer.router[1..], ..layer.mixture() };
    assert_eq!(run(short, 32, 32), Err(MixtureError::Shapes));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut input = noise(32, 3);
        input[7] = bad;
        assert!(layer.run(Level::best(), &input, 1).iter().all(|v| !v.is_finite()), "{bad}");
    }
}
