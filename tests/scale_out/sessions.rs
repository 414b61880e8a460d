//! Sessions, which live in one worker.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::deployment::Deployment;

/// What a request may take when a worker is gone: an answer, or an error that says so.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Opens sessions, uses them in turns, and kills one of their workers.
async fn find_their_worker(configuration: &str) {
    let Some(mut deployment) = Deployment::start(configuration) else { return };
    let client = deployment.client();
    let sessions: Vec<_> = (0..8).map(|_| client.session()).collect();
    let mut workers = Vec::new();
    for session in &sessions {
        session.open().await.unwrap();
        workers.push(session.name().await.unwrap());
    }
    assert_eq!(workers.iter().collect::<BTreeSet<_>>().len(), 2, "all sessions are in one worker: {workers:?}");
    for expected in 1..=5 {
        for (session, worker) in sessions.iter().zip(&workers) {
            assert_eq!(session.next().await.unwrap(), expected);
            assert_eq!(session.name().await.unwrap(), *worker);
        }
    }

    let killed = workers[0].clone();
    deployment.kill(&killed);
    for (session, worker) in sessions.iter().zip(&workers) {
        let answer = tokio::time::timeout(AT_ONCE, session.next()).await.expect("an answer in time");
        if *worker == killed {
            let error = answer.unwrap_err();
            assert!(error.is_session_lost(), "{error:?}");
        } else {
            assert_eq!(answer.unwrap(), 6);
        }
    }
    // Who has lost a session opens another one, wherever.
    let session = client.session();
    session.open().await.unwrap();
    assert_eq!(session.next().await.unwrap(), 1);
}

#[tokio::test]
async fn sessions_find_their_worker_by_their_token() {
    find_their_worker("by-token.cfg").await;
}

#[tokio::test]
async fn sessions_find_their_worker_by_a_header_that_is_echoed() {
    find_their_worker("by-header.cfg").await;
}
