//! The data of one invocation's store: its limits, what it has used, and its WASI contexts.

use std::sync::Arc;

use wasmtime::{ResourceLimiter, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::{
    Capabilities, HostError, Limits, LogLevel, LogRecord, capabilities, outgoing_http::Outgoing,
};

/// What one invocation's store holds.
pub struct Host {
    pub capabilities: Arc<dyn Capabilities>,
    pub limits: Arc<Limits>,
    pub usage: Usage,
    pub wasi: WasiCtx,
    pub http: WasiHttpCtx,
    pub outgoing: Outgoing,
    pub table: ResourceTable,
}

/// What an invocation has used of its limits.
#[derive(Default)]
pub struct Usage {
    memory: usize,
    table_elements: usize,
    emits: usize,
    state_writes: usize,
    stream_writes: usize,
    log_records: usize,
    /// The limit that refused memory or tables; the guest usually traps then.
    pub refused: Option<&'static str>,
}

impl Usage {
    pub fn count_emit(&mut self, limits: &Limits) -> Result<(), HostError> {
        count(&mut self.emits, limits, "emits")
    }

    pub fn count_state_write(&mut self, limits: &Limits) -> Result<(), HostError> {
        count(&mut self.state_writes, limits, "state writes")
    }

    pub fn count_stream_write(&mut self, limits: &Limits) -> Result<(), HostError> {
        count(&mut self.stream_writes, limits, "stream writes")
    }

    /// The record to log: the guest's own, one that says that there were too many, or none.
    pub fn count_log(&mut self, limits: &Limits, record: LogRecord) -> Option<LogRecord> {
        self.log_records += 1;
        if self.log_records <= limits.log_records {
            return Some(capabilities::bounded(record, limits.log_record_bytes));
        }
        (self.log_records == limits.log_records + 1).then(|| LogRecord {
            level: LogLevel::Warn,
            message: "further log records are dropped (limit `log_records`)".to_owned(),
            args: None,
        })
    }
}

fn count(counter: &mut usize, limits: &Limits, what: &str) -> Result<(), HostError> {
    if *counter >= limits.writes {
        let limit = limits.writes;
        return Err(HostError::Limit(format!(
            "more than {limit} {what} in one invocation (limit `writes`)"
        )));
    }
    *counter += 1;
    Ok(())
}

impl ResourceLimiter for Host {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.usage.memory + (desired - current);
        if total > self.limits.memory {
            self.usage.refused = Some("memory");
            return Ok(false);
        }
        self.usage.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.usage.table_elements + (desired - current);
        if total > self.limits.table_elements {
            self.usage.refused = Some("table_elements");
            return Ok(false);
        }
        self.usage.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        100
    }

    fn tables(&self) -> usize {
        100
    }

    fn memories(&self) -> usize {
        50
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outgoing }
    }
}
