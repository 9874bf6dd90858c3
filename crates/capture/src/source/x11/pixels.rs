//! Memory that is shared with the server, and drawing the pointer.

use memmap2::MmapMut;
use x11rb::connection::Connection;
use x11rb::errors::ConnectionError;
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::GetCursorImageReply;
use x11rb::rust_connection::RustConnection;

use crate::source::picture::BYTES_PER_PIXEL;

/// Memory that the server writes pictures into.
pub(super) struct SharedMemory {
    pub segment: u32,
    pub memory: MmapMut,
}

impl SharedMemory {
    /// Creates shared memory. `None` if server and program can't share memory: the display is another
    /// machine's, or in another container.
    #[allow(unsafe_code)]
    pub(super) fn new(connection: &RustConnection, bytes: usize) -> Option<Self> {
        if !super::display::has(connection, shm::X11_EXTENSION_NAME) {
            return None;
        }
        let version = connection.shm_query_version().ok()?.reply().ok()?;
        if (version.major_version, version.minor_version) < (1, 2) {
            return None;
        }
        let segment = connection.generate_id().ok()?;
        let size = u32::try_from(bytes).ok()?;
        let reply = connection.shm_create_segment(segment, size, false).ok()?.reply().ok()?;
        let file = std::fs::File::from(reply.shm_fd);
        if file.metadata().ok()?.len() < u64::from(size) {
            return None;
        }
        // SAFETY: the mapping lives as long as `SharedMemory` and is as long as the file. The other side is
        // the X server, which writes between our request and its reply only; while it does so nothing
        // here reads, since the one thread that could waits for that reply. It does not cut the file.
        let memory = unsafe { memmap2::MmapOptions::new().len(bytes).map_mut(&file) }.ok()?;
        Some(SharedMemory { segment, memory })
    }

    /// Releases it on the server.
    pub(super) fn leave(self, connection: &RustConnection) -> Result<(), ConnectionError> {
        connection.shm_detach(self.segment).map(x11rb::cookie::VoidCookie::ignore_error)
    }
}

/// Draws the pointer. Its pixels are ARGB, with the colors already multiplied by alpha.
pub(super) fn draw_pointer(
    picture: &mut [u8],
    size: (u32, u32),
    pointer: &GetCursorImageReply,
    corner: (i32, i32),
) {
    let left = i32::from(pointer.x) - i32::from(pointer.xhot) - corner.0;
    let top = i32::from(pointer.y) - i32::from(pointer.yhot) - corner.1;
    let width = usize::from(pointer.width).max(1);
    for (row, pixels) in (top..).zip(pointer.cursor_image.chunks_exact(width)) {
        for (column, pixel) in (left..).zip(pixels) {
            if row < 0 || column < 0 || row as u32 >= size.1 || column as u32 >= size.0 {
                continue;
            }
            let [blue, green, red, alpha] = pixel.to_le_bytes();
            let at = (row as usize * size.0 as usize + column as usize) * BYTES_PER_PIXEL;
            for (under, over) in picture[at..at + 3].iter_mut().zip([blue, green, red]) {
                let through = u16::from(*under) * u16::from(255 - alpha) / 255;
                *under = over.saturating_add(through as u8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointer_is_clipped_at_the_edges() {
        let pointer = GetCursorImageReply {
            x: 0,
            y: 0,
            xhot: 1,
            yhot: 1,
            width: 2,
            height: 2,
            // Half see-through white at the lower right, which is the picture's first pixel.
            cursor_image: vec![0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0x8080_8080],
            ..GetCursorImageReply::default()
        };
        let mut picture = vec![100; 2 * 2 * BYTES_PER_PIXEL];
        draw_pointer(&mut picture, (2, 2), &pointer, (0, 0));
        assert_eq!(picture[..4], [177, 177, 177, 100]);
        assert!(picture[4..].iter().all(|byte| *byte == 100));
        draw_pointer(&mut picture, (2, 2), &pointer, (i32::from(i16::MAX), -9));
    }
}
