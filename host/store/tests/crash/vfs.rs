//! A SQLite VFS in front of the system's own: keeps a log of all that changes the directory, and fails on request.
//!
//! The log has what a power cut leaves behind: the database, its write-ahead log and its journal. Temporary files and
//! shared memory are handed on unseen. The directory must be empty at first.

use std::{
    collections::HashMap,
    ffi::{CStr, CString, c_char, c_int, c_void},
    fs,
    io::Write as _,
    mem, ptr, slice,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rusqlite::ffi;

/// About what a sync takes on a good disk: others write meanwhile, and callers gather.
const SYNC_TAKES: Duration = Duration::from_millis(2);

/// A file for as long as it exists: one of the same name that comes later is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inode {
    pub name: &'static str,
    number: usize,
}

/// Holds the names of the others.
pub const DIRECTORY: Inode = Inode { name: ".", number: 0 };

/// A change that has happened, or a sync that is over.
#[derive(Debug)]
pub struct Event {
    pub inode: Inode,
    pub change: Change,
}

#[derive(Debug)]
pub enum Change {
    /// Of the directory: the file got its name.
    Link(Inode),
    /// Of the directory: the file lost its name.
    Unlink(Inode),
    Write {
        offset: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        length: usize,
    },
    /// All earlier changes of the inode are on disk, those that the log had when the sync began.
    Sync {
        begun: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Fails with `SQLITE_FULL`.
    Write,
    /// Fails with `SQLITE_IOERR_FSYNC`.
    Sync,
}

/// Which calls fail.
#[derive(Debug)]
pub struct Fault {
    pub call: Call,
    /// Of one file only.
    pub file: Option<String>,
    /// So many succeed first.
    pub after: u64,
    /// So many fail then.
    pub times: u64,
}

/// A VFS. It stays registered until the process ends.
pub struct Disk {
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    log: Vec<Event>,
    names: HashMap<&'static str, Inode>,
    inodes: usize,
    fault: Option<Fault>,
    failures: u64,
    trace: Option<fs::File>,
}

impl Disk {
    pub fn register(name: &str) -> &'static Self {
        let disk: &'static Self =
            Box::leak(Box::new(Self { name: name.to_owned(), state: Mutex::default() }));
        // SAFETY: SQLite answers with a VFS that stays where it is, or with null.
        let system = unsafe { system().as_ref() }.expect("a VFS of the system");
        let own_bytes = c_int::try_from(size_of::<File>()).expect("a small struct");
        // The methods that are not replaced do not look at the VFS that they are given.
        let vfs = ffi::sqlite3_vfs {
            szOsFile: own_bytes + system.szOsFile,
            pNext: ptr::null_mut(),
            zName: CString::new(name).expect("a name without a zero").into_raw(),
            pAppData: ptr::from_ref(disk).cast_mut().cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            ..*system
        };
        // SAFETY: the VFS, its name and the `Disk` behind `pAppData` are never freed.
        let registered = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0) };
        assert_eq!(registered, ffi::SQLITE_OK, "the VFS is registered");
        disk
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long the log is.
    pub fn position(&self) -> usize {
        self.state().log.len()
    }

    pub fn take_log(&self) -> Vec<Event> {
        mem::take(&mut self.state().log)
    }

    pub fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.state().fault = None;
    }

    /// How many calls have failed.
    pub fn failures(&self) -> u64 {
        self.state().failures
    }

    /// From now on writes down what is said, and `sync FILE` and `failed FILE`, in a file that outlives the process.
    pub fn trace(&self, file: fs::File) {
        self.state().trace = Some(file);
    }

    pub fn say(&self, words: &str) {
        if let Some(trace) = &mut self.state().trace {
            trace.write_all(format!("{words}\n").as_bytes()).expect("the trace is written");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, inode: Inode, change: Change) {
        self.state().log.push(Event { inode, change });
    }

    fn opened(&self, name: &str) -> Inode {
        let mut state = self.state();
        if let Some(&inode) = state.names.get(name) {
            return inode;
        }
        state.inodes += 1;
        let inode = Inode { name: name.to_owned().leak(), number: state.inodes };
        state.names.insert(inode.name, inode);
        state.log.push(Event { inode: DIRECTORY, change: Change::Link(inode) });
        inode
    }

    fn deleted(&self, name: &str) {
        let mut state = self.state();
        if let Some(inode) = state.names.remove(name) {
            state.log.push(Event { inode: DIRECTORY, change: Change::Unlink(inode) });
        }
    }

    /// Whether a call fails; counts it.
    fn strikes(&self, call: Call, name: &str) -> bool {
        let mut state = self.state();
        let Some(fault) = &mut state.fault else { return false };
        if fault.call != call || fault.file.as_deref().is_some_and(|file| file != name) {
            return false;
        }
        if fault.after > 0 {
            fault.after -= 1;
            return false;
        }
        if fault.times == 0 {
            return false;
        }
        fault.times -= 1;
        state.failures += 1;
        true
    }
}

