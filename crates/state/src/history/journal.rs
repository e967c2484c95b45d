//! Recovery of a journal whose last batch was torn by a power loss.
//!
//! fjall discards a batch whose end is missing. But a disk may write the end of a batch before its middle; when power
//! fails then, the batch looks complete and its checksum is wrong, and fjall refuses to open. A history syncs each
//! batch before it starts the next, so only the last batch can be torn, and a torn batch was never acknowledged:
//! dropping it loses nothing (STA-1).

use fjall::Database;
use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Entry tags and sizes of fjall's journal format 3 (`journal/entry.rs` there); an entry is its tag and these bytes.
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const START_BYTES: i64 = 4 + 8;
const ITEM_HEAD_BYTES: usize = 1 + 1 + 8 + 2 + 4 + 4;
const END_BYTES: i64 = 8 + 4;
const CLEAR_BYTES: i64 = 8;

/// Opens the database in `path` without the last batch of its journal. If that does not help, the damage is
/// elsewhere: the batch is put back and the error is the caller's.
pub(super) fn without_torn_batch(
    path: &Path,
    open: impl Fn() -> fjall::Result<Database>,
) -> fjall::Result<Database> {
    let Some(journal) = last_journal(path)? else {
        return open();
    };
    let Some(start) = last_batch(BufReader::new(File::open(&journal)?))? else {
        return open();
    };
    let mut file = File::options().read(true).write(true).open(&journal)?;
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let used = tail
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    file.set_len(start)?;
    file.sync_all()?;
    match open() {
        Ok(database) => {
            tracing::warn!(path = %path.display(), bytes = used, "dropped a batch torn by a power loss");
            Ok(database)
        }
        Err(error) => {
            file.seek(SeekFrom::Start(start))?;
            file.write_all(&tail[..used])?;
            file.sync_all()?;
            Err(error)
        }
    }
}

/// The journal being written: the one with the highest number.
fn last_journal(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut last = None;
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (Some(number), Some("jnl")) = (number, path.extension().and_then(|ext| ext.to_str()))
        {
            last = last.max(Some((number, path)));
        }
    }
    Ok(last.map(|(_, path)| path))
}

/// Where the last complete batch starts; `None` if there is none, or if the journal ends inside a batch.
fn last_batch(mut journal: impl Read + Seek) -> io::Result<Option<u64>> {
    let (mut open, mut last) = (None, None);
    loop {
        let position = journal.stream_position()?;
        let mut tag = [0];
        let end = journal.read(&mut tag)? == 0;
        match tag[0] {
            _ if end => break,
            START if open.is_none() => {
                open = Some(position);
                journal.seek_relative(START_BYTES)?;
            }
            // An item cut short by the end of the file: fjall discards such a batch itself.
            ITEM if open.is_some() => match skip_item(&mut journal) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                result => result?,
            },
            CLEAR if open.is_some() => journal.seek_relative(CLEAR_BYTES)?,
            END if open.is_some() => {
                last = open.take();
                journal.seek_relative(END_BYTES)?;
            }
            // The zeros a journal is preallocated with.
            _ => break,
        }
    }
    Ok(if open.is_none() { last } else { None })
}

fn skip_item(journal: &mut (impl Read + Seek)) -> io::Result<()> {
    let mut head = [0; ITEM_HEAD_BYTES];
    journal.read_exact(&mut head)?;
    // Type, compression, keyspace; then lengths of key, value, and value as stored.
    let key = u16::from_le_bytes([head[10], head[11]]);
    let value = u32::from_le_bytes([head[16], head[17], head[18], head[19]]);
    journal.seek_relative(i64::from(key) + i64::from(value))
}
