//! Extracts the text of HTML, without tags, scripts and styles. The text is never rendered as HTML, so it need not be safe as HTML.

use super::paragraphs;

/// Elements whose content is not text of the page.
const SKIPPED: &[&str] = &["script", "style", "template", "noscript", "svg", "iframe", "title"];
/// Elements that do not interrupt a line.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "img", "kbd", "label", "mark", "q", "s", "small", "span", "strong", "sub",
    "sup", "u", "var", "wbr", COMMENT,
];
/// Length of the longest character reference without the ampersand, in bytes.
const REFERENCE_MAX: usize = 9;
/// The element name that is used for comments.
const COMMENT: &str = "!--";

/// The title, and a section per paragraph, heading, list item, table row and the like.
pub(super) fn parse(content: &str) -> (Option<String>, Vec<String>) {
    let title = element(content, "title").or_else(|| element(content, "h1"));
    let title = title.map(|title| one_line(&plain_text(title))).filter(|title| !title.is_empty());
    (title, paragraphs(&plain_text(content)).iter().map(|paragraph| one_line(paragraph)).collect())
}

/// The text, with a blank line where a block element begins or ends.
fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some((before, tag, after)) = next_tag(rest) {
        push_decoded(&mut text, before);
        rest = after;
        let name = tag_name(tag);
        if SKIPPED.contains(&name.as_str()) {
            rest = after_element(rest, &name);
        }
        if !INLINE.contains(&name.as_str()) {
            text.push_str(if name == "br" { "\n" } else { "\n\n" });
        }
    }
    push_decoded(&mut text, rest);
    text
}

/// The text before the next tag or comment, the tag without its angle brackets, and the rest. A `<` that does not begin a tag is text.
fn next_tag(html: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let start = from + html[from..].find('<')?;
        let inner = &html[start + 1..];
        if let Some(comment) = inner.strip_prefix("!--") {
            let (_, after) = comment.split_once("-->").unwrap_or((comment, ""));
            return Some((&html[..start], COMMENT, after));
        }
        if inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            let end = end_of_tag(inner);
            return Some((&html[..start], &inner[..end], inner.get(end + 1..).unwrap_or_default()));
        }
        from = start + 1;
    }
}

/// Where the tag ends: at the first `>` outside of quotes.
fn end_of_tag(inner: &str) -> usize {
    let mut quote = None;
    for (at, c) in inner.char_indices() {
        match (quote, c) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    inner.len()
}

/// The name in lower case; with `/` for an end tag.
fn tag_name(tag: &str) -> String {
    let closing = tag.strip_prefix('/');
    let name = closing.unwrap_or(tag);
    let name: String = name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!' || *c == '-').collect();
    let name = name.to_ascii_lowercase();
    // End tags of inline elements do not end a line either, and no content is skipped after an end tag.
    if closing.is_some() && !INLINE.contains(&name.as_str()) { format!("/{name}") } else { name }
}

/// What follows the end tag of an element.
fn after_element<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some((_, inner)) = rest.split_once("</") {
        if tag_name(inner) == name {
            return inner.split_once('>').map_or("", |(_, after)| after);
        }
        rest = inner;
    }
    ""
}

/// The content of the first element of this name.
fn element<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = html;
    while let Some((_, tag, after)) = next_tag(rest) {
        if tag_name(tag) == name {
            let content_length = after.len() - after_element(after, name).len();
            let content = &after[..content_length];
            return Some(content.rfind("</").map_or(content, |end| &content[..end]));
        }
        rest = after;
    }
    None
}

/// Appends text with its character references replaced: the numeric ones and the most common names.
fn push_decoded(text: &mut String, html: &str) {
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let length = after.bytes().take(REFERENCE_MAX).position(|byte| byte == b';');
        let found = length.and_then(|length| Some((decoded(&after[..length])?, &after[length + 1..])));
        let (c, after) = found.unwrap_or(('&', after));
        text.push(c);
        rest = after;
    }
    text.push_str(rest);
}

fn decoded(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?).filter(|c| *c != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "shy" => '\u{AD}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "copy" => '©',
        "reg" => '®',
        "deg" => '°',
        "euro" => '€',
        "middot" => '·',
        "bull" => '•',
        _ => return None,
    })
}

/// In HTML, all kinds of white space separate words.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_sections() {
        let html = "<!DOCTYPE html><html><head><title>The &amp; guide</title><style>p { color: red }</style></head>\n<body>\
            <h1>Welcome</h1><p>Hello <b>dear</b>\n reader &#8211; 1 &lt; 2 &unknown; &</p><script>if (a < b) { alert('</p>') }</script>\
            <ul><li>One<li>T<!-- > -->wo</ul><!-- a > comment --><img alt=\"a > b\" src=x>End</body></html>";
        let (title, sections) = parse(html);
        assert_eq!(title.as_deref(), Some("The & guide"));
        assert_eq!(sections, ["Welcome", "Hello dear reader – 1 < 2 &unknown; &", "One", "Two", "End"]);
    }

    #[test]
    fn broken_html_is_read_to_its_end() {
        for (html, sections) in [
            ("a < b", vec!["a < b"]),
            ("a<", vec!["a<"]),
            ("a <b", vec!["a"]),
            ("a<!-- b", vec!["a"]),
            ("a<script>b", vec!["a"]),
            ("a<p title=\"b", vec!["a"]),
            ("a&#0;&#xD800;&#x41;&;", vec!["a&#0;&#xD800;A&;"]),
            ("<p></p>", vec![]),
        ] {
            assert_eq!(parse(html).1, sections, "{html}");
        }
        assert_eq!(parse("<H1 id=x>Big <i>news</i></H1>text").0.as_deref(), Some("Big news"));
        assert_eq!(parse("<title> </title>text").0, None);
    }
}
