//! Compression of a bundle's large files, with zstd.

use std::io::{self, Read, Write};

use zstd::{
    stream::{read::Decoder, write::Encoder},
    zstd_safe,
};

/// The end of a compressed file's name.
pub const COMPRESSED: &str = ".zst";

/// The largest content of a compressed file; a component or an image is never larger.
const LIMIT: u64 = 256 << 20;

/// Sixty-four MiB: both the content and what it is like must fit.
const WINDOW_LOG: u32 = 26;

/// Compresses `content`; what it has in common with `like` costs almost nothing.
///
/// # Errors
/// When zstd fails.
pub fn compress(content: &[u8], level: i32, like: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::with_ref_prefix(Vec::new(), level, like)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.long_distance_matching(!like.is_empty())?;
    encoder.include_contentsize(true)?;
    encoder.set_pledged_src_size(Some(content.len() as u64))?;
    encoder.write_all(content)?;
    encoder.finish()
}

/// The inverse, with the same `like`.
///
/// # Errors
/// When the content is not what [`compress`] made, or too large.
pub fn decompress(compressed: &[u8], like: &[u8]) -> io::Result<Vec<u8>> {
    let mut decoder = Decoder::with_ref_prefix(compressed, like)?;
    decoder.window_log_max(WINDOW_LOG)?;
    // The head says how large the content is, which saves growing.
    let size = zstd_safe::get_frame_content_size(compressed).ok().flatten().unwrap_or(0);
    let mut content = Vec::with_capacity(size.min(LIMIT) as usize + 1);
    decoder.take(LIMIT + 1).read_to_end(&mut content)?;
    match content.len() as u64 > LIMIT {
        true => Err(io::Error::other(format!("the content is larger than {LIMIT} bytes"))),
        false => Ok(content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_costs_almost_nothing() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let like: Vec<u8> = (0..3 << 20).map(|_| random()).collect();
        let mut content = like.clone();
        content[1 << 20] ^= 1;
        let compressed = compress(&content, 3, &like).unwrap();
        assert!(compressed.len() < 4096, "{}", compressed.len());
        assert!(decompress(&compressed, &like).unwrap() == content);
        assert!(!decompress(&compressed, &[]).is_ok_and(|found| found == content));
    }
}
