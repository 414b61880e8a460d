//! Procedural macros of tower-vgi.

mod derive;

use proc_macro::TokenStream;

/// Gives a struct or an enum its Arrow type.
///
/// | Item | Arrow type |
/// |---|---|
/// | struct with named fields | `struct` within other types, an IPC stream of one row as parameter or result |
/// | tuple struct of one field | that of the field |
/// | enum of unit variants | `dictionary(int16, utf8)`, the value is the variant's name |
///
/// A struct with named fields also becomes a `Record`. Type parameters have to have an Arrow type themselves.
///
/// # Attributes
///
/// On a struct or enum:
///
/// - `#[vgi(rename_all = "SCREAMING_SNAKE_CASE")]`: names of columns or variants. Also `lowercase`, `UPPERCASE`,
///   `PascalCase`, `camelCase`, `snake_case`, `kebab-case`, `SCREAMING-KEBAB-CASE`.
///
/// On a field:
///
/// - `#[vgi(rename = "…")]`: the name of the column.
/// - `#[vgi(default)]`, `#[vgi(default = expression)]`: the value when the column is absent; without it that is an error.
/// - `#[vgi(binary)]`: the record in this field travels as an IPC stream and not as a struct.
/// - `#[vgi(not_null)]`: the column is not nullable although the type is an `Option`; writing `None` is an error.
/// - `#[vgi(nullable)]`: the column is nullable although the type is no `Option`; reading null is an error.
/// - `#[vgi(skip)]`: no column; the field gets its default, or that of `#[vgi(skip, default = expression)]`.
///
/// On a variant:
///
/// - `#[vgi(rename = "…")]`: the name on the wire.
/// - `#[vgi(alias = "…")]`: another name that is understood, any number of times.
#[proc_macro_derive(VgiArrow, attributes(vgi))]
pub fn derive_vgi_arrow(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}
