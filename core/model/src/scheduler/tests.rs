//! The scheduler with a fake graph: it writes tokens to pages, reads whole histories back from them, and
//! chooses by those. So a page that holds another sequence's tokens, or none, shows in the answer.

mod edges;

use super::*;
use crate::engine::Engine;
use crate::options::{EngineOptions, Limits};
use crate::paged::{Compute, PagedBackend, Rows};
use crate::pool::Pool;
use crate::prefix::tree::PAGE;
use crate::prompt::Prompts;
use crate::vocab::Vocabulary;
use deepcoder_types::{Cancel, GenerateRequest, Generation, LanguageModel as _, Manifest, ModelInfo, Prompt, Sampling};
use serde_json::json;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard};
use std::thread;

const VOCAB: usize = 26;
/// A step with this token fails.
const FAILS: u32 = 25;

/// The tokens of each sequence in each step.
type Log = Arc<Mutex<Vec<Vec<Vec<u32>>>>>;

/// Writes tokens, and reads them back.
struct Fake {
    log: Log,
    /// In a gated test, each step waits for a permit.
    permits: Option<Arc<Mutex<Receiver<()>>>>,
}

fn hash(tokens: impl Iterator<Item = u32>) -> u64 {
    tokens.fold(0xcbf2_9ce4_8422_2325, |hash, token| (hash ^ u64::from(token + 1)).wrapping_mul(0x0100_0000_01b3))
}

/// The logits behind a history: any of the first letters, none of those that mean something.
fn logits(hash: u64, out: &mut [f32]) {
    for (id, logit) in out.iter_mut().enumerate() {
        let mixed = (hash ^ (id as u64) << 7).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        *logit = if id < 20 { mixed as f32 / 4e6 } else { f32::NEG_INFINITY };
    }
}

impl Compute for Fake {
    fn run(
        &mut self,
        rows: &mut Rows,
        pool: &mut Pool,
        out: &mut [f32],
        interrupt: Option<Interrupt<'_>>,
    ) -> Result<RunOutcome, GenerateError> {
        let mut parts: Vec<Vec<u32>> = Vec::new();
        for (row, id) in rows.ids.iter().enumerate() {
            if row == 0 || rows.sequences[row] != rows.sequences[row - 1] {
                parts.push(Vec::new());
            }
            parts.last_mut().unwrap().push(u32::try_from(*id).unwrap());
        }
        self.log.lock().unwrap().push(parts);
        while let Some(permits) = &self.permits {
            if interrupt.is_some_and(|interrupt| interrupt.is_due()) {
                return Ok(RunOutcome::Interrupted);
            }
            match permits.lock().unwrap().recv_timeout(Duration::from_millis(1)) {
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                _ => break,
            }
        }
        if rows.ids.contains(&i64::from(FAILS)) {
            return Err(GenerateError::Engine("as asked".into()));
        }
        let place = |row: usize, position: usize| {
            let page = rows.tables[rows.sequences[row] as usize * rows.width + position / PAGE];
            (page, position % PAGE * 4)
        };
        // SAFETY: the pages of the tables are mapped, and this is the only thread that uses the pool.
        #[expect(unsafe_code, reason = "pages are known by their number here")]
        let memory = |page: i64| unsafe { pool.base().add(usize::try_from(page).unwrap() * PAGE * 4) };
        for (row, id) in rows.ids.iter().enumerate() {
            let (page, at) = place(row, rows.positions[row] as usize);
            #[expect(unsafe_code, reason = "as above")]
            // SAFETY: as above.
            unsafe {
                memory(page).add(at).cast::<u32>().write_unaligned(*id as u32);
            }
        }
        for (wanted, out) in rows.wanted.iter().zip(out.chunks_exact_mut(VOCAB)) {
            let row = *wanted as usize;
            let history = (0..=rows.positions[row] as usize).map(|position| {
                let (page, at) = place(row, position);
                #[expect(unsafe_code, reason = "as above")]
                // SAFETY: as above.
                unsafe {
                    memory(page).add(at).cast::<u32>().read_unaligned()
                }
            });
            logits(hash(history), out);
        }
        Ok(RunOutcome::Done)
    }
}

