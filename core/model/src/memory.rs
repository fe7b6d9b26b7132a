//! Buffers that the runtime reads and writes in place, and tensors that are views of them.

use ort::AsPointer as _;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::sys;
use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

/// Types of tensors that the engine binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Float32,
    Float16,
    Int64,
}

impl Element {
    /// From the name in a manifest.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "float32" => Some(Self::Float32),
            "float16" => Some(Self::Float16),
            _ => None,
        }
    }

    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Float16 => 2,
            Self::Int64 => 8,
        }
    }

    const fn sys(self) -> sys::ONNXTensorElementDataType {
        match self {
            Self::Float32 => sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
            Self::Float16 => sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
            Self::Int64 => sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
        }
    }
}

/// Where cache buffers live.
pub(crate) enum Place {
    /// The program's own memory.
    Host(MemoryInfo<'static>),
    /// The memory of a device, from the session's allocator for it.
    Device(Arc<Allocator>),
}

// SAFETY: ONNX Runtime's allocators may be used from any thread, one at a time.
#[expect(unsafe_code, reason = "the allocator is the session's")]
unsafe impl Send for Place {}

impl Place {
    pub(crate) fn host() -> Result<Self, ort::Error> {
        let info = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default)?;
        Ok(Self::Host(info))
    }

    #[expect(clippy::arc_with_non_send_sync, reason = "an atomic count: buffers move between threads with the session")]
    pub(crate) fn cuda(session: &ort::session::Session) -> Result<Self, ort::Error> {
        let info = MemoryInfo::new(AllocationDevice::CUDA, 0, AllocatorType::Device, MemoryType::Default)?;
        Ok(Self::Device(Arc::new(Allocator::new(session, info)?)))
    }

    pub(crate) fn info(&self) -> *const sys::OrtMemoryInfo {
        match self {
            Self::Host(info) => info.ptr(),
            Self::Device(allocator) => allocator.memory_info().ptr(),
        }
    }
}

/// A block of memory. On the host it begins zeroed, so that rows which are masked out hold numbers.
pub(crate) struct Buffer {
    ptr: NonNull<u8>,
    bytes: usize,
    owner: Owner,
}

enum Owner {
    Host(Layout),
    Device(Arc<Allocator>),
}

// SAFETY: the buffer owns its memory alone, and ONNX Runtime's allocators may be used from any thread.
#[expect(unsafe_code, reason = "the pointer is owned")]
unsafe impl Send for Buffer {}

impl Buffer {
    /// `None` when there is not enough memory.
    #[expect(unsafe_code, reason = "zeroed memory that the system maps when it is touched, not before")]
    pub(crate) fn new(place: &Place, bytes: usize) -> Option<Self> {
        match place {
            Place::Host(_) => {
                let layout = Layout::from_size_align(bytes.max(64), 64).ok()?;
                // SAFETY: the size is not zero.
                let ptr = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) })?;
                Some(Self { ptr, bytes, owner: Owner::Host(layout) })
            }
            Place::Device(allocator) => {
                let block = allocator.alloc::<u8>(bytes.max(64)).ok()?;
                let ptr = NonNull::new(block.into_raw().cast::<u8>())?;
                Some(Self { ptr, bytes, owner: Owner::Device(Arc::clone(allocator)) })
            }
        }
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The memory itself, where it is the program's own.
    #[expect(unsafe_code, reason = "a view of owned memory")]
    pub(crate) fn host(&mut self) -> Option<&mut [u8]> {
        match self.owner {
            // SAFETY: `new` got at least `bytes` zeroed bytes, which live as long as `self`; `self` is borrowed
            // mutably, and tensors over it are only read and written by runs, which borrow the cache that owns it.
            Owner::Host(_) => Some(unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.bytes) }),
            Owner::Device(_) => None,
        }
    }

    /// Copy `bytes` bytes from `from_at` of `from` to `at`.
    #[expect(unsafe_code, reason = "the memory may be that of a device")]
    pub(crate) fn copy_from(
        &mut self,
        at: usize,
        from: &Self,
        from_at: usize,
        bytes: usize,
        environment: &ort::environment::Environment,
        place: &Place,
    ) -> Result<(), ort::Error> {
        let fits = |buffer: &Self, at: usize| at.checked_add(bytes).is_some_and(|end| end <= buffer.bytes);
        if !fits(self, at) || !fits(from, from_at) {
            return Err(ort::Error::new("a copy between caches is out of bounds"));
        }
        // SAFETY: both ranges were checked; `self` is borrowed mutably, so that they are different buffers.
        let (target, source) = unsafe { (self.ptr.add(at), from.ptr.add(from_at)) };
        match self.owner {
            Owner::Host(_) => {
                // SAFETY: as above.
                unsafe { std::ptr::copy_nonoverlapping(source.as_ptr(), target.as_ptr(), bytes) };
                Ok(())
            }
            Owner::Device(_) => {
                let shape = [i64::try_from(bytes / 2).unwrap_or(i64::MAX)];
                let source = Tensor::over(place.info(), source, bytes, &shape, Element::Float16)?;
                let target = Tensor::over(place.info(), target, bytes, &shape, Element::Float16)?;
                let (sources, mut targets) = ([source.as_ptr()], [target.as_ptr()]);
                // SAFETY: both arrays have one valid tensor; without a stream the copy is done on return.
                let status = unsafe {
                    (ort::api().CopyTensors)(
                        environment.ptr().cast_mut(),
                        sources.as_ptr(),
                        targets.as_mut_ptr(),
                        std::ptr::null_mut(),
                        1,
                    )
                };
                // SAFETY: the status of the call above, used once.
                unsafe { ort::Error::result_from_status(status) }
            }
        }
    }

    /// A tensor over the beginning of the buffer. It must not outlive the buffer.
    pub(crate) fn view(&self, place: &Place, shape: &[i64], element: Element) -> Result<Tensor, ort::Error> {
        Tensor::over(place.info(), self.ptr, self.bytes, shape, element)
    }
}

