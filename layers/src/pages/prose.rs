//! Documentation as people wrote it, in the few forms that a page shows.

/// A piece of documentation.
#[derive(Debug, PartialEq)]
pub(super) enum Block {
    Heading(Vec<Span>),
    Paragraph(Vec<Span>),
    List(Vec<Vec<Span>>),
    /// Lines that stand as they are.
    Code(String),
}

/// Text of a line, or `code` within it.
#[derive(Debug, PartialEq)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) code: bool,
}

/// Reads the part of Markdown that doc comments use most: paragraphs, lists, fenced code, headings and code spans.
/// Anything else stays the text that it is.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open = Open::Nothing;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if let Some(fence) = ["```", "~~~"].into_iter().find(|fence| trimmed.starts_with(fence)) {
            open.close(&mut blocks);
            let code: Vec<&str> = lines.by_ref().take_while(|line| !line.trim().starts_with(fence)).collect();
            blocks.push(Block::Code(code.join("\n")));
        } else if trimmed.is_empty() {
            open.close(&mut blocks);
        } else if let Some(heading) = heading(trimmed) {
            open.close(&mut blocks);
            blocks.push(Block::Heading(spans(heading)));
        } else if let Some(item) = ["- ", "* "].into_iter().find_map(|mark| trimmed.strip_prefix(mark)) {
            open.begin_item(item, &mut blocks);
        } else {
            open.push_line(trimmed);
        }
    }
    open.close(&mut blocks);
    blocks
}

/// The block that the next line may belong to.
enum Open {
    Nothing,
    Paragraph(String),
    List(Vec<String>),
}

impl Open {
    fn push_line(&mut self, line: &str) {
        let text = match self {
            Self::Paragraph(text) => Some(text),
            Self::List(items) => items.last_mut(),
            Self::Nothing => None,
        };
        match text {
            Some(text) => {
                text.push(' ');
                text.push_str(line);
            }
            None => *self = Self::Paragraph(line.to_owned()),
        }
    }

    fn begin_item(&mut self, item: &str, blocks: &mut Vec<Block>) {
        if let Self::List(items) = self {
            items.push(item.to_owned());
        } else {
            self.close(blocks);
            *self = Self::List(vec![item.to_owned()]);
        }
    }

    fn close(&mut self, blocks: &mut Vec<Block>) {
        match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => {}
            Self::Paragraph(text) => blocks.push(Block::Paragraph(spans(&text))),
            Self::List(items) => blocks.push(Block::List(items.iter().map(|item| spans(item)).collect())),
        }
    }
}

fn heading(line: &str) -> Option<&str> {
    line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')
}

/// Splits a text at its backticks. One without a partner is a backtick.
fn spans(text: &str) -> Vec<Span> {
    // Links within the documentation of Rust, such as [`Row`], lead nowhere from here.
    let text = text.replace("[`", "`").replace("`]", "`");
    let mut spans: Vec<Span> = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, after)) = after.split_once('`') else { break };
        spans.push(Span { text: before.to_owned(), code: false });
        spans.push(Span { text: code.to_owned(), code: true });
        rest = after;
    }
    spans.push(Span { text: rest.to_owned(), code: false });
    spans.retain(|span| !span.text.is_empty());
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Span {
        Span { text: text.to_owned(), code: false }
    }

    fn code(text: &str) -> Span {
        Span { text: text.to_owned(), code: true }
    }

    #[test]
    fn paragraphs_end_at_empty_lines_and_code_stands_between_backticks() {
        assert_eq!(
            blocks("Count from `n`\nto [`Tick`].\n\nA ` alone."),
            [
                Block::Paragraph(vec![text("Count from "), code("n"), text(" to "), code("Tick"), text(".")]),
                Block::Paragraph(vec![text("A ` alone.")]),
            ]
        );
        assert_eq!(blocks(" \n\n"), []);
    }

    #[test]
    fn lists_headings_and_fences_are_told_apart() {
        assert_eq!(
            blocks("Either\n- one\n  more\n- `two`\n\n# Errors\n```text\n  <a>\n\n# b\n```\nend\n#hash"),
            [
                Block::Paragraph(vec![text("Either")]),
                Block::List(vec![vec![text("one more")], vec![code("two")]]),
                Block::Heading(vec![text("Errors")]),
                Block::Code("  <a>\n\n# b".to_owned()),
                Block::Paragraph(vec![text("end #hash")]),
            ]
        );
        assert_eq!(blocks("```\nnever closed"), [Block::Code("never closed".to_owned())]);
    }
}
