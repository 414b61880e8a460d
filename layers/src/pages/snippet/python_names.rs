//! Names in a program in Python.

use std::collections::BTreeSet;

use super::is_identifier;

/// A name that can stand in the program.
pub(super) fn identifier(name: &str) -> Option<&str> {
    (is_identifier(name) && !KEYWORDS.contains(&name)).then_some(name)
}

/// How long a line may be before it is broken.
pub(super) const LINE: usize = 68;

/// Whether the program or its language calls something else so.
pub(super) fn is_taken(name: &str) -> bool {
    NAMES.contains(&name) || KEYWORDS.contains(&name)
}

/// What the program uses, imported in the order of tools that sort imports.
pub(super) fn imports(program: &str) -> String {
    let words: BTreeSet<&str> = program.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    let used = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|name| words.contains(name)).collect()
    };
    let mut lines: Vec<String> = used(&["datetime", "decimal"]).iter().map(|name| format!("import {name}")).collect();
    if words.contains("dataclass") {
        lines.push("from dataclasses import dataclass".to_owned());
    }
    lines.push(format!("from typing import {}", used(&["Annotated", "ClassVar", "Protocol"]).join(", ")));
    lines.push(String::new());
    if words.contains("pa") {
        lines.push("import pyarrow as pa".to_owned());
    }
    let ours = used(&["AnnotatedBatch", "ArrowSerializableDataclass", "ArrowType", "Stream", "StreamState"]);
    if !ours.is_empty() {
        let line = format!("from vgi_rpc import {}", ours.join(", "));
        let broken = || format!("from vgi_rpc import (\n    {},\n)", ours.join(",\n    "));
        lines.push(if line.len() <= LINE { line } else { broken() });
    }
    lines.push("from vgi_rpc.http import http_connect".to_owned());
    lines.join("\n")
}

const NAMES: [&str; 14] = [
    "Annotated",
    "AnnotatedBatch",
    "ArrowSerializableDataclass",
    "ArrowType",
    "ClassVar",
    "Protocol",
    "Stream",
    "StreamState",
    "dataclass",
    "datetime",
    "decimal",
    "http_connect",
    "pa",
    "print",
];

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];
