//! What a `Content-Type` says about a body.

use bytes::Bytes;

/// How a body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `application/json` or anything `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// `text/*` or XML.
    Text,
    /// Anything else.
    Other,
    /// The client does not say.
    Unsaid,
}

/// A parsed `Content-Type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// How to read the body.
    pub kind: Kind,
    /// The character set in lower case, where one is given.
    pub charset: Option<String>,
}

impl MediaType {
    /// Reads the value of a `Content-Type` header; an empty one is none.
    pub fn parse(header: &str) -> Self {
        let mut parts = header.split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("charset").then(|| value.to_ascii_lowercase())
        });
        let kind = match essence.as_str() {
            "" => Kind::Unsaid,
            "application/json" => Kind::Json,
            "application/x-www-form-urlencoded" => Kind::Form,
            "multipart/form-data" => Kind::Multipart,
            "application/xml" => Kind::Text,
            other if other.ends_with("+json") => Kind::Json,
            other if other.ends_with("+xml") || other.starts_with("text/") => Kind::Text,
            _ => Kind::Other,
        };
        Self { kind, charset }
    }

    /// The text in UTF-8 without a byte order mark; none if the character set is not known here.
    /// Text that claims to be UTF-8 is not checked.
    pub fn to_utf8(&self, text: &Bytes) -> Option<Bytes> {
        match self.charset.as_deref() {
            None | Some("" | "utf-8" | "utf8" | "us-ascii" | "ascii") => {
                let mark = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
                Some(text.slice(mark..))
            }
            Some("iso-8859-1" | "iso8859-1" | "latin1" | "latin-1") => {
                let decoded: String = text.iter().map(|&byte| char::from(byte)).collect();
                Some(Bytes::from(decoded))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_ignores_case_and_parameters() {
        let kind = |header| MediaType::parse(header).kind;
        assert_eq!(kind("Application/JSON; charset=utf-8"), Kind::Json);
        assert_eq!(kind("application/vnd.api+json"), Kind::Json);
        assert_eq!(kind("image/svg+xml"), Kind::Text);
        assert_eq!(kind("text/csv"), Kind::Text);
        assert_eq!(kind("multipart/form-data; boundary=x"), Kind::Multipart);
        assert_eq!(kind("application/octet-stream"), Kind::Other);
        assert_eq!(kind(" "), Kind::Unsaid);
    }

    #[test]
    fn latin_1_becomes_utf_8() {
        let latin = MediaType::parse("text/plain; Charset=\"ISO-8859-1\"");
        assert_eq!(latin.to_utf8(&Bytes::from_static(b"caf\xe9")).unwrap(), "café");
        let unknown = MediaType::parse("text/plain; charset=koi8-r");
        assert_eq!(unknown.to_utf8(&Bytes::from_static(b"x")), None);
    }
}
