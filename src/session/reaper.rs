//! The task that ends what has expired.

use std::future::poll_fn;
use std::sync::Weak;
use std::task::Poll;

use super::registry::Shared;

/// So many objects of each shard are ended before other tasks have their turn: all may expire at the same moment, and
/// those who call then must not notice.
const AT_ONCE: usize = 2;

/// Ends sessions when their time has come, as long as there is a registry.
pub(super) async fn reap(shared: Weak<Shared>) {
    let mut expired = Vec::new();
    loop {
        poll_fn(|cx| {
            // When the registry goes, so does this task.
            let Some(shared) = shared.upgrade() else { return Poll::Pending };
            for shard in &shared.shards {
                shard.poll_expired(cx, &mut expired, AT_ONCE);
            }
            if expired.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        for entry in expired.drain(..) {
            entry.discard();
        }
        tokio::task::yield_now().await;
    }
}
