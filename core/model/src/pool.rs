//! The memory of all paged keys and values: pages of one size in one range of addresses, so that one tensor views them all
//! and none ever moves. The system is asked for a page's memory when it is first used.

#[cfg(target_os = "linux")]
use rustix::mm::Advice;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use std::ffi::c_void;
use std::ptr::NonNull;

/// The number of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PageId(u32);

impl PageId {
    /// As the graph's tables have it.
    pub(crate) const fn number(self) -> i64 {
        self.0 as i64
    }

    const fn at(self) -> usize {
        self.0 as usize
    }
}

/// The pages, and who uses them.
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
    // Sequences that use it.
    users: u32,
    // Whether the tree of prefixes holds it.
    kept: bool,
}

// SAFETY: the pool owns its memory alone.
#[expect(unsafe_code, reason = "the pointer is owned")]
unsafe impl Send for Pool {}

impl Pool {
    /// Room for `most` pages of `page_bytes` bytes each. `None` where there are not so many addresses.
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

    /// The most pages that there can be.
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

    /// A page for one sequence, whose content is not defined. `None` where all are taken, or the system gives no memory.
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
        // The system's pages may be larger than a part of ours: what a neighbour has mapped already stays as it is.
        // SAFETY: the range is within the mapping, whose memory stays where it is.
        unsafe {
            let flags = MprotectFlags::READ | MprotectFlags::WRITE;
            let (from, bytes) = whole(page, self.page_bytes);
            rustix::mm::mprotect(from, bytes, flags).ok()?;
        }
        self.pages.push(Page::default());
        Some(PageId(u32::try_from(number).ok()?))
    }

    /// One more sequence uses a page.
    pub(crate) fn share(&mut self, id: PageId) {
        let page = &mut self.pages[id.at()];
        self.in_use += usize::from(page.users == 0);
        page.users += 1;
    }

    /// A sequence has no use for a page any more.
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

    /// The tree holds a page from now on.
    pub(crate) fn keep(&mut self, id: PageId) {
        self.pages[id.at()].kept = true;
    }

    /// The tree gives a page up.
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

    /// What a page holds.
    #[expect(unsafe_code, reason = "a view of owned memory")]
    pub(crate) fn bytes(&self, id: PageId) -> &[u8] {
        // SAFETY: the page is mapped, and only runs write to it, which borrow the pool mutably.
        unsafe { std::slice::from_raw_parts(self.address(id.at()).cast(), self.page_bytes) }
    }

    /// A page to be written.
    #[expect(unsafe_code, reason = "a view of owned memory")]
    pub(crate) fn bytes_mut(&mut self, id: PageId) -> &mut [u8] {
        // SAFETY: as above, and the pool is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.address(id.at()).cast(), self.page_bytes) }
    }

    /// Give the memory of free pages back to the system.
    pub(crate) fn trim(&mut self) {
        #[cfg(target_os = "linux")]
        for id in &self.free {
            let (from, bytes) = within(self.address(id.at()), self.page_bytes);
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

/// The range in whole pages of the system that has all of it.
fn whole(from: *mut c_void, bytes: usize) -> (*mut c_void, usize) {
    let size = rustix::param::page_size();
    let before = from as usize % size;
    (from.wrapping_byte_sub(before), (bytes + before).next_multiple_of(size))
}

/// The whole pages of the system in a range.
fn within(from: *mut c_void, bytes: usize) -> (*mut c_void, usize) {
    let size = rustix::param::page_size();
    let skipped = (from as usize).next_multiple_of(size) - from as usize;
    (from.wrapping_byte_add(skipped), bytes.saturating_sub(skipped) / size * size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects every answer: a page is free only when neither a sequence nor the tree has it, pages do not touch each
    /// other whatever their size, and there are never more than were allowed.
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
