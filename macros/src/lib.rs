//! Procedural macros of tower-vgi.

mod derive;
mod service;

use proc_macro::TokenStream;

/// Makes a trait a protocol: callers of any language can call its methods.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tower_vgi::rpc::{CallContext, Output, Producer, ProducerState, RpcService};
/// use tower_vgi::{Result, VgiArrow};
///
/// #[derive(VgiArrow)]
/// pub struct Tick {
///     left: i64,
/// }
///
/// /// Arithmetic.
/// #[tower_vgi::service]
/// pub trait Calculator {
///     /// What `countdown` remembers between its batches; the implementation chooses the type.
///     #[producer(Tick)]
///     type Countdown;
///
///     /// Adds two numbers.
///     async fn add(&self, a: f64, #[default(1.0)] b: f64) -> Result<f64>;
///     /// Counts to zero.
///     async fn countdown(&self, n: i64) -> Result<Producer<Self::Countdown>>;
///     /// Says who calls.
///     async fn whoami(&self, context: &CallContext) -> Result<String>;
///     /// Takes long.
///     #[blocking]
///     fn factorial(&self, n: i64) -> Result<i64>;
/// }
///
/// struct Arithmetic;
///
/// impl Calculator for Arithmetic {
///     type Countdown = Countdown;
///
///     async fn add(&self, a: f64, b: f64) -> Result<f64> {
///         Ok(a + b)
///     }
///
///     async fn countdown(&self, n: i64) -> Result<Producer<Countdown>> {
///         Ok(Producer::new(Countdown { left: n }))
///     }
///
///     async fn whoami(&self, context: &CallContext) -> Result<String> {
///         Ok(context.auth().principal.clone())
///     }
///
///     fn factorial(&self, n: i64) -> Result<i64> {
///         Ok((1..=n).product())
///     }
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct Countdown {
///     left: i64,
/// }
///
/// impl ProducerState for Countdown {
///     async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
///         output.emit_rows([&Tick { left: self.left }])?;
///         if self.left == 0 {
///             return output.finish();
///         }
///         self.left -= 1;
///         Ok(())
///     }
/// }
///
/// let service = RpcService::builder().protocol(CalculatorServer::new(Arithmetic)).build()?;
/// assert_eq!(service.info().protocol, "Calculator");
/// # Ok::<(), tower_vgi::rpc::BuildError>(())
/// ```
///
/// # What it writes
///
/// - The trait, with `Send + Sync + 'static` as its bounds and `Send` futures. Implementations write `async fn`.
/// - `CalculatorServer<T>`, for the name of this trait: an implementation as a `Protocol`. It has `new`, `from_arc`,
///   `get_ref`, `layer`, `method_layer`, and the constants `NAME` and `VERSION`.
///
/// # The trait
///
/// `#[service(name = "acme.Calculator.v1", version = "1.2.0")]` sets the name on the wire (default: the trait's) and a
/// version; callers for another major or minor version are refused. Doc comments of the trait, its methods and their
/// parameters reach those who ask the server what it offers.
///
/// # Methods
///
/// A method takes `&self` and owned parameters that have an Arrow type (`VgiArrow`), and returns `Result<T>` with any
/// error that `?` turns into a `MethodError`. `Result<()>` is a method without a result.
///
/// - `#[default(expression)]` on a parameter is its value where a caller leaves it out. Text may be written as a literal.
/// - A parameter `&CallContext`, anywhere, is the context of the call and not sent by the caller.
/// - `#[blocking]` is for a `fn` that blocks its thread; it runs where it may.
/// - `#[method(name = "…")]` sets the name on the wire.
/// - A method with a body is one that implementations may leave out.
///
/// # Streams
///
/// A producer or an exchange has a state, which is an associated type with one of these attributes:
///
/// - `#[producer(Row)]`: the batches have the columns of `Row`. With `#[producer]` the method gives the schema with each
///   call (`Producer::with_schema`).
/// - `#[exchange(Input => Output)]`: likewise for the caller's batches and the answers (`Exchange::with_schemas`).
///
/// Methods return it as `Result<Producer<Self::State>>` or `Result<Exchange<Self::State>>`, and with a header of their own
/// as `Producer<Self::State, Header>`. Several methods may share a state.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(arguments.into(), item.into()).into()
}

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
