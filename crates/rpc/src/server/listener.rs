//! Accepting connections, bounding them, and ending them.

use axum::{Extension, Router, serve::Listener};
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, Sleep, sleep},
};

/// Most open TCP connections, WebSocket connections included. Further ones are closed as they come (NET-1).
const CONNECTIONS_MAX: usize = 2_048;

/// Longest time without a byte in either direction: an idle keep-alive connection ends, as does a peer that stopped
/// reading or sending in the middle of a message. Pings keep a WebSocket connection from being idle.
const IDLE_MAX: Duration = Duration::from_secs(120);

/// Time that requests in progress, and closing WebSocket connections, have when the server shuts down.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// Serves the RPC router until `shutdown` resolves, then ends every connection and returns.
///
/// At shutdown nothing new is accepted, requests in progress finish, and WebSocket clients get close code 1001. What is
/// not done after 8 seconds is left to end with the process.
///
/// # Errors
/// None today; the type leaves room for a listener that fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (begun, waiting) = watch::channel(false);
    // Each connection holds a receiver, so `begun.closed()` waits for all of them.
    let router = router.layer(Extension(Shutdown(Some(waiting))));
    let begun = Arc::new(begun);
    let signal = {
        let begun = begun.clone();
        async move {
            shutdown.await;
            begun.send_replace(true);
        }
    };
    let server = axum::serve(Bounded::new(listener), router).with_graceful_shutdown(signal);
    let mut started = begun.subscribe();
    let ended = async {
        server.await?;
        begun.closed().await;
        io::Result::Ok(())
    };
    let limit = async {
        if started.wait_for(|begun| *begun).await.is_ok() {
            drop(started);
            sleep(SHUTDOWN_TIMEOUT).await;
        }
    };
    tokio::select! {
        result = ended => result,
        () = limit => {
            tracing::warn!("RPC connections are left behind: they did not end within {SHUTDOWN_TIMEOUT:?}");
            Ok(())
        }
    }
}

/// Tells connections that the server shuts down. The default never does.
#[derive(Clone, Debug, Default)]
pub(super) struct Shutdown(Option<watch::Receiver<bool>>);

impl Shutdown {
    /// Resolves when the server shuts down, or is gone.
    pub(super) async fn wait(mut self) {
        match &mut self.0 {
            Some(begun) => {
                // An error means that the server was dropped, which is one more way to shut down.
                let _ = begun.wait_for(|begun| *begun).await;
            }
            None => core::future::pending().await,
        }
    }
}

/// A listener with at most [`CONNECTIONS_MAX`] connections.
struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Bounded {
    fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            room: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        }
    }
}

impl Listener for Bounded {
    type Io = Connection<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            let Ok(permit) = self.room.clone().try_acquire_owned() else {
                tracing::debug!(%peer, "connection refused: the limit of {CONNECTIONS_MAX} is reached");
                continue;
            };
            // Answers are small and somebody waits for them (RFC 896's delay would add up to 40 ms).
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, %error, "TCP_NODELAY was not set");
            }
            return (Connection::new(stream, permit, IDLE_MAX), peer);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails once it was idle for too long.
struct Connection<S> {
    stream: S,
    _permit: OwnedSemaphorePermit,
    idle_max: Duration,
    active: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<S> Connection<S> {
    fn new(stream: S, permit: OwnedSemaphorePermit, idle_max: Duration) -> Self {
        let timer = Box::pin(sleep(idle_max));
        Self {
            stream,
            _permit: permit,
            idle_max,
            active: Instant::now(),
            timer,
        }
    }

    /// Passes a result on, and puts an error in place of waiting once the connection was idle for too long.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            // Only noted here: moving the timer each time would cost more than the check when it fires.
            self.active = Instant::now();
            return result;
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let deadline = self.active + self.idle_max;
            if deadline <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.timer.as_mut().reset(deadline);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(cx, result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    fn connection(
        idle: Duration,
    ) -> (Connection<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (near, far) = duplex(8);
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (Connection::new(near, permit, idle), far)
    }

    #[tokio::test]
    async fn an_active_connection_stays_and_an_idle_one_ends() {
        // NET-1
        let idle = Duration::from_millis(300);
        let (mut near, mut far) = connection(idle);
        let reader = tokio::spawn(async move {
            let mut byte = [0];
            for _ in 0..5 {
                near.read_exact(&mut byte).await.unwrap();
            }
            let begun = Instant::now();
            (
                near.read_exact(&mut byte).await.unwrap_err().kind(),
                begun.elapsed(),
            )
        });
        for _ in 0..5 {
            sleep(idle / 3).await;
            far.write_all(&[1]).await.unwrap();
        }
        let (kind, waited) = reader.await.unwrap();
        assert_eq!(kind, io::ErrorKind::TimedOut);
        assert!(waited >= idle, "{waited:?}");
    }

    #[tokio::test]
    async fn a_peer_that_stops_reading_is_left() {
        // NET-1
        let (mut near, _far) = connection(Duration::from_millis(20));
        let error = near.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