fn system() -> *mut ffi::sqlite3_vfs {
    // SAFETY: null asks for the default VFS, which none of those here becomes.
    unsafe { ffi::sqlite3_vfs_find(ptr::null()) }
}

/// What SQLite has as an open file. The system's own lies right behind it.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    disk: &'static Disk,
    /// None for temporary files.
    inode: Option<Inode>,
    /// The first sync of a new journal or log also syncs the directory; the system's VFS does so for SQLite.
    directory_due: bool,
}

impl File {
    fn name(&self) -> &'static str {
        self.inode.map_or("temporary", |inode| inode.name)
    }

    fn record(&self, change: Change) {
        if let Some(inode) = self.inode {
            self.disk.record(inode, change);
        }
    }
}

/// # Safety
///
/// [`open`] has opened the file, it is not closed, and no other thread uses it.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut File {
    // SAFETY: `open` has written a `File` there.
    unsafe { &mut *file.cast::<File>() }
}

/// The system's file behind a file, and its methods.
///
/// # Safety
///
/// [`open`] has opened the file, and it is not closed.
unsafe fn behind<'a>(
    file: *mut ffi::sqlite3_file,
) -> (*mut ffi::sqlite3_file, &'a ffi::sqlite3_io_methods) {
    // SAFETY: the system's `xOpen` was given this place, and has succeeded.
    unsafe {
        let real = file.cast::<File>().add(1).cast::<ffi::sqlite3_file>();
        (real, &*(*real).pMethods)
    }
}

/// # Safety
///
/// `path` is a text that ends with a zero and outlives the answer.
unsafe fn file_name<'a>(path: *const c_char) -> &'a str {
    // SAFETY: as above.
    let path = unsafe { CStr::from_ptr(path) }.to_str().expect("a path in UTF-8");
    path.rsplit('/').next().unwrap_or(path)
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let log_or_journal = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL;
    // SAFETY: `pAppData` of a VFS of ours is a `Disk` that is never freed. SQLite gives `szOsFile` bytes for the file,
    // which is room for a `File` and for the system's file. Only temporary files have no path.
    unsafe {
        let disk: &'static Disk = &*(*vfs).pAppData.cast::<Disk>();
        let own = file.cast::<File>();
        let real = own.add(1).cast::<ffi::sqlite3_file>();
        // SQLite closes what has methods, even if it could not be opened.
        (*file).pMethods = ptr::null();
        (*real).pMethods = ptr::null();
        let system = system();
        let open = (*system).xOpen.expect("xOpen");
        let result = open(system, path, real, flags, out_flags);
        if result != ffi::SQLITE_OK {
            if let Some(methods) = (*real).pMethods.as_ref() {
                methods.xClose.expect("xClose")(real);
            }
            return result;
        }
        let lasting = flags & (log_or_journal | ffi::SQLITE_OPEN_MAIN_DB) != 0;
        own.write(File {
            base: ffi::sqlite3_file { pMethods: &METHODS },
            disk,
            inode: lasting.then(|| disk.opened(file_name(path))),
            directory_due: flags & log_or_journal != 0 && flags & ffi::SQLITE_OPEN_CREATE != 0,
        });
        result
    }
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    sync_directory: c_int,
) -> c_int {
    // SAFETY: `pAppData` of a VFS of ours is a `Disk` that is never freed; SQLite gives a path.
    unsafe {
        let disk: &'static Disk = &*(*vfs).pAppData.cast::<Disk>();
        let system = system();
        let result = (*system).xDelete.expect("xDelete")(system, path, sync_directory);
        if result == ffi::SQLITE_OK {
            disk.deleted(file_name(path));
            if sync_directory & 1 != 0 {
                disk.record(DIRECTORY, Change::Sync { begun: disk.position() });
            }
        }
        result
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: Some(fetch),
    xUnfetch: Some(unfetch),
};

/// A method that only hands on.
macro_rules! hand_on {
    ($name:ident: $method:ident($($argument:ident: $type:ty),*)) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $($argument: $type),*) -> c_int {
            // SAFETY: SQLite calls this with a file that `open` has opened, and with arguments for the same method.
            unsafe {
                let (real, methods) = behind(file);
                methods.$method.expect(stringify!($method))(real, $($argument),*)
            }
        }
    };
}

