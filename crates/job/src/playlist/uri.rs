//! Relative URIs.

/// Resolves the URI `reference`, as it stands in the playlist at `base`, to the name space that `base` is in. Only paths are
/// resolved (RFC 3986 5.2.4); a reference with a scheme, or from the root, is returned as it is.
#[must_use]
pub fn resolve(base: &str, reference: &str) -> String {
    let has_scheme = reference.split_once(':').is_some_and(|(scheme, _)| !scheme.contains('/'));
    if has_scheme || reference.starts_with('/') {
        return reference.to_owned();
    }
    let mut components: Vec<&str> = base.split('/').collect();
    components.pop();
    for component in reference.split('/') {
        match component {
            "." => {}
            ".." if components.last().is_some_and(|last| *last != "..") => {
                components.pop();
            }
            other => components.push(other),
        }
    }
    components.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_against_their_playlist() {
        for (base, reference, expected) in [
            ("master.m3u8", "1/v720/media.m3u8", "1/v720/media.m3u8"),
            ("1/v720/media.m3u8", "00000.m4s", "1/v720/00000.m4s"),
            ("1/v720/media.m3u8", "../audio/./a.m4s", "1/audio/a.m4s"),
            ("media.m3u8", "../a.m4s", "../a.m4s"),
            ("1/media.m3u8", "https://example.com/a.m4s", "https://example.com/a.m4s"),
            ("https://example.com/1/media.m3u8", "a.m4s", "https://example.com/1/a.m4s"),
            ("1/media.m3u8", "/a.m4s", "/a.m4s"),
        ] {
            assert_eq!(resolve(base, reference), expected, "{base} {reference}");
        }
    }
}
