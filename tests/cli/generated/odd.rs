// A start, made by `tower-vgi describe`. Bytes may be records, and texts of a dictionary members of an enum: the wire
// does not say.

use tower_vgi::Result;

/// Ends """ and */ and \
#[tower_vgi::service(name = "acme.odd_things.v2")]
#[allow(non_snake_case)]
pub trait OddThings {
    #[method(name = "camelCase")]
    async fn camel_case(&self, r#fn: i64, #[default(None)] class: Option<String>) -> Result<i64>;

    async fn defaults(&self, #[default("a\"\n")] text: String, #[default(true)] flag: bool) -> Result<i64>;

    // `half` is left out: parameter `value`: `float16` has no Rust type.

    #[method(name = "self")]
    async fn method_self(&self, value: i64) -> Result<i64>;

    // `takes_self` is left out: a parameter cannot be called "self".

    // `type` is left out: a parameter cannot be called "r#in".
}