impl Drop for Buffer {
    #[expect(unsafe_code, reason = "frees what `new` got")]
    fn drop(&mut self) {
        match &self.owner {
            // SAFETY: got from `alloc_zeroed` with this layout.
            Owner::Host(layout) => unsafe { std::alloc::dealloc(self.ptr.as_ptr(), *layout) },
            // SAFETY: got from this allocator.
            Owner::Device(allocator) => unsafe { allocator.free(self.ptr.as_ptr()) },
        }
    }
}

/// Noise, for measurements. Any sign and fraction, and exponents for magnitudes from a half to two; of halves, or of
/// 32-bit floats.
pub(crate) fn noise(bytes: &mut [u8], halves: bool) {
    let mut state = 1u64;
    for word in bytes.as_chunks_mut::<8>().0 {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        let noise = state ^ (state >> 32);
        *word = if halves {
            noise & 0x87FF_87FF_87FF_87FF | 0x3800_3800_3800_3800
        } else {
            noise & 0x80FF_FFFF_80FF_FFFF | 0x3F00_0000_3F00_0000
        }
        .to_le_bytes();
    }
}

/// A tensor over memory that its owner keeps alive.
pub(crate) struct Tensor(NonNull<sys::OrtValue>);

// SAFETY: the value is owned alone; its memory is kept alive by the owner of both.
#[expect(unsafe_code, reason = "the pointer is owned")]
unsafe impl Send for Tensor {}

impl Tensor {
    /// A tensor over a slice of host memory, which must outlive it and its use.
    pub(crate) fn of<T>(place: &Place, data: &mut [T], shape: &[i64], element: Element) -> Result<Self, ort::Error> {
        let bytes = std::mem::size_of_val(data);
        let ptr = NonNull::from(data).cast::<u8>();
        Self::over(place.info(), ptr, bytes, shape, element)
    }

    pub(crate) const fn as_ptr(&self) -> *const sys::OrtValue {
        self.0.as_ptr()
    }

    /// A tensor over memory that outlives it.
    #[expect(unsafe_code, reason = "`ort` copies borrowed tensors that are bound; these must not be copied")]
    pub(crate) fn over(
        info: *const sys::OrtMemoryInfo,
        data: NonNull<u8>,
        bytes: usize,
        shape: &[i64],
        element: Element,
    ) -> Result<Self, ort::Error> {
        let elements = shape.iter().try_fold(1usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?));
        let needed = elements
            .and_then(|n| n.checked_mul(element.bytes()))
            .filter(|needed| *needed <= bytes)
            .ok_or_else(|| ort::Error::new("a tensor is larger than its memory"))?;
        let mut value = std::ptr::null_mut();
        // SAFETY: `info` is alive, the memory is at least as large as the shape needs, `value` is an out parameter.
        let status = unsafe {
            (ort::api().CreateTensorWithDataAsOrtValue)(
                info,
                data.as_ptr().cast(),
                needed,
                shape.as_ptr(),
                shape.len(),
                element.sys(),
                &raw mut value,
            )
        };
        // SAFETY: the status of the call above, used once.
        unsafe { ort::Error::result_from_status(status) }?;
        NonNull::new(value).map(Self).ok_or_else(|| ort::Error::new("the runtime returned no tensor"))
    }
}

impl Drop for Tensor {
    #[expect(unsafe_code, reason = "releases what `over` created")]
    fn drop(&mut self) {
        // SAFETY: created by the runtime, released once; it does not own its data.
        unsafe { (ort::api().ReleaseValue)(self.0.as_ptr()) };
    }
}