struct Rig {
    engine: Engine,
    log: Log,
    permits: Option<SyncSender<()>>,
}

impl Rig {
    /// An engine with so many pages, whose steps wait for permits if `gated`.
    fn new(pages: usize, gated: bool) -> Self {
        let manifest: Manifest = serde_json::from_value(json!({
            "format": 1, "name": "m", "architecture": "llama", "context_length": 4096, "vocab_size": VOCAB, "eos_ids": [24],
            "bos_id": null, "fim": null, "license": null, "graph": { "file": "model.onnx", "cache": [], "chunk": 256 },
            "source": { "format": "gguf", "file": "x", "sha256": "0".repeat(64) },
            "recipe": { "bits": null, "block": 32, "mapping": {}, "deepcoder": "0", "onnxruntime_min": "1.32.0" },
            "files": {},
        }))
        .unwrap();
        let letters: serde_json::Map<_, _> =
            ('a'..='z').enumerate().map(|(id, letter)| (letter.to_string(), json!(id))).collect();
        let tokenizer = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": null, "post_processor": null, "decoder": null,
            "model": { "type": "BPE", "vocab": letters, "merges": [] },
        });
        let vocabulary = Vocabulary::parse(tokenizer.to_string().as_bytes(), &manifest).unwrap();
        let prompts = Prompts::new(&manifest, &vocabulary, None).unwrap();
        let info = ModelInfo {
            name: "m".into(),
            context_length: 4096,
            supports_fill: false,
            fill_warning: None,
            fingerprint: "m".into(),
            warnings: Vec::new(),
        };
        let model = Model::of(info, manifest, vocabulary, prompts);
        let options = EngineOptions { cache_bytes: Some(pages * PAGE * 4), ..EngineOptions::default() };
        let log = Log::default();
        let (give, take) = std::sync::mpsc::sync_channel(10_000);
        let permits = gated.then(|| Arc::new(Mutex::new(take)));
        let fake = Fake { log: Arc::clone(&log), permits };
        let make = |_: &Pool| Ok(Box::new(fake) as Box<dyn Compute>);
        let paged = PagedBackend::of(make, PAGE * 4, VOCAB, 256, &Limits::new(&options, 4096)).unwrap();
        let model = Arc::new(model);
        let scheduler = Scheduler::start(Backend::Paged(Box::new(paged)), Arc::clone(&model)).unwrap();
        Self { engine: Engine { model, scheduler }, log, permits: gated.then_some(give) }
    }

    fn log(&self) -> MutexGuard<'_, Vec<Vec<Vec<u32>>>> {
        self.log.lock().unwrap()
    }

    /// Let one step end, and wait until the next one begins.
    fn step(&self) {
        let begun = self.log().len();
        self.permits.as_ref().unwrap().send(()).unwrap();
        self.until(|log| log.len() > begun);
    }

    fn until(&self, holds: impl Fn(&Vec<Vec<Vec<u32>>>) -> bool) {
        let start = Instant::now();
        while !holds(&self.log()) {
            assert!(start.elapsed() < Duration::from_secs(20), "it does not come: {:?}", self.log().last());
            thread::yield_now();
        }
    }

    /// No more gates.
    fn open(&mut self) {
        self.permits = None;
    }

    fn answer(&self, request: &GenerateRequest) -> Generation {
        self.engine.generate(request, &Cancel::new(), &mut |_| {}).unwrap()
    }

    /// Nothing is in use, and nothing is reserved, when nothing runs.
    fn is_clean(&self) {
        let (in_use, reserved) = self
            .engine
            .exclusive(|backend| match backend {
                Backend::Paged(paged) => paged.taken(),
                Backend::Contiguous(_) => (1, 1),
            })
            .unwrap();
        assert_eq!((in_use, reserved), (0, 0));
    }
}

fn asked(prompt: &str, max_tokens: u32) -> GenerateRequest {
    GenerateRequest::greedy(Prompt::Text(prompt.into()), max_tokens)
}

fn background(request: GenerateRequest) -> GenerateRequest {
    GenerateRequest { priority: Priority::Background, ..request }
}

