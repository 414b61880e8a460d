//! Parameters of a method: what the caller sends, and the context.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{Attribute, Error, Expr, FnArg, Meta, Pat, PatType, Receiver, ReceiverKind, Result, Signature, Type};

use super::documentation;
use super::returns::{check_owned, check_without_self, last_segment};

/// One argument after `&self`, in order.
pub(super) enum Argument {
    /// `&CallContext`, which the caller does not send.
    Context,
    Parameter(Box<Parameter>),
}

/// What the caller sends.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) doc: String,
    pub(super) default: Option<Default>,
}

/// `#[default(expression)]`.
pub(super) struct Default {
    pub(super) value: Expr,
    pub(super) text: String,
}

/// Reads the arguments, and takes our attributes off them.
pub(super) fn read(signature: &mut Signature) -> Result<Vec<Argument>> {
    let method = signature.ident.clone();
    let mut inputs = signature.inputs.iter_mut();
    match inputs.next() {
        Some(FnArg::Receiver(receiver)) => check_receiver(receiver)?,
        _ => {
            return Err(Error::new_spanned(
                method,
                "a method takes `&self` first: many calls share the implementation",
            ));
        }
    }
    let mut arguments = Vec::new();
    for input in inputs {
        let FnArg::Typed(input) = input else { continue };
        if is_context(&input.ty)? {
            refuse_attributes(&input.attrs)?;
            if arguments.iter().any(|argument| matches!(argument, Argument::Context)) {
                return Err(Error::new_spanned(input, "one context is enough"));
            }
            arguments.push(Argument::Context);
        } else {
            arguments.push(Argument::Parameter(Box::new(Parameter::read(input)?)));
        }
    }
    Ok(arguments)
}

impl Parameter {
    fn read(input: &mut PatType) -> Result<Self> {
        let name = match &*input.pat {
            Pat::Ident(name) if name.by_ref.is_none() && name.mutability.is_none() && name.subpat.is_none() => {
                name.ident.unraw().to_string()
            }
            other => {
                return Err(Error::new_spanned(
                    other,
                    "callers send parameters by name: give this one a plain name, such as `value`",
                ));
            }
        };
        check_owned(&input.ty, "a parameter is an owned value: `String` for `&str`, `Vec<T>` for `&[T]`")?;
        check_without_self(&input.ty)?;
        let doc = documentation::text(&input.attrs);
        let attributes = std::mem::take(&mut input.attrs);
        let mut default = None;
        for attribute in attributes.iter().filter(|attribute| !attribute.path().is_ident("doc")) {
            if !attribute.path().is_ident("default") {
                return Err(unknown(attribute));
            }
            if default.replace(Default::read(attribute)?).is_some() {
                return Err(Error::new_spanned(attribute, "a parameter has one default; keep one"));
            }
        }
        Ok(Self { name, ty: (*input.ty).clone(), doc, default })
    }
}

impl Default {
    fn read(attribute: &Attribute) -> Result<Self> {
        let Meta::List(list) = &attribute.meta else {
            return Err(Error::new_spanned(attribute, "give the value: `#[default(1.0)]`"));
        };
        let value: Expr = list.parse_args()?;
        // Tokens printed back would read `Mode :: Fast`; the source has it as the author wrote it.
        let source = list.delimiter.span().join().source_text();
        let inside = source.as_deref().and_then(|text| text.strip_prefix('(')?.strip_suffix(')'));
        let text = inside.map_or_else(|| value.to_token_stream().to_string(), |text| text.trim().to_owned());
        Ok(Self { value, text })
    }

    /// The expression, with its type known: text for any type that is made of it.
    pub(super) fn typed(&self, ty: &Type) -> TokenStream {
        let value = &self.value;
        match value {
            Expr::Lit(literal) if matches!(literal.lit, syn::Lit::Str(_)) => {
                quote::quote_spanned!(literal.lit.span()=> <#ty as ::core::convert::From<&str>>::from(#value))
            }
            _ => quote::quote!({ let value: #ty = #value; value }),
        }
    }
}

fn check_receiver(receiver: &Receiver) -> Result<()> {
    match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => Ok(()),
        _ => Err(Error::new_spanned(
            receiver,
            "a method takes `&self`: many calls share the implementation; keep what changes in a `Mutex`, an atomic or a \
             database",
        )),
    }
}

/// Whether this is `&CallContext`; an error for the forms that are nearly so.
fn is_context(ty: &Type) -> Result<bool> {
    let named = |ty: &Type| last_segment(ty).is_some_and(|segment| segment.ident == "CallContext");
    match ty {
        Type::Reference(reference) if named(&reference.elem) => match &reference.mutability {
            None => Ok(true),
            Some(mutability) => Err(Error::new_spanned(
                mutability,
                "the context is shared: take `&CallContext`; its setters need no `mut`",
            )),
        },
        _ if named(ty) => Err(Error::new_spanned(ty, "take the context by reference: `&CallContext`")),
        _ => Ok(false),
    }
}

fn refuse_attributes(attributes: &[Attribute]) -> Result<()> {
    match attributes.iter().find(|attribute| !attribute.path().is_ident("doc")) {
        None => Ok(()),
        Some(attribute) => {
            Err(Error::new_spanned(attribute, "the context is no parameter of the caller's and takes no attribute"))
        }
    }
}

fn unknown(attribute: &Attribute) -> Error {
    Error::new_spanned(attribute, "on a parameter, `#[default(value)]` and doc comments are understood")
}
