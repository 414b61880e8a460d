//! A tuple struct of one field is what is inside of it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, FieldsUnnamed, Result};

use super::attributes::Container;
use super::with_bounds;

pub(super) fn derive(input: &DeriveInput, fields: &FieldsUnnamed) -> Result<TokenStream> {
    Container::refuse(&input.attrs, "a tuple struct")?;
    let Some(field) = fields.unnamed.first() else { return Ok(TokenStream::new()) };
    Container::refuse(&field.attrs, "the field of a tuple struct")?;

    let name = &input.ident;
    let generics = with_bounds(&input.generics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let inner = &field.ty;
    let inner = quote_spanned!(inner.span()=> <#inner as ::tower_vgi::VgiArrow>);
    let array = quote!(::tower_vgi::__private::arrow_array);
    let data_type = quote!(::tower_vgi::__private::arrow_schema::DataType);
    let error = quote!(::tower_vgi::value::ValueError);

    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::tower_vgi::VgiArrow for #name #type_generics #where_clause {
            const NULLABLE: bool = #inner::NULLABLE;

            fn data_type() -> #data_type {
                #inner::data_type()
            }

            fn to_array<'vgi, I>(values: I) -> ::core::result::Result<#array::ArrayRef, #error>
            where
                I: ::core::iter::Iterator<Item = ::core::option::Option<&'vgi Self>> + ::core::clone::Clone,
            {
                #inner::to_array(::core::iter::Iterator::map(values, |value| {
                    ::core::option::Option::map(value, |value| &value.0)
                }))
            }

            fn from_array(array: &dyn #array::Array, row: usize) -> ::core::result::Result<Self, #error> {
                ::core::result::Result::map(#inner::from_array(array, row), Self)
            }

            fn parameter_type() -> #data_type {
                #inner::parameter_type()
            }

            fn to_parameter(&self) -> ::core::result::Result<#array::ArrayRef, #error> {
                #inner::to_parameter(&self.0)
            }

            fn from_parameter(array: &dyn #array::Array, row: usize) -> ::core::result::Result<Self, #error> {
                ::core::result::Result::map(#inner::from_parameter(array, row), Self)
            }

            fn is_record() -> bool {
                #inner::is_record()
            }

            fn __reads_as_none(array: &dyn #array::Array, row: usize) -> bool {
                #inner::__reads_as_none(array, row)
            }
        }
    })
}
