//! Snippets: the part of a text with the most words of a query.

use std::ops::Range;

use latchkey_store::words::each_word;

/// The largest snippet, in bytes, without ellipses. A shorter text is returned whole.
const SNIPPET_MAX: usize = 500;
/// How far the snippet begins before the first word that was found, in bytes.
const LEAD: usize = 80;

/// The part of a text with the most different words of a query. The words are folded.
pub(super) fn snippet(text: &str, words: &[&str]) -> String {
    if text.len() <= SNIPPET_MAX {
        return text.to_owned();
    }
    let mut matches = Vec::new();
    each_word(text, |place, word| {
        if let Some(index) = words.iter().position(|query_word| *query_word == word) {
            matches.push((place, index));
        }
    });
    let start = best_start(&matches, words.len()).saturating_sub(LEAD).min(text.len() - SNIPPET_MAX);
    excerpt(text, start)
}

/// The beginning of the match that is followed by the most different words of `words` within a snippet; the first of several.
fn best_start(matches: &[(Range<usize>, usize)], words: usize) -> usize {
    let (mut best, mut best_count) = (0, 0);
    // The matches `first..end` are inside the snippet: how often each word is one of them, and how many words are.
    let (mut counts, mut distinct, mut end) = (vec![0_usize; words], 0, 0);
    for (first, (place, word)) in matches.iter().enumerate() {
        let limit = place.start + SNIPPET_MAX - LEAD;
        while let Some((_, next)) = matches.get(end).filter(|(next, _)| next.end <= limit) {
            distinct += usize::from(counts[*next] == 0);
            counts[*next] += 1;
            end += 1;
        }
        if distinct > best_count {
            (best, best_count) = (place.start, distinct);
        }
        if end > first {
            counts[*word] -= 1;
            distinct -= usize::from(counts[*word] == 0);
        } else {
            // The word is longer than a snippet.
            end = first + 1;
        }
    }
    best
}

/// About [`SNIPPET_MAX`] bytes from `start` on, cut between words if possible, with an ellipsis at each end that was cut.
fn excerpt(text: &str, start: usize) -> String {
    let start = text.floor_char_boundary(start);
    let end = text.floor_char_boundary(start + SNIPPET_MAX);
    // Up to the next white space, but never past the first match.
    let begin = if start == 0 { 0 } else { start + text[start..end].find(char::is_whitespace).filter(|skipped| *skipped < LEAD).unwrap_or(0) };
    let stop =
        if end == text.len() { end } else { begin + text[begin..end].rfind(char::is_whitespace).filter(|at| *at > LEAD).unwrap_or(end - begin) };
    let (before, after) = (if begin > 0 { "… " } else { "" }, if stop < text.len() { " …" } else { "" });
    format!("{before}{}{after}", text[begin..stop].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_returned_whole() {
        assert_eq!(snippet("Any text.\n", &["x"]), "Any text.\n");
    }

    #[test]
    fn the_snippet_has_the_most_words() {
        let filler = "lorem ipsum dolor sit amet ".repeat(40);
        let text = format!("A whale first. {filler}The Whále and the sea meet here. {filler}");
        let found = snippet(&text, &["sea", "whale"]);
        assert!(found.contains("The Whále and the sea meet here."), "{found}");
        assert!(found.starts_with("… ") && found.ends_with(" …") && found.len() < SNIPPET_MAX + 20, "{found}");
        assert!(snippet(&text, &["first"]).starts_with("A whale first. lorem"));
        assert!(snippet(&text, &["missing"]).starts_with("A whale first."), "a match in the title only");
    }

    #[test]
    fn a_text_without_spaces_is_cut_between_characters() {
        let text = format!("{}猫{}", "京".repeat(400), "京".repeat(400));
        assert!(snippet(&text, &["猫"]).contains('猫'));
        assert!(snippet(&text, &["猫"]).len() < SNIPPET_MAX + 20);
    }

    #[test]
    fn a_match_at_the_end_is_inside() {
        let text = format!("{}end", "word ".repeat(300));
        let found = snippet(&text, &["end"]);
        assert!(found.starts_with("… ") && found.ends_with("word end"), "{found}");
    }
}
