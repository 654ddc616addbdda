//! Rebuilds the binary when the embedded site or the migrations change.

fn main() {
    // rust-embed needs the folder, even if empty, in builds without the site, such as tests.
    std::fs::create_dir_all("target/site").expect("cannot create target/site");
    // Debug builds read the site's files at run time, and wasm builds do not use them.
    if std::env::var("PROFILE").as_deref() == Ok("release") && std::env::var("CARGO_FEATURE_SSR").is_ok() {
        println!("cargo:rerun-if-changed=target/site");
    }
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=build.rs");
}
