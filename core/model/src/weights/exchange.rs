//! Exchanging the pages of mapped files for pages of our own, as Linux can.

use rustix::mm::{
    Advice, MapFlags, MprotectFlags, MremapFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, mremap_fixed,
    munmap,
};
use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// A large page of the system.
const LARGE_PAGE: usize = 2 << 20;

/// The bytes that are exchanged at a time: large enough that calls cost nothing, and small enough to be shared evenly.
const PIECE: usize = 16 * LARGE_PAGE;

/// Held while something is loaded, so that mappings that come meanwhile are its own.
static LOADING: Mutex<()> = Mutex::new(());

/// Part of a file under addresses of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapped {
    addresses: Range<usize>,
    /// In the file, of the first byte.
    offset: u64,
    writable: bool,
}

impl Mapped {
    /// The part at `addresses`, which are some of its own.
    fn part(&self, addresses: Range<usize>) -> Self {
        let offset = self.offset + (addresses.start - self.addresses.start) as u64;
        Self { addresses, offset, writable: self.writable }
    }
}

/// Call `load`, and exchange what it has mapped of the files at `paths` and still has mapped; with how that went.
pub(super) fn move_files<T, E>(
    paths: &[PathBuf],
    threads: usize,
    load: impl FnOnce() -> Result<T, E>,
) -> Result<(T, io::Result<()>), E> {
    let _alone = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    // Mappings of other owners may go at any moment, and their addresses with them.
    let before: Vec<_> = paths.iter().map(|path| mapped(path).unwrap_or_default()).collect();
    let loaded = load()?;
    let moved = paths.iter().zip(before).try_for_each(|(path, before)| {
        let file = File::open(path)?;
        let pieces: Vec<_> = mapped(path)?.iter().flat_map(|now| without(now, &before)).flat_map(pieces).collect();
        exchange_all(&file, &pieces, threads)
    });
    Ok((loaded, moved))
}

/// The mappings of the file at `path` in this process.
fn mapped(path: &Path) -> io::Result<Vec<Mapped>> {
    let inode = std::fs::metadata(path)?.ino();
    // The device is not compared: some file systems tell different ones. The path is the one that the system knows.
    let path = path.canonicalize()?;
    let path = path.to_str().ok_or(io::ErrorKind::InvalidData)?;
    Ok(parse(&std::fs::read_to_string("/proc/self/maps")?, inode, path))
}

/// Lines such as `7f00-7f80 rw-p 00000000 08:02 173521 /home/a b.data`.
fn parse(maps: &str, inode: u64, path: &str) -> Vec<Mapped> {
    let line = |line: &str| {
        let mut words = line.splitn(6, ' ');
        let (addresses, access, offset) = (words.next()?, words.next()?, words.next()?);
        let (_device, number, name) = (words.next()?, words.next()?, words.next()?);
        let address = |text| usize::from_str_radix(text, 16).ok();
        let (start, end) = addresses.split_once('-')?;
        let same = number.parse() == Ok(inode) && name.trim_start() == path;
        // A shared mapping may serve to write the file, so it is left alone.
        (same && access.starts_with('r') && access.ends_with('p')).then_some(Mapped {
            addresses: address(start)?..address(end)?,
            offset: u64::from_str_radix(offset, 16).ok()?,
            writable: access.contains('w'),
        })
    };
    maps.lines().filter_map(line).collect()
}

/// The parts of `now` that were not there `before`.
fn without(now: &Mapped, before: &[Mapped]) -> Vec<Mapped> {
    let mut left = vec![now.addresses.clone()];
    for old in before {
        let cut = |range: Range<usize>| {
            let first = range.start..range.end.min(old.addresses.start);
            let last = range.start.max(old.addresses.end)..range.end;
            [first, last].into_iter().filter(|part| part.start < part.end)
        };
        left = left.into_iter().flat_map(cut).collect();
    }
    left.into_iter().map(|addresses| now.part(addresses)).collect()
}

