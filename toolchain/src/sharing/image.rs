//! The content of a linear memory as a module.

use wasm_encoder::{
    ConstExpr, DataSection, ExportKind, ExportSection, MemorySection, MemoryType, Module,
};

/// Memory is taken page by page: a page of zeros costs nothing, and none is copied in part.
const PAGE: usize = 4096;
const ZEROS: [u8; PAGE] = [0; PAGE];
const WASM_PAGE: u64 = 65_536;

/// The content of a linear memory: its size, and what is not zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// The size in pages of 64 KiB.
    pub pages: u64,
    /// Content by offset, in order, without overlap.
    pub segments: Vec<(u64, Vec<u8>)>,
}

impl Image {
    /// The image of a memory as it is.
    pub fn of(memory: &[u8]) -> Self {
        let mut segments: Vec<(u64, Vec<u8>)> = Vec::new();
        for (i, page) in memory.chunks(PAGE).enumerate() {
            if page == &ZEROS[..page.len()] {
                continue;
            }
            let offset = (i * PAGE) as u64;
            match segments.last_mut() {
                Some((start, content)) if *start + content.len() as u64 == offset => {
                    content.extend_from_slice(page);
                }
                _ => segments.push((offset, page.to_vec())),
            }
        }
        Self { pages: memory.len() as u64 / WASM_PAGE, segments }
    }

    /// A module that exports a memory with this content.
    pub fn module(&self) -> Vec<u8> {
        let mut memories = MemorySection::new();
        memories.memory(self.memory_type());
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        let mut module = Module::new();
        module.section(&memories).section(&exports).section(&self.data());
        module.finish()
    }

    /// The type of a memory that holds it, and may grow.
    pub(super) fn memory_type(&self) -> MemoryType {
        MemoryType {
            minimum: self.pages,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        }
    }

    pub(super) fn data(&self) -> DataSection {
        let mut data = DataSection::new();
        for (offset, content) in &self.segments {
            // Offsets are unsigned, constants are signed: the bits are the same.
            let offset = ConstExpr::i32_const(*offset as u32 as i32);
            data.active(0, &offset, content.iter().copied());
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_zeros_cost_nothing_and_the_rest_is_kept() {
        let mut memory = vec![0; 2 * WASM_PAGE as usize];
        memory[PAGE] = 1;
        memory[3 * PAGE - 1] = 2;
        memory[2 * WASM_PAGE as usize - 1] = 3;
        let image = Image::of(&memory);
        assert_eq!(image.pages, 2);
        let places: Vec<_> = image.segments.iter().map(|(at, c)| (*at as usize, c.len())).collect();
        assert_eq!(places, [(PAGE, 2 * PAGE), (2 * WASM_PAGE as usize - PAGE, PAGE)]);
        let engine = wasmtime::Engine::default();
        let mut store = wasmtime::Store::new(&engine, ());
        let module = wasmtime::Module::new(&engine, image.module()).unwrap();
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let found = instance.get_memory(&mut store, "memory").unwrap();
        assert!(found.data(&store) == memory);
    }
}
