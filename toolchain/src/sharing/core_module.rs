//! A core module with its memory elsewhere.

use wasm_encoder::{
    EntityType, ExportKind, ExportSection, ImportSection, MemorySection, MemoryType, Module,
    ModuleType, RawSection,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{DataKind, KnownCustom, Operator, Parser, Payload, TypeRef};

use super::{Error, Image};

/// Mutable globals are exported under this name and their index, so that a snapshot can assert that
/// they are what they were: an image holds memory alone.
pub const GLOBAL: &str = "motia:global";

/// What becomes of a module's memory.
#[derive(Clone, Copy)]
pub(super) enum Memory<'a> {
    /// It stays as it is.
    Kept,
    /// It has exactly this content.
    Filled(&'a Image),
    /// It is imported from `image`.
    Imported,
    /// It is another module's, content and all.
    Foreign,
}

/// What to change of a module. Sections that say nothing to a machine are always left out.
pub(super) struct Changes<'a> {
    pub memory: Memory<'a>,
    /// Which exports stay.
    pub exports: &'a dyn Fn(&str) -> bool,
    /// Whether mutable globals are exported as [`GLOBAL`].
    pub globals: bool,
}

impl Changes<'_> {
    /// The module with these changes, and the memory's content so far.
    pub fn apply(&self, wasm: &[u8]) -> Result<(Vec<u8>, Image), Error> {
        let shape = Shape::of(wasm)?;
        let mut module = Module::new();
        let pages = shape.memory.map_or(0, |memory| memory.minimum);
        let mut image = Image { pages, segments: Vec::new() };
        let mut globals = Vec::new();
        let mut imports_written = !matches!(self.memory, Memory::Imported);
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            let Some((id, range)) = payload.as_section() else { continue };
            // The memory's import goes where imports go: after the types.
            if !imports_written && !matches!(payload, Payload::TypeSection(_)) {
                imports_written = true;
                let mut imports = ImportSection::new();
                if let Payload::ImportSection(section) = &payload {
                    RoundtripReencoder.parse_import_section(&mut imports, section.clone())?;
                }
                imports.import("image", "memory", shape.memory()?);
                module.section(&imports);
                if matches!(payload, Payload::ImportSection(_)) {
                    continue;
                }
            }
            match payload {
                Payload::StartSection { .. }
                | Payload::DataCountSection { .. }
                | Payload::DataSection(_)
                    if matches!(self.memory, Memory::Foreign) =>
                {
                    module.section(&raw(id, &wasm[range_of(&range)]));
                }
                Payload::MemorySection(_) if matches!(self.memory, Memory::Imported) => {}
                Payload::MemorySection(_) => {
                    let mut memories = MemorySection::new();
                    memories.memory(match self.memory {
                        Memory::Filled(image) => {
                            MemoryType { minimum: image.pages, ..shape.memory()? }
                        }
                        _ => shape.memory()?,
                    });
                    module.section(&memories);
                }
                Payload::GlobalSection(section) => {
                    for (global, index) in section.into_iter().zip(shape.imported_globals..) {
                        if global?.ty.mutable {
                            globals.push(index);
                        }
                    }
                    module.section(&raw(id, &wasm[range_of(&range)]));
                }
                Payload::ExportSection(section) => {
                    let mut exports = ExportSection::new();
                    for export in section {
                        let export = export?;
                        if (self.exports)(export.name) {
                            RoundtripReencoder.parse_export(&mut exports, export)?;
                        }
                    }
                    for index in globals.iter().filter(|_| self.globals) {
                        exports.export(&format!("{GLOBAL}{index}"), ExportKind::Global, *index);
                    }
                    module.section(&exports);
                }
                // It would run in every instance, over the image.
                Payload::StartSection { .. } | Payload::DataCountSection { .. } => {}
                Payload::DataSection(section) => {
                    for data in section {
                        let data = data?;
                        image.segments.push((offset_of(&data.kind)?, data.data.to_vec()));
                    }
                }
                Payload::CustomSection(section) => {
                    let name = matches!(section.as_known(), KnownCustom::Name(_));
                    let about = matches!(section.as_known(), KnownCustom::Producers(_));
                    if !name && !about && !section.name().starts_with(".debug") {
                        RoundtripReencoder.parse_custom_section(&mut module, section)?;
                    }
                }
                _ => {
                    module.section(&raw(id, &wasm[range_of(&range)]));
                }
            }
        }
        if let Memory::Filled(image) = self.memory {
            module.section(&image.data());
        }
        Ok((module.finish(), image))
    }
}

/// The module with its memory imported and all its mutable globals exported: what steps share.
///
/// # Errors
/// When it is malformed, or not what an engine looks like.
pub fn shared_module(wasm: &[u8]) -> Result<(Vec<u8>, Image), Error> {
    Changes { memory: Memory::Imported, exports: &|_| true, globals: true }.apply(wasm)
}

