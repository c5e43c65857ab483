//! The generated bindings of the world `motia:step/step`; used only by `capabilities` and `sandbox`.

#![allow(missing_docs, reason = "generated from wit/step.wit, which is documented")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "step",
    imports: { default: async | trappable },
    exports: { default: async },
    with: { "wasi:cli": wasmtime_wasi::p2::bindings::cli },
});
