use super::*;
use crate::images::image_size;

const SECRET: &[u8] = b"52.5200 N, taken by Ann";

fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u32).to_be_bytes();
    [length.as_slice(), kind, data, &png::crc(&[kind, data]).to_be_bytes()].concat()
}

fn png(between: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let header = png_chunk(b"IHDR", b"\0\0\x01\x40\0\0\0\xB4\x08\x02\0\0\0");
    let parts = [
        b"\x89PNG\r\n\x1A\n".to_vec(),
        header,
        between.concat(),
        png_chunk(b"IDAT", b"first"),
        png_chunk(b"IDAT", b"second"),
        png_chunk(b"IEND", b""),
        behind.to_vec(),
    ];
    parts.concat()
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xFF, marker], ((data.len() + 2) as u16).to_be_bytes().as_slice(), data].concat()
}

fn jpeg(between: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let parts = [
        vec![0xFF, 0xD8],
        between.concat(),
        segment(0xDB, &[1; 65]),
        segment(0xC2, b"\x08\0\xB4\x01\x40\x03\x01\x22\0\x02\x11\x01\x03\x11\x01"),
        segment(0xC4, &[2; 20]),
        segment(0xDA, b"\x03\x01\0\x02\x11\x03\x11\0\x3F\0"),
        b"data\xFF\0more\xFF\xD0rest".to_vec(),
        // A second scan, as in progressive pictures.
        segment(0xC4, &[3; 20]),
        segment(0xDA, b"\x01\x01\0\x01\x05\0"),
        b"scan\xFF\0".to_vec(),
        vec![0xFF, 0xD9],
        behind.to_vec(),
    ];
    parts.concat()
}

fn webp_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u32).to_le_bytes();
    let padding = vec![0; data.len() % 2];
    [kind.as_slice(), &length, data, &padding].concat()
}

fn webp(flags: u8, chunks: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let header = [flags, 0, 0, 0, 0x3F, 0x01, 0, 0xB3, 0, 0];
    let inside = [b"WEBP".to_vec(), webp_chunk(b"VP8X", &header), chunks.concat()].concat();
    [b"RIFF", (inside.len() as u32).to_le_bytes().as_slice(), &inside, behind].concat()
}

fn gif(between: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let parts = [
        b"GIF89a\x40\x01\xB4\0\x80\0\0".to_vec(),
        vec![0; 6],
        between.concat(),
        b"\x21\xF9\x04\0\0\0\0\0".to_vec(),
        b"\x2C\0\0\0\0\x40\x01\xB4\0\0\x02\x03abc\x02de\0".to_vec(),
        b";".to_vec(),
        behind.to_vec(),
    ];
    parts.concat()
}

fn extension(label: u8, name: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x21, label];
    for block in [name, data].into_iter().filter(|block| !block.is_empty()) {
        bytes.push(block.len() as u8);
        bytes.extend(block);
    }
    bytes.push(0);
    bytes
}

/// EXIF as cameras write it: little-endian, with other entries around the orientation, a place and text.
fn camera(orientation: u16) -> Vec<u8> {
    let mut tiff = b"II\x2A\0\x08\0\0\0\x03\0".to_vec();
    for (tag, kind, value) in [(0x010F, 2, 50), (0x0112, 3, orientation), (0x8825, 4, 60)] {
        tiff.extend(u16::to_le_bytes(tag));
        tiff.extend(u16::to_le_bytes(kind));
        tiff.extend(1_u32.to_le_bytes());
        tiff.extend(u32::from(value).to_le_bytes());
    }
    tiff.extend([0; 4]);
    tiff.extend(SECRET);
    tiff
}

