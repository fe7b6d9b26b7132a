//! The parts that all benchmarks share: choosing tasks, answering and testing side by side, keeping results, going on.

use crate::harness::Judgement;
use crate::record::EditRecord;
use crate::{EvalError, Record, Report, Verdict};
use deepcoder_types::{Cancel, FinishReason, GenerateError, Usage};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;

/// Which tasks to run, and where the results go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// The most tasks, from the first on.
    pub limit: Option<usize>,
    /// Only the tasks with these names (or whose name ends in `/` and one of these); all if empty.
    pub only: Vec<String>,
    /// JSON lines, one for each task, appended as they come. Tasks that are in it already are not run again.
    pub results: Option<PathBuf>,
    /// Tasks that are answered at once, by a model that computes them together; 0 is 1. The answers are the same.
    pub at_once: usize,
}

impl RunOptions {
    /// Whether the task `name` is one of `only`.
    pub(crate) fn selects(&self, name: &str) -> bool {
        self.only.is_empty()
            || self.only.iter().any(|o| name == o || name.strip_suffix(o.as_str()).is_some_and(|n| n.ends_with('/')))
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The result that has just come in; `None` at the start.
    pub record: Option<&'a Record>,
    /// Tasks with a result.
    pub done: usize,
    /// Of those, how many passed.
    pub passed: usize,
    /// Tasks selected.
    pub total: usize,
}

/// An answer to a task, to be tested.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) finish: Option<FinishReason>,
    pub(crate) usage: Usage,
    pub(crate) edit: Option<EditRecord>,
}

/// Why there is no answer.
pub(crate) enum NoAnswer {
    /// This task has none; the others may.
    Here(String),
    /// No task will have one.
    Ever(GenerateError),
    /// The user cancelled.
    Cancelled,
}

impl From<GenerateError> for NoAnswer {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::TooLong { .. } => Self::Here(error.to_string()),
            other => Self::Ever(other),
        }
    }
}

/// A benchmark, once its tasks are read.
pub(crate) struct Suite<'a, T> {
    /// Names the benchmark, the model and the settings: results of different runs are never mixed.
    pub(crate) run: String,
    pub(crate) tasks: &'a [T],
    pub(crate) id: fn(&T) -> &str,
    pub(crate) answer: &'a (dyn Fn(&T) -> Result<Answer, NoAnswer> + Sync),
    pub(crate) judge: &'a (dyn Fn(&T, &Record) -> Result<Judgement, EvalError> + Sync),
}

