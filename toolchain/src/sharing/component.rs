//! A component with the memory of its main module elsewhere.

use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, CodeSection, Component,
    ComponentAliasSection, ComponentExportKind, ComponentExportSection, ComponentImportSection,
    ComponentSection, ComponentSectionId, ComponentTypeRef, ComponentTypeSection, ComponentValType,
    CoreTypeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, InstanceSection, MemArg, MemArgTarget, Module, ModuleArg, ModuleSection,
    ModuleType, PrimitiveValType, RawSection, TypeSection, ValType,
    reencode::{self, Reencode, ReencodeComponent, component_utils},
};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use super::{
    Error, Image,
    core_module::{Changes, Memory, defines_memory, exported_globals, module_type},
};

/// Where a component's main module, the first and the one with the memory, is.
pub enum MainModule<'a> {
    /// Imported as the core module `engine`: its native code serves the build as well. The module is
    /// the one from [`super::shared_module`].
    Imported(&'a [u8]),
    /// In the component.
    Inline,
}

/// The component with the memory's content taken out of its main module, and that content.
///
/// # Errors
/// When it is malformed.
pub fn without_memory(component: &[u8]) -> Result<(Vec<u8>, Image), Error> {
    let mut image = Image::default();
    let template = with_main_module(component, |main| {
        let changes = Changes { memory: Memory::Kept, exports: &|_| true, globals: false };
        let (main, found) = changes.apply(main)?;
        image = found;
        Ok(main)
    })?;
    Ok((template, image))
}

/// An ordinary component: the template with an image in its main module.
///
/// # Errors
/// When the template is malformed.
pub fn fill(template: &[u8], image: &Image) -> Result<Vec<u8>, Error> {
    with_main_module(template, |main| {
        let changes = Changes { memory: Memory::Filled(image), exports: &|_| true, globals: false };
        Ok(changes.apply(main)?.0)
    })
}

fn with_main_module(
    component: &[u8],
    mut change: impl FnMut(&[u8]) -> Result<Vec<u8>, Error>,
) -> Result<Vec<u8>, Error> {
    let mut changed = Component::new();
    let (mut depth, mut modules) = (0, 0);
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let (0, Some((id, range))) = (depth, payload.as_section()) {
            let data = &component[range.start as usize..range.end as usize];
            match &payload {
                Payload::ModuleSection { .. } if modules == 0 => {
                    modules = 1;
                    changed.section(&raw_module(&change(main_module(component)?)?));
                }
                _ => {
                    changed.section(&RawSection { id, data });
                }
            }
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    Ok(changed.finish())
}

fn main_module(component: &[u8]) -> Result<&[u8], Error> {
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::ModuleSection { unchecked_range, .. } = payload? {
            let main = &component[unchecked_range.start as usize..unchecked_range.end as usize];
            if !defines_memory(main) {
                return Err("a component whose first module has no memory".into());
            }
            return Ok(main);
        }
    }
    Err("a component without a module".into())
}

/// The shared form of a template.
///
/// # Errors
/// When the template is malformed.
pub fn share(template: &[u8], main: &MainModule<'_>) -> Result<Vec<u8>, Error> {
    let original = main_module(template)?;
    let changes = Changes { memory: Memory::Imported, exports: &|_| true, globals: true };
    let (inline, image) = changes.apply(original)?;

    let mut types = CoreTypeSection::new();
    let mut image_type = ModuleType::new();
    image_type.export("memory", EntityType::Memory(image.memory_type()));
    types.ty().module(&image_type);
    let mut imports = ComponentImportSection::new();
    imports.import("image", ComponentTypeRef::Module(0));
    let mut sharing = Sharing { inline: Some(&inline), depth: 0, modules: 0 };
    if let MainModule::Imported(engine) = main {
        let kept = export_names(original)?;
        types.ty().module(&module_type(engine, &|name| kept.contains(&name))?);
        imports.import("engine", ComponentTypeRef::Module(1));
        sharing.inline = None;
    }
    let mut instances = InstanceSection::new();
    instances.instantiate(0, [] as [(&str, ModuleArg); 0]);
    let mut component = Component::new();
    component.section(&types).section(&imports).section(&instances);
    sharing.parse_component(&mut component, Parser::new(0), template)?;
    Ok(component.finish())
}