/// The whole large pages of a mapping, some at a time.
fn pieces(mapped: Mapped) -> Vec<Mapped> {
    let start = mapped.addresses.start.next_multiple_of(LARGE_PAGE);
    let end = mapped.addresses.end / LARGE_PAGE * LARGE_PAGE;
    (start..end).step_by(PIECE).map(|from| mapped.part(from..end.min(from + PIECE))).collect()
}

fn exchange_all(file: &File, pieces: &[Mapped], threads: usize) -> io::Result<()> {
    let failed = AtomicBool::new(false);
    let rest = Mutex::new(pieces.iter());
    let next = || rest.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || -> io::Result<()> {
        while !failed.load(Ordering::Relaxed)
            && let Some(piece) = next()
        {
            exchange(file, piece).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let more = threads.saturating_sub(1);
        let helper = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let helpers: Vec<_> = (0..more).map_while(helper).collect();
        let mine = work();
        let panicked = |_| Err(io::ErrorKind::Other.into());
        helpers.into_iter().fold(mine, |so_far, helper| so_far.and(helper.join().unwrap_or_else(panicked)))
    })
}

fn exchange(file: &File, piece: &Mapped) -> io::Result<()> {
    let mut fresh = Fresh::new(piece.addresses.len())?;
    file.read_exact_at(fresh.bytes(), piece.offset)?;
    fresh.put_at(piece, file)
}

/// New pages, on the boundary of a large page.
struct Fresh {
    start: *mut c_void,
    length: usize,
}

impl Fresh {
    fn new(length: usize) -> io::Result<Self> {
        let reserved = length.checked_add(LARGE_PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        #[expect(unsafe_code, reason = "an anonymous mapping")]
        // SAFETY: a new mapping at an address of the system's choice touches nothing that is there.
        let all = unsafe { mmap_anonymous(std::ptr::null_mut(), reserved, access, MapFlags::PRIVATE) }?;
        let before = all.addr().next_multiple_of(LARGE_PAGE) - all.addr();
        let start = all.wrapping_byte_add(before);
        #[expect(unsafe_code, reason = "a part of a mapping, and advice on the rest")]
        // SAFETY: all of it is ours, and no reference into it exists. Where the system has no large pages it has small
        // ones.
        unsafe {
            if before > 0 {
                _ = munmap(all, before);
            }
            _ = munmap(start.wrapping_byte_add(length), LARGE_PAGE - before);
            _ = madvise(start, length, Advice::LinuxHugepage);
        }
        Ok(Self { start, length })
    }

    #[expect(unsafe_code, reason = "a view of owned memory")]
    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: mapped by `new`, zeroed, and borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.length) }
    }

    /// Have these pages, which hold the same bytes, take the place of `piece` of `file`, which is as long.
    #[expect(unsafe_code, reason = "what others read gets other pages, not other bytes")]
    fn put_at(self, piece: &Mapped, file: &File) -> io::Result<()> {
        let place = std::ptr::with_exposed_provenance_mut(piece.addresses.start);
        if !piece.writable {
            // SAFETY: our own mapping.
            unsafe { mprotect(self.start, self.length, MprotectFlags::READ) }?;
        }
        // SAFETY: `place` is a private mapping of the file that what was loaded just now has and keeps, and is
        // exchanged at once for the same bytes. No reference into ours exists.
        let moved = unsafe { mremap_fixed(self.start, self.length, self.length, MremapFlags::MAYMOVE, place) };
        match moved {
            Ok(_) => {
                // It is at its place now, and not ours any more.
                std::mem::forget(self);
                Ok(())
            }
            Err(error) => {
                let write = if piece.writable { ProtFlags::WRITE } else { ProtFlags::empty() };
                let flags = MapFlags::PRIVATE | MapFlags::FIXED;
                // SAFETY: the system may have cleared the place before it failed: the file comes back to it.
                let back = unsafe { mmap(place, self.length, ProtFlags::READ | write, flags, file, piece.offset) };
                if back.is_err() {
                    // The runtime has the address of memory that is gone.
                    std::process::abort();
                }
                Err(error.into())
            }
        }
    }
}

