//! Names of values.

/// The text with its first letter in upper case.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// The text in lower case, to compare and to search. Each letter is changed alone: `str::to_lowercase` also knows the form of a Greek letter at the
/// end of a word, which costs 4 KB in the browser.
pub fn lowercase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Parses an enum by its name, which `as_str` returns. `$values` holds the values that have one.
macro_rules! parse_by_name {
    ($type:ty, $values:expr) => {
        impl std::str::FromStr for $type {
            type Err = $crate::permission::UnknownValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $values.iter().copied().find(|value| value.as_str() == text).ok_or($crate::permission::UnknownValue)
            }
        }
    };
}
pub(crate) use parse_by_name;
