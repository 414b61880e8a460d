//! `x-forwarded-client-cert`, as Envoy writes it.

use percent_encoding::percent_decode_str;
use tower_vgi::AuthReason;

use super::certificate::ClientCertificate;
use super::{distinguished_name, forwarded};
use crate::auth::AuthError;

/// One element of the header for each proxy on the way, the first of which stood nearest to the client.
pub(super) fn read(header: &str) -> Result<Vec<ClientCertificate>, AuthError> {
    let elements = split(header, ',').ok_or_else(refused)?;
    elements.into_iter().map(str::trim).filter(|element| !element.is_empty()).map(element).collect()
}

fn element(text: &str) -> Result<ClientCertificate, AuthError> {
    let (mut said, mut certificate) = (ClientCertificate::default(), None);
    for pair in split(text, ';').ok_or_else(refused)? {
        let Some((key, value)) = pair.split_once('=') else { continue };
        let value = unquote(value.trim()).ok_or_else(refused)?;
        let decoded = || percent_decode_str(&value).decode_utf8().map(String::from).map_err(|_| refused());
        // Of two that differ, others on the way may have believed the other one.
        let is_second = match key.trim().to_ascii_lowercase().as_str() {
            "hash" => said.fingerprint.replace(value.to_ascii_lowercase()).is_some(),
            "subject" => said.subject.replace(value).is_some(),
            "by" => said.by.replace(decoded()?).is_some(),
            "cert" => certificate.replace(forwarded::read(&value)?).is_some(),
            "uri" => {
                said.uris.push(decoded()?);
                false
            }
            "dns" => {
                said.dns_names.push(value);
                false
            }
            _ => false,
        };
        if is_second {
            return Err(refused());
        }
    }
    // The certificate itself says more than what is said of it.
    let Some(certificate) = certificate else {
        said.common_name = said.subject.as_deref().and_then(distinguished_name::common_name);
        return Ok(said);
    };
    if said.fingerprint.is_some() && said.fingerprint != certificate.fingerprint {
        return Err(refused());
    }
    Ok(ClientCertificate { by: said.by, ..certificate })
}

fn refused() -> AuthError {
    AuthError::refused(AuthReason::InvalidCredential, "x-forwarded-client-cert has not the form it should")
}

/// The parts between delimiters that are not quoted; `None` where a quotation does not end.
fn split(text: &str, delimiter: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (index, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if character == delimiter && !quoted => {
                parts.push(&text[start..index]);
                start = index + delimiter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

fn unquote(value: &str) -> Option<String> {
    let Some(rest) = value.strip_prefix('"') else {
        return (!value.contains('"')).then(|| value.to_owned());
    };
    let mut unquoted = String::with_capacity(rest.len());
    let mut characters = rest.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => unquoted.push(characters.next()?),
            '"' => return None,
            character => unquoted.push(character),
        }
    }
    Some(unquoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_their_parts_are_told_apart() {
        let header =
            r#"By=spiffe://a/b;Hash=ABCD;Subject="CN=a\"l,ice;O=x";URI=spiffe%3A//c;DNS=one;DNS=two, Hash=ef ,"#;
        let elements = read(header).unwrap();
        assert_eq!(elements.len(), 2);
        let first = &elements[0];
        assert_eq!(first.by.as_deref(), Some("spiffe://a/b"));
        assert_eq!(first.fingerprint.as_deref(), Some("abcd"));
        assert_eq!(first.subject.as_deref(), Some(r#"CN=a"l,ice;O=x"#));
        assert_eq!((first.uris.join(" "), first.dns_names.join(" ")), ("spiffe://c".to_owned(), "one two".to_owned()));
        assert_eq!(elements[1].fingerprint.as_deref(), Some("ef"));
        let quoted = &read(r#"Subject="CN=alice,O=Example";Hash=1"#).unwrap()[0];
        assert_eq!(quoted.common_name.as_deref(), Some("alice"));
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn what_is_said_twice_is_refused() {
        for pair in ["Hash=1", r#"Subject="CN=alice""#, "By=a"] {
            let other = pair.replace("CN=alice", "CN=root");
            for header in [format!("{pair};{other}"), format!("{};DNS=a;{pair}", other.to_ascii_uppercase())] {
                assert_eq!(read(&header).unwrap_err().reason(), Some(AuthReason::InvalidCredential), "{header}");
            }
            assert_eq!(read(&format!("{pair},{other}")).unwrap().len(), 2);
        }
        assert_eq!(read(r#"Subject="CN=alice,O=x,CN=root""#).unwrap()[0].common_name, None);
    }

    #[test]
    fn what_does_not_end_is_refused() {
        for header in [r#"Subject="CN=alice"#, r#"Subject="CN=al"ice""#, r#"Subject=a"b"c"#, "Cert=x", "URI=%ff"] {
            assert_eq!(read(header).unwrap_err().reason(), Some(AuthReason::InvalidCredential), "{header}");
        }
    }
}
