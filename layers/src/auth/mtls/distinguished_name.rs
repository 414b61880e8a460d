//! Names of certificate holders as text: RFC 4514.

use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The most specific part comes first.
pub(super) fn write(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let name = attribute.attr_type();
    let name = oid2abbrev(name, oid_registry()).map_or_else(|_| name.to_id_string(), str::to_owned);
    match attribute.as_str() {
        Ok(value) => format!("{name}={}", escape(value)),
        Err(_) => format!("{name}=#{}", hex::encode(attribute.as_slice())),
    }
}

fn escape(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut escaped = String::with_capacity(value.len());
    for (index, character) in value.chars().enumerate() {
        match character {
            '\0' => escaped.push_str("\\00"),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', character]),
            '#' | ' ' if index == 0 => escaped.extend(['\\', character]),
            ' ' if index == last => escaped.push_str("\\ "),
            character => escaped.push(character),
        }
    }
    escaped
}

/// The value of the only `CN`; of several nobody can tell which one counts. What is escaped neither ends a value nor
/// begins one.
pub(super) fn common_name(name: &str) -> Option<String> {
    let (mut found, mut rest) = (None, name);
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = value(after)?;
        if key.trim().eq_ignore_ascii_case("cn") && found.replace(value).is_some() {
            return None;
        }
        rest = after;
    }
    found
}

/// A value without its escapes, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let mut value = Vec::new();
    // Spaces at the end are none of the value, unless they are escaped.
    let mut keep = 0;
    let mut bytes = text.bytes().enumerate();
    let mut end = text.len();
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b',' | b'+' | b';' => {
                end = index;
                break;
            }
            b'\\' => {
                let (_, first) = bytes.next()?;
                match (first as char).to_digit(16) {
                    Some(high) => {
                        let low = (bytes.next()?.1 as char).to_digit(16)?;
                        value.push(u8::try_from(high * 16 + low).ok()?);
                    }
                    None => value.push(first),
                }
                keep = value.len();
            }
            byte => {
                value.push(byte);
                if byte != b' ' {
                    keep = value.len();
                }
            }
        }
    }
    value.truncate(keep);
    Some((String::from_utf8(value).ok()?, text.get(end + 1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_name_is_found_whatever_stands_around_it() {
        for (name, expected) in [
            ("CN=alice", Some("alice")),
            ("cn = alice , O=Example", Some("alice")),
            ("O=Example,CN=alice,OU=x", Some("alice")),
            ("O=Example,CN=alice,CN=bob", None),
            ("CN=alice+cn=alice", None),
            (r"CN=alice,O=x\", None),
            ("OU=a+CN=alice,O=b", Some("alice")),
            (r"CN=a\,lice,O=x", Some("a,lice")),
            (r"CN=\61lice", Some("alice")),
            (r"CN=al\c3\a4x", Some("aläx")),
            (r"CN=alice\ ", Some("alice ")),
            (r"O=x\,CN=mallory,CN=alice", Some("alice")),
            (r"O=x\\,CN=alice", Some("alice")),
            ("O=CN=mallory", None),
            ("XCN=mallory", None),
            ("O=Example", None),
            ("CN", None),
            ("", None),
            (r"CN=alice\", None),
            (r"CN=\ff", None),
        ] {
            assert_eq!(common_name(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_would_mean_something_is_escaped() {
        assert_eq!(escape(r#" a,b+"c"\<d>;# "#), r#"\ a\,b\+\"c\"\\\<d\>\;#\ "#);
        assert_eq!(escape("#a\0"), r"\#a\00");
        assert_eq!(escape(""), "");
        for name in [" a,b ", "a\\", "x=y", "ä+", "\0"] {
            assert_eq!(common_name(&format!("CN={},O=x", escape(name))).as_deref(), Some(name));
        }
    }
}
