//! Where weights lie: in the mapped file, or in memory of our own.
//!
//! A step of decoding reads all weights that it uses once, so that it takes as long as reading takes. The runtime maps the
//! file, which on most file systems is in pages of 4 KiB; memory of our own can be in pages of 2 MiB, which are read faster:
//! the processor looks up a page five hundred times less often, and what it reads ahead ends at the end of a page.

use ort::AsPointer as _;
use ort::session::builder::SessionBuilder;
use rustix::fs::{Advice as FileAdvice, fadvise};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use std::ffi::{CString, c_void};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// A large page of the system.
const LARGE_PAGE: usize = 2 << 20;

/// What is read at a time: large enough that calls cost nothing, and small enough to be shared evenly.
const CHUNK: usize = 16 << 20;

/// Where the weights of a model lie while it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightPlace {
    /// In the file, which is mapped: loading takes no time, and the memory is the system's to take back.
    #[default]
    Mapped,
    /// In memory of the process, where the files have at most so many bytes and the memory can be had; else in the file.
    InMemoryUpTo(u64),
    /// In memory of the process, in large pages where the system has them: decoding is faster. An error where the memory
    /// cannot be had.
    InMemory,
}

impl WeightPlace {
    /// Whether `bytes` of weights are to be in memory of the process.
    pub(crate) const fn is_memory(self, bytes: u64) -> bool {
        match self {
            Self::Mapped => false,
            Self::InMemoryUpTo(most) => bytes <= most,
            Self::InMemory => true,
        }
    }
}

/// A file in memory of the process. It must outlive the session that it was given to.
pub(crate) struct FileInMemory {
    start: NonNull<c_void>,
    mapped: usize,
    /// From `start`, which lies on no boundary in particular, to the first byte of the file, which lies on one of a large
    /// page.
    skipped: usize,
    length: usize,
}

// SAFETY: it owns its memory alone, which nobody writes to after `read`.
#[expect(unsafe_code, reason = "owned memory")]
unsafe impl Send for FileInMemory {}

impl FileInMemory {
    /// Read the file at `path` with `threads` threads.
    pub(crate) fn read(path: &Path, threads: usize) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let mut memory = Self::reserve(length)?;
        // It is read from its beginning to its end once: where it is not cached, the disk should be ahead of us.
        _ = fadvise(&file, 0, None, FileAdvice::Sequential);
        memory.fill(&file, threads)?;
        Ok(memory)
    }

    fn reserve(length: usize) -> io::Result<Self> {
        let mapped = length.checked_add(LARGE_PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        #[expect(unsafe_code, reason = "an anonymous mapping")]
        // SAFETY: a new mapping at an address of the system's choice touches nothing that is there.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), mapped, protection, MapFlags::PRIVATE) }?;
        let start = NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory)?;
        let skipped = start.addr().get().next_multiple_of(LARGE_PAGE) - start.addr().get();
        let memory = Self { start, mapped, skipped, length };
        #[cfg(target_os = "linux")]
        #[expect(unsafe_code, reason = "advice on a mapping")]
        // SAFETY: the mapping is ours. Where the system has no large pages it has small ones.
        unsafe {
            _ = madvise(start.as_ptr(), mapped, Advice::LinuxHugepage);
        }
        Ok(memory)
    }

    fn fill(&mut self, file: &File, threads: usize) -> io::Result<()> {
        let failed = AtomicBool::new(false);
        let chunks = Mutex::new(self.bytes_mut().chunks_mut(CHUNK).enumerate());
        let next = || chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || -> io::Result<()> {
            while !failed.load(Ordering::Relaxed)
                && let Some((n, chunk)) = next()
            {
                let read = file.read_exact_at(chunk, (n * CHUNK) as u64);
                read.inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let more = threads.saturating_sub(1);
            let helper = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
            let helpers: Vec<_> = (0..more).map_while(helper).collect();
            let mine = work();
            let panicked = |_| Err(io::ErrorKind::Other.into());
            helpers.into_iter().fold(mine, |read, helper| read.and(helper.join().unwrap_or_else(panicked)))
        })
    }

    #[expect(unsafe_code, reason = "a view of owned memory")]
    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: `reserve` mapped that many readable and writable bytes from there, zeroed, and they are borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast::<u8>().add(self.skipped), self.length) }
    }

    /// Have the session that is built take from here what its graph says is in the file `name`. It takes no copy.
    #[expect(unsafe_code, reason = "`ort` takes only memory of a reference count")]
    pub(crate) fn give_to(&mut self, builder: &mut SessionBuilder, name: &str) -> Result<(), ort::Error> {
        let name = CString::new(name).map_err(|_| ort::Error::new("the name of a file has a zero in it"))?;
        let (names, buffers) = ([name.as_ptr()], [self.bytes_mut().as_mut_ptr().cast()]);
        // SAFETY: the arrays have one element each, and the runtime copies the name; the memory is not moved, and whoever
        // has this keeps it for longer than the session.
        let status = unsafe {
            (ort::api().AddExternalInitializersFromMemory)(
                builder.ptr_mut(),
                names.as_ptr(),
                buffers.as_ptr(),
                [self.length].as_ptr(),
                1,
            )
        };
        // SAFETY: the status of the call above, used once.
        unsafe { ort::Error::result_from_status(status) }
    }
}

impl Drop for FileInMemory {
    #[expect(unsafe_code, reason = "gives back what `reserve` got")]
    fn drop(&mut self) {
        // SAFETY: mapped by `reserve`, and nobody has a view of it any more.
        _ = unsafe { munmap(self.start.as_ptr(), self.mapped) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// Protects weights on their way: every byte is where it was in the file, on the boundary of a large page, however many
    /// threads read; and a file that is shorter than it was is an error.
    #[test]
    fn a_file_is_read_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..CHUNK * 2 + 12_345).map(|n| (n % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        for threads in [1, 3] {
            let mut memory = FileInMemory::read(file.path(), threads).unwrap();
            assert_eq!(memory.bytes_mut().as_ptr() as usize % LARGE_PAGE, 0);
            assert!(memory.bytes_mut() == bytes, "{threads} threads");
        }
        let mut longer = FileInMemory::reserve(bytes.len() + 1).unwrap();
        assert_eq!(longer.fill(file.as_file(), 2).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(FileInMemory::reserve(usize::MAX / 4).is_err());
    }
}
