//! The words of a text, in the form of the full-text indexes: in lower case and without diacritics.

use std::ops::Range;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Maximum length of a word, in characters. Longer words are cut.
const WORD_MAX: usize = 64;

/// Calls `found` with the position of each word in the text, in bytes, and the folded word, which consists of alphanumeric characters. In scripts
/// without spaces between words, each character is a word.
pub fn each_word(text: &str, mut found: impl FnMut(Range<usize>, &str)) {
    let mut word = String::new();
    for place in places(text) {
        let original = &text[place.clone()];
        if original.is_ascii() {
            word.extend(original.chars().take(WORD_MAX).map(|c| c.to_ascii_lowercase()));
            found(place, &word);
            word.clear();
        } else {
            each_folded(original, &mut word, |word| found(place.clone(), word));
        }
    }
}

/// The words of a text, separated by spaces.
pub fn joined_words(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    each_word(text, |_, word| {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word);
    });
    joined
}

/// The runs of alphanumeric characters and combining marks. A character of a script without spaces is a run of its own, with its marks.
fn places(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let is_part = |c: char| c.is_alphanumeric() || is_combining_mark(c);
        let (start, first) = rest.find(|(_, c)| is_part(*c))?;
        let mut end = text.len();
        while let Some((at, c)) = rest.peek() {
            let is_same_word = c.is_alphanumeric() && !is_unspaced(first) && !is_unspaced(*c);
            if !is_same_word && !is_combining_mark(*c) {
                end = *at;
                break;
            }
            rest.next();
        }
        Some(start..end)
    })
}

/// The folded words of a run: compatibility characters such as `½` can be several. `word` is an empty buffer, and empty afterwards.
fn each_folded(run: &str, word: &mut String, mut found: impl FnMut(&str)) {
    let mut length = 0;
    let mut end = |word: &mut String, length: &mut usize| {
        if !word.is_empty() {
            found(word.as_str());
        }
        word.clear();
        *length = 0;
    };
    for c in run.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if !c.is_alphanumeric() {
            end(word, &mut length);
        } else if is_unspaced(c) {
            end(word, &mut length);
            word.push(c);
            end(word, &mut length);
        } else if length < WORD_MAX {
            word.push(c);
            length += 1;
        }
    }
    end(word, &mut length);
}

/// Whether a character belongs to a script without spaces between words: Hiragana, Katakana, and Chinese characters.
const fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_split_at_everything_else() {
        for (text, words) in [
            ("Straße, CAFÉ & cafe\u{301}!", "straße cafe cafe"),
            ("\"a\" OR b* NEAR(c) {d}:^e-f", "a or b near c d e f"),
            ("Ⅳ ½ ﬁne №", "iv 1 2 fine"),
            ("İstanbul ΑΒΓ Привет", "istanbul αβγ привет"),
            ("東京タワー is 333m", "東 京 タ ワ ー is 333m"),
            ("\u{301} '\u{0}' \u{1F600}", ""),
            ("", ""),
        ] {
            assert_eq!(joined_words(text), words, "{text}");
        }
        assert_eq!(joined_words(&"a".repeat(100)), "a".repeat(WORD_MAX));
        assert_eq!(joined_words(&"é".repeat(100)), "e".repeat(WORD_MAX));
    }

    #[test]
    fn places_are_those_in_the_original_text() {
        let text = "Un cafe\u{301} à Paris";
        let mut found = Vec::new();
        each_word(text, |place, word| found.push((text[place].to_owned(), word.to_owned())));
        let pairs: Vec<_> = found.iter().map(|(original, word)| (original.as_str(), word.as_str())).collect();
        assert_eq!(pairs, [("Un", "un"), ("cafe\u{301}", "cafe"), ("à", "a"), ("Paris", "paris")]);
    }
}
