//! The code that is written for a service.

mod declaration;
mod descriptions;
mod server;

use proc_macro2::TokenStream;
use quote::quote;

use super::contract::Contract;

/// The trait, the list of its methods that both sides share, and the server.
pub(super) fn expand(contract: &Contract) -> TokenStream {
    let declaration = declaration::expand(contract);
    let descriptions = descriptions::expand(contract);
    let server = server::expand(contract);
    quote! {
        #declaration
        #descriptions
        #server
    }
}