/// What a greedy request must answer.
fn expected(prompt: &str, max_tokens: usize) -> String {
    let mut tokens: Vec<u32> = prompt.bytes().map(|byte| u32::from(byte - b'a')).collect();
    let mut row = [0.0; VOCAB];
    for _ in 0..max_tokens {
        logits(hash(tokens.iter().copied()), &mut row);
        tokens.push(crate::sampler::argmax(&row).0);
    }
    tokens[prompt.len()..].iter().map(|id| char::from(b'a' + u8::try_from(*id).unwrap())).collect()
}

fn letters(count: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state % 20) as u8)
    };
    (0..count).map(|_| next()).collect()
}

/// Protects every answer: a request gets the tokens that it gets alone, whichever requests run with it, share its
/// pages, preempt it or make it wait. There are far fewer pages than all requests need.
#[test]
fn a_crowd_changes_no_token() {
    let rig = Rig::new(24, false);
    let shared = letters(300, 7);
    let requests: Vec<(String, GenerateRequest)> = (0..120u64)
        .map(|n| {
            let (cut, tail) = ((n * 37 % 300) as usize, (n * 13 % 90 + 1) as usize);
            let prompt = match n % 4 {
                0 => shared.clone(),
                1 | 2 => format!("{}{}", &shared[..cut], letters(tail, n)),
                _ => letters(tail * 4, n),
            };
            let mut request = asked(&prompt, (n * 7 % 80) as u32);
            request.client = format!("client {}", n % 5);
            request.draft = (n % 3 == 0).then(|| expected(&prompt, 40));
            if n % 3 == 1 {
                request.priority = Priority::Background;
            }
            (prompt, request)
        })
        .collect();
    thread::scope(|scope| {
        for chunk in requests.chunks(10) {
            let rig = &rig;
            scope.spawn(move || {
                for (prompt, request) in chunk {
                    let done = rig.answer(request);
                    assert_eq!(done.text, expected(prompt, request.max_tokens as usize), "{prompt}");
                    assert!(done.usage.accepted_tokens <= done.usage.drafted_tokens);
                }
            });
        }
    });
    rig.is_clean();
    let together = rig.log().iter().filter(|step| step.len() > 1).count();
    assert!(together > 50, "{together} steps had several sequences: nothing was tried");
}

/// Protects sampled answers in the same way, seed by seed.
#[test]
fn a_seed_gives_the_same_tokens_in_a_crowd() {
    let rig = Rig::new(100, false);
    let sampled = |seed| GenerateRequest {
        sampling: Sampling { temperature: 1.5, top_p: 0.9, seed, ..Sampling::GREEDY },
        ..asked(&letters(150, 3), 50)
    };
    let requests: Vec<_> = (0..8).map(sampled).collect();
    let alone: Vec<_> = requests.iter().map(|request| rig.answer(request).text).collect();
    rig.engine.forget();
    rig.log().clear();
    let all = rig.engine.generate_all(&requests, &Cancel::new(), &mut |_, _| {});
    assert_eq!(all.into_iter().map(|done| done.unwrap().text).collect::<Vec<_>>(), alone);
    assert!(alone.iter().collect::<std::collections::HashSet<_>>().len() > 6, "seeds decide");
    // The prompt once, then one more token of it for each other candidate; and all of them in each step.
    let rows: usize = rig.log().iter().take(4).flatten().map(Vec::len).sum();
    assert!(rows < 150 + 8 * 20, "{rows} rows");
    let steps = rig.log().len();
    assert!(steps < 70, "{steps} steps for 8 times 50 tokens");
    rig.is_clean();
}

