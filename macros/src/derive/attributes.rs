//! `#[vgi(…)]` on types, fields and variants.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, LitStr, Result, Token};

use super::case::Case;

/// On a struct or an enum.
#[derive(Default)]
pub(super) struct Container {
    pub(super) rename_all: Option<Case>,
}

/// On a field of a struct.
#[derive(Default)]
pub(super) struct Field {
    pub(super) rename: Option<LitStr>,
    pub(super) default: Option<Absent>,
    pub(super) binary: bool,
    pub(super) skip: bool,
    pub(super) nullable: Option<bool>,
}

/// What stands in for an absent column.
pub(super) enum Absent {
    Trait,
    Value(Box<Expr>),
}

/// On a variant of an enum.
#[derive(Default)]
pub(super) struct Variant {
    pub(super) rename: Option<LitStr>,
    pub(super) aliases: Vec<LitStr>,
}

impl Container {
    pub(super) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        each(attributes, |meta, key| match key {
            "rename_all" => set(&mut parsed.rename_all, Case::parse(&text(&meta)?)?, &meta),
            _ => Err(unknown(&meta, key, "`rename_all = \"…\"`")),
        })?;
        Ok(parsed)
    }

    /// For types that take none.
    pub(super) fn refuse(attributes: &[Attribute], place: &str) -> Result<()> {
        each(attributes, |meta, _| Err(meta.error(format!("{place} takes no `#[vgi(…)]` attribute"))))
    }
}

impl Field {
    pub(super) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        let mut last = Span::call_site();
        each(attributes, |meta, key| {
            last = meta.path.get_ident().map_or(last, proc_macro2::Ident::span);
            match key {
                "rename" => set(&mut parsed.rename, text(&meta)?, &meta),
                "default" => {
                    let default = if meta.input.peek(Token![=]) {
                        Absent::Value(Box::new(meta.value()?.parse()?))
                    } else {
                        Absent::Trait
                    };
                    set(&mut parsed.default, default, &meta)
                }
                "nullable" => set(&mut parsed.nullable, true, &meta),
                "not_null" => set(&mut parsed.nullable, false, &meta),
                "binary" => {
                    parsed.binary = true;
                    Ok(())
                }
                "skip" => {
                    parsed.skip = true;
                    Ok(())
                }
                _ => Err(unknown(
                    &meta,
                    key,
                    "`rename = \"…\"`, `default`, `default = …`, `binary`, `nullable`, `not_null`, `skip`",
                )),
            }
        })?;
        if parsed.skip && (parsed.binary || parsed.rename.is_some() || parsed.nullable.is_some()) {
            return Err(Error::new(last, "a field with `skip` is no column: only `default = …` goes with it"));
        }
        Ok(parsed)
    }
}

impl Variant {
    pub(super) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        each(attributes, |meta, key| match key {
            "rename" => set(&mut parsed.rename, text(&meta)?, &meta),
            "alias" => {
                parsed.aliases.push(text(&meta)?);
                Ok(())
            }
            _ => Err(unknown(&meta, key, "`rename = \"…\"`, `alias = \"…\"`")),
        })?;
        Ok(parsed)
    }
}

fn each(attributes: &[Attribute], mut take: impl FnMut(ParseNestedMeta<'_>, &str) -> Result<()>) -> Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("vgi")) {
        attribute.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            take(meta, &key)
        })?;
    }
    Ok(())
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    meta.value()?.parse()
}

fn set<T>(place: &mut Option<T>, value: T, meta: &ParseNestedMeta<'_>) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("given twice: keep one")),
    }
}

fn unknown(meta: &ParseNestedMeta<'_>, key: &str, known: &str) -> Error {
    meta.error(format!("unknown attribute `{key}`: known here are {known}"))
}
