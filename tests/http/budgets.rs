//! Response budgets: the header, and answers that exceed one (§6.5).

use http::Request;
use tower::ServiceBuilder;
use tower::ServiceExt as _;
use tower_vgi::ResponseBudget;
use tower_vgi::rpc::{Generation, RpcService};
use tower_vgi::wire::keys;

use crate::support::{Answer, Ask, Case, Expected, ask, both, check, column, row, service};

const HEADER: &str = "vgi-accept-max-response-bytes";
const BAD: Expected = Expected::refused(400, "ValueError", "VGI-Accept-Max-Response-Bytes");
const SMALLEST: &str = "65536";

#[tokio::test]
async fn the_header_is_one_plain_number_in_range() {
    check(&[
        Case::same("the smallest", |g| Ask::add(g).header(HEADER, SMALLEST), Expected::Good),
        Case::same("the largest", |g| Ask::add(g).header(HEADER, "9007199254740991"), Expected::Good),
        Case::differs("too small", |g| Ask::add(g).header(HEADER, "65535"), Expected::Good, BAD),
        Case::differs("too large", |g| Ask::add(g).header(HEADER, "9007199254740992"), Expected::Good, BAD),
        Case::differs("far too large", |g| Ask::add(g).header(HEADER, &"9".repeat(40)), Expected::Good, BAD),
        Case::differs("zero", |g| Ask::add(g).header(HEADER, "0"), Expected::Good, BAD),
        Case::differs("negative", |g| Ask::add(g).header(HEADER, "-65536"), Expected::Good, BAD),
        Case::differs("a leading zero", |g| Ask::add(g).header(HEADER, "065536"), Expected::Good, BAD),
        Case::differs("a sign", |g| Ask::add(g).header(HEADER, "+65536"), Expected::Good, BAD),
        Case::differs("an exponent", |g| Ask::add(g).header(HEADER, "1e6"), Expected::Good, BAD),
        Case::differs("empty", |g| Ask::add(g).header(HEADER, ""), Expected::Good, BAD),
        Case::differs("two in one", |g| Ask::add(g).header(HEADER, "65536, 65536"), Expected::Good, BAD),
        Case::differs("twice", |g| Ask::add(g).header(HEADER, SMALLEST).header(HEADER, SMALLEST), Expected::Good, BAD),
        // Before routing, and before anything else.
        Case::differs("unknown method", |g| Ask::unary(g, "x", row([])).header(HEADER, "0"), Expected::Skip, BAD),
        Case::differs("unknown protocol", |g| Ask::add(g).path("/Nope/x").header(HEADER, "0"), Expected::Skip, BAD),
        Case::differs("content type", |g| Ask::add(g).content_type(None).header(HEADER, "0"), Expected::Skip, BAD),
        Case::differs("on init", |g| Ask::init(g, "x", row([])).header(HEADER, "0"), Expected::Skip, BAD),
    ])
    .await;
}

#[tokio::test]
async fn a_unary_answer_over_the_budget_is_replaced_by_an_error() {
    const TOO_LARGE: Expected =
        Expected::Failed { exception: "ResponseTooLargeError", code: "RESOURCE_EXHAUSTED", text: "max_response_bytes" };
    check(&[
        Case::same("below", |g| blob(g, 60_000).header(HEADER, SMALLEST), Expected::Good),
        // Flat routes do not know the header.
        Case::differs("above", |g| blob(g, 70_000).header(HEADER, SMALLEST), Expected::Good, TOO_LARGE),
    ])
    .await;
}

fn blob(generation: Generation, size: i64) -> Ask {
    Ask::unary(generation, "blob", row([("size", column(size))]))
}

#[tokio::test]
async fn a_budget_holds_at_the_limit_and_not_one_byte_beyond() {
    let service = service();
    let size = |bytes: i64| blob(Generation::Namespaced, bytes).header(HEADER, SMALLEST);
    let overhead = ask(&service, size(1000)).await.body.len() as i64 - 1000;
    let fits = ask(&service, size(65_536 - overhead)).await;
    assert_eq!((fits.body.len(), fits.failure().is_none()), (65_536, true));
    // Columns are padded to 8 bytes.
    let answer = ask(&service, size(65_536 - overhead + 8)).await;
    assert_eq!(answer.expect_failure().exception, "ResponseTooLargeError");
    assert!(answer.body.len() < 8192, "an error and nothing of the result: {}", answer.body.len());
}

/// A limiting layer says the server's own cap.
async fn capped(service: &RpcService, limit: u64, request: Ask) -> Answer {
    let budget = ResponseBudget { max_response_bytes: Some(limit), preferred_response_bytes: None };
    let service = ServiceBuilder::new()
        .map_request(move |mut request: Request<_>| {
            request.extensions_mut().insert(budget);
            request
        })
        .service(service.clone());
    let response = service.oneshot(request.request()).await.unwrap();
    Answer::collect(response).await
}

