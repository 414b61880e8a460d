//! `CalculatorClient<S>`: the typed proxy over a channel.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use super::descriptions::{list_name, version_constant};
use crate::service::contract::Contract;
use crate::service::method::Method;
use crate::service::returns::{Answer, Stream, mentions};
use crate::service::state::{Rows, StateKind};

/// The type, its constructors and one function for each method.
pub(super) fn expand(contract: &Contract) -> TokenStream {
    let Contract { visibility, ident, name, .. } = contract;
    let client = format_ident!("{}Client", ident.unraw());
    let service = service_parameter(contract);
    let summary = format!("Calls the protocol `{}` of a server as [`{ident}`] declares it.", name.value());
    let version = version_constant(contract);
    let connect = helper(contract, "connect", || {
        quote! {
            /// Calls the server at a URL; see [`Channel::connect`](::tower_vgi::client::Channel::connect).
            ///
            /// # Errors
            ///
            /// A `ValueError` for a URL that cannot be used.
            #visibility async fn connect(url: &str) -> ::core::result::Result<Self, ::tower_vgi::RpcError> {
                ::core::result::Result::Ok(Self { channel: ::tower_vgi::client::Channel::connect(url)? })
            }
        }
    });
    let new = helper(contract, "new", || {
        quote! {
            /// Calls through a channel.
            #visibility fn new(channel: ::tower_vgi::client::Channel<#service>) -> Self {
                Self { channel }
            }
        }
    });
    let channel = helper(contract, "channel", || {
        quote! {
            /// The channel that it calls through.
            #visibility fn channel(&self) -> &::tower_vgi::client::Channel<#service> {
                &self.channel
            }
        }
    });
    let session = helper(contract, "session", || {
        quote! {
            /// A proxy whose calls may open a session, and belong to it from then on.
            #visibility fn session(&self) -> ::tower_vgi::client::SessionClient<Self, #service> {
                let session = self.channel.session();
                let client = Self { channel: ::core::clone::Clone::clone(session.channel()) };
                ::tower_vgi::client::SessionClient::new(client, session)
            }
        }
    });
    let methods = contract.methods.iter().map(|method| function(contract, method));
    quote! {
        #[doc = #summary]
        ///
        /// Clones share the channel.
        #[allow(dead_code)]
        #visibility struct #client<#service: ::tower_vgi::client::HttpService = ::tower_vgi::client::Connection> {
            channel: ::tower_vgi::client::Channel<#service>,
        }

        #[allow(dead_code, clippy::all, clippy::pedantic)]
        impl #client {
            #connect
        }

        #[allow(dead_code, clippy::all, clippy::pedantic)]
        impl<#service: ::tower_vgi::client::HttpService> #client<#service> {
            /// The protocol's name on the wire.
            #visibility const NAME: &'static str = #name;

            /// The protocol's version, if it declares one.
            #visibility const VERSION: ::core::option::Option<&'static str> = #version;

            #new
            #channel
            #session
            #(#methods)*
        }

        impl<#service: ::tower_vgi::client::HttpService> ::core::convert::From<::tower_vgi::client::Channel<#service>>
            for #client<#service>
        {
            fn from(channel: ::tower_vgi::client::Channel<#service>) -> Self {
                Self { channel }
            }
        }

        impl<#service: ::tower_vgi::client::HttpService> ::core::clone::Clone for #client<#service> {
            fn clone(&self) -> Self {
                Self { channel: ::core::clone::Clone::clone(&self.channel) }
            }
        }

        impl<#service: ::tower_vgi::client::HttpService> ::core::fmt::Debug for #client<#service> {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(&self.channel, formatter)
            }
        }
    }
}

/// One of our own functions, unless a method has taken its name: `From<Channel<S>>` does what `new` does.
fn helper(contract: &Contract, name: &str, expand: impl FnOnce() -> TokenStream) -> Option<TokenStream> {
    let taken = contract.methods.iter().any(|method| method.name().unraw() == name);
    (!taken).then(expand)
}

/// The type parameter next to which types of the user are written: `S`, unless one of those is called so.
fn service_parameter(contract: &Contract) -> Ident {
    let types = || {
        let of_method = |method: &'_ Method| -> Vec<syn::Type> {
            method.parameters().map(|parameter| parameter.ty.clone()).chain(method.answer_type().cloned()).collect()
        };
        let rows = contract.states.iter().flat_map(|state| match &state.kind {
            StateKind::Producer(row) => row.iter().map(|row| (**row).clone()).collect(),
            StateKind::Exchange(Some(rows)) => vec![rows.input.clone(), rows.output.clone()],
            StateKind::Exchange(None) => Vec::new(),
        });
        contract.methods.iter().flat_map(of_method).chain(rows).collect::<Vec<_>>()
    };
    let types = types();
    let free = |name: &str| !types.iter().any(|ty| mentions(ty, name));
    let name = if free("S") { "S" } else { "__Service" };
    Ident::new(name, Span::call_site())
}