/// Copies a template behind the import and the instance of the image, which take the first place in
/// the spaces of modules and core instances.
struct Sharing<'a> {
    /// The main module, unless it is imported; then the import has its place already.
    inline: Option<&'a [u8]>,
    depth: u32,
    modules: u32,
}

impl Reencode for Sharing<'_> {
    type Error = Error;
}

impl ReencodeComponent for Sharing<'_> {
    fn module_index(&mut self, index: u32) -> u32 {
        index + u32::from(self.depth == 0)
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        index + u32::from(self.depth == 0)
    }

    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    fn parse_component_submodule(
        &mut self,
        component: &mut Component,
        _parser: Parser,
        module: &[u8],
    ) -> Result<(), reencode::Error<Error>> {
        if self.depth > 0 {
            component.section(&raw_module(module));
            return Ok(());
        }
        self.modules += 1;
        match self.inline {
            _ if self.modules > 1 => {
                let changes =
                    Changes { memory: Memory::Foreign, exports: &|_| true, globals: true };
                let changed = changes.apply(module).map_err(reencode::Error::UserError)?.0;
                component.section(&raw_module(&changed));
            }
            Some(inline) => {
                component.section(&raw_module(inline));
            }
            None => {}
        }
        Ok(())
    }

    fn parse_instance(
        &mut self,
        instances: &mut InstanceSection,
        instance: wasmparser::Instance<'_>,
    ) -> Result<(), reencode::Error<Error>> {
        match instance {
            wasmparser::Instance::Instantiate { module_index: 0, args } if self.depth == 0 => {
                let given = args.iter().map(|arg| (arg.name, arg.index + 1)).chain([("image", 0)]);
                let given: Vec<_> = given.map(|(name, i)| (name, ModuleArg::Instance(i))).collect();
                instances.instantiate(1, given);
                Ok(())
            }
            other => component_utils::parse_instance(self, instances, other),
        }
    }

    /// Names of things, which have moved.
    fn parse_component_custom_section(
        &mut self,
        _component: &mut Component,
        _section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error<Error>> {
        Ok(())
    }
}

/// The shared form of a template with its main module inside, and an export `snapshot` beside those
/// of the world: `func() -> list<u8>`, the memory followed by one page that begins with the values
/// of all mutable globals, eight bytes each. No step can call it, as a component cannot call itself.
///
/// # Errors
/// When the template is malformed.
pub fn with_snapshot(template: &[u8]) -> Result<Vec<u8>, Error> {
    let mut component = share(template, &MainModule::Inline)?;
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let types = validator.validate_all(&component)?;
    let count = types.as_ref();
    let (modules, instances) = (count.module_count(), count.core_instance_count());
    let (functions, lifted) = (count.function_count(), count.component_function_count());
    let (memories, defined) = (count.memory_count(), count.component_type_count());

    let globals = all_globals(&component)?;
    ModuleSection(&accessor(&globals)).append_to_component(&mut component);
    let mut instance = InstanceSection::new();
    let mut given: Vec<u32> = globals.iter().map(|global| global.instance).collect();
    given.dedup();
    let given = given.iter().map(|i| (i.to_string(), ModuleArg::Instance(*i)));
    let image = ("image".to_owned(), ModuleArg::Instance(0));
    instance.instantiate(modules, given.chain([image]).collect::<Vec<_>>());
    instance.append_to_component(&mut component);
    let mut aliases = ComponentAliasSection::new();
    let alias = |instance, kind, name| Alias::CoreInstanceExport { instance, kind, name };
    aliases.alias(alias(instances, ExportKind::Func, "snapshot"));
    aliases.alias(alias(0, ExportKind::Memory, "memory"));
    aliases.append_to_component(&mut component);
    let mut types = ComponentTypeSection::new();
    types.defined_type().list(PrimitiveValType::U8);
    types
        .function()
        .params([] as [(&str, ComponentValType); 0])
        .result(Some(ComponentValType::Type(defined)));
    types.append_to_component(&mut component);
    let mut lift = CanonicalFunctionSection::new();
    lift.lift(functions, defined + 1, [CanonicalOption::Memory(memories)]);
    lift.append_to_component(&mut component);
    let mut exports = ComponentExportSection::new();
    exports.export("snapshot", ComponentExportKind::Func, lifted, None);
    exports.append_to_component(&mut component);
    Ok(component)
}

