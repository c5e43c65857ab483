//! What one invocation may use. Every limit is here, with its default and the reason for it.

use std::time::Duration;

/// What one invocation may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, summed over all memories of the instance. 256 MiB: a JavaScript step
    /// starts with 10 MiB, a Python step with 40 MiB.
    pub memory: usize,
    /// Elements of all tables together. 200,000: the Python interpreter alone has 40,000.
    pub table_elements: usize,
    /// Time that the guest's own code may run. 10 s.
    pub cpu: Duration,
    /// Time from start to end, waiting included. 30 s.
    pub wall_clock: Duration,
    /// Bytes that one host call may carry. 16 MiB: more than any single value that is allowed below.
    pub host_call_bytes: usize,
    /// Handles and host resources at the same time. 10,000.
    pub handles: usize,
    /// Bytes of one header set of an outgoing request. 32 KiB, four times what servers usually take.
    pub header_bytes: usize,
    /// Random bytes in one call. 64 KiB, what browsers give.
    pub random_bytes: u64,
    /// Bytes of a response body. 10 MiB.
    pub response_bytes: usize,
    /// Bytes of standard output and error together. 256 KiB.
    pub output_bytes: usize,
    /// Log records. 1,000.
    pub log_records: usize,
    /// Bytes of one log record. 64 KiB.
    pub log_record_bytes: usize,
    /// Emits, and writes of state and of streams: each at most so many. 10,000.
    pub writes: usize,
    /// Bytes of one event. 1 MiB.
    pub event_bytes: usize,
    /// Bytes of one state value, and of one answer with many. 4 MiB.
    pub state_bytes: usize,
    /// Bytes of one stream item. 1 MiB.
    pub item_bytes: usize,
    /// Time for one outgoing request. 30 s.
    pub outgoing_timeout: Duration,
    /// Outgoing connections at the same time. 64.
    pub outgoing_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        Self {
            memory: 256 * MIB,
            table_elements: 200_000,
            cpu: Duration::from_secs(10),
            wall_clock: Duration::from_secs(30),
            host_call_bytes: 16 * MIB,
            handles: 10_000,
            header_bytes: 32 * KIB,
            random_bytes: 64 * 1024,
            response_bytes: 10 * MIB,
            output_bytes: 256 * KIB,
            log_records: 1_000,
            log_record_bytes: 64 * KIB,
            writes: 10_000,
            event_bytes: MIB,
            state_bytes: 4 * MIB,
            item_bytes: MIB,
            outgoing_timeout: Duration::from_secs(30),
            outgoing_connections: 64,
        }
    }
}

impl Limits {
    /// The defaults for event and cron steps: 30 s of CPU and 15 minutes in all.
    pub fn background() -> Self {
        Self {
            cpu: Duration::from_secs(30),
            wall_clock: Duration::from_secs(15 * 60),
            ..Self::default()
        }
    }
}
