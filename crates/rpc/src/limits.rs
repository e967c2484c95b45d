use core::time::Duration;

/// What one RPC server takes from its clients before it refuses. Every refusal names the limit and the value (NET-1).
///
/// None of these is part of the protocol: two nodes may differ.
#[derive(Clone, Debug)]
pub struct RpcLimits {
    /// Largest HTTP request body, in bytes. Default 10 MiB.
    pub request_bytes: usize,
    /// Largest result of one call, and largest batch answer, in bytes. Default 64 MiB.
    pub response_bytes: usize,
    /// Bytes of large requests and responses held at one time, over all clients. Default 512 MiB.
    pub held_bytes: usize,
    /// Most requests in one batch. Default 2,000.
    pub batch_requests: usize,
    /// Requests of one batch that run at one time. Default 8.
    pub batch_concurrency: usize,
    /// Time a client has to send its request body. Default 60 s.
    pub body_timeout: Duration,
    /// Calls of one module that read storage or execute at one time; others wait. Default 16.
    pub blocking_calls: usize,

    /// Open WebSocket connections, over all modules. Default 1,000.
    pub sockets: usize,
    /// Largest WebSocket message, in bytes; each connection may hold one half received. Default 4 MiB.
    pub socket_message_bytes: usize,
    /// Requests of one connection that run at one time; the next message is read when one ends. Default 32.
    pub socket_requests: usize,
    /// Bytes that wait to be sent to one connection. Default 1 MiB; one larger message may wait alone.
    pub socket_queue_bytes: usize,
    /// Messages that wait to be sent to one connection. Default 16,384.
    pub socket_queue_messages: usize,
    /// Subscriptions of one connection. Default 64.
    pub socket_subscriptions: usize,
    /// How long a full queue may stay full before a subscriber counts as lagging. Default 10 s.
    pub socket_stall: Duration,
    /// Time between pings to each connection. Default 20 s; a peer silent for 2.5 times as long is dead.
    pub ping_interval: Duration,

    /// Installed filters of one module. Default 1,000.
    pub filters: usize,
    /// A filter not polled for this long is removed. Default 5 minutes.
    pub filter_idle: Duration,
    /// Pending transaction hashes one module keeps for pollers. Default 262,144 (8 MiB).
    pub filter_pending: usize,
    /// Addresses and topics in one log filter. Default 1,024.
    pub filter_criteria: usize,
    /// Most blocks one `eth_getLogs`, or one poll of a filter, looks at. Default 10,000.
    pub log_blocks: u64,
    /// Most logs one `eth_getLogs` answers with. Default 20,000.
    pub log_results: usize,

    /// Gas of one `eth_call`, `eth_estimateGas` or `eth_createAccessList`. Default 50,000,000.
    pub call_gas: u64,
    /// Most blocks of one `eth_feeHistory`. Default 1,024.
    pub fee_history_blocks: u64,
    /// Longest wait of one `eth_sendRawTransactionSync` (EIP-7966). Default 30 s.
    pub send_sync_timeout: Duration,
}

impl Default for RpcLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            request_bytes: 10 * MIB,
            response_bytes: 64 * MIB,
            held_bytes: 512 * MIB,
            batch_requests: 2_000,
            batch_concurrency: 8,
            body_timeout: Duration::from_secs(60),
            blocking_calls: 16,
            sockets: 1_000,
            socket_message_bytes: 4 * MIB,
            socket_requests: 32,
            socket_queue_bytes: MIB,
            socket_queue_messages: 16_384,
            socket_subscriptions: 64,
            socket_stall: Duration::from_secs(10),
            ping_interval: Duration::from_secs(20),
            filters: 1_000,
            filter_idle: Duration::from_secs(5 * 60),
            filter_pending: 262_144,
            filter_criteria: 1_024,
            log_blocks: 10_000,
            log_results: 20_000,
            call_gas: 50_000_000,
            fee_history_blocks: 1_024,
            send_sync_timeout: Duration::from_secs(30),
        }
    }
}