hand_on!(close: xClose());
hand_on!(read: xRead(buffer: *mut c_void, length: c_int, offset: ffi::sqlite3_int64));
hand_on!(file_size: xFileSize(size: *mut ffi::sqlite3_int64));
hand_on!(lock: xLock(level: c_int));
hand_on!(unlock: xUnlock(level: c_int));
hand_on!(check_reserved_lock: xCheckReservedLock(reserved: *mut c_int));
hand_on!(file_control: xFileControl(operation: c_int, argument: *mut c_void));
hand_on!(sector_size: xSectorSize());
hand_on!(device_characteristics: xDeviceCharacteristics());
hand_on!(shm_map: xShmMap(region: c_int, size: c_int, extend: c_int, memory: *mut *mut c_void));
hand_on!(shm_lock: xShmLock(offset: c_int, count: c_int, flags: c_int));
hand_on!(shm_unmap: xShmUnmap(delete: c_int));
hand_on!(fetch: xFetch(offset: ffi::sqlite3_int64, length: c_int, memory: *mut *mut c_void));
hand_on!(unfetch: xUnfetch(offset: ffi::sqlite3_int64, memory: *mut c_void));

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: SQLite calls this with a file that `open` has opened.
    unsafe {
        let (real, methods) = behind(file);
        methods.xShmBarrier.expect("xShmBarrier")(real);
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    data: *const c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls this with a file that `open` has opened, and with `length` bytes of data.
    unsafe {
        let own = opened(file);
        if own.disk.strikes(Call::Write, own.name()) {
            return ffi::SQLITE_FULL;
        }
        let (real, methods) = behind(file);
        let result = methods.xWrite.expect("xWrite")(real, data, length, offset);
        if result == ffi::SQLITE_OK {
            let bytes = slice::from_raw_parts(data.cast::<u8>(), length as usize).to_vec();
            own.record(Change::Write { offset: offset as usize, bytes });
        }
        result
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls this with a file that `open` has opened.
    unsafe {
        let (real, methods) = behind(file);
        let result = methods.xTruncate.expect("xTruncate")(real, length);
        if result == ffi::SQLITE_OK {
            opened(file).record(Change::Truncate { length: length as usize });
        }
        result
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite calls this with a file that `open` has opened.
    unsafe {
        let own = opened(file);
        let begun = own.disk.position();
        own.disk.say(&format!("sync {}", own.name()));
        if own.disk.strikes(Call::Sync, own.name()) {
            own.disk.say(&format!("failed {}", own.name()));
            return ffi::SQLITE_IOERR_FSYNC;
        }
        thread::sleep(SYNC_TAKES);
        let (real, methods) = behind(file);
        let result = methods.xSync.expect("xSync")(real, flags);
        if result == ffi::SQLITE_OK {
            own.record(Change::Sync { begun });
            if mem::take(&mut own.directory_due) {
                own.disk.record(DIRECTORY, Change::Sync { begun });
            }
        }
        result
    }
}
