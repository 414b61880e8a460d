//! `#[service(name = "…", version = "…")]`.

use syn::parse::{Parse, ParseStream};
use syn::{Error, LitStr, Result, meta};

/// What stands in the parentheses.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) name: Option<LitStr>,
    pub(super) version: Option<LitStr>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self::default();
        let read = meta::parser(|meta| {
            let (place, check): (_, fn(&LitStr) -> Result<()>) = if meta.path.is_ident("name") {
                (&mut arguments.name, check_protocol_name)
            } else if meta.path.is_ident("version") {
                (&mut arguments.version, check_version)
            } else {
                return Err(meta.error("`#[service]` understands `name = \"…\"` and `version = \"…\"`"));
            };
            let text: LitStr = meta.value()?.parse()?;
            check(&text)?;
            match place.replace(text) {
                None => Ok(()),
                Some(_) => Err(meta.error("given twice; keep one")),
            }
        });
        syn::parse::Parser::parse2(read, input.parse()?)?;
        Ok(arguments)
    }
}

/// The grammar of wire specification §1.1.
fn check_protocol_name(name: &LitStr) -> Result<()> {
    let text = name.value();
    if !is_protocol_name(&text) {
        return Err(Error::new(
            name.span(),
            "this is no protocol name: it begins with an ASCII letter or `_`, goes on with letters, digits, `_` and `.`, \
             and is 255 bytes long at most, such as \"acme.Calculator.v1\"",
        ));
    }
    if text.starts_with("vgi_rpc.") {
        return Err(Error::new(
            name.span(),
            "names that begin with `vgi_rpc.` belong to the protocol itself; use a prefix of your own",
        ));
    }
    Ok(())
}

fn is_protocol_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= 255
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}

fn check_version(version: &LitStr) -> Result<()> {
    let text = version.value();
    if text.split('.').count() == 3 && text.split('.').all(is_version_number) {
        return Ok(());
    }
    Err(Error::new(
        version.span(),
        "a version is `MAJOR.MINOR.PATCH`, three whole numbers without leading zeros, such as \"1.2.0\"",
    ))
}

fn is_version_number(text: &str) -> bool {
    let padded = text.len() > 1 && text.starts_with('0');
    !padded && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Arguments> {
        syn::parse_str(text)
    }

    #[test]
    fn names_follow_the_grammar() {
        let longest = "a".repeat(255);
        for good in ["A", "_a", "my.Name.v1", longest.as_str()] {
            assert!(read(&format!("name = \"{good}\"")).is_ok(), "{good}");
        }
        for bad in ["", "1a", ".a", "a-b", "a b", "ä", "vgi_rpc.X", "a".repeat(256).as_str()] {
            assert!(read(&format!("name = \"{bad}\"")).is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_are_triples() {
        for good in ["0.0.0", "1.2.0", "10.20.30"] {
            assert!(read(&format!("version = \"{good}\"")).is_ok(), "{good}");
        }
        for bad in ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-rc1", "1..0", "+1.0.0", "1.0.99999999999999999999"] {
            assert!(read(&format!("version = \"{bad}\"")).is_err(), "{bad}");
        }
    }
}