impl<T: Sync> Suite<'_, T> {
    /// Run it, and add up the results.
    pub(crate) fn run(
        self,
        options: &RunOptions,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Report, EvalError> {
        let (run, records) = self.records(options, cancel, progress)?;
        Ok(Report::of(&run, &records))
    }

    /// Run it. Some threads answer, and one tests meanwhile. The results are in the order of the data.
    pub(crate) fn records(
        self,
        options: &RunOptions,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(String, Vec<Record>), EvalError> {
        let Self { run, tasks, id, answer, judge } = self;
        let selected = select(tasks, id, options)?;
        let mut results = Results::open(options.results.as_deref(), &run)?;
        let mut tally = Tally { records: HashMap::new(), total: selected.len(), progress };
        let mut waiting = Vec::new();
        for task in &selected {
            match results.known.remove(id(task)) {
                Some(record) => _ = tally.records.insert(record.task_id.clone(), record),
                None => waiting.push(*task),
            }
        }
        tally.report(None);

        let (queue, over) = (Mutex::new(waiting.into_iter()), AtomicBool::new(false));
        let (queue, over, name) = (&queue, &over, &run);
        std::thread::scope(|scope| -> Result<(), EvalError> {
            let (to_judge, from_main) = mpsc::channel::<(&T, Record)>();
            let (to_main, judged) = mpsc::channel::<Result<Record, EvalError>>();
            scope.spawn(move || {
                for (task, mut record) in from_main {
                    let result = judge(task, &record).map(|j| {
                        (record.verdict, record.detail, record.confined) = (j.verdict, j.detail, j.confined);
                        if let Some(edit) = &mut record.edit {
                            edit.right = record.verdict == Verdict::Passed;
                        }
                        record
                    });
                    if to_main.send(result).is_err() {
                        return;
                    }
                }
            });
            let (answered, answers) = mpsc::channel();
            for _ in 0..options.at_once.max(1) {
                let answered = answered.clone();
                scope.spawn(move || {
                    while !cancel.is_cancelled() && !over.load(Ordering::Relaxed) {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some(task) = next else { return };
                        let started = Instant::now();
                        let outcome = answer(task);
                        let seconds = started.elapsed().as_secs_f64();
                        if answered.send((task, seconds, outcome)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(answered);
            // However this ends, the threads end.
            let _end = OnDrop(over);
            let mut stopped = Ok(());
            for (task, seconds, outcome) in answers {
                let mut record = Record {
                    run: name.clone(),
                    task_id: id(task).to_owned(),
                    verdict: Verdict::NoAnswer,
                    detail: String::new(),
                    answer: String::new(),
                    finish: None,
                    usage: Usage::default(),
                    seconds,
                    confined: true,
                    edit: None,
                };
                match outcome {
                    Ok(Answer { text, finish, usage, edit }) => {
                        (record.answer, record.finish, record.usage, record.edit) = (text, finish, usage, edit);
                        // The tester ends early only when it has sent its error, which is found below.
                        _ = to_judge.send((task, record));
                    }
                    Err(NoAnswer::Here(detail)) => {
                        record.detail = detail;
                        tally.take(Ok(record), &mut results)?;
                    }
                    Err(NoAnswer::Ever(source)) => {
                        over.store(true, Ordering::Relaxed);
                        stopped = Err(EvalError::Model { task: record.task_id, source });
                    }
                    Err(NoAnswer::Cancelled) => {}
                }
                for result in judged.try_iter() {
                    tally.take(result, &mut results)?;
                }
            }
            drop(to_judge);
            for result in judged {
                tally.take(result, &mut results)?;
            }
            // The answers from before the model failed have been tested and stored by now.
            stopped
        })?;

        let Tally { mut records, total, .. } = tally;
        if records.len() < total {
            return Err(EvalError::Cancelled { done: records.len(), total });
        }
        // In the order of the data file, whatever the order in which they ended.
        let records: Vec<Record> = selected.iter().filter_map(|t| records.remove(id(t))).collect();
        Ok((run, records))
    }
}

/// Sets a flag at the end of a scope.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn select<'t, T>(tasks: &'t [T], id: fn(&T) -> &str, options: &RunOptions) -> Result<Vec<&'t T>, EvalError> {
    let chosen = |task: &&T| options.selects(id(task));
    let selected: Vec<&T> = tasks.iter().filter(chosen).take(options.limit.unwrap_or(usize::MAX)).collect();
    let mut names = HashSet::new();
    if let Some(twice) = selected.iter().find(|t| !names.insert(id(t))) {
        return Err(EvalError::Duplicate(id(twice).to_owned()));
    }
    if selected.is_empty() { Err(EvalError::NoTasks) } else { Ok(selected) }
}

struct Tally<'p, 'f> {
    records: HashMap<String, Record>,
    total: usize,
    progress: &'p mut (dyn FnMut(Progress<'_>) + 'f),
}

impl Tally<'_, '_> {
    fn take(&mut self, result: Result<Record, EvalError>, results: &mut Results) -> Result<(), EvalError> {
        let record = match result {
            Ok(record) => record,
            // The task is left for the next time; the loop over the tasks ends by the same flag.
            Err(EvalError::Cancelled { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        results.keep(&record)?;
        self.records.insert(record.task_id.clone(), record.clone());
        self.report(Some(&record));
        Ok(())
    }

    fn report(&mut self, record: Option<&Record>) {
        let passed = self.records.values().filter(|r| r.verdict == Verdict::Passed).count();
        (self.progress)(Progress { record, done: self.records.len(), passed, total: self.total });
    }
}

/// The file of results.
struct Results {
    path: PathBuf,
    file: Option<File>,
    known: HashMap<String, Record>,
}

impl Results {
    fn open(path: Option<&Path>, run: &str) -> Result<Self, EvalError> {
        let mut results = Self { path: path.unwrap_or(Path::new("")).to_owned(), file: None, known: HashMap::new() };
        let Some(path) = path else { return Ok(results) };
        let failed = |source| EvalError::Results { path: path.to_owned(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let mut whole = 0;
        for line in text.split_inclusive('\n') {
            match serde_json::from_str::<Record>(line) {
                Ok(record) if record.run == run => _ = results.known.insert(record.task_id.clone(), record),
                Ok(record) => {
                    let (path, found, wanted) = (path.to_owned(), record.run, run.to_owned());
                    return Err(EvalError::OtherRun { path, found, wanted });
                }
                // The last line of a run that was killed.
                Err(_) if !line.ends_with('\n') => break,
                // Not ours: better to stop than to write into it.
                Err(error) => return Err(failed(error.into())),
            }
            whole += line.len();
        }
        file.set_len(whole as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
        results.file = Some(file);
        Ok(results)
    }

    fn keep(&mut self, record: &Record) -> Result<(), EvalError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let failed = |source| EvalError::Results { path: self.path.clone(), source };
        let mut line = serde_json::to_string(record).map_err(|e| failed(e.into()))?;
        line.push('\n');
        // One write, so that an interruption leaves at most one line that is not whole.
        file.write_all(line.as_bytes()).map_err(failed)
    }
}
