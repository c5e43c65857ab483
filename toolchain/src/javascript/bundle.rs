//! One step and everything that it imports, as one module.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use motia_manifest::{StackMapper, TOOLCHAIN_SOURCES};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::{
    defer::{Deferral, Graph},
    project_files,
    provision::Provisioned,
    snapshot::GuestError,
};
use crate::{BuildError, Position, Role, Source};

/// Modules of Node that the glue stands in for.
const STAND_INS: [&str; 6] = ["buffer", "crypto", "events", "path", "process", "util"];

/// The packages of plugins and adapters begin so. They are for other hosts.
const PLUGINS: &str = "@motiadev/";

/// The one that is none: it has what `motia` has.
const CORE: &str = "@motiadev/core";

/// Parts of the glue that are in a bundle only where the step imports a file of one of these directories.
const OPTIONAL: [(&str, &[&str]); 2] = [
    ("MOTIA_ZOD3", &["node_modules/zod/v3/", "node_modules/zod/lib/"]),
    ("MOTIA_ZOD4", &["node_modules/zod/v4/"]),
];

/// One of them in a bundle.
#[derive(PartialEq, Eq)]
struct Part {
    name: &'static str,
    /// The project's own copy of the package, if it has one.
    package: Option<PathBuf>,
}

/// Bundles one source.
pub struct Bundler<'a> {
    provisioned: &'a Provisioned,
    project: &'a Path,
    source: &'a Source,
    /// The path from the project to the toolchain's directories, as esbuild prints it.
    toolchain_prefix: String,
    /// What the project's config imports only for other hosts, which the glue stands in for.
    stood_in: BTreeSet<String>,
}

/// A bundled step.
pub struct Bundle {
    pub code: String,
    pub source_map: Vec<u8>,
    pub graph: Graph,
    pub inputs: Vec<PathBuf>,
    pub packages: Packages,
    /// What the project's config imports, but nobody has.
    pub missing_modules: Vec<String>,
    /// Whether the step's own module awaits at its top level.
    pub top_level_await: bool,
    project: PathBuf,
}

/// The project's packages in a bundle.
#[derive(Default)]
pub struct Packages {
    /// What the project's own modules import, sorted.
    pub imported: BTreeSet<String>,
    /// The packages' files, by their names in the bundle and their sizes.
    pub files: BTreeSet<String>,
    /// All their sizes.
    pub bytes: u64,
}

impl<'a> Bundler<'a> {
    pub fn new(provisioned: &'a Provisioned, project: &'a Path, source: &'a Source) -> Self {
        let cache = provisioned.glue().parent().unwrap_or(Path::new("/"));
        let toolchain_prefix = format!("{}/", relative(project, cache));
        let stood_in = match source.role {
            Role::Project => installed_plugins(project),
            Role::Step | Role::Stream => BTreeSet::new(),
        };
        Self { provisioned, project, source, toolchain_prefix, stood_in }
    }

    /// Runs esbuild; once more if the step turns out to need other parts of the glue than it seems to.
    pub fn bundle(&mut self, deferral: &Deferral) -> Result<Bundle, Vec<BuildError>> {
        let text = fs::read_to_string(&self.source.path).unwrap_or_default();
        let mut parts = Vec::new();
        if text.contains("zod") {
            parts.push(Part { name: "MOTIA_ZOD4", package: None });
        }
        let bundle = self.bundle_with(deferral, &parts)?;
        let needed = self.parts_of(&bundle.graph);
        if parts == needed { Ok(bundle) } else { self.bundle_with(deferral, &needed) }
    }

    /// The parts of the glue for the packages that the step's own modules import.
    fn parts_of(&self, graph: &Graph) -> Vec<Part> {
        let glue = format!("{}javascript-glue-", self.toolchain_prefix);
        let own = graph.imports.iter().filter(|(module, _)| !module.starts_with(&glue));
        let imported: BTreeSet<&String> = own.flat_map(|(_, imports)| imports).collect();
        let part = |(name, folders): &(&'static str, &[&str])| {
            let from = |file: &&&String| folders.iter().any(|folder| file.contains(folder));
            let file = imported.iter().find(from)?;
            let (before, _) = file.rsplit_once("node_modules/")?;
            // A copy of the project's own is not joined by the toolchain's.
            let package = (!file.starts_with(&self.toolchain_prefix))
                .then(|| normal(&self.project.join(before).join("node_modules/zod")));
            Some(Part { name, package })
        };
        OPTIONAL.iter().filter_map(part).collect()
    }

