//! What a request's body takes while it is decoded, said before it is taken.

use tower_vgi::{RequestMemory, RpcError};

/// The account of one body, where there is a layer that keeps them. Dropped before it is closed, the body is gone.
pub(super) struct Account {
    memory: Option<RequestMemory>,
    /// Compressed bytes that are kept until the end.
    collected: u64,
    counted: u64,
}

impl Account {
    /// `collected` compressed bytes will be kept until all are there.
    pub(super) fn open(memory: Option<RequestMemory>, collected: u64) -> Result<Self, RpcError> {
        let mut account = Self { memory, collected, counted: 0 };
        account.resize(0)?;
        Ok(account)
    }

    /// Decoding is about to take so many bytes, with what it becomes.
    pub(super) fn resize(&mut self, decoding: usize) -> Result<(), RpcError> {
        let total = self.collected.saturating_add(decoding as u64);
        if total == self.counted {
            return Ok(());
        }
        self.counted = total;
        self.memory.as_ref().map_or(Ok(()), |memory| memory.resize_body(total))
    }

    /// Nothing but so many decoded bytes is left, which now belong to others.
    pub(super) fn close(mut self, decoded: usize) {
        if let Some(memory) = self.memory.take() {
            // It takes no more than it did.
            let _ = memory.resize_body(decoded as u64);
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(memory) = &self.memory {
            let _ = memory.resize_body(0);
        }
    }
}
