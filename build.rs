//! The site's files are built into the binary: a new site is a new binary.

fn main() {
    // A build without the site, as for the tests, still has its (empty) folder.
    std::fs::create_dir_all("target/site").expect("the target folder can be written");
    // In a debug build they are read when they are asked for, and the browser's side has no use for them.
    if std::env::var("PROFILE").as_deref() == Ok("release") && std::env::var("CARGO_FEATURE_SSR").is_ok() {
        println!("cargo:rerun-if-changed=target/site");
    }
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=build.rs");
}