/// Protects users who wait: a request that comes while background work is computed is in the very next
/// step, which a run that is under way makes room for; it is not disturbed by that work, which goes on behind it.
#[test]
fn a_users_request_is_in_the_next_step() {
    let mut rig = Rig::new(100, true);
    let job = background(asked(&letters(200, 1), 30));
    let user = asked("uuu", 5);
    let engine = &rig.engine;
    thread::scope(|scope| {
        let job = scope.spawn(|| engine.generate(&job, &Cancel::new(), &mut |_| {}).unwrap().text);
        rig.until(|log| log.len() == 1);
        let user = scope.spawn(|| engine.generate(&user, &Cancel::new(), &mut |_| {}).unwrap().text);
        // The run of the prompt ends without a permit.
        rig.until(|log| log.len() == 2);
        assert_eq!(rig.log()[1].iter().map(Vec::len).collect::<Vec<_>>(), [3]);
        for _ in 0..4 {
            rig.step();
            assert_eq!(rig.log().last().unwrap().len(), 1);
            assert_eq!(rig.log().last().unwrap()[0].len(), 1, "one token of the user's, and nothing beside it");
        }
        rig.permits.as_ref().unwrap().send(()).unwrap();
        assert_eq!(user.join().unwrap(), expected("uuu", 5));
        (0..100).for_each(|_| rig.permits.as_ref().unwrap().send(()).unwrap());
        assert_eq!(job.join().unwrap(), expected(&letters(200, 1), 30));
    });
    rig.open();
    rig.is_clean();
}

/// Protects a client with few requests from one with many: its request is admitted while all of those are running.
#[test]
fn many_requests_of_one_client_let_another_in() {
    let mut rig = Rig::new(1000, true);
    let many = |n: u64| GenerateRequest { client: "many".into(), ..asked(&letters(10, n), 200) };
    let engine = &rig.engine;
    thread::scope(|scope| {
        for n in 0..40 {
            scope.spawn(move || engine.generate(&many(n), &Cancel::new(), &mut |_| {}).unwrap());
        }
        rig.until(|log| log.len() == 1);
        while rig.log().last().unwrap().len() < MAX_PER_CLIENT {
            rig.step();
        }
        let few = scope.spawn(|| {
            let request = GenerateRequest { client: "few".into(), ..asked("tttt", 3) };
            engine.generate(&request, &Cancel::new(), &mut |_| {}).unwrap().text
        });
        let start = Instant::now();
        let mut steps = 0;
        while !few.is_finished() {
            rig.step();
            steps += 1;
            assert!(start.elapsed() < Duration::from_secs(20) && steps < 150, "{steps} steps without it");
            thread::sleep(Duration::from_millis(1));
        }
        (0..5000).for_each(|_| rig.permits.as_ref().unwrap().send(()).unwrap());
        assert_eq!(few.join().unwrap(), expected("tttt", 3));
    });
    rig.open();
    rig.is_clean();
}

/// Protects a job whose memory a user needs: it loses the memory, not a token, and ends as it would have.
#[test]
fn a_job_that_loses_its_memory_loses_no_token() {
    let mut rig = Rig::new(6, true);
    let (prompt, users) = (letters(100, 1), letters(150, 2));
    let job = background(asked(&prompt, 150));
    let engine = &rig.engine;
    thread::scope(|scope| {
        let job = scope.spawn(|| engine.generate(&job, &Cancel::new(), &mut |_| {}).unwrap());
        rig.until(|log| log.len() == 1);
        (0..60).for_each(|_| rig.step());
        let user = scope.spawn(|| engine.generate(&asked(&users, 200), &Cancel::new(), &mut |_| {}).unwrap());
        thread::sleep(Duration::from_millis(20));
        (0..2000).for_each(|_| rig.permits.as_ref().unwrap().send(()).unwrap());
        assert_eq!(user.join().unwrap().text, expected(&users, 200));
        assert_eq!(job.join().unwrap().text, expected(&prompt, 150));
    });
    rig.open();
    rig.is_clean();
}

