//! A project's own config, `motia.config.ts`: of what existing projects have in it, only the authentication of
//! clients of streams is of use here.

use std::{fs, path::Path, sync::LazyLock};

use motia_manifest::{Code, Language, ProjectConfig, StreamAuth};
use regex::Regex;

use crate::{Role, Source, record::Made};

const FILES: [(&str, Language); 2] =
    [("motia.config.ts", Language::TypeScript), ("motia.config.js", Language::JavaScript)];

/// What a config has for other hosts.
const OF_OTHER_HOSTS: [&str; 5] = ["app", "plugins", "adapters", "redis", "otel"];

/// The config of a project that has one.
pub fn find(project: &Path) -> Option<Source> {
    FILES.iter().find_map(|&(name, language)| {
        let path = project.join(name);
        let source = Source { file: name.to_owned(), path, language, role: Role::Project };
        source.path.is_file().then_some(source)
    })
}

/// What a config has for other hosts, where its text alone says that it has nothing else. So a project in another
/// language, into which Motia has put such a file, needs nothing of JavaScript.
pub fn nothing_of_use(source: &Source) -> Option<Vec<String>> {
    static IMPORT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"\b(?:from|import|require)\s*\(?\s*["'`]([^"'`]+)"#).expect("a constant")
    });
    let text = fs::read_to_string(&source.path).ok()?;
    let names = ["streamAuth", "authenticateStream"];
    // It may have it from elsewhere.
    let of_others =
        |name: &str| name == "motia" || name.starts_with("@motiadev/") || name.starts_with("node:");
    let imports = IMPORT.captures_iter(&text).all(|found| of_others(&found[1]));
    if names.iter().any(|name| text.contains(name)) || !imports {
        return None;
    }
    let has = |name: &&&str| {
        let field = Regex::new(&format!(r"\b{name}\b\s*[:=,(}}]"));
        field.is_ok_and(|field| field.is_match(&text))
    };
    Some(OF_OTHER_HOSTS.iter().filter(has).map(|&name| name.to_owned()).collect())
}

/// What the user should know of a config: what of it is without effect.
pub fn warnings(file: &str, ignored: &[String], missing_modules: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    if !ignored.is_empty() {
        warnings.push(format!("{file}: without effect here: {}", quoted(ignored)));
    }
    if !missing_modules.is_empty() {
        warnings.push(format!(
            "{file}: not to be found: {}; what uses it to authenticate a client refuses the client",
            quoted(missing_modules)
        ));
    }
    warnings
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What the bundle has of a config.
pub fn stream_auth(source: &Source, config: ProjectConfig, made: &Made) -> Option<StreamAuth> {
    let code: Code = made.code.clone()?;
    Some(StreamAuth {
        file: source.file.clone(),
        language: source.language,
        code,
        source_map: made.source_map.clone(),
        context_schema: config.context_schema,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Vec<String>> {
        let project = tempfile::tempdir().unwrap();
        fs::write(project.path().join("motia.config.ts"), text).unwrap();
        nothing_of_use(&find(project.path()).unwrap())
    }

    #[test]
    fn a_config_of_plugins_alone_need_not_be_evaluated() {
        let plain = "import { config } from 'motia'\n\
                     const states = require('@motiadev/plugin-states/plugin')\n\
                     export default config({ plugins: [states], redis: { useMemoryServer: true } })\n";
        assert_eq!(of(plain), Some(vec!["plugins".to_owned(), "redis".to_owned()]));
        for more in [
            "export default { streamAuth }",
            "export * from './more'",
            "import base from \"base-config\"",
            "const base = require('./base')",
            "export const authenticateStream = 1",
        ] {
            assert_eq!(of(&format!("{plain}{more}\n")), None, "{more}");
        }
    }

    #[test]
    fn what_has_no_effect_is_told_in_one_sentence() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let told = warnings("motia.config.ts", &names(&["plugins", "redis"]), &[]);
        assert_eq!(told, ["motia.config.ts: without effect here: `plugins`, `redis`"]);
        assert_eq!(warnings("motia.config.ts", &[], &names(&["jose"])).len(), 1);
        assert!(warnings("motia.config.ts", &[], &[]).is_empty());
    }
}
