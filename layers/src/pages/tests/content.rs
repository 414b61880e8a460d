//! What the pages say, and what they must not.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use http::{Method, StatusCode, header};
use tower_vgi::rpc::{CallContext, Method as Rpc, Output, Producer, ProducerState, Protocol};
use tower_vgi::{MountPrefix, ServiceInfo};

use super::{get, info, layer, not_found, request, send, teapot, with};
use crate::pages::PagesLayer;
use crate::pages::assets::hash;

#[tokio::test]
async fn the_landing_page_says_who_the_server_is() {
    let page = get(&layer().repository("https://git.example/?a&b").unwrap(), "/").await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "<title>Calculator — vgi-rpc</title>",
        "<h1>Calculator",
        "1.2.0",
        "Arithmetic for everybody.",
        "<code>node-1</code>",
        env!("CARGO_PKG_VERSION"),
        "href=\"/describe\"",
        "href=\"https://git.example/?a&#38;b\"",
        "href=\"/describe#Other\"",
        "http_connect(Calculator, &#34;http://vgi.example&#34;)",
    ] {
        assert!(page.body.contains(part), "{part}\n{}", page.body);
    }
}

#[tokio::test]
async fn links_and_examples_begin_with_the_prefix() {
    let mut request = request(Method::GET, "/");
    request.extensions_mut().insert(MountPrefix(Arc::from("/vgi")));
    let page = send(&layer(), request, teapot).await;
    assert!(page.body.contains("href=\"/vgi/describe\"") && page.body.contains("href=\"/vgi/\""));
    assert!(page.body.contains("http://vgi.example/vgi&#34;"));
}

#[tokio::test]
async fn the_policy_allows_what_is_in_the_page_and_nothing_else() {
    for path in ["/", "/describe"] {
        let page = get(&layer(), path).await;
        let policy = page.header("content-security-policy");
        for (element, directive) in [("style", "style-src"), ("script", "script-src")] {
            let (_, rest) = page.body.split_once(&format!("<{element}>")).unwrap();
            let (text, rest) = rest.split_once(&format!("</{element}>")).unwrap();
            assert!(policy.contains(&format!("{directive} '{}';", hash(text))), "{policy}");
            assert!(!rest.contains(&format!("<{element}")), "another {element} in {path}");
        }
        for directive in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(directive), "{policy}");
        }
        for attribute in [" style=", " onclick=", " onload="] {
            assert!(!page.body.contains(attribute), "{attribute} in {path}");
        }
        assert_eq!(page.header("cache-control"), "no-cache, no-store, must-revalidate, max-age=0");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    for path in ["/", "/describe"] {
        let (whole, head) = (get(&layer(), path).await, send(&layer(), request(Method::HEAD, path), teapot).await);
        assert_eq!(whole.headers, head.headers);
        assert_eq!(head.header("content-length"), whole.body.len().to_string());
        assert!(head.body.is_empty() && head.status == StatusCode::OK);
    }
}

#[tokio::test]
async fn the_describe_page_shows_every_method() {
    let page = get(&layer(), "/describe").await;
    assert!(page.is_html());
    for part in [
        "<article class=\"card\" id=\"Calculator.add\"",
        "href=\"#Calculator.add\"",
        "<p>Add <code>a</code> and <code>b</code>.</p>",
        "<b>POST</b> /Calculator/add</code>",
        "<code>1.5</code>",
        "The first.",
        "scope=\"col\"",
        "scope=\"row\"",
        "aria-live=\"polite\"",
        "CalculatorClient::connect(&#34;http://vgi.example&#34;)",
        "def add(self, a: float, b: float = 1.5) -&#62; float: ...",
    ] {
        assert!(page.body.contains(part), "{part}\n{}", page.body);
    }
    let places = ["id=\"Calculator.Zero\"", "id=\"Calculator.add\"", "<h2 id=\"Other\""].map(|id| page.body.find(id));
    assert!(places[0].is_some() && places.is_sorted(), "{places:?}");
}

#[tokio::test]
async fn text_of_the_service_is_only_text() {
    let harm = "</script><script>alert(1)</script><img src=x onerror='alert(1)'>\"";
    let method = Rpc::producer(harm).parameter::<String>(harm).parameter_doc(harm).doc(format!("{harm} `{harm}`"));
    let method = method.default_value(&harm.to_owned(), harm);
    let field = Field::new(harm, DataType::Utf8, false);
    let method = method.output(Arc::new(Schema::new(vec![field])));
    let method = method.handler(|_, _| async { Ok(Producer::new(Nothing)) });
    let protocol =
        Protocol::new(harm).version(harm).doc(format!("# {harm}\n- {harm}\n```\n{harm}\n```")).method(method);
    let info = ServiceInfo::new(harm, harm).with_protocol(protocol.clone()).with_flat_protocol(protocol);
    let layer = PagesLayer::new(Arc::new(info)).repository("https://git.example/#\"><b>").unwrap();
    for path in ["/", "/describe", "/nothing"] {
        let page = send(&layer, request(Method::GET, path), not_found).await;
        assert!(page.is_html());
        for tag in ["<script>alert", "<img", "'alert", "\"><b>"] {
            assert!(!page.body.contains(tag), "{tag} in {path}");
        }
        assert!(page.body.contains("&#60;img src=x onerror=&#39;alert(1)&#39;&#62;&#34;"));
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Nothing;

impl ProducerState for Nothing {
    async fn produce(&mut self, _: &CallContext, output: &mut Output) -> tower_vgi::Result<()> {
        output.finish()
    }
}

#[tokio::test]
async fn a_host_that_is_none_is_not_repeated() {
    for path in ["/", "/describe", "/nothing"] {
        let request = with(request(Method::GET, path), header::HOST, "x\"><script>alert(1)</script>");
        let page = send(&layer(), request, not_found).await;
        assert!(page.is_html() && !page.body.contains("alert(1)"), "{path}");
    }
}

#[tokio::test]
async fn a_service_that_describes_nothing_shows_no_more_than_its_name() {
    let layer = PagesLayer::new(Arc::new(info().with_describe(false)));
    let page = get(&layer, "/").await;
    assert!(page.body.contains("<h1>Calculator") && page.body.contains("class Calculator(Protocol):"));
    for secret in ["Arithmetic", "1.2.0", "add", "Other"] {
        assert!(
            !page.body.contains(&format!(">{secret}")) && !page.body.contains(&format!("def {secret}")),
            "{secret}"
        );
    }
}
