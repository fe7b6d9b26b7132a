//! The ranges of a request's settings, checked by everything that takes one: the socket, its client, the process with
//! the model, and the engine.

use crate::{Form, GenerateError, GenerateRequest, Grammar, Sampling};

/// The highest temperature. Far below it the choice is uniform already.
pub const MAX_TEMPERATURE: f32 = 100.0;

/// The repetition penalties that keep every logit finite.
pub const REPETITION_PENALTIES: std::ops::RangeInclusive<f32> = 0.01..=100.0;

/// The most alternatives that a request may ask for with each token.
pub const MAX_LOGPROBS: u32 = 100;

/// The most stop strings: the text is searched for each of them at every token.
pub const MAX_STOPS: usize = 64;

/// The longest stop string, in bytes.
pub const MAX_STOP_BYTES: usize = 4096;

/// Maximum length of a grammar's text, in bytes: its cost grows with its length.
pub const MAX_GRAMMAR_BYTES: usize = 256 << 10;

/// Maximum number of options of a choice.
pub const MAX_CHOICES: usize = 1024;

impl Grammar {
    /// Checks the sizes; whether the grammar can be compiled, the engine checks.
    pub fn check(&self) -> Result<(), GenerateError> {
        let sum = |lengths: &mut dyn Iterator<Item = usize>| lengths.fold(0, usize::saturating_add);
        let bytes = match &self.form {
            Form::Json(text) | Form::Regex(text) | Form::Lark(text) => text.len(),
            Form::Choices(options) => sum(&mut options.iter().map(String::len)),
            Form::Scope { text, free } => text.len().saturating_add(sum(&mut free.iter().map(|f| f.regex.len()))),
        };
        if bytes > MAX_GRAMMAR_BYTES || self.after.as_ref().is_some_and(|after| after.len() > MAX_STOP_BYTES) {
            let message = format!("it has {bytes} bytes, and at most {MAX_GRAMMAR_BYTES} can be given");
            return Err(GenerateError::Grammar(message));
        }
        match &self.form {
            Form::Choices(options) if options.is_empty() || options.len() > MAX_CHOICES => {
                let message = format!("there are {} options, and 1 to {MAX_CHOICES} can be given", options.len());
                Err(GenerateError::Grammar(message))
            }
            _ => Ok(()),
        }
    }
}

impl GenerateRequest {
    /// Checks every setting that has a range. Sizes that depend on the model, such as the context, are the engine's to
    /// check.
    pub fn check(&self) -> Result<(), GenerateError> {
        self.sampling.check()?;
        self.grammar.as_ref().map_or(Ok(()), Grammar::check)?;
        if let Some(n) = self.logprobs.filter(|n| *n > MAX_LOGPROBS) {
            return wrong(format!("{n} alternatives were asked for, and at most {MAX_LOGPROBS} can be reported"));
        }
        if self.stop.len() > MAX_STOPS {
            return wrong(format!("there are {} stop strings, and at most {MAX_STOPS} can be given", self.stop.len()));
        }
        match self.stop.iter().map(String::len).find(|len| *len > MAX_STOP_BYTES) {
            Some(len) => wrong(format!("a stop string has {len} bytes, and at most {MAX_STOP_BYTES} can be given")),
            None => Ok(()),
        }
    }
}

impl Sampling {
    /// Checks every setting. Infinities and NaN are in no range: JSON turns a number beyond 32 bits into infinity.
    pub fn check(&self) -> Result<(), GenerateError> {
        let Self { temperature, top_k: _, top_p, min_p, repetition_penalty, seed: _ } = *self;
        if !(0.0..=MAX_TEMPERATURE).contains(&temperature) {
            return wrong(format!("the temperature is {temperature}, and must be from 0 to {MAX_TEMPERATURE}"));
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            return wrong(format!("top-p is {top_p}, and must be above 0 and at most 1"));
        }
        if !(0.0..=1.0).contains(&min_p) {
            return wrong(format!("min-p is {min_p}, and must be from 0 to 1"));
        }
        if !REPETITION_PENALTIES.contains(&repetition_penalty) {
            let (least, most) = (REPETITION_PENALTIES.start(), REPETITION_PENALTIES.end());
            return wrong(format!(
                "the repetition penalty is {repetition_penalty}, and must be from {least} to {most}"
            ));
        }
        Ok(())
    }
}

fn wrong(message: String) -> Result<(), GenerateError> {
    Err(GenerateError::Invalid(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prompt;

    /// Protects everything behind the door: no number that is not finite or makes logits infinite, and nothing whose
    /// cost grows with every token, gets past the check; the ends of each range do.
    #[test]
    fn settings_have_ranges() {
        let request = || GenerateRequest::greedy(Prompt::Text("x".into()), u32::MAX);
        let sampled = |change: fn(&mut Sampling, f32), value| {
            let mut request = request();
            change(&mut request.sampling, value);
            request.check()
        };
        type Row = (fn(&mut Sampling, f32), &'static [f32], &'static [f32]);
        let never = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1e39f64 as f32];
        let rows: [Row; 4] = [
            (|s, v| s.temperature = v, &[0.0, 1e-45, 100.0], &[-1e-6, 101.0]),
            (|s, v| s.top_p = v, &[1e-45, 1.0], &[0.0, 1.1]),
            (|s, v| s.min_p = v, &[0.0, 1.0], &[1.1]),
            (|s, v| s.repetition_penalty = v, &[0.01, 1.0, 100.0], &[0.0, 1e-40, 1e38]),
        ];
        for (row, (change, good, bad)) in rows.into_iter().enumerate() {
            for value in good {
                assert_eq!(sampled(change, *value), Ok(()), "row {row}: {value}");
            }
            for value in bad.iter().chain(&never) {
                let error = sampled(change, *value).expect_err("refused");
                assert!(matches!(&error, GenerateError::Invalid(m) if m.contains("must be")), "row {row}: {error}");
            }
        }
        assert_eq!(
            GenerateRequest { logprobs: Some(100), stop: vec!["x".repeat(4096); 64], ..request() }.check(),
            Ok(())
        );
        for bad in [
            GenerateRequest { logprobs: Some(101), ..request() },
            GenerateRequest { stop: vec!["x".repeat(4097)], ..request() },
            GenerateRequest { stop: vec![String::new(); 65], ..request() },
        ] {
            bad.check().expect_err("refused");
        }
    }
}
