//! The trait as implementations see it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ReturnType, TraitItemFn};

use crate::service::contract::Contract;

/// Every `async fn` becomes a function whose future is `Send`, so that any runtime can take it; implementations still
/// write `async fn`.
pub(super) fn expand(contract: &Contract) -> TokenStream {
    let Contract { attributes, visibility, ident, bounds, states, methods, .. } = contract;
    let states = states.iter().map(|state| &state.item);
    let methods = methods.iter().map(|method| function(&method.item));
    quote! {
        #(#attributes)*
        #visibility trait #ident: #(#bounds +)* ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#states)*
            #(#methods)*
        }
    }
}

fn function(item: &TraitItemFn) -> TokenStream {
    let TraitItemFn { attrs, sig, default, .. } = item;
    if sig.asyncness.is_none() {
        return quote!(#item);
    }
    let (name, inputs) = (&sig.ident, &sig.inputs);
    let output = match &sig.output {
        ReturnType::Type(_, output) => quote!(#output),
        ReturnType::Default => quote!(()),
    };
    let (allow, body) = match default {
        Some(block) => (quote!(#[allow(clippy::manual_async_fn)]), quote!({ async move #block })),
        None => (quote!(), quote!(;)),
    };
    quote! {
        #(#attrs)*
        #allow
        fn #name(#inputs) -> impl ::core::future::Future<Output = #output> + ::core::marker::Send #body
    }
}
