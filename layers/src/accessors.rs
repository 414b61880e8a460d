//! What every middleware lets its user do with the service inside.

// Unused where no feature asks for a middleware.
#[allow(unused_macros)]
macro_rules! inner_service_accessors {
    () => {
        /// The service inside.
        pub fn get_ref(&self) -> &S {
            &self.inner
        }

        /// The service inside, to change it.
        pub fn get_mut(&mut self) -> &mut S {
            &mut self.inner
        }

        /// Takes the service out of the middleware.
        pub fn into_inner(self) -> S {
            self.inner
        }
    };
}
