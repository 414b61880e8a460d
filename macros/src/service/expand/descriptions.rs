//! The list of methods that server and client share: name, documentation, parameters and rows of each.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;

use crate::service::contract::Contract;
use crate::service::method::Method;
use crate::service::parameter::Parameter;
use crate::service::returns::Answer;
use crate::service::state::{Rows, StateKind};

/// The type that holds the list. It is no module, so that a trait may be declared inside of a function.
pub(super) fn list_name(contract: &Contract) -> Ident {
    format_ident!("__{}Methods", contract.ident.unraw())
}

/// One function for each method, which begins it: what runs it is added by the server.
pub(super) fn expand(contract: &Contract) -> TokenStream {
    let list = list_name(contract);
    let (visibility, name) = (&contract.visibility, &contract.name);
    let version = version_constant(contract);
    let methods = contract.methods.iter().map(|method| description(contract, method));
    quote! {
        #[doc(hidden)]
        #[allow(dead_code)]
        #visibility enum #list {}

        #[doc(hidden)]
        #[allow(dead_code, clippy::all, clippy::pedantic)]
        impl #list {
            #visibility const NAME: &'static str = #name;
            #visibility const VERSION: ::core::option::Option<&'static str> = #version;
            #(#methods)*
        }
    }
}

/// The version as an `Option<&'static str>`.
pub(super) fn version_constant(contract: &Contract) -> TokenStream {
    match &contract.version {
        Some(version) => quote!(::core::option::Option::Some(#version)),
        None => quote!(::core::option::Option::None),
    }
}

fn description(contract: &Contract, method: &Method) -> TokenStream {
    let Method { wire_name, doc, conditions, .. } = method;
    let (visibility, function) = (&contract.visibility, method.name());
    let builder = match &method.answer {
        Answer::Value(_) => quote!(UnaryBuilder),
        Answer::Producer(_) => quote!(ProducerBuilder),
        Answer::Exchange(_) => quote!(ExchangeBuilder),
    };
    let doc = (!doc.is_empty()).then(|| quote!(.doc(#doc)));
    let parameters = method.parameters().map(parameter);
    let rows = match contract.stream_of(method) {
        Some(StateKind::Producer(Some(row))) => quote!(.rows::<#row>()),
        Some(StateKind::Exchange(Some(rows))) => {
            let Rows { input, output } = &**rows;
            quote!(.rows::<#input, #output>())
        }
        _ => quote!(),
    };
    quote! {
        #(#conditions)*
        #visibility fn #function() -> ::tower_vgi::__private::#builder {
            ::tower_vgi::__private::#builder::new(#wire_name) #doc #(#parameters)* #rows
        }
    }
}

fn parameter(parameter: &Parameter) -> TokenStream {
    let Parameter { name, ty, doc, default } = parameter;
    let doc = (!doc.is_empty()).then(|| quote!(.parameter_doc(#doc)));
    let default = default.as_ref().map(|default| {
        let (value, text) = (default.typed(ty), &default.text);
        quote!(.default_value::<#ty>(&#value, #text))
    });
    quote!(.parameter::<#ty>(#name) #doc #default)
}
