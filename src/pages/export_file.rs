//! Export of rows of text as a file.

use latchkey_ui::{browser, csv};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
}

/// Downloads the rows as a file called `name`, with the extension of the format.
pub fn download<const WIDTH: usize>(name: &str, format: Format, columns: &[&str; WIDTH], rows: impl IntoIterator<Item = [String; WIDTH]>) {
    match format {
        Format::Csv => csv::download(name, &csv::csv(columns, rows)),
        Format::Json => browser::download(&format!("{name}.json"), "application/json", &json(columns, rows)),
    }
}

/// A JSON array of flat objects of strings.
pub fn json<const WIDTH: usize>(columns: &[&str; WIDTH], rows: impl IntoIterator<Item = [String; WIDTH]>) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let object = |cells: [String; WIDTH]| {
        let members = columns.iter().zip(cells).map(|(name, cell)| quoted(name) + ":" + &quoted(&cell));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    format!("[\n{}\n]\n", rows.into_iter().map(object).collect::<Vec<_>>().join(",\n"))
}
