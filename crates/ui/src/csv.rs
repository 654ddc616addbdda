//! CSV files (RFC 4180) for spreadsheets.

use super::browser;

/// Without it, Excel reads UTF-8 as another encoding.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// Leading characters that a spreadsheet may interpret as a formula.
const FORMULA_START: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A file with a line of column names.
pub fn csv<const WIDTH: usize>(columns: &[&str; WIDTH], rows: impl IntoIterator<Item = [String; WIDTH]>) -> String {
    let line = |cells: [String; WIDTH]| cells.map(|text| cell(&text)).join(",") + "\r\n";
    rows.into_iter().fold(String::from(BYTE_ORDER_MARK) + &columns.join(",") + "\r\n", |file, row| file + &line(row))
}

/// Downloads a file as `name`.csv.
pub fn download(name: &str, file: &str) {
    browser::download(&format!("{name}.csv"), "text/csv;charset=utf-8", file);
}

/// An apostrophe before a formula prevents CSV injection.
fn cell(text: &str) -> String {
    let text = if text.starts_with(FORMULA_START) { String::from("'") + text } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_and_separators_are_escaped() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@sum", "'@sum"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("a=b", "a=b"),
            ("=a,\"b\"", "\"'=a,\"\"b\"\"\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    #[test]
    fn file_begins_with_a_byte_order_mark() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(csv(&["a", "b"], [row("José", "1,2"), row("", "=x")]), "\u{FEFF}a,b\r\nJosé,\"1,2\"\r\n,'=x\r\n");
    }
}
