//! One method of the trait.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::{Attribute, Error, LitStr, Meta, Result, Safety, TraitItemFn, Type};

use super::documentation;
use super::parameter::{self, Argument, Parameter};
use super::returns::Answer;
use super::state;

/// What the generated code needs to know of a method.
pub(super) struct Method {
    pub(super) wire_name: LitStr,
    pub(super) doc: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) blocking: bool,
    pub(super) answer: Answer,
    /// `#[cfg]` and the like have to be on everything that is written for the method.
    pub(super) conditions: Vec<Attribute>,
    /// The item without our attributes.
    pub(super) item: TraitItemFn,
}

impl Method {
    pub(super) fn read(mut item: TraitItemFn) -> Result<Self> {
        check_signature(&item)?;
        let markers = Markers::take(&mut item.attrs)?;
        check_asyncness(&item, markers.blocking.as_ref())?;
        let arguments = parameter::read(&mut item.sig)?;
        let answer = Answer::read(&item.sig)?;
        let wire_name = match markers.name {
            Some(name) => name,
            None => LitStr::new(&item.sig.ident.unraw().to_string(), item.sig.ident.span()),
        };
        check_name(&wire_name)?;
        Ok(Self {
            wire_name,
            doc: documentation::text(&item.attrs),
            arguments,
            blocking: markers.blocking.is_some(),
            answer,
            conditions: item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect(),
            item,
        })
    }

    pub(super) fn name(&self) -> &Ident {
        &self.item.sig.ident
    }

    /// The type that the answer brings into generated code: that of the value, or of a stream's header.
    pub(super) fn answer_type(&self) -> Option<&Type> {
        match &self.answer {
            Answer::Value(value) => Some(value),
            Answer::Producer(stream) | Answer::Exchange(stream) => stream.header.as_ref(),
        }
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Parameter(parameter) => Some(&**parameter),
            Argument::Context => None,
        })
    }
}

/// Our attributes on a method.
#[derive(Default)]
struct Markers {
    blocking: Option<Attribute>,
    name: Option<LitStr>,
}

impl Markers {
    fn take(attributes: &mut Vec<Attribute>) -> Result<Self> {
        let mut markers = Self::default();
        let ours = |attribute: &mut Attribute| {
            let path = attribute.path();
            path.is_ident("blocking")
                || path.is_ident("method")
                || path.is_ident("default")
                || state::is_ours(attribute)
        };
        for attribute in attributes.extract_if(.., ours) {
            if attribute.path().is_ident("blocking") {
                if !matches!(attribute.meta, Meta::Path(_)) {
                    return Err(Error::new_spanned(attribute, "write `#[blocking]`"));
                }
                markers.blocking = Some(attribute);
            } else if attribute.path().is_ident("method") {
                markers.read_options(&attribute)?;
            } else if attribute.path().is_ident("default") {
                return Err(Error::new_spanned(
                    attribute,
                    "`#[default(value)]` stands in front of a parameter, not of a method",
                ));
            } else {
                return Err(Error::new_spanned(
                    attribute,
                    "this belongs to the state of the stream: declare it in the trait as an associated type with this \
                     attribute, and return `Result<Producer<Self::Name>>` or `Result<Exchange<Self::Name>>`",
                ));
            }
        }
        Ok(markers)
    }

    fn read_options(&mut self, attribute: &Attribute) -> Result<()> {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("`#[method]` understands `name = \"…\"`, the name on the wire"));
            }
            match self.name.replace(meta.value()?.parse()?) {
                None => Ok(()),
                Some(_) => Err(meta.error("given twice; keep one")),
            }
        })
    }
}

fn check_signature(item: &TraitItemFn) -> Result<()> {
    let signature = &item.sig;
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a method cannot be generic: its parameters have one Arrow type each, which callers are told",
        ));
    }
    if let Some(clause) = &signature.generics.where_clause {
        return Err(Error::new_spanned(clause, "a method of a service takes no `where` clause"));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        return Err(Error::new_spanned(token, "callers far away cannot keep a promise of `unsafe`"));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(abi, "a method of a service is plain Rust"));
    }
    Ok(())
}

fn check_asyncness(item: &TraitItemFn, blocking: Option<&Attribute>) -> Result<()> {
    match (&item.sig.asyncness, blocking) {
        (Some(_), None) | (None, Some(_)) => Ok(()),
        (Some(_), Some(blocking)) => Err(Error::new_spanned(
            blocking,
            "a method is `async` or `#[blocking]`: remove `async` if it blocks its thread, else remove `#[blocking]`",
        )),
        (None, None) => Err(Error::new_spanned(
            item.sig.fn_token,
            "write `async fn`; a method that blocks its thread (computes for long, or waits without `await`) gets \
             `#[blocking]` instead and runs on a thread of its own",
        )),
    }
}

fn check_name(name: &LitStr) -> Result<()> {
    let text = name.value();
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    if !first || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Error::new(
            name.span(),
            "this cannot be the name of a method on the wire: it begins with an ASCII letter or `_`, and goes on with \
             letters, digits and `_`",
        ));
    }
    if text.len() > 4 && text.starts_with("__") && text.ends_with("__") {
        return Err(Error::new(name.span(), "names between double underscores belong to the protocol itself"));
    }
    Ok(())
}
