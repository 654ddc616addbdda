//! Removes what the program does not need, but `wasm-opt` cannot know: functions that it refers to and never calls, and the linker's notes.

use anyhow::Result;
use walrus::{Function, FunctionBuilder, FunctionId, FunctionKind, Module};

/// Leptos stores both forms of hydration with each type of view. The asynchronous one is not used: `hydrate` in src/lib.rs loads the chunk of the
/// page first. Without it, a page has a tenth less to load.
const UNUSED: [&str; 2] = ["::hydrate_async", "13hydrate_async"];
/// The parts of such a future, as in the names of functions.
const CLOSURES: [&str; 2] = ["::{{closure}}", "28_$u7b$$u7b$closure$u7d$$u7d$"];

/// The linker's notes for the code splitting, which also stand in the wasm that is not split.
const SECTIONS: [&str; 3] = ["linking", "reloc.CODE", "reloc.DATA"];

/// Replaces these functions by ones that trap. `wasm-opt` then merges them, and removes what only they call.
pub(super) fn remove(_: &str, wasm: &[u8]) -> Result<Vec<u8>> {
    let mut module = Module::from_buffer(wasm)?;
    for section in SECTIONS {
        module.customs.remove_raw(section);
    }
    let is_unused = |function: &Function| function.name.as_deref().is_some_and(is_unused);
    let unused: Vec<FunctionId> = module.funcs.iter_local().map(|(id, _)| id).filter(|id| is_unused(module.funcs.get(*id))).collect();
    for id in unused {
        let kind = trap(&mut module, id);
        module.funcs.get_mut(id).kind = kind;
    }
    Ok(module.emit_wasm())
}

/// Whether this is the name of an unused function, mangled or not. Functions in the names of which it is only a part may be in use: the compiler
/// merges equal functions, such as those that drop a value, and keeps one of the names.
fn is_unused(name: &str) -> bool {
    let mut path = without_digest(name);
    while let Some(outer) = CLOSURES.iter().find_map(|closure| path.strip_suffix(closure)) {
        path = outer;
    }
    !path.starts_with("core::ptr::") && UNUSED.iter().any(|function| path.ends_with(function))
}

/// Removes the digest of 16 digits from the end of a name: `::h0123456789abcdef`, or `17h0123456789abcdefE` of a mangled one.
fn without_digest(name: &str) -> &str {
    let is_digest = |text: &str| text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let split = if name.starts_with("_ZN") { name.strip_suffix('E').and_then(|name| name.rsplit_once("17h")) } else { name.rsplit_once("::h") };
    split.filter(|(_, digest)| is_digest(digest)).map_or(name, |(path, _)| path)
}

/// A function with the same type, which traps.
fn trap(module: &mut Module, id: FunctionId) -> FunctionKind {
    let (parameters, results) = module.types.params_results(module.funcs.get(id).ty());
    let (parameters, results) = (parameters.to_vec(), results.to_vec());
    let mut builder = FunctionBuilder::new(&mut module.types, &parameters, &results);
    builder.func_body().unreachable();
    let arguments = parameters.iter().map(|kind| module.locals.add(*kind)).collect();
    FunctionKind::Local(builder.local_func(arguments))
}

#[cfg(test)]
mod tests {
    use walrus::{InstrSeqBuilder, ValType};

    use super::*;

    fn add(module: &mut Module, name: &str, body: impl FnOnce(&mut InstrSeqBuilder)) {
        let mut builder = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
        builder.name(name.to_owned());
        body(&mut builder.func_body());
        let argument = module.locals.add(ValType::I32);
        let id = builder.finish(vec![argument], &mut module.funcs);
        module.exports.add(name, id);
    }

    #[test]
    fn only_unused_functions_are_replaced() {
        let mut module = Module::default();
        for name in ["view::hydrate_async", "view::hydrate"] {
            add(&mut module, name, |body| {
                body.i32_const(7);
            });
        }
        let replaced = Module::from_buffer(&remove("", &module.emit_wasm()).unwrap()).unwrap();
        let is_trap = |name: &str| {
            let id = replaced.exports.get_func(name).unwrap();
            let function = replaced.funcs.get(id).kind.unwrap_local();
            function.block(function.entry_block()).instrs.iter().any(|(instruction, _)| instruction.is_unreachable())
        };
        assert!(is_trap("view::hydrate_async"));
        assert!(!is_trap("view::hydrate"));
    }

    #[test]
    fn a_function_is_unused_if_its_name_ends_with_that_of_the_form() {
        for name in [
            "<T as tachys::view::any_view::IntoAny>::into_any::hydrate_async",
            "<T as tachys::view::any_view::IntoAny>::into_any::hydrate_async::{{closure}}::h8b4f479e342538c3",
            "tachys::view::RenderHtml::hydrate_async::{{closure}}::{{closure}}",
            "_ZN53_$LT$T$u20$as$u20$IntoAny$GT$8into_any13hydrate_async17h6e31ce0d84b647cbE",
            "_ZN6tachys4view13hydrate_async28_$u7b$$u7b$closure$u7d$$u7d$17h6e31ce0d84b647cbE",
        ] {
            assert!(is_unused(name), "{name}");
        }
        for name in [
            "core::ptr::drop_in_place<into_any::hydrate_async::{{closure}}>",
            "core::ptr::drop_in_place::hydrate_async",
            "tachys::reactive_graph::hydrate_async::{{closure}}::prep",
            "tachys::view::RenderHtml::hydrate",
            "_ZN6tachys4view7hydrate17h6e31ce0d84b647cbE",
            "E",
        ] {
            assert!(!is_unused(name), "{name}");
        }
    }
}
