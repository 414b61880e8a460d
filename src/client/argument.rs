//! [`Argument`]: a parameter that has a default.

/// The value of a parameter that has a default: a value, or [`UseDefault`].
///
/// Typed proxies take `impl Into<Argument<T>>` for such parameters, so that a plain value can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument<T> {
    /// This value.
    Value(T),
    /// What the declaration of the service says.
    Default,
}

/// Leaves a parameter at its default, as the declaration of the service has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UseDefault;

impl<T> From<T> for Argument<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T> From<UseDefault> for Argument<T>
where
    T: crate::VgiArrow,
{
    fn from(_: UseDefault) -> Self {
        Self::Default
    }
}
