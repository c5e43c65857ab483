//! Pages of a project: static files in `workbench/NAME/`, shown in a sandboxed frame.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{error::HttpError, respond::HttpResponse};

/// What every plugin has.
const MANIFEST: &str = "plugin.json";
/// A file that is larger is not served.
const FILE_BYTES: u64 = 16 << 20;

/// Sandboxed also where it is opened by itself, so that it never has the Workbench's origin.
const POLICY: &str = "sandbox allow-scripts; default-src 'none'; script-src 'self' 'unsafe-inline'; \
     style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'none'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";

/// A page that a project adds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// The directory's name.
    pub name: String,
    /// The name in the sidebar.
    pub title: String,
    /// The page, a file of the directory.
    #[serde(default = "index")]
    pub entry: String,
    /// An image of the directory.
    pub icon: Option<String>,
}

fn index() -> String {
    "index.html".to_owned()
}

impl Plugin {
    /// As clients read it.
    pub fn shown(&self) -> Value {
        let file = |file: &str| format!("plugins/{}/{file}", self.name);
        json!({
            "name": self.name,
            "title": self.title,
            "icon": self.icon.as_deref().map(file),
            "entry": file(&self.entry),
        })
    }
}

/// The plugins of a directory, by name. One whose manifest is wrong is left out, and said to be.
pub fn all(directory: &Path) -> Vec<Plugin> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut plugins: Vec<Plugin> = entries
        .filter_map(|entry| read(&entry.path(), &entry.file_name().to_string_lossy()))
        .collect();
    plugins.sort_by(|one, other| one.name.cmp(&other.name));
    plugins
}

fn read(directory: &Path, name: &str) -> Option<Plugin> {
    let manifest = directory.join(MANIFEST);
    let text = fs::read_to_string(&manifest).ok()?;
    let wrong = |why: String| {
        tracing::warn!("{}: {why}; the page is left out", manifest.display());
        None
    };
    match serde_json::from_str::<Plugin>(&text) {
        Ok(plugin) if plugin.name != name => {
            wrong(format!("`name` is `{}`; expected the directory's name, `{name}`", plugin.name))
        }
        Ok(plugin) if !is_name(&plugin.name) => {
            wrong("`name` has other characters than a-z, 0-9 and -".to_owned())
        }
        Ok(plugin) if !directory.join(&plugin.entry).is_file() => {
            wrong(format!("`entry` is `{}`; there is no such file", plugin.entry))
        }
        Ok(plugin) => Some(plugin),
        Err(error) => wrong(error.to_string()),
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(allowed)
}

/// A file of a plugin, at `NAME/PATH`.
pub async fn file(directory: Option<PathBuf>, path: String) -> Result<HttpResponse, HttpError> {
    let read = move || find(directory.as_deref()?, &path);
    let found = tokio::task::spawn_blocking(read).await.ok().flatten();
    let missing =
        || HttpError::new(StatusCode::NOT_FOUND, "not_found", "no plugin has such a file");
    let (content, content_type) = found.ok_or_else(missing)?;
    let mut response = HttpResponse::new(Full::from(content));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // A file that was changed shows when the page is loaded again.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The content of a file that is in the directory, also behind links.
fn find(directory: &Path, path: &str) -> Option<(Vec<u8>, &'static str)> {
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let path = Path::new(path.as_ref());
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let root = directory.canonicalize().ok()?;
    let plugin = root.join(path.components().next()?);
    let file = root.join(path).canonicalize().ok()?;
    let manifest = plugin.join(MANIFEST);
    let inside = file.starts_with(plugin.canonicalize().ok()?) && file.starts_with(&root);
    if !inside || !manifest.is_file() || fs::metadata(&file).ok()?.len() > FILE_BYTES {
        return None;
    }
    let content_type = match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    };
    Some((fs::read(&file).ok()?, content_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = directory.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("secret.txt", "secret");
        write("pages/good/plugin.json", r#"{ "name": "good", "title": "Good" }"#);
        write("pages/good/index.html", "<p>hi");
        write("pages/good/sub/page.js", "1");
        write("pages/other/plugin.json", r#"{ "name": "another", "title": "Wrong name" }"#);
        write("pages/broken/plugin.json", "{");
        write("pages/none/index.html", "no manifest");
        directory
    }

    #[test]
    fn plugins_have_a_manifest_that_fits() {
        let project = project();
        let plugins = all(&project.path().join("pages"));
        let shown: Vec<Value> = plugins.iter().map(Plugin::shown).collect();
        assert_eq!(
            shown,
            [json!({
                "name": "good", "title": "Good", "icon": null, "entry": "plugins/good/index.html",
            })]
        );
        assert!(all(&project.path().join("nothing")).is_empty());
    }

    #[test]
    fn only_files_of_a_plugin_are_served() {
        let project = project();
        let pages = project.path().join("pages");
        let kind = |path: &str| find(&pages, path).map(|(_, kind)| kind);
        assert_eq!(kind("good/index.html"), Some("text/html; charset=utf-8"));
        assert_eq!(kind("good/sub/page.js"), Some("text/javascript; charset=utf-8"));
        for path in [
            "good/../../secret.txt",
            "good/%2e%2e/%2e%2e/secret.txt",
            "/etc/passwd",
            "..",
            "good",
            "none/index.html",
        ] {
            assert_eq!(kind(path), None, "{path}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(
                project.path().join("secret.txt"),
                pages.join("good/link.txt"),
            )
            .unwrap();
            assert_eq!(kind("good/link.txt"), None);
        }
    }
}
