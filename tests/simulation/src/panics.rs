//! Panics of simulated processes: kept with their place, and off the terminal.

use std::{any::Any, cell::RefCell, panic, sync::Once};

thread_local! {
    /// Depth of supervised polls, and where the last panic inside one came from.
    static SUPERVISED: RefCell<(usize, Option<String>)> = const { RefCell::new((0, None)) };
}

/// Runs `work`, which catches panics; they are recorded instead of printed.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let recorded = SUPERVISED.with_borrow_mut(|(depth, place)| {
                *place = info.location().map(ToString::to_string);
                *depth > 0
            });
            if !recorded {
                previous(info);
            }
        }));
    });
    SUPERVISED.with_borrow_mut(|(depth, _)| *depth += 1);
    let result = work();
    SUPERVISED.with_borrow_mut(|(depth, _)| *depth -= 1);
    result
}

/// Text and place of a caught panic.
pub(crate) fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    let place = SUPERVISED.with_borrow_mut(|(_, place)| place.take());
    format!(
        "{} at {}",
        text.unwrap_or("panicked"),
        place.as_deref().unwrap_or("an unknown place")
    )
}
