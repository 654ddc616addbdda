//! The site: wasm, JavaScript, CSS, fonts, the documentation and the files of `public/`, assembled in `target/site`.

mod bindgen;
mod brotli;
mod cache;
mod css;
mod docs;
mod folder;
mod fonts;
mod glue;
mod sizes;
mod unused;
mod wasm_opt;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use self::folder::Files;
use crate::setup::{self, Tools};
use crate::step::Steps;
use crate::{paths, process};

pub(crate) use crate::setup::WASM_TARGET as TARGET;

/// The package of the application, and that of the pages for visitors without a session. Each is compiled by a command of its own: in one
/// command, their features would be unified, and both would contain everything.
const PACKAGES: [&str; 2] = ["latchkey-frontend", "latchkey-entrance"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// Optimized for size.
    Release,
    /// Optimized for build time.
    Dev,
}

impl Build {
    /// From the command line's `--dev`.
    pub(crate) fn from_flag(dev: bool) -> Self {
        if dev { Self::Dev } else { Self::Release }
    }

    /// The cargo profile of the wasm build, from the root Cargo.toml.
    fn wasm_profile(self) -> &'static str {
        match self {
            Self::Release => "wasm-release",
            Self::Dev => "wasm-dev",
        }
    }
}

/// `cargo xtask site`: sets up the machine and builds the site without the server.
pub(crate) fn build_site(build_kind: Build, steps: &mut Steps) -> Result<()> {
    let tools = steps.run("setup", setup::for_build)?;
    build(build_kind, &tools, steps)
}

/// Compiles the wasm and assembles the site.
pub(crate) fn build(build: Build, tools: &Tools, steps: &mut Steps) -> Result<()> {
    steps.run("wasm", || compile_commands(build, tools).iter_mut().try_for_each(process::run))?;
    assemble(build, steps)
}

/// The `cargo build` of each wasm.
pub(crate) fn compile_commands(build: Build, tools: &Tools) -> [Command; 2] {
    PACKAGES.map(|package| compile_command(package, build, tools))
}

fn compile_command(package: &str, build: Build, tools: &Tools) -> Command {
    let mut command = tools.wasm.cargo();
    command
        .args(["build", "--package", package])
        .args(["--target", TARGET, "--profile", build.wasm_profile(), "--target-dir"])
        .arg(paths::wasm_target());
    command
}

/// Assembles `target/site` from the output of [`compile_commands`] and from the sources.
pub(crate) fn assemble(build: Build, steps: &mut Steps) -> Result<()> {
    let site = paths::site();
    let mut files = Files::default();
    files.add_folder(&paths::inside("public"))?;
    files.add("pkg/latchkey.css", css::bundle(&paths::inside("style/main.css"))?.into());
    files.add("pkg/entrance.css", css::bundle(&paths::inside("style/entrance.css"))?.into());
    steps.run("fonts", || fonts::add_fonts(&mut files))?;
    let [app, entrance] = PACKAGES.map(|package| compiled_wasm(package, build));
    steps.run("bindgen", || {
        bindgen::generate_app(&app, build, &mut files)?;
        bindgen::generate_entrance(&entrance, build, &mut files)
    })?;
    if build == Build::Release {
        steps.run("unused functions", || files.replace_each("wasm", unused::remove))?;
        steps.run("wasm-opt", || files.replace_each("wasm", wasm_opt::optimize))?;
    }
    steps.run("docs", || docs::add_docs(&mut files))?;
    if build == Build::Release {
        steps.run("brotli", || brotli::add_compressed(&mut files, &site))?;
    }
    files.write_to(&site)?;
    sizes::print(&files)?;
    if build == Build::Release { sizes::check(&files) } else { Ok(()) }
}

/// The URL of `pkg`, which contains a digest of its files. The server computes the same one: `PKG` in crates/program/src/assets.rs.
fn pkg_url(files: &Files) -> String {
    let contents = files.iter().filter(|(name, _)| name.starts_with("pkg/")).map(|(_, bytes)| bytes);
    let digest = contents.fold(Sha256::new(), Digest::chain_update).finalize();
    format!("/pkg/{}", BASE64_URL_SAFE_NO_PAD.encode(&digest[..9]))
}

fn compiled_wasm(package: &str, build: Build) -> PathBuf {
    paths::wasm_target().join(TARGET).join(build.wasm_profile()).join(package.replace('-', "_") + ".wasm")
}