fn all(with: impl Fn(u16) -> Vec<u8>) -> [(&'static str, Vec<u8>); 4] {
    let exif = |orientation| [b"Exif\0\0".to_vec(), with(orientation)].concat();
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat();
    let frame = [vec![0; 16], webp_chunk(b"junk", SECRET), webp_chunk(b"VP8L", b"frame")].concat();
    [
        (
            "png",
            png(
                &[
                    png_chunk(b"tEXt", SECRET),
                    png_chunk(b"zTXt", SECRET),
                    png_chunk(b"iTXt", SECRET),
                    png_chunk(b"tIME", SECRET),
                    png_chunk(b"prVt", SECRET),
                    png_chunk(b"eXIf", &with(1)),
                    png_chunk(b"iCCP", b"a profile"),
                    png_chunk(b"pHYs", b"\0\0\x16\x25\0\0\x16\x25\x01"),
                ],
                SECRET,
            ),
        ),
        (
            "jpg",
            jpeg(
                &[
                    segment(0xE0, b"JFIF\0\x01\x02\x01\0\x48\0\x48\x01\x01\xAA\xBB\xCC"),
                    segment(0xE0, &[b"JFXX\0", SECRET].concat()),
                    segment(0xE1, &exif(1)),
                    segment(0xE1, &xmp),
                    segment(0xE2, b"ICC_PROFILE\0\x01\x01a profile"),
                    segment(0xE2, &[b"MPF\0", SECRET].concat()),
                    segment(0xED, SECRET),
                    segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01"),
                    segment(0xFE, SECRET),
                ],
                SECRET,
            ),
        ),
        (
            "webp",
            webp(
                0b10_1110,
                &[
                    webp_chunk(b"ICCP", b"a profile"),
                    webp_chunk(b"ANIM", b"anim!!"),
                    webp_chunk(b"ANMF", &frame),
                    webp_chunk(b"VP8 ", b"a picture"),
                    webp_chunk(b"EXIF", &with(1)),
                    webp_chunk(b"XMP ", SECRET),
                    webp_chunk(b"junk", SECRET),
                ],
                SECRET,
            ),
        ),
        (
            "gif",
            gif(
                &[
                    extension(0xFF, b"NETSCAPE2.0", b"\x01\0\0"),
                    extension(0xFF, b"XMP DataXMP", SECRET),
                    extension(0xFE, b"", SECRET),
                    extension(0x01, b"plain", SECRET),
                ],
                SECRET,
            ),
        ),
    ]
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn metadata_and_bytes_behind_the_end_are_gone() {
    for (name, picture) in all(camera) {
        assert!(has(&picture, SECRET), "{name}");
        let clean = without_metadata(&picture).unwrap();
        assert!(!has(&clean, &SECRET[..8]), "{name}: {:?}", String::from_utf8_lossy(&clean));
        assert_eq!(image_size(&clean), Some((320, 180)), "{name}");
        assert_eq!(without_metadata(&clean).as_ref(), Ok(&clean), "{name} twice");
    }
}

#[test]
fn what_the_picture_looks_like_stays_byte_for_byte() {
    let cleaned = all(camera).map(|(_, picture)| without_metadata(&picture).unwrap());
    let [png_is, jpeg_is, webp_is, gif_is] = cleaned;
    let color =
        [png_chunk(b"iCCP", b"a profile"), png_chunk(b"pHYs", b"\0\0\x16\x25\0\0\x16\x25\x01")];
    assert_eq!(png_is, png(&color, b""));
    let segments = [
        segment(0xE0, b"JFIF\0\x01\x02\x01\0\x48\0\x48\0\0"),
        segment(0xE2, b"ICC_PROFILE\0\x01\x01a profile"),
        segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01"),
    ];
    assert_eq!(jpeg_is, jpeg(&segments, b""));
    let frame = [vec![0; 16], webp_chunk(b"VP8L", b"frame")].concat();
    let chunks = [
        webp_chunk(b"ICCP", b"a profile"),
        webp_chunk(b"ANIM", b"anim!!"),
        webp_chunk(b"ANMF", &frame),
        webp_chunk(b"VP8 ", b"a picture"),
    ];
    assert_eq!(webp_is, webp(0b10_0010, &chunks, b""));
    assert_eq!(gif_is, gif(&[extension(0xFF, b"NETSCAPE2.0", b"\x01\0\0")], b""));
}

#[test]
fn orientation_is_all_that_stays_of_exif() {
    let photo = |orientation| {
        jpeg(&[segment(0xE1, &[b"Exif\0\0", camera(orientation).as_slice()].concat())], SECRET)
    };
    for orientation in 2..=8 {
        let clean = without_metadata(&photo(orientation)).unwrap();
        assert!(!has(&clean, &SECRET[..8]));
        assert_eq!(jpeg::orientation(&clean), Some(orientation));
        assert_eq!(is_turned(&clean), orientation >= 5, "{orientation}");
        assert_eq!(without_metadata(&clean).as_ref(), Ok(&clean));
        assert_eq!(image_size(&clean), Some((320, 180)));
    }
    for none in [0, 1, 9, 600] {
        let clean = without_metadata(&photo(none)).unwrap();
        assert!(!has(&clean, b"Exif") && !is_turned(&clean), "{none}");
    }
    let clean = without_metadata(&png(&[png_chunk(b"eXIf", &camera(6))], b"")).unwrap();
    assert_eq!(clean, png(&[png_chunk(b"eXIf", &exif::of_orientation(6))], b""));
    let chunks = [webp_chunk(b"VP8 ", b"a picture"), webp_chunk(b"EXIF", &camera(6))];
    let clean = without_metadata(&webp(0b1000, &chunks, b"")).unwrap();
    let chunks = [webp_chunk(b"VP8 ", b"a picture"), webp_chunk(b"EXIF", &exif::of_orientation(6))];
    assert_eq!(clean, webp(0b1000, &chunks, b""));
}

#[test]
fn files_that_are_cut_off_are_refused_everywhere_but_at_the_end() {
    for (name, picture) in all(camera) {
        let clean = without_metadata(&picture).unwrap();
        for cut in 0..clean.len() {
            match without_metadata(&clean[..cut]) {
                Err(_) => {}
                // JPEG and GIF are completed if only their last scan or their trailer is missing.
                Ok(whole) => {
                    assert!(name == "jpg" || name == "gif", "{name} at {cut}");
                    assert_eq!(image_size(&whole), Some((320, 180)));
                }
            }
        }
    }
    for other in [b"".as_slice(), b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", b"BM1234567890"] {
        assert_eq!(without_metadata(other), Err(PictureError::Unknown));
    }
}

#[test]
fn a_second_file_in_the_same_bytes_is_gone() {
    // A page, an archive and another picture behind the end; a page in a comment.
    for more in [b"<!doctype html><script>".as_slice(), b"PK\x03\x04", b"\x89PNG\r\n\x1A\n"] {
        for picture in
            [png(&[], more), jpeg(&[], more), webp(0, &[webp_chunk(b"VP8 ", b"a")], more)]
        {
            assert!(has(&picture[8..], more));
            let clean = without_metadata(&picture).unwrap();
            assert!(!has(&clean[8..], more), "{more:?}");
        }
    }
    let page = jpeg(&[segment(0xFE, b"*/=1;alert(1)/*")], b"");
    assert!(!has(&without_metadata(&page).unwrap(), b"alert"));
}

#[test]
fn chunks_that_lie_about_their_length_are_refused() {
    let mut long = png(&[png_chunk(b"tEXt", b"a")], b"");
    // The length of the text chunk: after the signature and IHDR.
    long[33..37].copy_from_slice(&[0xFF; 4]);
    assert_eq!(without_metadata(&long), Err(PictureError::Cut));
    let mut short = jpeg(&[segment(0xE1, b"Exif\0\0")], b"");
    short[4..6].copy_from_slice(&[0, 1]);
    assert_eq!(without_metadata(&short), Err(PictureError::Malformed));
    let mut riff = webp(0, &[webp_chunk(b"VP8 ", b"a")], b"");
    riff[4..8].copy_from_slice(&[0xFF; 4]);
    assert_eq!(without_metadata(&riff), Err(PictureError::Cut));
    riff[4..8].copy_from_slice(&[3, 0, 0, 0]);
    assert_eq!(without_metadata(&riff), Err(PictureError::Malformed));
    // IHDR twice, an unknown chunk that is needed, and EXIF that points into itself.
    let twice = png(&[png_chunk(b"IHDR", &[0; 13])], b"");
    assert_eq!(without_metadata(&twice), Err(PictureError::Malformed));
    assert_eq!(
        without_metadata(&png(&[png_chunk(b"CgBI", b"")], b"")),
        Err(PictureError::Malformed)
    );
    for tiff in [b"II\x2A\0\xFF\xFF\xFF\xFF\xFF\xFF".as_slice(), b"MM\0\x2A\0\0\0\0\xFF\xFF", b"II"]
    {
        assert_eq!(exif::orientation(tiff), None);
    }
}

#[test]
fn spoiled_pictures_are_refused_or_cleaned_for_good() {
    let mut cleaned = 0;
    for (round, (_, picture)) in all(camera).iter().cycle().enumerate().take(40_000) {
        let mut spoiled = picture.clone();
        for step in 0..=round % 5 {
            let at = (round * 7_919 + step * 104_729) % spoiled.len();
            spoiled[at] = match round % 3 {
                0 => (round as u8).wrapping_mul(31).wrapping_add(step as u8),
                1 => 0xFF,
                _ => 0,
            };
        }
        if let Ok(clean) = without_metadata(&spoiled) {
            cleaned += 1;
            assert!(clean.len() <= spoiled.len() + 64);
            assert_eq!(without_metadata(&clean).as_ref(), Ok(&clean), "{spoiled:?}");
        }
        std::hint::black_box(is_turned(&spoiled));
    }
    assert!(cleaned > 1_000, "{cleaned} were still pictures");
}
