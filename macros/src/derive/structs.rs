//! Structs with named fields: records.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, FieldsNamed, Ident, LitStr, Result, Type};

use super::attributes::{Absent, Container, Field};
use super::with_bounds;

/// A field that is a column.
struct Column<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    name: LitStr,
    position: usize,
    attributes: Field,
}

pub(super) fn derive(input: &DeriveInput, fields: &FieldsNamed) -> Result<TokenStream> {
    let container = Container::parse(&input.attrs)?;
    let mut columns = Vec::new();
    let mut reads = Vec::new();
    let mut known = HashMap::new();
    for field in &fields.named {
        let Some(ident) = &field.ident else { continue };
        let attributes = Field::parse(&field.attrs)?;
        if attributes.skip {
            let value = absent_value(attributes.default.as_ref(), field.ty.span());
            reads.push(quote!(#ident: #value));
            continue;
        }
        refuse_recursion(&input.ident, &field.ty)?;
        let name = attributes.rename.clone().unwrap_or_else(|| {
            let own = ident.unraw().to_string();
            LitStr::new(&container.rename_all.map_or(own.clone(), |case| case.apply(&own)), ident.span())
        });
        if known.insert(name.value(), ()).is_some() {
            return Err(Error::new(
                name.span(),
                format!("two columns are called `{}`: names have to differ", name.value()),
            ));
        }
        let column = Column { ident, ty: &field.ty, name, position: columns.len(), attributes };
        reads.push(column.read());
        columns.push(column);
    }

    let (cell, declaration) = cell(input);
    let fields_of_schema = columns.iter().map(Column::field);
    let arrays = columns.iter().map(Column::array);
    let name = &input.ident;
    let generics = with_bounds(&input.generics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let array = quote!(::tower_vgi::__private::arrow_array);
    let data_type = quote!(::tower_vgi::__private::arrow_schema::DataType);
    let derived = quote!(::tower_vgi::__private::derived);
    let error = quote!(::tower_vgi::value::ValueError);
    // A record without columns uses none of its arguments.
    let allow = columns.is_empty().then(|| quote!(#[allow(unused_variables)]));

    let implementations = quote! {
        #[automatically_derived]
        impl #impl_generics ::tower_vgi::Record for #name #type_generics #where_clause {
            fn schema() -> ::tower_vgi::__private::arrow_schema::SchemaRef {
                #cell.schema(|| ::tower_vgi::__private::arrow_schema::Schema::new(
                    ::std::vec::Vec::<::tower_vgi::__private::arrow_schema::Field>::from([#(#fields_of_schema),*])
                ))
            }

            fn wire_schema() -> ::core::result::Result<::std::sync::Arc<::tower_vgi::wire::WireSchema>, #error> {
                #cell.encoded::<Self>()
            }

            #allow
            fn to_columns<'vgi, I>(rows: I) -> ::core::result::Result<::std::vec::Vec<#array::ArrayRef>, #error>
            where
                I: ::core::iter::Iterator<Item = ::core::option::Option<&'vgi Self>> + ::core::clone::Clone,
            {
                ::core::result::Result::Ok(::std::vec![#(#arrays),*])
            }

            #allow
            fn from_columns(
                columns: ::tower_vgi::value::Columns<'_>,
                row: usize,
            ) -> ::core::result::Result<Self, #error> {
                ::core::result::Result::Ok(Self { #(#reads),* })
            }
        }

        #[automatically_derived]
        impl #impl_generics ::tower_vgi::VgiArrow for #name #type_generics #where_clause {
            fn data_type() -> #data_type {
                #derived::struct_type::<Self>()
            }

            fn to_array<'vgi, I>(values: I) -> ::core::result::Result<#array::ArrayRef, #error>
            where
                I: ::core::iter::Iterator<Item = ::core::option::Option<&'vgi Self>> + ::core::clone::Clone,
            {
                #derived::struct_to_array::<Self, I>(values)
            }

            fn from_array(array: &dyn #array::Array, row: usize) -> ::core::result::Result<Self, #error> {
                #derived::struct_from_array(array, row)
            }

            fn parameter_type() -> #data_type {
                #data_type::Binary
            }

            fn to_parameter(&self) -> ::core::result::Result<#array::ArrayRef, #error> {
                #derived::record_to_parameter(self)
            }

            fn from_parameter(array: &dyn #array::Array, row: usize) -> ::core::result::Result<Self, #error> {
                #derived::record_from_parameter(array, row)
            }

            fn is_record() -> bool {
                true
            }
        }
    };
    Ok(quote! {
        const _: () = {
            #declaration
            #implementations
        };
    })
}

/// Where the schema is kept, and what that needs. A `static` cannot depend on type parameters.
fn cell(input: &DeriveInput) -> (TokenStream, TokenStream) {
    let cell = quote!(::tower_vgi::__private::derived::SchemaCell);
    if input.generics.params.is_empty() {
        (quote!(SCHEMA), quote!(static SCHEMA: #cell = #cell::new();))
    } else {
        (quote!(#cell::of::<Self>()), TokenStream::new())
    }
}

impl Column<'_> {
    fn field(&self) -> TokenStream {
        let Self { name, attributes, .. } = self;
        let data_type =
            if attributes.binary { self.associated("parameter_type") } else { self.associated("data_type") };
        let nullable = match attributes.nullable {
            Some(nullable) => quote!(#nullable),
            None => self.associated("NULLABLE"),
        };
        quote!(::tower_vgi::__private::arrow_schema::Field::new(#name, #data_type(), #nullable))
    }

    /// An item of the field type's implementation. Every use is by the same path at the same place, so
    /// that a type without an Arrow type is one error, at the field.
    fn associated(&self, item: &str) -> TokenStream {
        let ty = self.ty;
        let item = Ident::new(item, ty.span());
        quote_spanned!(ty.span()=> <#ty as ::tower_vgi::VgiArrow>::#item)
    }

    fn array(&self) -> TokenStream {
        let Self { ident, name, .. } = self;
        let derived = quote!(::tower_vgi::__private::derived);
        let (function, write) = if self.attributes.binary {
            (quote!(binary_column), self.associated("to_parameter"))
        } else {
            (quote!(column), self.associated("to_array"))
        };
        let array = quote! {
            #derived::#function(
                #name,
                ::core::iter::Iterator::map(
                    ::core::clone::Clone::clone(&rows),
                    |row| ::core::option::Option::map(row, |row| &row.#ident),
                ),
                |values| #write(values),
            )?
        };
        if self.attributes.nullable == Some(false) {
            quote!(#derived::refuse_none(#name, ::core::clone::Clone::clone(&rows), #array)?)
        } else {
            array
        }
    }

    fn read(&self) -> TokenStream {
        let Self { ident, ty, name, position, attributes } = self;
        let read = if attributes.binary { self.associated("from_parameter") } else { self.associated("from_array") };
        let absent = match &attributes.default {
            None => {
                let data_type = self.associated("data_type");
                quote!(|name| ::core::result::Result::Err(::tower_vgi::__private::derived::missing(name, #data_type())))
            }
            default => {
                let value = absent_value(default.as_ref(), ty.span());
                quote!(|_| {
                    let value: #ty = #value;
                    ::core::result::Result::Ok(value)
                })
            }
        };
        quote!(#ident: columns.read_with(#position, #name, row, |array, row| #read(array, row), #absent)?)
    }
}

fn absent_value(default: Option<&Absent>, span: Span) -> TokenStream {
    match default {
        Some(Absent::Value(value)) => value.to_token_stream(),
        Some(Absent::Trait) | None => quote_spanned!(span=> ::core::default::Default::default()),
    }
}

/// Arrow types are finite: a record that holds itself would have none.
fn refuse_recursion(own: &Ident, ty: &Type) -> Result<()> {
    fn find(tokens: TokenStream, own: &Ident) -> Option<Ident> {
        let mut qualified = false;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if !qualified && (ident == *own || ident == "Self") => return Some(ident),
                TokenTree::Group(group) => {
                    if let Some(found) = find(group.stream(), own) {
                        return Some(found);
                    }
                    qualified = false;
                }
                TokenTree::Punct(punct) => qualified = punct.as_char() == ':',
                _ => qualified = false,
            }
        }
        None
    }
    match find(ty.to_token_stream(), own) {
        Some(found) => Err(Error::new(
            found.span(),
            "a record that holds itself has no Arrow type: send the rows of a flat list that refer to each other by index",
        )),
        None => Ok(()),
    }
}
