//! Content types, and which mistake is noticed first (§1.2).

use tower_vgi::rpc::ARROW_STREAM;

use crate::support::{Ask, Case, Expected, check};

const WRONG: Expected = Expected::refused(415, "TypeError", "Expected Content-Type");

#[tokio::test]
async fn only_the_exact_content_type_is_taken() {
    check(&[
        Case::same("none", |g| Ask::add(g).content_type(None), WRONG),
        Case::same("text", |g| Ask::add(g).content_type(Some("text/plain")), WRONG),
        Case::same("a parameter", |g| Ask::add(g).content_type(Some(&format!("{ARROW_STREAM}; charset=utf-8"))), WRONG),
        Case::same("the file format", |g| Ask::add(g).content_type(Some("application/vnd.apache.arrow.file")), WRONG),
        Case::same("garbage behind it", |g| Ask::add(g).content_type(None).body("no Arrow"), WRONG),
    ])
    .await;
}

#[tokio::test]
async fn flat_routes_notice_the_content_type_first_and_namespaced_ones_the_route() {
    check(&[
        Case::differs(
            "unknown method",
            |g| Ask::unary(g, "nonesuch", Ask::add(g).batch).content_type(None),
            WRONG,
            Expected::no_method("nonesuch"),
        ),
        Case::differs(
            "unknown protocol",
            |g| Ask::add(g).path("/Nope/add").content_type(None),
            Expected::Skip,
            Expected::no_protocol(404, "Nope"),
        ),
        Case::differs(
            "stream method on the unary route",
            |g| Ask::unary(g, "count", Ask::add(g).batch).content_type(None),
            WRONG,
            Expected::type_error("requires /init and /exchange"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_coding_that_no_layer_has_decoded_is_refused_before_the_body_is_read() {
    let unknown = Expected::refused(415, "TypeError", "Content-Encoding");
    check(&[
        Case::same("zstd", |g| Ask::add(g).header("content-encoding", "zstd").body("x"), unknown),
        Case::same("br", |g| Ask::add(g).header("content-encoding", "br"), unknown),
        Case::same("an empty one", |g| Ask::add(g).header("content-encoding", ""), Expected::Good),
    ])
    .await;
}
