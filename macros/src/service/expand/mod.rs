//! The code that is written for a service.

mod client;
mod declaration;
mod descriptions;
mod server;

use proc_macro2::TokenStream;
use quote::quote;

use super::contract::Contract;

/// The trait, the list of its methods that both sides share, the server and the client: each of the last two only where
/// the crate has its feature.
pub(super) fn expand(contract: &Contract) -> TokenStream {
    let declaration = declaration::expand(contract);
    let descriptions = descriptions::expand(contract);
    let server = server::expand(contract);
    let client = client::expand(contract);
    quote! {
        #declaration
        #descriptions
        ::tower_vgi::__server! { #server }
        ::tower_vgi::__client! { #client }
    }
}
