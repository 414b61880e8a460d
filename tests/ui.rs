//! Compile errors of the macros: they point at the user's line and say what to do.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the expected texts anew.

#[test]
fn compile_errors() {
    trybuild::TestCases::new().compile_fail("tests/ui/**/*.rs");
}
