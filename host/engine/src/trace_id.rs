//! Trace ids, in the form that existing projects show and parse.

use std::time::{SystemTime, UNIX_EPOCH};

use motia_manifest::TraceId;
use rand::Rng;

/// Five letters and digits that are not mistaken for each other, and the end of the time in
/// milliseconds: `R3CSN-2914331`.
pub fn new() -> TraceId {
    const LETTERS: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ123456789";
    let mut random = rand::rng();
    let mut id: String =
        (0..5).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    id.push_str(&format!("-{:07}", now % 10_000_000));
    id.into()
}
