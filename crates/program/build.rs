//! Makes a release build depend on the frontend that it embeds.

const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/site");

fn main() {
    // The folder must exist in builds without a frontend too, such as those of the tests.
    std::fs::create_dir_all(SITE).expect("the target folder must be writable");
    // A debug build reads the files at run time.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo:rerun-if-changed={SITE}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
