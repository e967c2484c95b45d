//! NET-1 at the edges of the process: whatever is on its disk, its ports or its command line, the node either says what
//! is wrong and what to do, or goes on serving. It never panics over it, and never deletes what is not its own.

mod support;

#[path = "bad_input/directories.rs"]
mod directories;
#[path = "bad_input/full_disk.rs"]
mod full_disk;
#[path = "bad_input/noise.rs"]
mod noise;
#[path = "bad_input/requests.rs"]
mod requests;

/// Networks at one time: two leave each other enough of a small machine to meet their deadlines.
static PLACES: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);
