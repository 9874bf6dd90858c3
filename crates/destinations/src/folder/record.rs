//! A record of what was written of one item, kept in the folder's hidden folder, so that a killed client writes nothing twice.
//!
//! A record is lines of text, which are only appended; a line that a crash tore is ignored and overwritten:
//! ```text
//! file Checkout.webm       the file that it becomes; its partial is Checkout.webm.part
//! part 0 81920 9f86d08…    part 0 ends at byte 81,920 and has this SHA-256
//! part 1 153600 60303ae…
//! done Checkout (2).webm   the name that was free at the end
//! ```
//! A part's line is written after its bytes are synced.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// A part whose bytes are in the partial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrittenPart {
    /// Where the part ends in the file.
    pub(super) end: u64,
    /// The part's SHA-256 in hexadecimal.
    pub(super) sha256: String,
}

/// Records what was written of one item.
#[derive(Debug)]
pub(super) struct ItemRecord {
    path: PathBuf,
    /// The name of the file that it becomes, if nothing has that name then.
    pub(super) file: String,
    pub(super) parts: Vec<WrittenPart>,
    /// The name under which the whole file is, or is about to be.
    pub(super) done: Option<String>,
    /// Where each line of a part begins, and where the last whole line ends.
    line_starts: Vec<u64>,
    end: u64,
}

impl ItemRecord {
    /// Begins a record. Fails if there is one.
    pub(super) fn create(path: PathBuf, file: String) -> io::Result<Self> {
        let mut created = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let line = format!("file {file}\n");
        created.write_all(line.as_bytes())?;
        created.sync_all()?;
        let end = line.len() as u64;
        let (parts, line_starts) = (Vec::new(), Vec::new());
        Ok(ItemRecord { path, file, parts, done: None, line_starts, end })
    }

    /// Reads a record. A file without a whole first line is an error of the kind `InvalidData`.
    pub(super) fn read(path: PathBuf) -> io::Result<Self> {
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        let mut record = ItemRecord {
            path,
            file: String::new(),
            parts: Vec::new(),
            done: None,
            line_starts: Vec::new(),
            end: 0,
        };
        for line in text.split_inclusive('\n') {
            if !record.take(line) {
                break;
            }
            record.end += line.len() as u64;
        }
        match record.file.is_empty() {
            true => Err(io::ErrorKind::InvalidData.into()),
            false => Ok(record),
        }
    }

    /// Takes a line over. Returns whether it is whole, and makes sense where it is.
    fn take(&mut self, line: &str) -> bool {
        let Some((word, rest)) = line.strip_suffix('\n').and_then(|line| line.split_once(' '))
        else {
            return false;
        };
        match word {
            "file" if self.file.is_empty() => self.file = rest.to_owned(),
            "part" => {
                let mut fields = rest.split(' ');
                let index = fields.next().and_then(|text| text.parse::<usize>().ok());
                let end = fields.next().and_then(|text| text.parse::<u64>().ok());
                let (Some(index), Some(end), Some(sha256)) = (index, end, fields.next()) else {
                    return false;
                };
                if index != self.parts.len() || end < self.written() {
                    return false;
                }
                self.line_starts.push(self.end);
                self.parts.push(WrittenPart { end, sha256: sha256.to_owned() });
            }
            "done" => self.done = Some(rest.to_owned()),
            _ => return false,
        }
        true
    }

    /// Returns how many bytes of the partial count.
    pub(super) fn written(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.end)
    }

    /// Notes that the next part is written.
    pub(super) fn push(&mut self, part: WrittenPart) -> io::Result<()> {
        let start = self.end;
        self.append(&format!("part {} {} {}\n", self.parts.len(), part.end, part.sha256))?;
        self.line_starts.push(start);
        self.parts.push(part);
        Ok(())
    }

    /// Drops the parts from this one on, since they are written anew.
    pub(super) fn truncate(&mut self, parts: usize) -> io::Result<()> {
        let Some(start) = self.line_starts.get(parts).copied() else { return Ok(()) };
        let file = OpenOptions::new().write(true).open(&self.path)?;
        file.set_len(start)?;
        file.sync_all()?;
        self.parts.truncate(parts);
        self.line_starts.truncate(parts);
        (self.end, self.done) = (start, None);
        Ok(())
    }

    /// Notes the name under which the whole file is about to be.
    pub(super) fn finish(&mut self, name: &str) -> io::Result<()> {
        self.append(&format!("done {name}\n"))?;
        self.done = Some(name.to_owned());
        Ok(())
    }

    /// Removes the record.
    pub(super) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        file.set_len(self.end)?;
        file.seek(SeekFrom::Start(self.end))?;
        let appended = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = appended {
            // A line that counts although its part was reported as failed would do no harm, half of one neither.
            let _ = file.set_len(self.end);
            return Err(error);
        }
        self.end += line.len() as u64;
        Ok(())
    }
}

/// Writes a whole small file, so that after a crash it has the old text or the new one.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let next = path.with_extension("new");
    let mut file = File::create(&next)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&next, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(end: u64) -> WrittenPart {
        WrittenPart { end, sha256: format!("{end:064x}") }
    }

    #[test]
    fn torn_line_is_ignored_and_overwritten() {
        let folder = std::env::temp_dir().join(format!("record-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("torn");
        let mut record = ItemRecord::create(path.clone(), "Über.webm".into()).unwrap();
        record.push(part(10)).unwrap();
        record.push(part(30)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..70 {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let mut record = ItemRecord::read(path.clone()).unwrap();
            assert_eq!(record.parts, [part(10)], "cut by {cut}");
            record.push(part(30)).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut by {cut}");
        }
        let mut record = ItemRecord::read(path.clone()).unwrap();
        record.truncate(1).unwrap();
        record.push(part(20)).unwrap();
        record.finish("Über (2).webm").unwrap();
        let record = ItemRecord::read(path).unwrap();
        assert_eq!((record.written(), record.done.as_deref()), (20, Some("Über (2).webm")));
        assert_eq!(record.parts, [part(10), part(20)]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
