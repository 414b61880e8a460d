//! `CalculatorServer<T>`: the protocol with an implementation behind it.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;

use super::descriptions::{list_name, version_constant};
use crate::service::contract::Contract;
use crate::service::method::Method;
use crate::service::parameter::{Argument, Parameter};
use crate::service::returns::{Answer, Stream, mentions};

/// The type, its constructors and its conversion into a `Protocol`.
pub(super) fn expand(contract: &Contract) -> TokenStream {
    let server = format_ident!("{}Server", contract.ident.unraw());
    let type_definition = type_definition(contract, &server);
    let constructors = Constructors { contract, server: &server, implementor: &implementor(contract) }.expand();
    let layers = layers(contract, &server);
    let conversions = conversions(&server);
    quote! {
        #type_definition
        #constructors
        #layers
        #conversions
    }
}

fn type_definition(contract: &Contract, server: &Ident) -> TokenStream {
    let Contract { visibility, ident, name, .. } = contract;
    let summary = format!("Serves an implementation of [`{ident}`] as the protocol `{}`.", name.value());
    quote! {
        #[doc = #summary]
        ///
        /// Give it to [`RpcServiceBuilder::protocol`](::tower_vgi::rpc::RpcServiceBuilder::protocol). Clones share the
        /// implementation.
        #[must_use = "a protocol answers nobody before a server hosts it"]
        #[allow(dead_code)]
        #visibility struct #server<T> {
            implementation: ::std::sync::Arc<T>,
            protocol: ::tower_vgi::rpc::Protocol,
        }
    }
}

/// The type parameter next to which types of the user are written: `T`, unless one of those is called so.
fn implementor(contract: &Contract) -> Ident {
    let mut types = contract
        .methods
        .iter()
        .flat_map(|method| method.parameters().map(|parameter| &parameter.ty).chain(method.answer_type()));
    let taken = types.any(|ty| mentions(ty, "T"));
    format_ident!("{}", if taken { "Implementation" } else { "T" })
}

/// The part that knows the methods.
struct Constructors<'a> {
    contract: &'a Contract,
    server: &'a Ident,
    implementor: &'a Ident,
}

