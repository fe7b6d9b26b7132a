//! The page pool: all pages of the KV cache, of one size, in one range of addresses. One tensor views them all, and no
//! page ever moves. The pool reserves the addresses when it is made, and maps a page's memory when the page is first
//! allocated.
//!
//! A page is free, in use (by at least one sequence), or cached: held by the tree of prefixes only.

#[cfg(target_os = "linux")]
use rustix::mm::Advice;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use std::ffi::c_void;
use std::ptr::NonNull;

/// The number of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PageId(u32);

impl PageId {
    /// As an entry of a page table.
    pub(crate) const fn number(self) -> i64 {
        self.0 as i64
    }

    const fn at(self) -> usize {
        self.0 as usize
    }
}

/// The pages and their reference counts.
pub(crate) struct Pool {
    base: NonNull<u8>,
    page_bytes: usize,
    most: usize,
    pages: Vec<Page>,
    free: Vec<PageId>,
    // Pages that at least one sequence uses.
    in_use: usize,
}

#[derive(Default)]
struct Page {
    // Reference count: sequences that use it.
    users: u32,
    // Whether the prefix tree holds it.
    kept: bool,
}

// SAFETY: the pool owns its memory alone.
#[expect(unsafe_code, reason = "the pointer is owned")]
unsafe impl Send for Pool {}

impl Pool {
    /// A pool of at most `most` pages of `page_bytes` bytes each. `None` where the address space is too small.
    #[expect(unsafe_code, reason = "reserves addresses without memory")]
    pub(crate) fn new(page_bytes: usize, most: usize) -> Option<Self> {
        let bytes = page_bytes.checked_mul(most).filter(|bytes| *bytes > 0)?;
        // SAFETY: a new mapping at a place that the system chooses.
        let base =
            unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), bytes, ProtFlags::empty(), MapFlags::PRIVATE) };
        let base: NonNull<u8> = NonNull::new(base.ok()?.cast())?;
        // Attention reads all of a sequence's pages in each step: with large pages of the system its addresses are known
        // to the processor (a quarter of the time at 16,384 tokens).
        #[cfg(target_os = "linux")]
        // SAFETY: advice on memory that is owned.
        #[expect(unsafe_code, reason = "advice on memory that is owned")]
        unsafe {
            // A system without large pages refuses.
            _ = rustix::mm::madvise(base.as_ptr().cast(), bytes, Advice::LinuxHugepage);
        }
        Some(Self { base, page_bytes, most, pages: Vec::new(), free: Vec::new(), in_use: 0 })
    }

    /// The beginning of the memory of all pages.
    pub(crate) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Bytes of a page.
    pub(crate) const fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Maximum number of pages.
    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    /// Pages that sequences use.
    pub(crate) const fn in_use(&self) -> usize {
        self.in_use
    }

    /// Pages that the tree holds and no sequence uses.
    pub(crate) const fn idle(&self) -> usize {
        self.pages.len() - self.free.len() - self.in_use
    }

    /// Allocate a page for one sequence; its content is undefined. `None` where no page is free or the system has no
    /// memory.
    pub(crate) fn take(&mut self) -> Option<PageId> {
        let id = self.free.pop().or_else(|| self.add())?;
        self.pages[id.at()].users = 1;
        self.in_use += 1;
        Some(id)
    }

    #[expect(unsafe_code, reason = "maps the memory of one more page")]
    fn add(&mut self) -> Option<PageId> {
        let number = self.pages.len();
        if number >= self.most {
            return None;
        }
        let page = self.address(number);
        // The first and last of the system's pages may also hold parts of neighbours; mapping those again changes
        // nothing.
        // SAFETY: the range is within the mapping, whose memory stays where it is.
        unsafe {
            let flags = MprotectFlags::READ | MprotectFlags::WRITE;
            let (from, bytes) = enclosing_pages(page, self.page_bytes);
            rustix::mm::mprotect(from, bytes, flags).ok()?;
        }
        self.pages.push(Page::default());
        Some(PageId(u32::try_from(number).ok()?))
    }

    /// Count one more sequence that uses a page.
    pub(crate) fn share(&mut self, id: PageId) {
        let page = &mut self.pages[id.at()];
        self.in_use += usize::from(page.users == 0);
        page.users += 1;
    }

    /// Count one sequence less. A page without users and not in the tree is free.
    pub(crate) fn release(&mut self, id: PageId) {
        let page = &mut self.pages[id.at()];
        page.users = page.users.saturating_sub(1);
        if page.users == 0 {
            self.in_use -= 1;
            if !page.kept {
                self.free.push(id);
            }
        }
    }

    /// Mark a page as held by the tree.
    pub(crate) fn keep(&mut self, id: PageId) {
        self.pages[id.at()].kept = true;
    }

    /// Mark a page as no longer held by the tree.
    pub(crate) fn forget(&mut self, id: PageId) {
        let page = &mut self.pages[id.at()];
        page.kept = false;
        if page.users == 0 {
            self.free.push(id);
        }
    }

    /// Whether a sequence uses a page.
    pub(crate) fn is_used(&self, id: PageId) -> bool {
        self.pages[id.at()].users > 0
    }

    /// Copy a page.
    pub(crate) fn copy(&mut self, from: PageId, to: PageId) {
        if from != to {
            let source = self.bytes(from).as_ptr();
            let bytes = self.page_bytes;
            let target = self.bytes_mut(to).as_mut_ptr();
            // SAFETY: two different pages, which do not overlap.
            #[expect(unsafe_code, reason = "two pages of one memory")]
            unsafe {
                std::ptr::copy_nonoverlapping(source, target, bytes);
            }
        }
    }

    /// A page's content.
    #[expect(unsafe_code, reason = "a view of owned memory")]
    pub(crate) fn bytes(&self, id: PageId) -> &[u8] {
        // SAFETY: the page is mapped, and only runs write to it, which borrow the pool mutably.
        unsafe { std::slice::from_raw_parts(self.address(id.at()).cast(), self.page_bytes) }
    }

    /// A page's content, for writing.
    #[expect(unsafe_code, reason = "a view of owned memory")]
    pub(crate) fn bytes_mut(&mut self, id: PageId) -> &mut [u8] {
        // SAFETY: as above, and the pool is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.address(id.at()).cast(), self.page_bytes) }
    }

    /// Return the memory of free pages to the system. Their addresses stay reserved.
    pub(crate) fn trim(&mut self) {
        #[cfg(target_os = "linux")]
        for id in &self.free {
            let (from, bytes) = contained_pages(self.address(id.at()), self.page_bytes);
            if bytes > 0 {
                // SAFETY: free pages have no content.
                #[expect(unsafe_code, reason = "drops the content of memory that is owned")]
                // If this fails the memory stays as it is.
                unsafe {
                    _ = rustix::mm::madvise(from, bytes, Advice::LinuxDontNeed);
                }
            }
        }
    }

    #[expect(unsafe_code, reason = "an address within the mapping")]
    fn address(&self, number: usize) -> *mut c_void {
        debug_assert!(number < self.most);
        // SAFETY: within the mapping, whose size is `most` pages.
        unsafe { self.base.as_ptr().add(number * self.page_bytes).cast() }
    }
}