    fn bundle_with(
        &mut self,
        deferral: &Deferral,
        parts: &[Part],
    ) -> Result<Bundle, Vec<BuildError>> {
        let general = |error: std::io::Error| vec![BuildError::general(error.to_string())];
        let scratch = tempfile::tempdir().map_err(general)?;
        let outfile = scratch.path().join("step.js");
        let metafile = scratch.path().join("meta.json");
        let mut esbuild = self.command(&outfile, &metafile);
        for (name, _) in OPTIONAL {
            let part = parts.iter().find(|part| part.name == name);
            esbuild.arg(format!("--define:{name}={}", part.is_some()));
            let core = part.and_then(|part| Some(part.package.as_ref()?.join("v4/core/index.js")));
            if let Some(core) = core.filter(|core| name == "MOTIA_ZOD4" && core.is_file()) {
                esbuild.arg(format!("--alias:zod/v4/core={}", core.display()));
            }
        }
        let mut child = esbuild.spawn().map_err(|error| {
            let program = self.provisioned.esbuild();
            vec![BuildError::general(format!("{} cannot be started: {error}", program.display()))]
        })?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(self.entry(deferral).as_bytes()).map_err(general)?;
        }
        let output = child.wait_with_output().map_err(general)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            // Only a `require` of such a module is refused; an `import()` is not.
            if said.contains("top-level await") && !deferral.is_all() {
                return self.bundle_with(&Deferral::all_asynchronous(), parts);
            }
            if self.stands_in(&said) {
                return self.bundle_with(deferral, parts);
            }
            return Err(self.errors(&said));
        }
        let meta: Metafile = serde_json::from_slice(&fs::read(&metafile).map_err(general)?)
            .map_err(|error| vec![BuildError::general(format!("esbuild's metafile: {error}"))])?;
        let code = fs::read_to_string(&outfile).map_err(general)?;
        let map = fs::read(outfile.with_extension("js.map")).map_err(general)?;
        let source_map = self
            .project_relative(&map, scratch.path())
            .map_err(|error| vec![BuildError::general(format!("esbuild's source map: {error}"))])?;
        let top_level_await = code.contains(&format!("\n  async \"{}\"() {{", self.source.file));
        let inputs = self.inputs(&meta);
        Ok(Bundle {
            code: code.replace(&self.toolchain_prefix, TOOLCHAIN_SOURCES),
            source_map,
            graph: meta.graph(&self.source.file),
            packages: meta.packages(&self.toolchain_prefix),
            missing_modules: self.missing_modules(),
            inputs,
            top_level_await,
            project: self.project.to_owned(),
        })
    }

    fn command(&self, outfile: &Path, metafile: &Path) -> Command {
        let glue = self.provisioned.glue().display();
        let mut esbuild = Command::new(self.provisioned.esbuild());
        esbuild
            .args([
                "--bundle",
                "--format=esm",
                "--platform=neutral",
                "--target=es2022",
                "--main-fields=browser,module,main",
                "--conditions=worker,browser,module",
                "--charset=utf8",
                "--legal-comments=none",
                "--sourcemap=external",
                "--sources-content=false",
                "--define:process.env.NODE_ENV=\"production\"",
                "--define:import.meta.url=\"file:///step.js\"",
                "--define:__filename=\"/step.js\"",
                "--define:__dirname=\"/\"",
                "--external:motia:step/*",
                "--external:wasi:*",
                "--log-level=error",
                "--log-limit=0",
                "--color=false",
            ])
            .arg(format!("--inject:{glue}/node/buffer-global.js"))
            .arg(format!("--alias:motia={glue}/motia.js"))
            .arg(format!("--outfile={}", outfile.display()))
            .arg(format!("--metafile={}", metafile.display()))
            .env("NODE_PATH", self.provisioned.node_modules())
            .current_dir(self.project)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        for name in STAND_INS {
            esbuild.arg(format!("--alias:{name}={glue}/node/{name}.js"));
            esbuild.arg(format!("--alias:node:{name}={glue}/node/{name}.js"));
        }
        if self.source.role == Role::Project {
            esbuild.arg(format!("--alias:{CORE}={glue}/motia.js"));
        }
        for name in &self.stood_in {
            esbuild.arg(format!("--alias:{name}={glue}/stand-in.js"));
        }
        esbuild
    }

    /// Lets the glue stand in for what the project's config imports and nobody has; whether there is more of that
    /// than before. Whatever uses it once clients come fails, so nobody is let in by it.
    fn stands_in(&mut self, said: &str) -> bool {
        if self.source.role != Role::Project {
            return false;
        }
        let before = self.stood_in.len();
        self.stood_in.extend(missing_packages(said).map(str::to_owned));
        self.stood_in.len() > before
    }

    /// Plugins and adapters are expected to be missing.
    fn missing_modules(&self) -> Vec<String> {
        self.stood_in.iter().filter(|name| !name.starts_with(PLUGINS)).cloned().collect()
    }

    /// The module that makes the world's exports of the step's.
    fn entry(&self, deferral: &Deferral) -> String {
        let quoted = |path: &Path| Value::from(path.to_string_lossy()).to_string();
        let step = quoted(&self.source.path);
        let load = match deferral {
            Deferral::All { asynchronous: true } => format!("import({step})"),
            _ => format!("require({step})"),
        };
        let eager: Vec<String> = match deferral {
            Deferral::Modules { eager, .. } => eager
                .iter()
                .map(|m| format!("() => require({})", quoted(&self.project.join(m))))
                .collect(),
            _ => Vec::new(),
        };
        format!(
            "import {{ createStep }} from {glue};\n\
             const step = createStep({{ file: {file}, kind: '{kind}', deferred: {deferred}, \
             eager: [{eager}], load: () => {load} }});\n\
             export const config = step.config, handle = step.handle;\n",
            glue = quoted(&self.provisioned.glue().join("index.js")),
            file = Value::from(self.source.file.as_str()),
            kind = self.source.role.name(),
            deferred = !deferral.is_none(),
            eager = eager.join(", "),
        )
    }

    /// esbuild's messages: `✘ [ERROR] MESSAGE`, then the place and the line.
    fn errors(&self, said: &str) -> Vec<BuildError> {
        static PLACE: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"(?m)^    (\S.*?):(\d+):(\d+):\n\s+\d+ [│|] ?(.*)$").expect("a constant")
        });
        let mut errors = Vec::new();
        for message in said.split("[ERROR] ").skip(1) {
            let text = message.lines().next().unwrap_or_default();
            let text = text.trim_end_matches(" [plugin motia]").to_owned();
            let text = match text.strip_prefix("Could not resolve ") {
                Some(name) => self.unresolved(name.trim_matches('"')),
                None => text,
            };
            errors.push(match PLACE.captures(message) {
                Some(place) => BuildError::in_file(&place[1], text).at(Position {
                    line: place[2].parse().unwrap_or(1),
                    column: place[3].parse::<u32>().ok().map(|column| column + 1),
                    excerpt: Some(place[4].to_owned()),
                }),
                None => BuildError::in_file(&self.source.file, text),
            });
        }
        if errors.is_empty() {
            errors.push(BuildError::in_file(&self.source.file, said.trim().to_owned()));
        }
        errors
    }

    fn unresolved(&self, name: &str) -> String {
        let of_node = name.starts_with("node:")
            || ["fs", "http", "https", "net", "os", "stream", "child_process", "zlib", "tls"]
                .contains(&name.split('/').next().unwrap_or(name));
        if of_node {
            return format!(
                "the import \"{name}\" is a module of Node.js that steps do not have; they have {}",
                STAND_INS.join(", ")
            );
        }
        if name.starts_with(['.', '/']) {
            return format!("the import \"{name}\" leads to no file");
        }
        let package = match name.split('/').collect::<Vec<_>>().as_slice() {
            [scope, package, ..] if scope.starts_with('@') => format!("{scope}/{package}"),
            [package, ..] => (*package).to_owned(),
            [] => name.to_owned(),
        };
        format!(
            "the import \"{name}\" is not installed; run `npm install {package}` in the project"
        )
    }

    /// The source map with paths relative to the project, whatever directory it was made in.
    fn project_relative(&self, map: &[u8], outdir: &Path) -> Result<Vec<u8>, serde_json::Error> {
        let mut map: Value = serde_json::from_slice(map)?;
        let toolchain = self.provisioned.glue().parent().unwrap_or(Path::new("/")).to_owned();
        for source in map["sources"].as_array_mut().into_iter().flatten() {
            let path = source.as_str().unwrap_or_default();
            let entry = path.contains("<stdin>");
            let path = normal(&outdir.join(path));
            let inside = path.strip_prefix(&toolchain).ok();
            *source = Value::from(match inside {
                _ if entry => format!("{TOOLCHAIN_SOURCES}entry.js"),
                Some(inside) => format!("{TOOLCHAIN_SOURCES}{}", inside.display()),
                None => relative(self.project, &path),
            });
        }
        serde_json::to_vec(&map)
    }

    fn inputs(&self, meta: &Metafile) -> Vec<PathBuf> {
        let own = |path: &&String| !path.starts_with(&self.toolchain_prefix) && !path.contains(':');
        let read = meta.inputs.keys().filter(own).map(|path| normal(&self.project.join(path)));
        let configuration = project_files(self.project);
        read.chain(configuration).filter(|path| path.is_file()).collect()
    }
}

