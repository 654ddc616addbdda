//! Which integration tests run on SQLite only. All others also run on PostgreSQL.

use std::ffi::OsString;

/// The modules, with the reason. A single test of another module is skipped where it is written, by `is_skipped_on_postgresql`.
const MODULES: [(&str, &str); 31] = [
    // These start the program on data of its own, which is on SQLite, or test what only SQLite has.
    ("backup", "copies the file of SQLite"),
    ("logs", "the program has data of its own"),
    ("query_plans", "reads the query plans of SQLite"),
    ("samples::restarts", "the program has data of its own"),
    ("serve", "the program has data of its own"),
    // These call what other modules test on both databases, and check how it is presented.
    ("api::v1::openapi", "compares the document with the routes"),
    ("api::v1::project_keys::libraries", "other libraries verify tokens, offline"),
    ("cli", "checks what the commands print and send"),
    ("corpora::samples", "runs the commands of the documentation"),
    ("getting_started", "runs the commands of the documentation"),
    ("metrics", "counts in memory"),
    ("models::sdks", "SDKs call the gateway"),
    ("services::documented", "runs the commands of the documentation"),
    ("v2", "checks the form of verdicts for another SDK"),
    // These test the network on either side of Latchkey.
    ("api::v1::forward_auth::nginx", "proxies call forward auth"),
    ("api::v1::forward_auth::peers", "proxies call forward auth"),
    ("api::v1::malformed", "most requests fail before the database is used"),
    ("connections", "limits connections"),
    ("corpora::cors", "checks headers for browsers"),
    ("corpora::upstream", "forwards calls to an upstream"),
    ("credential_check", "calls providers"),
    ("models::refusals", "most requests fail before the database is used"),
    ("models::streams", "forwards streams"),
    ("models::targets", "chooses an upstream, from memory"),
    ("models::upstreams", "checks responses of an upstream"),
    ("samples::dnanexus", "another source of files than the local disk"),
    ("samples::s3", "another source of files than the local disk"),
    ("services::echoes", "checks responses of an upstream"),
    ("services::forwarding", "forwards calls to an upstream"),
    ("services::headers", "forwards headers"),
    ("services::paths", "forwards paths"),
];

/// The arguments of `cargo test`, with those that leave out these modules.
pub(crate) fn leave_out(arguments: &[OsString]) -> Vec<OsString> {
    let separator = (!arguments.iter().any(|argument| argument == "--")).then(|| OsString::from("--"));
    let skips = MODULES.iter().flat_map(|(module, _)| [OsString::from("--skip"), OsString::from(format!("{module}::"))]);
    arguments.iter().cloned().chain(separator).chain(skips).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::paths;

    /// The modules of a folder of tests, such as `api::v1::verify::`.
    fn modules(folder: &Path, prefix: &str) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}::", path.file_stem().unwrap().to_str().unwrap());
            if path.is_dir() {
                found.extend(modules(&path, &name));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(name.trim_end_matches("mod::").to_owned());
            }
        }
        found
    }

    #[test]
    fn each_module_exists_and_leaves_out_no_other() {
        let all = modules(&paths::inside("tests"), "");
        for (module, _) in MODULES {
            let skipped = format!("{module}::");
            let matching: Vec<_> = all.iter().filter(|name| name.contains(&skipped)).collect();
            assert!(!matching.is_empty() && matching.iter().all(|name| name.starts_with(&skipped)), "{module}: {matching:?}");
        }
    }

    #[test]
    fn arguments_of_the_tests_are_kept() {
        let arguments = |given: &[&str]| leave_out(&given.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(arguments(&[])[..3], ["--", "--skip", "backup::"]);
        assert_eq!(arguments(&["--", "members"])[..4], ["--", "members", "--skip", "backup::"]);
    }
}