impl Constructors<'_> {
    fn expand(&self) -> TokenStream {
        let Self { contract, server, implementor } = self;
        let Contract { visibility, ident, name, version, doc, methods, .. } = contract;
        let list = list_name(contract);
        // As literals, so that the documentation shows them.
        let version_value = version_constant(contract);
        let version = version.as_ref().map(|version| quote!(.version(#version)));
        let doc = (!doc.is_empty()).then(|| quote!(.doc(#doc)));
        let methods = methods.iter().map(|method| self.registration(method));
        quote! {
            #[allow(dead_code, clippy::all, clippy::pedantic)]
            impl<#implementor: #ident> #server<#implementor> {
                /// The protocol's name on the wire.
                #visibility const NAME: &'static str = #name;

                /// The protocol's version, if it declares one.
                #visibility const VERSION: ::core::option::Option<&'static str> = #version_value;

                /// Serves this implementation.
                #visibility fn new(implementation: #implementor) -> Self {
                    Self::from_arc(::std::sync::Arc::new(implementation))
                }

                /// Serves an implementation that others hold too.
                #visibility fn from_arc(implementation: ::std::sync::Arc<#implementor>) -> Self {
                    let protocol = ::tower_vgi::rpc::Protocol::new(#list::NAME) #version #doc;
                    #(#methods)*
                    Self { implementation, protocol }
                }
            }
        }
    }

    /// Adds a method to the protocol.
    fn registration(&self, method: &Method) -> TokenStream {
        let (list, name, conditions) = (list_name(self.contract), method.name(), &method.conditions);
        let answer = answer_parameters(&method.answer);
        let body = if method.blocking { self.blocking_call(method) } else { self.async_call(method) };
        // With their types, so that one without an Arrow type is reported where the user wrote it.
        let reads = method.parameters().enumerate().map(|(index, Parameter { ty, .. })| {
            let argument = argument_name(index);
            quote!(let #argument = params.get::<#ty>(#index)?;)
        });
        quote! {
            #(#conditions)*
            let protocol = {
                let implementation = ::std::sync::Arc::clone(&implementation);
                protocol.method(#list::#name().handler::<#answer>(
                    move |context: ::tower_vgi::rpc::CallContext, params: ::tower_vgi::rpc::Params| {
                        let implementation = ::std::sync::Arc::clone(&implementation);
                        async move {
                            #(#reads)*
                            // The method should not keep the request's columns alive.
                            ::core::mem::drop(params);
                            #body
                        }
                    },
                ))
            };
        }
    }

    fn async_call(&self, method: &Method) -> TokenStream {
        let call = self.call(method);
        let context = (!takes_context(method)).then(|| quote!(::core::mem::drop(context);));
        quote! {
            #context
            #call.await.map_err(<::tower_vgi::MethodError as ::core::convert::From<_>>::from)
        }
    }

    fn blocking_call(&self, method: &Method) -> TokenStream {
        let call = self.call(method);
        quote! {
            let caller = ::core::clone::Clone::clone(&context);
            caller
                .run_blocking(move || {
                    let context = context;
                    #call.map_err(<::tower_vgi::MethodError as ::core::convert::From<_>>::from)
                })
                .await
        }
    }

    /// Calls the implementation, with the arguments in the order of the trait.
    fn call(&self, method: &Method) -> TokenStream {
        let (implementor, service, name) = (self.implementor, &self.contract.ident, method.name());
        let mut parameters = 0..;
        let arguments = method.arguments.iter().map(|argument| match argument {
            Argument::Context => quote!(&context),
            Argument::Parameter(_) => {
                let argument = argument_name(parameters.next().unwrap_or_default());
                quote!(#argument)
            }
        });
        quote!(<#implementor as #service>::#name(&implementation, #(#arguments),*))
    }
}

/// The type parameters of `handler`, as far as the user wrote them.
fn answer_parameters(answer: &Answer) -> TokenStream {
    match answer {
        Answer::Value(value) => quote!(_, _, #value),
        Answer::Producer(Stream { header: Some(header), .. })
        | Answer::Exchange(Stream { header: Some(header), .. }) => quote!(_, _, _, #header),
        Answer::Producer(_) | Answer::Exchange(_) => quote!(_, _, _, ()),
    }
}

fn takes_context(method: &Method) -> bool {
    method.arguments.iter().any(|argument| matches!(argument, Argument::Context))
}

fn argument_name(index: usize) -> Ident {
    format_ident!("argument_{index}")
}

fn layers(contract: &Contract, server: &Ident) -> TokenStream {
    let visibility = &contract.visibility;
    quote! {
        #[allow(dead_code, clippy::all, clippy::pedantic)]
        impl<T> #server<T> {
            /// The implementation.
            #visibility fn get_ref(&self) -> &T {
                &self.implementation
            }

            /// Puts a layer around every method; see [`Protocol::layer`](::tower_vgi::rpc::Protocol::layer).
            #visibility fn layer(mut self, layer: impl ::tower_vgi::rpc::CallLayer) -> Self {
                self.protocol = self.protocol.layer(layer);
                self
            }

            /// Puts a layer around the method of this name on the wire; see
            /// [`Protocol::method_layer`](::tower_vgi::rpc::Protocol::method_layer).
            #visibility fn method_layer(mut self, method: &str, layer: impl ::tower_vgi::rpc::CallLayer) -> Self {
                self.protocol = self.protocol.method_layer(method, layer);
                self
            }
        }
    }
}

fn conversions(server: &Ident) -> TokenStream {
    quote! {
        impl<T> ::core::clone::Clone for #server<T> {
            fn clone(&self) -> Self {
                Self {
                    implementation: ::std::sync::Arc::clone(&self.implementation),
                    protocol: ::core::clone::Clone::clone(&self.protocol),
                }
            }
        }

        impl<T> ::core::fmt::Debug for #server<T> {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(&self.protocol, formatter)
            }
        }

        impl<T> ::core::convert::From<#server<T>> for ::tower_vgi::rpc::Protocol {
            fn from(server: #server<T>) -> Self {
                server.protocol
            }
        }
    }
}