impl Drop for Pool {
    #[expect(unsafe_code, reason = "unmaps what `new` mapped")]
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and nothing views it any more.
        unsafe {
            // It cannot fail for a mapping that exists.
            _ = rustix::mm::munmap(self.base.as_ptr().cast(), self.page_bytes * self.most);
        }
    }
}

/// The smallest range of whole system pages that contains a range.
fn enclosing_pages(from: *mut c_void, bytes: usize) -> (*mut c_void, usize) {
    let size = rustix::param::page_size();
    let before = from as usize % size;
    (from.wrapping_byte_sub(before), (bytes + before).next_multiple_of(size))
}

/// The largest range of whole system pages within a range.
fn contained_pages(from: *mut c_void, bytes: usize) -> (*mut c_void, usize) {
    let size = rustix::param::page_size();
    let skipped = (from as usize).next_multiple_of(size) - from as usize;
    (from.wrapping_byte_add(skipped), bytes.saturating_sub(skipped) / size * size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects every answer: a page is free only when neither a sequence nor the tree holds it, pages of any size do
    /// not overlap, and the pool never exceeds its maximum.
    #[test]
    fn pages_are_used_free_or_kept() {
        for size in [100, 4096, 5000] {
            let mut pool = Pool::new(size, 3).unwrap();
            let (a, b, c) = (pool.take().unwrap(), pool.take().unwrap(), pool.take().unwrap());
            assert!(pool.take().is_none());
            for (id, value) in [(a, 1), (b, 2), (c, 3)] {
                pool.bytes_mut(id).fill(value);
            }
            assert!([(a, 1), (b, 2), (c, 3)].iter().all(|(id, v)| pool.bytes(*id).iter().all(|byte| byte == v)));
            pool.share(a);
            pool.release(a);
            assert!(pool.take().is_none(), "it has another user");
            pool.keep(a);
            pool.release(a);
            assert!(pool.take().is_none() && !pool.is_used(a), "the tree has it");
            assert_eq!(pool.in_use(), 2);
            pool.forget(a);
            assert_eq!(pool.take(), Some(a));
            pool.copy(c, a);
            assert_eq!(pool.bytes(a), pool.bytes(c));
            pool.release(b);
            pool.trim();
            assert_eq!(pool.take(), Some(b));
            assert!([(a, 3), (c, 3)].iter().all(|(id, v)| pool.bytes(*id).iter().all(|byte| byte == v)));
        }
    }
}