/// Protects other requests: a request that is cancelled, wherever it is, ends within a step and gives its place
/// and its memory back; so does one whose caller panics; and a step that fails costs the requests in it only.
#[test]
fn what_ends_early_leaves_nothing_behind() {
    let mut rig = Rig::new(4, true);
    let engine = &rig.engine;
    let cancels: Vec<Cancel> = (0..3).map(|_| Cancel::new()).collect();
    thread::scope(|scope| {
        let ends = |cancel: &Cancel, request: GenerateRequest| {
            let cancel = cancel.clone();
            scope.spawn(move || engine.generate(&request, &cancel, &mut |_| {}).unwrap())
        };
        // One reads its prompt and has all the memory, one waits for that.
        let reading = ends(&cancels[0], asked(&letters(200, 1), 50));
        rig.until(|log| log.len() == 1);
        let waiting = ends(&cancels[1], asked(&letters(200, 2), 50));
        cancels[1].cancel();
        cancels[0].cancel();
        assert_eq!(reading.join().unwrap().finish, FinishReason::Cancelled);
        assert_eq!(waiting.join().unwrap().finish, FinishReason::Cancelled);
        let writing = ends(&cancels[2], asked("abc", 200));
        rig.until(|log| log.len() >= 2);
        (0..5).for_each(|_| rig.step());
        cancels[2].cancel();
        rig.permits.as_ref().unwrap().send(()).unwrap();
        let cut = writing.join().unwrap();
        assert_eq!(cut.finish, FinishReason::Cancelled);
        assert!(expected("abc", 200).starts_with(&cut.text), "{:?}", cut.text);
    });
    rig.open();
    let engine = &rig.engine;
    thread::scope(|scope| {
        let panics = || engine.generate(&asked("b", 100), &Cancel::new(), &mut |_| panic!("as asked"));
        assert!(scope.spawn(panics).join().is_err());
    });
    let failed = engine.generate(&asked("zzz", 5), &Cancel::new(), &mut |_| {}).unwrap_err();
    assert_eq!(failed, GenerateError::Engine("as asked".into()));
    assert_eq!(rig.answer(&asked("abc", 20)).text, expected("abc", 20));
    rig.is_clean();
}

/// Protects callers from waiting for ever: a request that exceeds the whole cache is refused at once, with the numbers;
/// one that needs exactly all of it is answered.
#[test]
fn what_can_never_fit_is_refused() {
    let rig = Rig::new(4, false);
    let error = rig.engine.generate(&asked(&letters(200, 1), 57), &Cancel::new(), &mut |_| {}).unwrap_err();
    assert_eq!(error, GenerateError::NoRoom { tokens: 257, needs_mib: 1, allowed_mib: 1 });
    assert_eq!(rig.answer(&asked(&letters(200, 1), 56)).text, expected(&letters(200, 1), 56));
    assert_eq!(rig.answer(&asked(&letters(199, 2), 57)).text, expected(&letters(199, 2), 57));
    rig.is_clean();
}

/// Protects scores: each token's log-probability is that after its prefix, also if the prompt is cached; and comparing
/// options computes the prompt once.
#[test]
fn scores_are_of_every_token() {
    let rig = Rig::new(100, false);
    let tokens: Vec<u32> = letters(150, 4).bytes().map(|b| u32::from(b - b'a')).collect();
    let wanted: Vec<f32> = (1..tokens.len())
        .map(|at| {
            let mut row = [0.0; VOCAB];
            logits(hash(tokens[..at].iter().copied()), &mut row);
            row[tokens[at] as usize] - crate::sampler::log_sum_exp(&row)
        })
        .collect();
    for _ in 0..2 {
        assert_eq!(rig.engine.score(&tokens, &Cancel::new()).unwrap(), wanted);
    }
    rig.log().clear();
    let prompt = letters(200, 9);
    let options = ["a".to_owned(), "abc".into(), "b".into()];
    let found = rig.engine.choose(&Prompt::Text(prompt.clone()), &options, &Cancel::new()).unwrap();
    for (option, likelihood) in options.iter().zip(&found) {
        let mut history: Vec<u32> = prompt.bytes().map(|b| u32::from(b - b'a')).collect();
        let mut sum = 0.0;
        for byte in option.bytes() {
            let mut row = [0.0; VOCAB];
            logits(hash(history.iter().copied()), &mut row);
            history.push(u32::from(byte - b'a'));
            sum += row[usize::from(byte - b'a')] - crate::sampler::log_sum_exp(&row);
        }
        assert!((likelihood.logprob - sum).abs() < 1e-4 && likelihood.tokens as usize == option.len());
    }
    let rows: usize = rig.log().iter().flatten().map(Vec::len).sum();
    assert!(rows < 200 + 10, "{rows} rows: the prompt was computed more than once");
    assert!(rig.engine.choose(&Prompt::Text("a".into()), &[], &Cancel::new()).is_err());
    rig.is_clean();
}
