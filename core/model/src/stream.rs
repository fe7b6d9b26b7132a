//! Bytes of tokens → text that may be shown: whole characters, nothing that may become a stop string.

/// The result of [`TextStream::push`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Text that is certain now (may be empty).
    More(String),
    /// A stop string appeared; this is the last text before it.
    Stopped(String),
}

/// Collects the text of a generation.
pub(crate) struct TextStream {
    stops: Vec<String>,
    // The first bytes of a character that is not complete yet; at most 3.
    partial: Vec<u8>,
    text: String,
    // Bytes of `text` that were given out.
    given: usize,
}

impl TextStream {
    /// Empty stop strings are ignored.
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|s| !s.is_empty()).cloned().collect();
        Self { stops, partial: Vec::new(), text: String::new(), given: 0 }
    }

    /// Add the bytes of a token.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Pushed {
        self.decode(bytes);
        // A stop string that begins before `given` would have been held back, so only what follows is searched.
        let open = &self.text[self.given..];
        if let Some(at) = self.stops.iter().filter_map(|s| open.find(s.as_str())).min() {
            let end = self.given + at;
            self.text.truncate(end);
            self.partial.clear();
            return Pushed::Stopped(self.give(end));
        }
        let held = self.stops.iter().map(|s| overlap(open, s)).max().unwrap_or(0);
        Pushed::More(self.give(self.text.len() - held))
    }

    /// Give out what was held back: nothing follows.
    pub(crate) fn finish(&mut self) -> String {
        if !self.partial.is_empty() {
            self.partial.clear();
            self.text.push('\u{FFFD}');
        }
        self.give(self.text.len())
    }

    /// Give out what was held back: the generation was cut here. The beginning of a character that the next token would
    /// have completed is left out.
    pub(crate) fn cut(&mut self) -> String {
        self.partial.clear();
        self.finish()
    }

    /// The whole text, with what is held back.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn give(&mut self, end: usize) -> String {
        let out = self.text[self.given..end].to_owned();
        self.given = end;
        out
    }

    fn decode(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let mut rest = self.partial.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.text.push_str(text);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    self.text.push_str(&String::from_utf8_lossy(good));
                    match error.error_len() {
                        Some(n) => {
                            self.text.push('\u{FFFD}');
                            rest = &bad[n..];
                        }
                        None => {
                            rest = bad;
                            break;
                        }
                    }
                }
            }
        }
        self.partial = rest.to_vec();
    }
}

/// Bytes at the end of `text` that are the beginning of `stop`.
fn overlap(text: &str, stop: &str) -> usize {
    let most = stop.len().saturating_sub(1).min(text.len());
    (1..=most).rev().find(|n| stop.is_char_boundary(*n) && text.ends_with(&stop[..*n])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(stops: &[&str], pieces: &[&[u8]]) -> (Vec<String>, String, bool) {
        let stops: Vec<String> = stops.iter().map(|s| (*s).to_owned()).collect();
        let mut stream = TextStream::new(&stops);
        let mut out = Vec::new();
        for piece in pieces {
            match stream.push(piece) {
                Pushed::More(text) => out.push(text),
                Pushed::Stopped(text) => {
                    out.push(text);
                    return (out, stream.into_text(), true);
                }
            }
        }
        out.push(stream.finish());
        (out, stream.into_text(), false)
    }

    /// Protects terminals and editors: a character whose bytes come in several tokens is shown once, whole; bytes that
    /// are no character become U+FFFD and nothing after them is lost.
    #[test]
    fn characters_are_whole() {
        let (out, text, _) = all(&[], &["a\u{1F600}".as_bytes().split_at(3).0, &"\u{1F600}".as_bytes()[2..], b"b"]);
        assert_eq!(
            (out, text.as_str()),
            (vec!["a".into(), "\u{1F600}".into(), "b".into(), String::new()], "a\u{1F600}b")
        );
        assert_eq!(all(&[], &[b"a\xff\xc3(", b"\xe2\x82"]).1, "a\u{FFFD}\u{FFFD}(\u{FFFD}");
    }

    /// Protects what is written to files: an answer that is cut in the middle of a character ends before it, with what
    /// stop strings held back, and bytes that never were a character stay visible.
    #[test]
    fn a_cut_is_between_characters() {
        let mut stream = TextStream::new(&["END".into()]);
        assert_eq!(stream.push(b"a E\xff\xf0\x9f\x98"), Pushed::More("a E\u{FFFD}".into()));
        assert_eq!(stream.push(b""), Pushed::More(String::new()));
        assert_eq!((stream.cut(), stream.into_text().as_str()), (String::new(), "a E\u{FFFD}"));
        let mut stream = TextStream::new(&["END".into()]);
        assert_eq!(stream.push(b"a EN"), Pushed::More("a ".into()));
        assert_eq!((stream.cut(), stream.into_text().as_str()), ("EN".into(), "a EN"));
    }

    /// Protects stop strings: text that may become one is held back and given out when it does not; the earliest one
    /// wins and nothing of it is ever shown, even when it is split over tokens.
    #[test]
    fn stops_are_never_shown() {
        assert_eq!(
            all(&["```"], &[b"x`", b"`y`", b"``", b"z"]),
            (vec!["x".into(), "``y".into(), String::new()], "x``y".into(), true)
        );
        assert_eq!(all(&["END", "ND!"], &[b"a E", b"ND! b"]).1, "a ");
        let (out, text, stopped) = all(&["\nuser:"], &[b"ok\n", b"use"]);
        assert_eq!((out, text.as_str(), stopped), (vec!["ok".into(), String::new(), "\nuse".into()], "ok\nuse", false));
        assert_eq!(all(&["é!"], &["café".as_bytes(), b"?"]).0, ["caf", "é?", ""]);
    }
}
