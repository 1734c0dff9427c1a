//! Looking at Rust sources and Cargo.lock as text.

use std::collections::{BTreeMap, BTreeSet};

/// How many lines above an `unsafe` its SAFETY comment may begin.
const SAFETY_REACH: usize = 8;

/// The source with comments and the contents of string and character literals as blanks; lines keep their numbers.
pub fn code(source: &str) -> String {
    let mut rest = source;
    let mut code = String::with_capacity(source.len());
    while let Some(first) = rest.chars().next() {
        let after_word = code.chars().next_back().is_some_and(is_word);
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if first == '"' {
            string(rest)
        } else if let Some(length) = (!after_word).then(|| raw_string(rest)).flatten() {
            length
        } else if let Some(length) = character(rest) {
            length
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.extend(rest[..length].chars().map(|blanked| if blanked == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    code
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of the block comment that the text begins with. They nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of the string literal that the text begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the raw string literal that the text begins with, if it does.
fn raw_string(text: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let hashes = text[prefix.len()..].chars().take_while(|character| *character == '#').count();
    let opening = prefix.len() + hashes + 1;
    let closing = format!("\"{}", "#".repeat(hashes));
    Some(text[opening..].find(&closing).map_or(text.len(), |at| opening + at + closing.len()))
}

/// The length of the character literal that the text begins with, if it does: `'a` may be a lifetime.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    if let Some(escape) = inside.strip_prefix('\\') {
        let escaped = escape.chars().next()?.len_utf8();
        return escape[escaped..].find('\'').map(|at| "'\\".len() + escaped + at + 1);
    }
    let length = inside.chars().next()?.len_utf8();
    inside[length..].starts_with('\'').then_some(length + 2)
}

/// The code, as [`code`] gives it, with everything under `#[cfg(test)]` as blanks.
pub fn without_tests(code: &str) -> String {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(ATTRIBUTE) {
        let end = at + item_length(&rest[at..]);
        kept.push_str(&rest[..at]);
        kept.extend(rest[at..end].chars().filter(|character| *character == '\n'));
        rest = &rest[end..];
    }
    kept + rest
}

/// The length of the item that the code begins with: to its semicolon, or to the end of its braces.
fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Where one of the words stands by itself: line, from one, and word.
pub fn lines_with<'a>(code: &str, words: &[&'a str]) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        found.extend(words.iter().filter(|word| has_word(line, word)).map(|word| (number, *word)));
    }
    found
}

fn has_word(line: &str, word: &str) -> bool {
    let open = |end: Option<char>, next: Option<char>| {
        !(end.is_some_and(is_word) && next.is_some_and(is_word))
    };
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        open(word.chars().next(), before.chars().next_back())
            && open(word.chars().next_back(), after.chars().next())
    })
}

/// Where one of the folders is the beginning of a path, not its middle: `$run` or `@STATE@` before it make it one.
pub fn lines_with_path<'a>(text: &str, folders: &[&'a str]) -> Vec<(usize, &'a str)> {
    let begins = |before: &str| {
        !before.chars().next_back().is_some_and(|last| is_word(last) || ".-*@})>".contains(last))
    };
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        found.extend(folders.iter().filter_map(|folder| {
            line.match_indices(folder)
                .any(|(at, _)| begins(&line[..at]))
                .then_some((number, *folder))
        }));
    }
    found
}

/// Whether the `unsafe` on this line, from one, has its reason on the line or shortly above.
pub fn has_safety_comment(source: &str, line: usize) -> bool {
    let above = line.saturating_sub(SAFETY_REACH + 1);
    source
        .lines()
        .take(line)
        .skip(above)
        .any(|text| text.contains("// SAFETY: ") || text.trim() == "/// # Safety")
}

/// The packages of a Cargo.lock, each with those it depends on. Versions are left out: a name stands for all of its.
pub fn locked_packages(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let lock: toml::Table = lock.parse().expect("Cargo.lock is TOML");
    let mut graph: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("a list of packages") {
        let dependencies = package.get("dependencies").and_then(toml::Value::as_array);
        let names = dependencies
            .into_iter()
            .flatten()
            .filter_map(|dependency| dependency.as_str()?.split(' ').next().map(ToOwned::to_owned));
        let name = package["name"].as_str().expect("a package has a name").to_owned();
        graph.entry(name).or_default().extend(names);
    }
    graph
}