impl Drop for Fresh {
    #[expect(unsafe_code, reason = "gives back what `new` got")]
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and no reference into it exists.
        _ = unsafe { munmap(self.start, self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const LENGTH: usize = PIECE * 2 + LARGE_PAGE + 12_345;

    /// A mapping of a whole file, as the runtime makes it.
    struct Mapping(*mut c_void);

    impl Mapping {
        #[expect(unsafe_code, reason = "a mapping for a test")]
        fn new(file: &File) -> Self {
            // SAFETY: a new mapping at an address of the system's choice.
            Self(unsafe { mmap(std::ptr::null_mut(), LENGTH, ProtFlags::READ, MapFlags::PRIVATE, file, 0) }.unwrap())
        }

        #[expect(unsafe_code, reason = "a mapping for a test")]
        fn bytes(&self) -> &[u8] {
            // SAFETY: mapped, and never written to.
            unsafe { std::slice::from_raw_parts(self.0.cast(), LENGTH) }
        }
    }

    impl Drop for Mapping {
        #[expect(unsafe_code, reason = "a mapping for a test")]
        fn drop(&mut self) {
            // SAFETY: mapped by `new`.
            unsafe { munmap(self.0, LENGTH) }.unwrap();
        }
    }

    /// Protects the reader of the weights: after the exchange every byte is what it was, under the same address, and
    /// most of them are not the file's pages any more; what others have of the file stays the file's.
    #[test]
    fn pages_are_exchanged_and_bytes_are_not() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..LENGTH).map(|n| (n % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let path = file.path().to_owned();
        let of_file = || -> usize { mapped(&path).unwrap().iter().map(|m| m.addresses.len()).sum() };
        let others = Mapping::new(file.as_file());
        let whole = of_file();
        for threads in [1, 3] {
            let (mine, moved) =
                move_files(std::slice::from_ref(&path), threads, || Ok::<_, ()>(Mapping::new(file.as_file()))).unwrap();
            moved.unwrap();
            assert!(mine.bytes() == bytes, "{threads} threads");
            assert!((whole..whole + 2 * LARGE_PAGE).contains(&of_file()), "{} of {whole}", of_file());
            drop(mine);
            assert_eq!(of_file(), whole, "what was exchanged goes with its mapping");
        }
        assert!(others.bytes() == bytes);
    }

    /// Protects files with odd names, and mappings that are not ours to touch.
    #[test]
    fn the_systems_table_is_read() {
        let maps = "1000-3000 r--p 00002000 08:02 7                          /a b/w.data\n\
                    5000-6000 rw-p 00000000 08:02 7                          /a b/w.data\n\
                    6000-7000 rw-s 00000000 08:02 7                          /a b/w.data\n\
                    7000-8000 r--p 00000000 08:02 8                          /a b/w.data\n\
                    8000-9000 r--p 00000000 08:02 7                          /a b/w.data (deleted)\n\
                    9000-a000 rw-p 00000000 00:00 0 \n";
        let mapped = |addresses, offset, writable| Mapped { addresses, offset, writable };
        let found = parse(maps, 7, "/a b/w.data");
        assert_eq!(found, [mapped(0x1000..0x3000, 0x2000, false), mapped(0x5000..0x6000, 0, true)]);
        let now = mapped(0x1000..0x9000, 0, false);
        let old = [mapped(0x2000..0x3000, 0, false), mapped(0x8000..0xa000, 0, false)];
        let left = [mapped(0x1000..0x2000, 0, false), mapped(0x3000..0x8000, 0x2000, false)];
        assert_eq!(without(&now, &old), left);
    }
}
