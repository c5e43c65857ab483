//! The web interface, as files that a server answers with.
//!
//! It is written in `web/` and built by this crate's build script, which needs Node.js 20 or later with npm; the files
//! are in the executable, compressed ahead. Start with [`asset`].

#![deny(missing_docs)]

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What the page says in the place of the nonce of its content security policy; a server puts one there.
pub const NONCE: &str = "__MOTIA_NONCE__";

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The path below the page, such as `assets/index-1a2b.js`.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// As it is.
    pub plain: &'static [u8],
    /// Compressed with brotli (RFC 7932).
    pub brotli: &'static [u8],
    /// Compressed with gzip (RFC 1952).
    pub gzip: &'static [u8],
}

impl Asset {
    /// Whether the content never changes under this path, because the path has a digest of it.
    pub fn is_immutable(&self) -> bool {
        self.path.starts_with("assets/")
    }
}

/// The file at a path below the page; the page itself is at the empty path.
pub fn asset(path: &str) -> Option<&'static Asset> {
    let path = if path.is_empty() { "index.html" } else { path };
    ASSETS.iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_its_nonce_and_names_its_files() {
        let page = asset("").unwrap();
        let text = std::str::from_utf8(page.plain).unwrap();
        assert!(text.contains(NONCE) && page.content_type.starts_with("text/html"), "{text}");
        assert!(!page.is_immutable());
        let script = text.split('"').find(|part| part.ends_with(".js")).unwrap();
        let script = asset(script.trim_start_matches("./")).unwrap();
        assert!(script.is_immutable() && script.content_type.starts_with("text/javascript"));
        assert!(script.brotli.len() < script.gzip.len() && script.gzip.len() < script.plain.len());
    }

    #[test]
    fn there_are_no_other_files() {
        assert_eq!(asset("../Cargo.toml"), None);
        assert_eq!(asset("assets/"), None);
    }
}