fn function(contract: &Contract, method: &Method) -> TokenStream {
    let Contract { visibility, .. } = contract;
    let Method { doc, conditions, .. } = method;
    let (list, name, service) = (list_name(contract), method.name(), service_parameter(contract));
    let doc = (!doc.is_empty()).then(|| quote!(#[doc = #doc]));
    let parameters: Vec<_> = method.parameters().enumerate().collect();
    let declared = parameters.iter().map(|(index, parameter)| {
        let (argument, ty) = (argument(*index, &parameter.name), &parameter.ty);
        match parameter.default {
            None => quote!(#argument: #ty),
            Some(_) => quote!(#argument: impl ::core::convert::Into<::tower_vgi::client::Argument<#ty>>),
        }
    });
    let given = parameters.iter().map(|(index, parameter)| {
        let (argument, ty) = (argument(*index, &parameter.name), &parameter.ty);
        match parameter.default {
            None => quote!(.argument::<#ty>(&#argument)),
            Some(_) => quote!(.argument_or_default::<#ty>(&::core::convert::Into::into(#argument))),
        }
    });
    let (answer, call) = answer(contract, method, &service);
    // In the place of the answer, for the same reason.
    let returned = quote_spanned! {call.span()=>
        impl ::core::future::Future<Output = ::core::result::Result<#answer, ::tower_vgi::RpcError>>
        + ::core::marker::Send
        + '_
    };
    quote! {
        #(#conditions)*
        #doc
        ///
        /// # Errors
        ///
        /// What the server answers, or why it could not be asked.
        #visibility fn #name(
            &self,
            #(#declared),*
        ) -> #returned {
            static METHOD: ::std::sync::LazyLock<::tower_vgi::client::MethodDescription> =
                ::std::sync::LazyLock::new(|| #list::#name().describe());
            ::tower_vgi::client::TypedCall::new(&self.channel, #list::NAME, #list::VERSION, &METHOD)
                #(#given)*
                #call
        }
    }
}

/// What a function gives, and how the call is made: in the place of the types, so that a mistake with one is reported
/// there and once.
fn answer(contract: &Contract, method: &Method, service: &Ident) -> (TokenStream, TokenStream) {
    let header = |stream: &Stream| stream.header.as_ref().map_or_else(|| quote!(()), |header| quote!(#header));
    match (&method.answer, contract.stream_of(method)) {
        (Answer::Value(value), _) => (quote!(#value), quote_spanned!(value.span()=> .unary::<#value>())),
        (Answer::Producer(stream), Some(StateKind::Producer(Some(row)))) => {
            let header = header(stream);
            (
                quote!(::tower_vgi::client::RowStream<#row, #service, #header>),
                quote_spanned!(row.span()=> .rows::<#row, #header>()),
            )
        }
        (Answer::Producer(stream), _) => {
            let header = header(stream);
            (
                quote!(::tower_vgi::client::ProducerStream<#service, #header>),
                quote_spanned!(header.span()=> .producer::<#header>()),
            )
        }
        (Answer::Exchange(stream), Some(StateKind::Exchange(Some(rows)))) => {
            let (header, Rows { input, output }) = (header(stream), &**rows);
            (
                quote!(::tower_vgi::client::RowExchange<#input, #output, #service, #header>),
                quote_spanned!(output.span()=> .row_exchange::<#input, #output, #header>()),
            )
        }
        (Answer::Exchange(stream), _) => {
            let header = header(stream);
            (
                quote!(::tower_vgi::client::ExchangeStream<#service, #header>),
                quote_spanned!(header.span()=> .exchange::<#header>()),
            )
        }
    }
}

/// Parameters keep their names, as far as these are names in Rust.
fn argument(index: usize, name: &str) -> Ident {
    match syn::parse_str::<Ident>(name) {
        Ok(name) if name != "self" => name,
        _ => match syn::parse_str::<Ident>(&format!("r#{name}")) {
            Ok(name) => name,
            Err(_) => format_ident!("argument_{index}"),
        },
    }
}
