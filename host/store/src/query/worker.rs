//! A query runs in a process of its own. SQLite says when it has computed for too long or found too much only between
//! its instructions, and one instruction may be a function that takes hours, or all memory; the system can end a process.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    path::PathBuf,
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};

use motia_manifest::TenantId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

use super::{QueryAnswer, QueryError, QueryRequest, TIME, answer};
use crate::StoreError;

/// The process may have so much address space, of which the program takes a part.
#[cfg(unix)]
const MEMORY: u64 = 1 << 30;
/// No file that it writes, such as those of large sorts, may be larger.
#[cfg(unix)]
const FILE: u64 = 256 << 20;
/// It ends itself after [`TIME`], unless one of its instructions takes longer.
const GRACE: Duration = Duration::from_secs(1);
/// What it says has so many bytes at most: JSON may need six for one.
const REPLY: u64 = 64 << 20;

/// The program and its arguments whose process calls [`query_worker`].
pub type QueryCommand = Vec<OsString>;

#[derive(Serialize, Deserialize)]
struct Task {
    data: PathBuf,
    tenant: String,
    sql: String,
    limit: usize,
}

#[derive(Serialize, Deserialize)]
enum Reply {
    Answer(QueryAnswer),
    Invalid(String),
    Timeout,
    TooLarge,
    Failed(String),
}

/// Runs the query that stands in the standard input, and says what came of it in the standard output. The process may
/// compute, read and write only so much from then on.
pub fn query_worker() -> ExitCode {
    let work = || -> io::Result<()> {
        limit_process()?;
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        let Task { data, tenant, sql, limit } = serde_json::from_str(&text)?;
        let request = QueryRequest { sql, limit };
        let reply = match answer(&data, &TenantId::from(tenant), &request, TIME) {
            Ok(answer) => Reply::Answer(answer),
            Err(QueryError::Invalid(message)) => Reply::Invalid(message),
            Err(QueryError::Timeout) => Reply::Timeout,
            Err(QueryError::TooLarge) => Reply::TooLarge,
            Err(error) => Reply::Failed(error.to_string()),
        };
        io::stdout().write_all(&serde_json::to_vec(&reply)?)
    };
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(unix)]
fn limit_process() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let seconds = (TIME + GRACE).as_secs();
    let limits = [
        (Resource::As, MEMORY),
        (Resource::Fsize, FILE),
        (Resource::Cpu, seconds),
        (Resource::Core, 0),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn limit_process() -> io::Result<()> {
    Ok(())
}

/// Has a process answer a query; ends it if whoever asked has gone.
pub(super) async fn run(
    command: &[OsString],
    data: PathBuf,
    tenant: &TenantId,
    request: QueryRequest,
) -> Result<QueryAnswer, QueryError> {
    let failed = |error: String| StoreError::Failed(format!("a query cannot be run: {error}"));
    let Some((program, arguments)) = command.split_first() else {
        return Err(failed("this host has no program for it".to_owned()).into());
    };
    let QueryRequest { sql, limit } = request;
    let task = Task { data, tenant: tenant.as_str().to_owned(), sql, limit };
    let task = serde_json::to_vec(&task).map_err(|error| failed(error.to_string()))?;
    let asked = async {
        let mut process = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = process.stdin.take() {
            // One that has ended says so by its status.
            let _ = stdin.write_all(&task).await;
        }
        let mut reply = Vec::new();
        if let Some(stdout) = process.stdout.take() {
            stdout.take(REPLY).read_to_end(&mut reply).await?;
        }
        Ok::<_, io::Error>((process.wait().await?, reply))
    };
    match timeout(TIME + GRACE, asked).await {
        Err(_) => Err(QueryError::Timeout),
        Ok(Err(error)) => Err(failed(error.to_string()).into()),
        Ok(Ok((status, reply))) => match read(&reply) {
            Some(Reply::Answer(answer)) => Ok(answer),
            Some(Reply::Invalid(message)) => Err(QueryError::Invalid(message)),
            Some(Reply::Timeout) => Err(QueryError::Timeout),
            Some(Reply::TooLarge) => Err(QueryError::TooLarge),
            Some(Reply::Failed(message)) => Err(StoreError::Failed(message).into()),
            None => Err(ended(status)),
        },
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}

/// Why a process has ended without an answer: mostly because one of its limits was in the way.
fn ended(status: ExitStatus) -> QueryError {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;

        use rustix::process::Signal;
        match status.signal() {
            Some(signal) if signal == Signal::XCPU.as_raw() => return QueryError::Timeout,
            Some(_) => return QueryError::TooLarge,
            None => {}
        }
    }
    StoreError::Failed(format!("a query's process ended with {status}")).into()
}
