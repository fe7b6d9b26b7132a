//! Threads that wait for work by spinning, as those of the runtime do.

pub(crate) fn pool(threads: usize) -> impl Fn(&(dyn Fn() + Sync)) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    type Work = &'static (dyn Fn() + Sync);
    struct Shared {
        work: std::sync::Mutex<Option<Work>>,
        turn: AtomicUsize,
        done: AtomicUsize,
    }
    let shared: &'static Shared = Box::leak(Box::new(Shared {
        work: std::sync::Mutex::new(None),
        turn: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
    }));
    for _ in 1..threads {
        std::thread::spawn(move || {
            let mut seen = 0;
            loop {
                while shared.turn.load(Ordering::Acquire) == seen {
                    std::hint::spin_loop();
                }
                seen += 1;
                let work = *shared.work.lock().unwrap();
                if let Some(work) = work {
                    work();
                }
                shared.done.fetch_add(1, Ordering::Release);
            }
        });
    }
    move |work| {
        // SAFETY: the threads are done with it before this function returns.
        #[expect(unsafe_code, reason = "threads that live longer than the work")]
        let work: Work = unsafe { std::mem::transmute(work) };
        shared.done.store(0, Ordering::Release);
        *shared.work.lock().unwrap() = Some(work);
        shared.turn.fetch_add(1, Ordering::Release);
        work();
        while shared.done.load(Ordering::Acquire) + 1 < threads {
            std::hint::spin_loop();
        }
    }
}
