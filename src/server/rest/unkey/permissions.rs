//! Unkey's language for permissions, as far as a key here can be judged by it: one permission, or several joined by AND.

/// A query that is not judged; says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported(pub &'static str);

/// The permissions that a query asks for, all of them.
///
/// # Errors
/// What is no query, and what can't be judged here: OR and parentheses.
pub fn all_of(query: &str) -> Result<Vec<&str>, Unsupported> {
    if query.contains(['(', ')']) {
        return Err(Unsupported("Parentheses are not supported: name one permission, or several joined by AND."));
    }
    let mut words = query.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
    let mut permissions = Vec::new();
    loop {
        permissions.push(permission(words.next())?);
        match words.next() {
            None => return Ok(permissions),
            Some(and) if and.eq_ignore_ascii_case("and") => {}
            Some(or) if or.eq_ignore_ascii_case("or") => {
                return Err(Unsupported("OR is not supported: name one permission, or several joined by AND."));
            }
            Some(_) => return Err(Unsupported("Join permissions by AND.")),
        }
    }
}

fn permission(word: Option<&str>) -> Result<&str, Unsupported> {
    let word = word.ok_or(Unsupported("A permission is missing."))?;
    if ["and", "or"].iter().any(|operator| word.eq_ignore_ascii_case(operator)) {
        return Err(Unsupported("A permission is missing beside AND or OR."));
    }
    let fits = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_*:/".contains(&byte));
    if fits { Ok(word) } else { Err(Unsupported("A permission is letters, digits and the signs . - _ * : /")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_or_several_by_and() {
        assert_eq!(all_of("documents.read"), Ok(vec!["documents.read"]));
        assert_eq!(all_of(" a  AND b\nand\tc:*/-_ "), Ok(vec!["a", "b", "c:*/-_"]));
        assert_eq!(all_of("ANDROID AND oracle"), Ok(vec!["ANDROID", "oracle"]));
    }

    #[test]
    fn all_else_is_refused() {
        for query in
            ["", " ", "AND", "a AND", "AND a", "a AND AND b", "a OR b", "a or b", "or", "a AND b OR c", "(a)", "a AND ()", "a b", "a,b", "ä", "a&&b"]
        {
            assert!(all_of(query).is_err(), "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(query in "([aA][nN][dD]|[oO][rR]|[a-z.]{1,4}|[ ()\t]|\\PC){0,12}") {
            if let Ok(permissions) = all_of(&query) {
                let words: Vec<_> = query.split_ascii_whitespace().collect();
                prop_assert_eq!(words.iter().copied().step_by(2).collect::<Vec<_>>(), permissions);
                prop_assert!(words.len() % 2 == 1 && words.iter().skip(1).step_by(2).all(|word| word.eq_ignore_ascii_case("and")));
            }
        }
    }
}
