//! Unary methods: parameters, results, errors, the context.

use tower_vgi::wire::keys;

use crate::calculator::{Point, Rounding, callers};
use crate::support::Arguments;

#[tokio::test]
async fn parameters_and_results_travel_by_value() {
    for caller in callers() {
        let answer = caller.call("add", Arguments::none().with("a", 1.5).with("b", 2.25)).await;
        assert_eq!(answer.value::<f64>(), 3.75);
        let arguments = Arguments::none().with("value", 1.5).with("rounding", Rounding::Up);
        assert_eq!(caller.call("round", arguments).await.value::<i64>(), 2);
    }
}

#[tokio::test]
async fn defaults_fill_in_where_the_generation_lets_callers_leave_parameters_out() {
    let [flat, namespaced] = callers();
    assert_eq!(flat.call("add", Arguments::none().with("a", 1.5)).await.value::<f64>(), 2.5);
    assert_eq!(flat.call("greet", Arguments::none()).await.value::<String>(), "Hello, World!");
    assert_eq!(flat.call("round", Arguments::none().with("value", 1.5)).await.value::<i64>(), 1);

    let refused = namespaced.call("add", Arguments::none().with("a", 1.5)).await;
    assert_eq!(refused.unwrap_error().0, "TypeError");
}

#[tokio::test]
async fn optional_and_record_parameters_may_be_mixed() {
    let point = Point { x: 1.0, y: 2.0 };
    for caller in callers() {
        let both = Arguments::none().with("point", point.clone()).with("type", Some(Point { x: 3.0, y: 4.0 }));
        let answer = caller.call("mirror_point", both).await;
        assert_eq!(answer.value::<Option<Point>>(), Some(Point { x: 2.0, y: 3.0 }));
        let one = Arguments::none().with("point", point.clone()).with("type", None::<Point>);
        assert_eq!(caller.call("mirror_point", one).await.value::<Option<Point>>(), None);
    }
}

#[tokio::test]
async fn a_method_without_result_answers_a_batch_without_columns() {
    for caller in callers() {
        let answer = caller.call("nothing", Arguments::none()).await;
        assert_eq!(answer.error(), None);
        assert_eq!((answer.single().num_columns(), answer.single().num_rows()), (0, 0));
    }
}

#[tokio::test]
async fn any_error_travels_by_question_mark() {
    for caller in callers() {
        assert_eq!(caller.call("parse", Arguments::none().with("text", "12".to_owned())).await.value::<i64>(), 12);
        let (kind, message) = caller.call("parse", Arguments::none().with("text", "x".to_owned())).await.unwrap_error();
        assert_eq!((kind.as_str(), message.as_str()), ("ParseIntError", "invalid digit found in string"));
    }
}

#[tokio::test]
async fn a_result_of_another_error_type_keeps_what_it_says() {
    for caller in callers() {
        assert_eq!(caller.call("divide", Arguments::none().with("a", 7_i64).with("b", 2_i64)).await.value::<i64>(), 3);
        let answer = caller.call("divide", Arguments::none().with("a", 7_i64).with("b", 0_i64)).await;
        assert_eq!(answer.unwrap_error(), ("ValueError".to_owned(), "the divisor must not be 0".to_owned()));
        assert_eq!(answer.metadata(keys::ERROR_KIND).as_deref(), Some("zero_divisor"));
    }
}

#[tokio::test]
async fn the_context_is_no_parameter_wherever_it_stands() {
    for caller in callers() {
        let answer = caller.call("whoami", Arguments::none().with("a", 1_i64).with("b", 2_i64)).await;
        assert_eq!(answer.value::<String>(), "whoami false 1 2");
        assert_eq!(answer.logs(), [("INFO".to_owned(), "asked who calls".to_owned())]);
    }
}

#[tokio::test]
async fn the_wire_name_may_differ_from_the_rust_name() {
    for caller in callers() {
        assert_eq!(caller.call("init", Arguments::none()).await.value::<i64>(), 1);
        assert_eq!(caller.call("begin", Arguments::none()).await.status, 404);
    }
}

#[tokio::test]
async fn a_body_in_the_trait_serves_implementations_without_one() {
    for caller in callers() {
        assert_eq!(caller.call("provided", Arguments::none().with("a", 2_i64)).await.value::<i64>(), 42);
    }
}

#[tokio::test]
async fn the_declared_version_is_enforced() {
    for caller in callers() {
        let answer = caller.version("1.3.0").call("nothing", Arguments::none()).await;
        assert_eq!(answer.unwrap_error().0, "ProtocolVersionError");
    }
}
