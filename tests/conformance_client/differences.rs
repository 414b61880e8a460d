//! Where a published server gives something else, and why.

use std::collections::BTreeMap;

use crate::release::Release;

/// A method, what has to be in the server's result, and why it differs.
pub(crate) struct Difference(&'static str, &'static str, #[allow(dead_code)] &'static str);

pub(crate) fn of(release: Release) -> &'static [Difference] {
    match release {
        Release::V0_19_0 | Release::V0_42_3 | Release::V0_52_2 => &[Difference(
            "open_counter",
            "RuntimeError: sticky sessions not available",
            "the text is each server's own",
        )],
    }
}

/// Every result is the expected one but for those that are known to differ, which do.
pub(crate) fn assert_none(
    peer: &str,
    expected: &BTreeMap<&'static str, String>,
    results: &BTreeMap<&'static str, String>,
    known: &[Difference],
) {
    let mut wrong = Vec::new();
    for (name, result) in results {
        let expected = &expected[name];
        let good = match known.iter().find(|difference| difference.0 == *name) {
            None => result == expected,
            Some(Difference(_, text, _)) => result != expected && result.contains(text),
        };
        if !good {
            let short = |text: &str| text.chars().take(2000).collect::<String>();
            wrong.push(format!("{name}\n  expected {}\n  got      {}", short(expected), short(result)));
        }
    }
    assert!(wrong.is_empty(), "{peer}: {} of {} differ:\n{}", wrong.len(), results.len(), wrong.join("\n"));
}
