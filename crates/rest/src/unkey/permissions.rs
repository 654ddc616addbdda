//! The supported subset of Unkey's permission queries: one permission, or several joined by AND.

/// The reason why a query is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsupported(pub &'static str);

/// The permissions that a query requires, all of them.
///
/// # Errors
/// Invalid syntax; OR and parentheses, which Unkey supports and Latchkey does not.
pub(super) fn all_of(query: &str) -> Result<Vec<&str>, Unsupported> {
    if query.contains(['(', ')']) {
        return Err(Unsupported("Parentheses are not supported. Use one permission, or several joined by AND."));
    }
    let mut words = query.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
    let mut permissions = Vec::new();
    loop {
        permissions.push(permission(words.next())?);
        match words.next() {
            None => return Ok(permissions),
            Some(and) if and.eq_ignore_ascii_case("and") => {}
            Some(or) if or.eq_ignore_ascii_case("or") => {
                return Err(Unsupported("OR is not supported. Use one permission, or several joined by AND."));
            }
            Some(_) => return Err(Unsupported("Join permissions with AND.")),
        }
    }
}

fn permission(word: Option<&str>) -> Result<&str, Unsupported> {
    let word = word.ok_or(Unsupported("A permission is missing."))?;
    if ["and", "or"].iter().any(|operator| word.eq_ignore_ascii_case(operator)) {
        return Err(Unsupported("A permission is missing before or after AND or OR."));
    }
    let is_valid = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_*:/".contains(&byte));
    if is_valid { Ok(word) } else { Err(Unsupported("A permission may contain letters, digits and . - _ * : /")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn permissions_joined_by_and_are_accepted() {
        assert_eq!(all_of("documents.read"), Ok(vec!["documents.read"]));
        assert_eq!(all_of(" a  AND b\nand\tc:*/-_ "), Ok(vec!["a", "b", "c:*/-_"]));
        assert_eq!(all_of("ANDROID AND oracle"), Ok(vec!["ANDROID", "oracle"]));
    }

    #[test]
    fn other_queries_are_rejected() {
        for query in
            ["", " ", "AND", "a AND", "AND a", "a AND AND b", "a OR b", "a or b", "or", "a AND b OR c", "(a)", "a AND ()", "a b", "a,b", "ä", "a&&b"]
        {
            assert!(all_of(query).is_err(), "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_rejected(query in "([aA][nN][dD]|[oO][rR]|[a-z.]{1,4}|[ ()\t]|\\PC){0,12}") {
            if let Ok(permissions) = all_of(&query) {
                let words: Vec<_> = query.split_ascii_whitespace().collect();
                prop_assert_eq!(words.iter().copied().step_by(2).collect::<Vec<_>>(), permissions);
                prop_assert!(words.len() % 2 == 1 && words.iter().skip(1).step_by(2).all(|word| word.eq_ignore_ascii_case("and")));
            }
        }
    }
}