#[tokio::test]
async fn the_servers_own_cap_is_hard_for_unary_calls_and_exchanges_of_both_generations() {
    let service = service();
    for generation in both() {
        let answer = capped(&service, 20_000, blob(generation, 30_000)).await;
        let failure = answer.expect_failure();
        assert_eq!((answer.status.as_u16(), answer.says_error()), (200, true));
        assert_eq!(failure.exception, "ResponseTooLargeError");
        assert!(failure.message.starts_with("HTTP body exceeds max_response_bytes ("), "{}", failure.message);
        assert!(failure.message.ends_with("> 20000) for method 'blob'"), "{}", failure.message);

        let opened = ask(&service, Ask::init(generation, "scale", row([("factor", column(2.0))]))).await;
        let many =
            row([("value", Ask::array(std::sync::Arc::new(arrow_array::Float64Array::from(vec![1.0; 5000])), false))]);
        let turn = Ask::turn(generation, "scale", &opened.tokens(), many);
        let answer = capped(&service, 20_000, turn.clone()).await;
        assert_eq!(answer.expect_failure().exception, "ResponseTooLargeError");
        assert!(!answer.goes_on());
        // The cursor before it is still good.
        let again = ask(&service, turn).await;
        assert_eq!(again.data()[0].batch.num_rows(), 5000);
    }
}

fn count(generation: Generation, n: i64) -> Ask {
    Ask::init(generation, "count", row([("n", column(n)), ("fails_at", column(-1_i64))]))
}

#[tokio::test]
async fn flat_producers_fill_a_capped_response_and_go_on_in_another() {
    let service = service();
    let mut answer = capped(&service, 3000, count(Generation::Flat, 40)).await;
    let mut tokens = answer.tokens();
    let (mut seen, mut responses) = (answer.data().len(), 1);
    assert!(seen > 1, "{seen} batch(es) in a response of up to 3000 bytes");
    while answer.goes_on() {
        answer = capped(&service, 3000, Ask::tick(Generation::Flat, "count", &tokens)).await;
        tokens = tokens.moved_to(&answer.tokens());
        seen += answer.data().len();
        responses += 1;
    }
    assert_eq!(seen, 40);
    assert!(responses > 1, "all in one response in spite of the cap");
}

#[tokio::test]
async fn one_batch_over_a_soft_cap_is_sent_all_the_same_and_over_a_hard_one_is_an_error() {
    let service = service();
    let flat = capped(&service, 10, count(Generation::Flat, 5)).await;
    assert_eq!((flat.data().len(), flat.goes_on(), flat.failure().is_none()), (1, true, true));

    let namespaced = capped(&service, 10, count(Generation::Namespaced, 5)).await;
    assert_eq!(namespaced.expect_failure().exception, "ResponseTooLargeError");
    assert!(namespaced.says_error() && !namespaced.goes_on());
    assert!(namespaced.schema().fields().is_empty());
}

#[tokio::test]
async fn the_budget_of_an_init_holds_for_the_whole_stream() {
    let service = service();
    let factor = row([("factor", column(2.0))]);
    let opened = ask(&service, Ask::init(Generation::Namespaced, "scale", factor).header(HEADER, SMALLEST)).await;
    let many =
        row([("value", Ask::array(std::sync::Arc::new(arrow_array::Float64Array::from(vec![1.0; 9000])), false))]);
    let turn = Ask::turn(Generation::Namespaced, "scale", &opened.tokens(), many);
    // Without the header the agreed one counts, and a larger one does not loosen it.
    for turn in [turn.clone(), turn.header(HEADER, "1000000")] {
        assert_eq!(ask(&service, turn).await.expect_failure().exception, "ResponseTooLargeError");
    }
    let small = Ask::turn(Generation::Namespaced, "scale", &opened.tokens(), row([("value", column(1.0))]));
    assert!(ask(&service, small.clone()).await.failure().is_none());
    assert!(ask(&service, small.without(keys::CALL_STATE)).await.failure().is_none());
}

#[tokio::test]
async fn an_error_arrives_although_the_logs_before_it_do_not_fit() {
    use tower_vgi::RpcError;
    use tower_vgi::rpc::{LogLevel, Method, Protocol};

    let talkative = Method::unary("talk").parameter::<i64>("messages").handler(|context, params| async move {
        for _ in 0..params.get::<i64>(0)? {
            context.log(LogLevel::Info, "x".repeat(1000));
        }
        Err::<i64, _>(RpcError::value_error("after all that").into())
    });
    let service = RpcService::builder().protocol(Protocol::new("Calc").method(talkative)).build().unwrap();
    for (messages, logged) in [(1, 1), (200, 0)] {
        let parameters = row([("messages", column(messages as i64))]);
        let answer =
            ask(&service, Ask::unary(Generation::Namespaced, "talk", parameters).header(HEADER, SMALLEST)).await;
        assert_eq!(answer.expect_failure().exception, "ValueError");
        assert!(answer.body.len() <= 65_536, "{} bytes", answer.body.len());
        assert_eq!(answer.batches().len(), logged + 1);
    }
}
