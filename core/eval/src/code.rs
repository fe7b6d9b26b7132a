//! Code in a chat answer.

/// The code of an answer to a question for `entry_point`: the first fenced block that defines it, else the first block
/// at all, else the whole answer. A block that is not closed goes to the end.
pub(crate) fn extract<'a>(answer: &'a str, entry_point: &str) -> &'a str {
    let blocks = blocks(answer);
    let block = blocks.iter().find(|b| defines(b.text, entry_point)).or_else(|| blocks.first());
    block.map_or(answer, |b| b.text)
}

/// Whether [`extract`] will give the same for every continuation of `answer`, so that the model can stop.
pub(crate) fn is_settled(answer: &str, entry_point: &str) -> bool {
    blocks(answer).iter().any(|b| b.closed && defines(b.text, entry_point))
}

struct Block<'a> {
    text: &'a str,
    closed: bool,
}

fn defines(code: &str, name: &str) -> bool {
    code.lines().any(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("def ");
        rest.and_then(|r| r.trim_start().strip_prefix(name)).is_some_and(|r| r.trim_start().starts_with('('))
    })
}

/// The fenced blocks. A fence is closed by a line with at least as many of the same characters and nothing else; a line
/// that has not ended yet closes nothing, since more may follow.
fn blocks(answer: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    for line in answer.split_inclusive('\n') {
        let bare = line.trim();
        let ticks = bare.chars().take_while(|c| *c == '`').count();
        match open {
            None if ticks >= 3 && line.ends_with('\n') => open = Some((ticks, at + line.len())),
            Some((fence, start)) if ticks >= fence && ticks == bare.len() && ticks > 0 => {
                blocks.push(Block { text: &answer[start..at], closed: line.ends_with('\n') });
                open = None;
            }
            _ => {}
        }
        at += line.len();
    }
    if let Some((_, start)) = open {
        blocks.push(Block { text: &answer[start..], closed: false });
    }
    blocks
}
