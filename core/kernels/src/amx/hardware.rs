//! The instructions themselves, and whether this process may use them.

use super::{Config, TileUnit};
use std::arch::asm;

/// The tile registers of the thread that runs. The compiler does not use them, so that they keep their values from one
/// instruction to the next.
pub(crate) struct Hardware;

impl TileUnit for Hardware {
    #[inline(always)]
    // SAFETY: the trait says what the caller must promise, for this function and those below.
    unsafe fn configure(&mut self, config: &Config) {
        // SAFETY: the processor has the instruction; the configuration has 64 bytes and is valid.
        unsafe { asm!("ldtilecfg [{}]", in(reg) config, options(nostack, preserves_flags, readonly)) }
    }

    #[inline(always)]
    unsafe fn load<const T: u8>(&mut self, from: *const u8, stride: usize) {
        // SAFETY: as the caller promises.
        unsafe {
            asm!("tileloadd tmm{tile}, [{from} + {stride}*1]", tile = const T, from = in(reg) from,
                stride = in(reg) stride, options(nostack, preserves_flags, readonly));
        }
    }

    #[inline(always)]
    unsafe fn zero<const T: u8>(&mut self) {
        // SAFETY: the processor has the instruction.
        unsafe { asm!("tilezero tmm{tile}", tile = const T, options(nostack, preserves_flags, nomem)) }
    }

    #[inline(always)]
    unsafe fn dot<const TO: u8, const A: u8, const B: u8>(&mut self) {
        // SAFETY: the processor has the instruction, and the registers have shapes that fit.
        unsafe {
            asm!("tdpbssd tmm{to}, tmm{a}, tmm{b}", to = const TO, a = const A, b = const B,
                options(nostack, preserves_flags, nomem));
        }
    }

    #[inline(always)]
    unsafe fn store<const T: u8>(&mut self, to: *mut u8, stride: usize) {
        // SAFETY: as the caller promises.
        unsafe {
            asm!("tilestored [{to} + {stride}*1], tmm{tile}", tile = const T, to = in(reg) to,
                stride = in(reg) stride, options(nostack, preserves_flags));
        }
    }

    #[inline(always)]
    unsafe fn release(&mut self) {
        // SAFETY: the processor has the instruction.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) }
    }
}

/// Whether the processor has the instructions and the system keeps the registers.
fn is_there() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
    /// Of leaf 7: tiles, and products of bytes.
    const TILES: u32 = 1 << 24;
    const BYTES: u32 = 1 << 25;
    /// Of the extended states: the shapes and the registers.
    const STATES: u64 = 0b11 << 17;

    #[target_feature(enable = "xsave")]
    fn states() -> u64 {
        // SAFETY: the system uses extended states, as whoever calls this checked.
        unsafe { _xgetbv(0) }
    }

    if __cpuid(0).eax < 0x1d || !is_x86_feature_detected!("xsave") {
        return false;
    }
    // SAFETY: the processor and the system have extended states: the detection of `xsave` asks for both.
    let states = unsafe { states() };
    if __cpuid_count(7, 0).edx & (TILES | BYTES) != TILES | BYTES || states & STATES != STATES {
        return false;
    }
    // The palette: eight registers of sixteen rows of 64 bytes.
    let palette = __cpuid_count(0x1d, 1);
    palette.ebx & 0xffff == 64 && palette.ebx >> 16 == 8 && palette.ecx & 0xffff == 16
}

/// Asks the system to let this process use the registers.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
    const TILE_DATA: i64 = 18;
    let mut result = ARCH_PRCTL;
    // SAFETY: the call reads and writes no memory of this process. The kernel changes rcx and r11.
    unsafe {
        asm!("syscall", inlateout("rax") result, in("rdi") ARCH_REQ_XCOMP_PERM, in("rsi") TILE_DATA,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result == 0
}

/// Other systems are not known to be asked.
#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// Whether the instructions can be used at all.
pub(super) fn is_usable() -> bool {
    is_there() && is_permitted()
}
