//! What a method returns: `Result<T>`, where `T` is a value or a stream.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Error, GenericArgument, PathArguments, PathSegment, Result, ReturnType, Signature, Type};

/// What travels back.
pub(super) enum Answer {
    Value(Type),
    Producer(Stream),
    Exchange(Stream),
}

/// The name of a stream's state, and the type of its header.
pub(super) struct Stream {
    pub(super) state: Ident,
    pub(super) header: Option<Type>,
}

impl Answer {
    pub(super) fn read(signature: &Signature) -> Result<Self> {
        let answer = match &signature.output {
            ReturnType::Type(_, returned) => success(returned)?,
            ReturnType::Default => {
                return Err(Error::new_spanned(
                    &signature.ident,
                    "a method can fail, at least on the way: it returns `Result<T>`, or `Result<()>` for no value",
                ));
            }
        };
        match last_segment(answer) {
            Some(segment) if segment.ident == "Producer" => stream(segment).map(Self::Producer),
            Some(segment) if segment.ident == "Exchange" => stream(segment).map(Self::Exchange),
            _ => {
                check_owned(answer, "a method returns an owned value: `String` for `&str`, `Vec<T>` for `&[T]`")?;
                check_without_self(answer)?;
                Ok(Self::Value(answer.clone()))
            }
        }
    }
}

/// The `T` of `Result<T>` or `Result<T, E>`, whichever `Result` it is.
fn success(returned: &Type) -> Result<&Type> {
    let arguments =
        last_segment(returned).filter(|segment| segment.ident == "Result").map(|segment| &segment.arguments);
    let first = match arguments {
        Some(PathArguments::AngleBracketed(arguments)) => arguments.args.first(),
        _ => None,
    };
    match first {
        Some(GenericArgument::Type(success)) => Ok(success),
        _ => Err(Error::new_spanned(
            returned,
            "a method can fail, at least on the way: it returns `Result<T>` (`tower_vgi::Result`), written out",
        )),
    }
}

/// `Producer<Self::Name>` or `Exchange<Self::Name, Header>`.
fn stream(stream: &PathSegment) -> Result<Stream> {
    if let PathArguments::AngleBracketed(arguments) = &stream.arguments {
        let mut arguments = arguments.args.iter();
        if let (Some(GenericArgument::Type(state)), header, None) =
            (arguments.next(), arguments.next(), arguments.next())
        {
            let header = match header {
                Some(GenericArgument::Type(header)) => Some(header.clone()),
                _ => None,
            };
            if let Some(header) = &header {
                check_owned(header, "the header of a stream is an owned record")?;
                check_without_self(header)?;
            }
            if let Some(state) = associated_type(state) {
                return Ok(Stream { state: state.clone(), header });
            }
        }
    }
    let (name, attribute) = match stream.ident.to_string().as_str() {
        "Producer" => ("Producer", "#[producer(Row)]"),
        _ => ("Exchange", "#[exchange(Input => Output)]"),
    };
    Err(Error::new_spanned(
        stream,
        format!(
            "the implementation chooses the state of a stream: declare `{attribute} type Name;` in the trait and return \
             `Result<{name}<Self::Name>>`"
        ),
    ))
}

/// The `Name` of `Self::Name`.
fn associated_type(ty: &Type) -> Option<&Ident> {
    let Type::Path(path) = ty else { return None };
    let mut segments = path.path.segments.iter();
    match (segments.next(), segments.next(), segments.next()) {
        (Some(first), Some(second), None) if first.ident == "Self" && second.arguments.is_none() => Some(&second.ident),
        _ => None,
    }
}

pub(super) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// Refuses borrowed types, however deep.
pub(super) fn check_owned(ty: &Type, advice: &str) -> Result<()> {
    let borrows = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '&');
    if contains(ty.to_token_stream(), &borrows) { Err(Error::new_spanned(ty, advice)) } else { Ok(()) }
}

/// Refuses `Self`: what travels is the same for every implementation.
pub(super) fn check_without_self(ty: &Type) -> Result<()> {
    if !mentions(ty, "Self") {
        return Ok(());
    }
    Err(Error::new_spanned(
        ty,
        "what travels has the same type whoever implements the service: name it without `Self`; only the state of a stream, \
         in `Producer<Self::Name>` or `Exchange<Self::Name>`, is the implementation's",
    ))
}

/// Whether a type mentions a name.
pub(super) fn mentions(ty: &Type, name: &str) -> bool {
    contains(ty.to_token_stream(), &|token: &TokenTree| matches!(token, TokenTree::Ident(found) if found == name))
}

fn contains(tokens: TokenStream, wanted: &impl Fn(&TokenTree) -> bool) -> bool {
    tokens.into_iter().any(|token| match &token {
        TokenTree::Group(group) => contains(group.stream(), wanted),
        _ => wanted(&token),
    })
}
