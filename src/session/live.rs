//! [`Live`]: an object that is kept, and its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::places::Place;
use crate::rpc::BoxFuture;

/// An object with what is to be done at its end. That happens exactly once: at the latest when this is dropped.
pub(crate) struct Live {
    object: Option<Box<dyn Any + Send>>,
    close: Option<CloseFn>,
    /// Given back when the object is gone.
    place: Option<Place>,
    runtime: Handle,
}

/// Closes an object.
type CloseFn = Box<dyn FnOnce(Box<dyn Any + Send>) -> BoxFuture<'static, ()> + Send>;

impl Live {
    /// An object whose drop is all that there is to do.
    pub(crate) fn new(object: impl Any + Send, runtime: Handle) -> Self {
        Self { object: Some(Box::new(object)), close: None, place: None, runtime }
    }

    /// An object that is closed by a function.
    pub(crate) fn closing<T, F, Fut>(object: T, close: F, runtime: Handle) -> Self
    where
        T: Send + 'static,
        F: FnOnce(T) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let close: CloseFn = Box::new(move |object| match object.downcast::<T>() {
            Ok(object) => Box::pin(close(*object)),
            // There is no other way to put an object in than the line below.
            Err(_) => Box::pin(async {}),
        });
        Self { object: Some(Box::new(object)), close: Some(close), place: None, runtime }
    }

    pub(super) fn put_in(&mut self, place: Place) {
        self.place = Some(place);
    }

    pub(super) fn object(&self) -> Option<&(dyn Any + Send)> {
        self.object.as_deref()
    }

    pub(super) fn object_mut(&mut self) -> Option<&mut (dyn Any + Send)> {
        self.object.as_deref_mut()
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Ends the object; done when it has been closed. That goes on if nobody waits for it.
    pub(super) async fn close(mut self) {
        if let Some(closing) = self.end() {
            // One that panicked is at its end, too.
            let _ = closing.await;
        }
    }

    fn end(&mut self) -> Option<JoinHandle<()>> {
        let object = self.object.take()?;
        let place = self.place.take();
        match self.close.take() {
            Some(close) => Some(self.runtime.spawn(async move {
                close(object).await;
                drop(place);
            })),
            None => {
                // A panic here would otherwise be that of somebody who has nothing to do with it.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(object)));
                None
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}