impl Bundle {
    /// A guest's error in the user's own file and line.
    pub fn explain(&self, source: &Source, error: &GuestError) -> BuildError {
        let message = match error.name.as_str() {
            "" | "Error" | "InvalidStep" => error.message.clone(),
            name => format!("{name}: {}", error.message),
        };
        let message = message
            .strip_prefix(&format!("{}: ", source.file))
            .map_or(message.clone(), str::to_owned);
        let position = error
            .stack
            .as_deref()
            .and_then(|stack| StackMapper::new(&self.source_map).ok()?.first_position(stack));
        let Some(found) = position else { return BuildError::in_file(&source.file, message) };
        let text = fs::read_to_string(self.project.join(&found.file)).unwrap_or_default();
        let line = found.line.saturating_sub(1) as usize;
        BuildError::in_file(found.file, message).at(Position {
            line: found.line,
            column: Some(found.column),
            excerpt: text.lines().nth(line).map(str::to_owned),
        })
    }
}

#[derive(Deserialize)]
struct Metafile {
    inputs: BTreeMap<String, Input>,
}

#[derive(Deserialize)]
struct Input {
    bytes: u64,
    imports: Vec<Import>,
}

#[derive(Deserialize)]
struct Import {
    path: String,
    #[serde(default)]
    external: bool,
    /// As it is written in the source.
    original: Option<String>,
}