/// The module without its memory's content and some of its exports.
///
/// # Errors
/// When it is malformed.
pub fn without_exports(wasm: &[u8], unwanted: &[&str]) -> Result<Vec<u8>, Error> {
    let exports = |name: &str| !unwanted.contains(&name);
    let changes = Changes { memory: Memory::Kept, exports: &exports, globals: false };
    Ok(changes.apply(wasm)?.0)
}

/// The type of a module, as a component that imports it declares it; `exports` says which matter.
pub(super) fn module_type(
    wasm: &[u8],
    exports: &dyn Fn(&str) -> bool,
) -> Result<ModuleType, Error> {
    let mut of = ModuleType::new();
    let mut types = Vec::new();
    let mut functions = Vec::new();
    let mut tables = Vec::new();
    let mut memories = Vec::new();
    let mut globals = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    let ty = ty?;
                    let params = values(ty.params())?;
                    let results = values(ty.results())?;
                    of.ty().function(params, results);
                    types.push(of.type_count() - 1);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let ty = RoundtripReencoder.entity_type(import.ty)?;
                    match import.ty {
                        TypeRef::Func(index) => functions.push(index),
                        TypeRef::Table(_) => tables.push(ty),
                        TypeRef::Memory(_) => memories.push(ty),
                        TypeRef::Global(_) => globals.push(ty),
                        _ => {}
                    }
                    of.import(import.module, import.name, ty);
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    functions.push(index?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    tables.push(RoundtripReencoder.table_type(table?.ty)?.into());
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    memories.push(RoundtripReencoder.memory_type(memory?)?.into());
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    globals.push(RoundtripReencoder.global_type(global?.ty)?.into());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let at = export.index as usize;
                    let ty = match export.kind {
                        wasmparser::ExternalKind::Func => {
                            functions.get(at).map(|index| EntityType::Function(*index))
                        }
                        wasmparser::ExternalKind::Table => tables.get(at).copied(),
                        wasmparser::ExternalKind::Memory => memories.get(at).copied(),
                        wasmparser::ExternalKind::Global => globals.get(at).copied(),
                        _ => None,
                    };
                    if let Some(ty) = ty.filter(|_| exports(export.name)) {
                        of.export(export.name, ty);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(of)
}

fn values(types: &[wasmparser::ValType]) -> Result<Vec<wasm_encoder::ValType>, Error> {
    types.iter().map(|ty| Ok(RoundtripReencoder.val_type(*ty)?)).collect()
}

/// The names and types of exported mutable globals.
pub(super) fn exported_globals(
    wasm: &[u8],
) -> Result<Vec<(String, wasm_encoder::GlobalType)>, Error> {
    let mut types = Vec::new();
    let mut exported = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Global(ty) = import?.ty {
                        types.push(ty);
                    }
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    types.push(global?.ty);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let ty = types.get(export.index as usize);
                    if let Some(ty) = ty.filter(|_| export.name.starts_with(GLOBAL)) {
                        let ty = RoundtripReencoder.global_type(*ty)?;
                        exported.push((export.name.to_owned(), ty));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(exported)
}

/// Whether the module defines a memory.
pub(super) fn defines_memory(wasm: &[u8]) -> bool {
    let mut payloads = Parser::new(0).parse_all(wasm);
    payloads.any(|payload| matches!(payload, Ok(Payload::MemorySection(_))))
}

/// What the changes need to know before they begin.
struct Shape {
    memory: Option<MemoryType>,
    imported_globals: u32,
}

impl Shape {
    fn of(wasm: &[u8]) -> Result<Self, Error> {
        let mut memory = None;
        let mut imported_globals = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        imported_globals += u32::from(matches!(import?.ty, TypeRef::Global(_)));
                    }
                }
                Payload::MemorySection(section) => {
                    for found in section {
                        memory = Some(RoundtripReencoder.memory_type(found?)?);
                    }
                }
                _ => {}
            }
        }
        Ok(Self { memory, imported_globals })
    }

    fn memory(&self) -> Result<MemoryType, Error> {
        self.memory.ok_or_else(|| "a main module without a memory".into())
    }
}

fn offset_of(kind: &DataKind<'_>) -> Result<u64, Error> {
    if let DataKind::Active { memory_index: 0, offset_expr } = kind
        && let Ok(Operator::I32Const { value }) = offset_expr.get_operators_reader().read()
    {
        return Ok(u64::from(value as u32));
    }
    Err(Error::from("data whose place is not a constant"))
}

fn raw<'a>(id: u8, data: &'a [u8]) -> RawSection<'a> {
    RawSection { id, data }
}

fn range_of(range: &std::ops::Range<u64>) -> std::ops::Range<usize> {
    range.start as usize..range.end as usize
}
