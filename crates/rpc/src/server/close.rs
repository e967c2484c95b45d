//! Why and how a WebSocket connection ends.

use axum::extract::ws::{CloseFrame, close_code};
use tokio::sync::watch;

/// Longest reason a close frame carries, in bytes (RFC 6455, section 5.5).
const REASON_BYTES_MAX: usize = 123;

/// The last frame of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    /// Close code (RFC 6455, section 7.4).
    pub(crate) code: u16,
    /// What the client should know.
    pub(crate) reason: String,
}

impl Close {
    /// The node or the module goes away.
    pub(crate) fn shutdown() -> Self {
        Self::new(close_code::AWAY, "the node is shutting down")
    }

    /// The client did not keep up; it may come back and must fetch what it missed.
    pub(crate) fn lagged(reason: impl Into<String>) -> Self {
        Self::new(close_code::AGAIN, reason)
    }

    /// A close frame; a longer reason is cut.
    pub(crate) fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        let end = (0..=REASON_BYTES_MAX.min(reason.len()))
            .rev()
            .find(|end| reason.is_char_boundary(*end));
        reason.truncate(end.unwrap_or(0));
        Self { code, reason }
    }

    pub(crate) fn into_frame(self) -> CloseFrame {
        CloseFrame {
            code: self.code,
            reason: self.reason.into(),
        }
    }
}

/// Lets any part of a connection end it. The first reason wins.
#[derive(Debug)]
pub(crate) struct Closing(watch::Sender<Option<Close>>);

impl Closing {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Asks for the connection to be closed.
    pub(crate) fn close(&self, close: Close) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(close);
            }
            first
        });
    }

    /// Waits until somebody asks for the connection to be closed.
    pub(crate) async fn closed(&self) -> Close {
        let mut receiver = self.0.subscribe();
        let close = receiver
            .wait_for(Option::is_some)
            .await
            .expect("self holds the sender");
        close.clone().expect("waited for it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_wins() {
        let closing = Closing::new();
        closing.close(Close::lagged("first"));
        closing.close(Close::shutdown());
        assert_eq!(
            closing.closed().await,
            Close {
                code: 1013,
                reason: "first".into()
            }
        );
    }

    #[test]
    fn reasons_fit_a_control_frame() {
        assert_eq!(Close::lagged("é".repeat(100)).reason.len(), 122);
        assert_eq!(Close::lagged("a".repeat(500)).reason.len(), 123);
        assert_eq!(Close::lagged("short").reason, "short");
    }
}