/// All that a package depends on, directly or not.
pub fn reachable<'a>(
    graph: &'a BTreeMap<String, BTreeSet<String>>,
    package: &str,
) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&str> = graph[package].iter().map(String::as_str).collect();
    while let Some(name) = waiting.pop() {
        if seen.insert(name) {
            waiting.extend(graph.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    seen
}

mod tests {
    use super::*;

    #[test]
    fn code_has_no_comments_and_no_literals() {
        // What remains, with each run of blanks as one.
        let table = [
            ("a // unsafe\nb", "a \nb"),
            ("/* unsafe /* */ unsafe */ c", " c"),
            (r#"f("unsafe \" unsafe", x)"#, "f( , x)"),
            (r##"r#"unsafe " unsafe"# + x"##, " + x"),
            ("b'\"' + x", "b + x"),
            (r"'\'' + '\u{1F600}' + x", " + + x"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("\"a\nb\" c", " \n c"),
            ("\"never closed", " "),
        ];
        for (source, expected) in table {
            let code = code(source);
            assert_eq!(code.len(), source.len(), "places move in {source}");
            assert_eq!(join_blanks(&code), expected, "of {source}");
        }
    }

    fn join_blanks(code: &str) -> String {
        let mut joined = code.to_owned();
        while joined.contains("  ") {
            joined = joined.replace("  ", " ");
        }
        joined
    }

    #[test]
    fn words_are_found_by_themselves_only() {
        assert_eq!(lines_with("x\nunsafe {", &["unsafe"]), [(2, "unsafe")]);
        assert_eq!(lines_with("#![expect(unsafe_code)]", &["unsafe"]), []);
        assert_eq!(lines_with("std::env::var(x)", &["env::"]), [(1, "env::")]);
        assert_eq!(lines_with("env!(x); my_env::f()", &["env::"]), []);
        assert_eq!(lines_with("f().await?", &[".await"]), [(1, ".await")]);
        assert_eq!(lines_with("SystemTime::now()", &["SystemTime::now"]), [(1, "SystemTime::now")]);
    }

    #[test]
    fn tests_are_left_out_and_what_follows_them_is_not() {
        let source = "a();\n#[cfg(test)]\nmod tests {\n fn f() { b() }\n}\nc();";
        assert_eq!(without_tests(source), "a();\n\n\n\n\nc();");
        assert_eq!(without_tests("#[cfg(test)]\nmod tests;\nc();"), "\n\nc();");
    }

    #[test]
    fn paths_count_from_their_beginning() {
        let folders = &["/data/"];
        assert_eq!(lines_with_path("x\ncd /data/a", folders), [(2, "/data/")]);
        assert_eq!(lines_with_path("file:///data/a", folders), [(1, "/data/")]);
        assert_eq!(lines_with_path("$run/data/a @RUN@/data/ ${x}/data/ a/data/", folders), []);
    }

    #[test]
    fn a_safety_comment_is_near_and_above() {
        assert!(has_safety_comment("// SAFETY: so\nunsafe {}", 2));
        assert!(has_safety_comment("/// # Safety\n/// so\nunsafe fn f() {}", 3));
        assert!(!has_safety_comment("unsafe {}\n// SAFETY: late", 1));
        let far = format!("// SAFETY: so\n{}unsafe {{}}", "\n".repeat(SAFETY_REACH));
        assert!(!has_safety_comment(&far, SAFETY_REACH + 2));
    }

    #[test]
    fn packages_are_reached_through_others() {
        let lock = r#"
            [[package]]
            name = "top"
            dependencies = ["middle 1.0.0"]
            [[package]]
            name = "middle"
            dependencies = ["bottom", "top"]
            [[package]]
            name = "bottom"
            [[package]]
            name = "other"
        "#;
        let graph = locked_packages(lock);
        assert_eq!(Vec::from_iter(reachable(&graph, "top")), ["bottom", "middle", "top"]);
        assert!(reachable(&graph, "bottom").is_empty());
    }
}