/// A mutable global of one of the component's instances.
struct Global {
    instance: u32,
    name: String,
    ty: wasm_encoder::GlobalType,
}

fn all_globals(component: &[u8]) -> Result<Vec<Global>, Error> {
    let mut modules = Vec::new();
    let mut globals = Vec::new();
    let mut instances = 0;
    // The first module is imported: the image, which has no globals.
    modules.push(Vec::new());
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ComponentSection { .. } => depth += 1,
            Payload::ModuleSection { unchecked_range, .. } => {
                let range = unchecked_range.start as usize..unchecked_range.end as usize;
                if depth == 0 {
                    modules.push(exported_globals(&component[range])?);
                }
                depth += 1;
            }
            Payload::End(_) => depth -= 1,
            Payload::InstanceSection(section) if depth == 0 => {
                for instance in section {
                    if let wasmparser::Instance::Instantiate { module_index, .. } = instance? {
                        for (name, ty) in modules.get(module_index as usize).into_iter().flatten() {
                            globals.push(Global {
                                instance: instances,
                                name: name.clone(),
                                ty: *ty,
                            });
                        }
                    }
                    instances += 1;
                }
            }
            _ => {}
        }
    }
    Ok(globals)
}

/// The module behind `snapshot`. It grows the memory by a page and puts there what is not in it.
fn accessor(globals: &[Global]) -> Module {
    let memory = MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(0), ordering: None };
    let mut imports = ImportSection::new();
    imports.import("image", "memory", Image::default().memory_type());
    let mut code = Function::new([(1, ValType::I32)]);
    let mut body = code.instructions();
    // The local is the address of the new page, which is also the size of the image.
    body.i32_const(1).memory_grow(0).local_tee(0).i32_const(-1).i32_eq();
    body.if_(wasm_encoder::BlockType::Empty).unreachable().end();
    body.local_get(0).i32_const(16).i32_shl().local_set(0);
    for (i, global) in globals.iter().enumerate() {
        imports.import(&global.instance.to_string(), &global.name, global.ty);
        let at = MemArg { offset: 8 * i as u64, ..memory };
        body.local_get(0).global_get(i as u32);
        match global.ty.val_type {
            ValType::I64 => body.i64_store(at),
            ValType::F32 => body.f32_store(at),
            ValType::F64 => body.f64_store(at),
            _ => body.i32_store(at),
        };
    }
    // The list's pointer and length, at the end of the page.
    let end = MemArg { offset: 65_536 - 8, ..memory };
    body.local_get(0).i32_const(0).i32_store(end);
    body.local_get(0).local_get(0).i32_const(65_536).i32_add();
    body.i32_store(MemArg { offset: 65_536 - 4, ..memory });
    body.local_get(0).i32_const(65_536 - 8).i32_add().end();

    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("snapshot", ExportKind::Func, 0);
    let mut bodies = CodeSection::new();
    bodies.function(&code);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&bodies);
    module
}

fn export_names(module: &[u8]) -> Result<Vec<&str>, Error> {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(section) = payload? {
            for export in section {
                names.push(export?.name);
            }
        }
    }
    Ok(names)
}

fn raw_module(module: &[u8]) -> RawSection<'_> {
    RawSection { id: ComponentSectionId::CoreModule as u8, data: module }
}