impl Metafile {
    /// `toolchain` is how names of the toolchain's own files begin; its packages count as the project's
    /// where the project imports them.
    fn packages(&self, toolchain: &str) -> Packages {
        const FOLDER: &str = "node_modules/";
        let mut packages = Packages::default();
        for (path, input) in &self.inputs {
            if path.contains(FOLDER) {
                let name = path.replace(toolchain, TOOLCHAIN_SOURCES);
                packages.files.insert(format!("{name} {}", input.bytes));
                packages.bytes += input.bytes;
            } else if !path.starts_with(toolchain) && path != "<stdin>" {
                let names = input.imports.iter().filter(|import| import.path.contains(FOLDER));
                packages.imported.extend(names.filter_map(|import| import.original.clone()));
            }
        }
        packages
    }

    fn graph(&self, root: &str) -> Graph {
        let imports = |input: &Input| {
            input.imports.iter().filter(|i| !i.external).map(|i| i.path.clone()).collect()
        };
        Graph {
            root: root.to_owned(),
            imports: self
                .inputs
                .iter()
                .map(|(path, input)| (path.clone(), imports(input)))
                .collect(),
        }
    }
}

/// The packages that esbuild says it does not find, by the names under which they are imported.
fn missing_packages(said: &str) -> impl Iterator<Item = &str> {
    static MISSING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"Could not resolve "([^"]+)"(?: \(originally "([^"]+)"\))?"#)
            .expect("a constant")
    });
    let names = MISSING.captures_iter(said).filter_map(|found| found.get(2).or(found.get(1)));
    names.map(|name| name.as_str()).filter(|name| !name.starts_with(['.', '/']))
}

/// The packages of plugins that a project has, in the places where esbuild looks for them.
fn installed_plugins(project: &Path) -> BTreeSet<String> {
    let folders = project.ancestors().map(|folder| folder.join("node_modules").join(PLUGINS));
    let entries = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let name = |entry: fs::DirEntry| format!("{PLUGINS}{}", entry.file_name().to_string_lossy());
    entries.filter_map(Result::ok).map(name).filter(|name| name != CORE).collect()
}

/// The path without `.` and `..`, which a join with a relative path leaves.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// How esbuild names `path` from the directory `from`; both absolute.
fn relative(from: &Path, path: &Path) -> String {
    let common = from.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| "..".to_owned());
    let down =
        path.components().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_packages_have_the_names_of_their_imports() {
        let said = "[ERROR] Could not resolve \"/glue/stand-in.js/plugin\" (originally \"@motiadev/a/plugin\")\n\
                    [ERROR] Could not resolve \"fs\"\n\n    motia.config.ts:1:2:\n\
                    [ERROR] Could not resolve \"./lib/auth\"\n";
        assert_eq!(missing_packages(said).collect::<Vec<_>>(), ["@motiadev/a/plugin", "fs"]);
    }

    #[test]
    fn paths_are_named_as_esbuild_names_them() {
        let name = |path| relative(Path::new("/home/me/project"), Path::new(path));
        assert_eq!(name("/home/me/project/steps/a.ts"), "steps/a.ts");
        assert_eq!(name("/home/me/.cache/motia"), "../.cache/motia");
        assert_eq!(normal(Path::new("/tmp/x/../../home/./me")), Path::new("/home/me"));
    }
}
