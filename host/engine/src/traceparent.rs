//! W3C Trace Context: who has caused a request, and who causes the next one.
//!
//! A trace that begins here has an id in the form that existing projects show; its W3C id is derived from it. One
//! that comes in by `traceparent` keeps the id that it has. A run's id is its W3C span id.

use motia_manifest::TraceId;
use sha2::{Digest, Sha256};

/// What a header `traceparent` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace_id: TraceId,
    /// The span that has caused the request.
    pub span_id: String,
}

impl TraceParent {
    /// Reads a header's value; none if it is not one of a version that can be read.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |part: &str, length: usize| {
            part.len() == length
                && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_some = |part: &str| part.bytes().any(|byte| byte != b'0');
        let known =
            hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let valid = hex(trace, 32) && is_some(trace) && hex(span, 16) && is_some(span);
        (known && valid && hex(flags, 2))
            .then(|| Self { trace_id: trace.into(), span_id: span.to_owned() })
    }
}

/// The W3C id of a trace: 32 hexadecimal digits.
pub fn w3c_trace_id(trace_id: &TraceId) -> String {
    let id = trace_id.as_str();
    if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return id.to_ascii_lowercase();
    }
    Sha256::digest(id)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The header `traceparent` of what a run causes.
pub(crate) fn header(trace_id: &TraceId, run: &str) -> String {
    format!("00-{}-{run}-01", w3c_trace_id(trace_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_names_its_trace_and_span() {
        let parent = TraceParent::parse(HEADER).unwrap();
        assert_eq!(parent.trace_id.as_str(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parent.span_id, "00f067aa0ba902b7");
        assert_eq!(header(&parent.trace_id, &parent.span_id), HEADER);
    }

    #[test]
    fn anything_else_is_no_header() {
        let no = |text: &str| assert_eq!(TraceParent::parse(text), None, "{text}");
        no("");
        no(&HEADER[..54]);
        no(&HEADER.to_uppercase());
        no(&HEADER.replace("00-4", "ff-4"));
        no(&HEADER.replace("00f067aa0ba902b7", "0000000000000000"));
        no(&HEADER.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)));
        no(&format!("{HEADER}-more"));
        // A later version may say more.
        assert!(TraceParent::parse(&format!("01{}-more", &HEADER[2..])).is_some());
    }

    #[test]
    fn a_trace_of_this_host_has_one_w3c_id() {
        let id = TraceId::from("R3CSN-2914331");
        assert_eq!(w3c_trace_id(&id).len(), 32);
        assert_eq!(w3c_trace_id(&id), w3c_trace_id(&id));
        assert_ne!(w3c_trace_id(&id), w3c_trace_id(&TraceId::from("R3CSN-2914332")));
    }
}
