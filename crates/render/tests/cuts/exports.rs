//! Exports of every format, judged by ffprobe and ffmpeg.

use std::path::Path;
use std::time::{Duration, Instant};

use snaplark_core::edit::{Chapter, Edit};
use snaplark_core::render::{
    ExportFormat, ExportOptions, Recipe, Render as _, RenderError, RenderProgress,
};
use snaplark_render::SystemRender;

use crate::judge::{cuts, export, new_part, options, pictures, probe, run, sound};
use crate::recorded::{FAST, SCALED, STILL, USUAL};

/// 1 s, and 2.5 s from the picture at 7,000 ms.
const KEEP: [std::ops::Range<u64>; 2] = [500..1_500, 7_000..9_500];
const KEPT_MS: u64 = 3_500;

fn duration_ms(file: &Path) -> u64 {
    let seconds: f64 = probe(file, "", "format=duration").parse().unwrap();
    (seconds * 1_000.0).round() as u64
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn mp4_has_h264_aac_and_its_index_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = export(&USUAL, &cuts(&KEEP, &[]), &options(ExportFormat::Mp4), folder.path());
    assert_eq!(probe(&file, "v", "stream=codec_name,width,height,pix_fmt"), "h264,176,96,yuv420p");
    assert_eq!(probe(&file, "a", "stream=codec_name,channels"), "aac,2");
    assert!(duration_ms(&file).abs_diff(KEPT_MS) <= 60, "{}", duration_ms(&file));
    let bytes = std::fs::read(&file).unwrap();
    let position = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
    assert!(position(b"moov") < position(b"mdat"), "the index comes last");
    let seen = pictures(&file, USUAL.size);
    let want: Vec<usize> = (0..USUAL.times.len())
        .filter(|number| KEEP.iter().any(|range| range.contains(&USUAL.times[*number])))
        .collect();
    let numbers: Vec<usize> = seen.iter().map(|seen| seen.number).collect();
    assert_eq!(numbers, want);
    // A beep and its flash: the one at 8 s, which is 2 s into the export.
    let flash = seen.iter().find(|seen| seen.is_flash && seen.time_ms > 1_600).unwrap().time_ms;
    let heard = sound(&file);
    let from = 48 * 1_600;
    let beep =
        from + heard[from..].iter().position(|sample| sample.unsigned_abs() > 3_000).unwrap();
    assert!((beep as u64 / 48).abs_diff(flash) <= 40, "flash {flash}, beep {}", beep / 48);
    assert_eq!(names(folder.path()), ["usual.mp4"]);
}

#[test]
fn mp4_of_an_odd_size_and_of_no_sound_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = export(&SCALED, &cuts(&[0..2_000], &[]), &options(ExportFormat::Mp4), folder.path());
    assert_eq!(probe(&file, "v", "stream=width,height"), "332,186");
    let file = export(&FAST, &cuts(&[0..2_000], &[]), &options(ExportFormat::Mp4), folder.path());
    assert_eq!(probe(&file, "a", "stream=codec_name"), "");
    assert_eq!(pictures(&file, FAST.size).len(), 120);
}

#[test]
fn mp4_ends_with_the_pictures_after_a_still() {
    let folder = tempfile::tempdir().unwrap();
    for (end_ms, shown) in [(5_970, 4), (6_001, 5)] {
        let kept = 4_000..end_ms;
        let edit = cuts(std::slice::from_ref(&kept), &[]);
        let file = export(&STILL, &edit, &options(ExportFormat::Mp4), folder.path());
        let times = STILL.times.iter().enumerate().filter(|(_, time_ms)| kept.contains(*time_ms));
        let want: Vec<usize> = times.map(|(number, _)| number).collect();
        assert_eq!(want.len(), shown);
        let seen: Vec<usize> = pictures(&file, STILL.size).iter().map(|seen| seen.number).collect();
        assert_eq!(seen, want, "until {end_ms} ms");
    }
}

#[test]
fn gif_shows_the_pictures_at_its_rate() {
    let folder = tempfile::tempdir().unwrap();
    let gif = ExportOptions { fps: Some(10), ..options(ExportFormat::Gif) };
    let file = export(&USUAL, &cuts(&KEEP, &[]), &gif, folder.path());
    assert_eq!(probe(&file, "v", "stream=codec_name,width,height"), "gif,176,96");
    let seen = pictures(&file, USUAL.size);
    assert_eq!(seen.len(), 35);
    for (tick, seen) in (0..).zip(&seen) {
        let source = if tick < 10 { 500 + tick * 100 } else { 6_000 + tick * 100 };
        let want = USUAL.times.iter().rposition(|time_ms| *time_ms <= source).unwrap();
        assert_eq!((seen.time_ms, seen.number), (tick * 100, want));
    }
}

#[test]
fn gif_of_a_still_screen_shows_each_picture_as_long_as_it_stood() {
    let folder = tempfile::tempdir().unwrap();
    let gif = ExportOptions { fps: Some(20), ..options(ExportFormat::Gif) };
    let file = export(&STILL, &cuts(&[4_000..6_500], &[]), &gif, folder.path());
    let seen = pictures(&file, STILL.size);
    // A still of 1.85 s from 4,067 ms on.
    let gap = seen.windows(2).map(|pair| pair[1].time_ms - pair[0].time_ms).max().unwrap();
    assert!((1_700..=1_900).contains(&gap), "{gap} {seen:?}");
    assert!(duration_ms(&file).abs_diff(2_500) <= 60);
}

#[test]
fn webp_is_an_animation_of_the_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let webp = ExportOptions { fps: Some(5), ..options(ExportFormat::Webp) };
    let file = export(&USUAL, &cuts(&KEEP, &[]), &webp, folder.path());
    // ffmpeg of Debian 12 reads no animations, so another decoder judges.
    let bytes = std::fs::read(&file).unwrap();
    let decoder = image::codecs::webp::WebPDecoder::new(std::io::Cursor::new(bytes)).unwrap();
    assert!(decoder.has_animation());
    let frames = image::AnimationDecoder::into_frames(decoder).collect_frames().unwrap();
    assert_eq!(frames.len(), 18);
    let total: f64 = frames
        .iter()
        .map(|frame| {
            let (top, bottom) = frame.delay().numer_denom_ms();
            f64::from(top) / f64::from(bottom)
        })
        .sum();
    assert!((total - KEPT_MS as f64).abs() < 2.0, "{total}");
    for (tick, frame) in (0..).zip(&frames) {
        let source = if tick < 5 { 500 + tick * 200 } else { 6_000 + tick * 200 };
        let want = USUAL.times.iter().rposition(|time_ms| *time_ms <= source).unwrap();
        let white =
            |bit: u32| frame.buffer().get_pixel(bit % 8 * 20 + 10, bit / 8 * 20 + 10)[1] > 128;
        let number: usize = (0..16).filter(|bit| white(*bit)).map(|bit| 1 << bit).sum();
        assert_eq!(number, want, "picture {tick}");
    }
}

#[test]
fn png_writes_each_picture_once_or_one_for_each_tick() {
    let folder = tempfile::tempdir().unwrap();
    let whole =
        export(&STILL, &cuts(&[4_000..6_000], &[]), &options(ExportFormat::Png), folder.path());
    let stood = STILL.times.iter().filter(|time_ms| (4_000..6_000).contains(*time_ms)).count();
    assert_eq!(names(&whole).len(), stood);
    let ticks = ExportOptions { fps: Some(10), width: Some(88), ..options(ExportFormat::Png) };
    let ticked = export(&STILL, &cuts(&[4_000..6_000], &[]), &ticks, folder.path());
    assert_eq!(names(&ticked).len(), 20);
    assert_eq!(probe(&ticked.join("frame-000001.png"), "v", "stream=width,height"), "88,48");
}

#[test]
fn sound_alone_lasts_as_long_as_the_edit() {
    let folder = tempfile::tempdir().unwrap();
    for (format, codec) in [(ExportFormat::Opus, "opus"), (ExportFormat::Wav, "pcm_s16le")] {
        let file = export(&USUAL, &cuts(&KEEP, &[]), &options(format), folder.path());
        assert_eq!(probe(&file, "", "stream=codec_name"), codec);
        assert!(duration_ms(&file).abs_diff(KEPT_MS) <= 21, "{codec}: {}", duration_ms(&file));
        let heard = sound(&file);
        // The beeps at 1, 7, 8 and 9 s.
        for beep in [500, 1_000, 2_000, 3_000] {
            let around = &heard[48 * (beep + 30)..48 * (beep + 70)];
            let loud = around.iter().filter(|sample| sample.unsigned_abs() > 3_000).count();
            assert!(loud > 1_000, "{codec}: no beep at {beep} ms");
        }
        let quiet = &heard[48 * 2_200..48 * 2_900];
        assert!(quiet.iter().all(|sample| sample.unsigned_abs() < 300), "{codec}");
    }
    let part = new_part(folder.path());
    let recipe = Recipe::Export {
        part: &part,
        segments: &*FAST,
        edit: None,
        options: &options(ExportFormat::Wav),
        file: &folder.path().join("none.wav"),
    };
    let refused = SystemRender.render(&recipe, &RenderProgress::default());
    assert_eq!(refused, Err(RenderError::Silent));
}

#[test]
fn names_that_are_taken_are_numbered() {
    let folder = tempfile::tempdir().unwrap();
    let edit = cuts(&[0..500], &[]);
    let wav = options(ExportFormat::Wav);
    let first = export(&USUAL, &edit, &wav, folder.path());
    let before = std::fs::read(&first).unwrap();
    let second = export(&USUAL, &edit, &wav, folder.path());
    assert_eq!(names(folder.path()), ["usual (2).wav", "usual.wav"]);
    assert_eq!(std::fs::read(first).unwrap(), before);
    assert_eq!(std::fs::read(second).unwrap(), before);
}

#[test]
fn ten_exports_at_once_are_ten_files() {
    let folder = tempfile::tempdir().unwrap();
    let formats = [ExportFormat::Webm, ExportFormat::Gif, ExportFormat::Wav, ExportFormat::Mp4];
    std::thread::scope(|scope| {
        for number in 0..10 {
            let (folder, format) = (folder.path(), formats[number % 4]);
            scope
                .spawn(move || export(&USUAL, &cuts(&[900..2_600], &[]), &options(format), folder));
        }
    });
    let names = names(folder.path());
    assert_eq!(names.len(), 10, "{names:?}");
    assert!(names.iter().all(|name| !name.contains("part")), "{names:?}");
}

#[test]
fn cancelled_export_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for format in ExportFormat::ALL {
        let progress = RenderProgress::default();
        let file = folder.path().join("cancelled");
        let options = options(format);
        let part = new_part(folder.path());
        let recipe = Recipe::Export {
            segments: &*USUAL,
            edit: None,
            options: &options,
            file: &file,
            part: &part,
        };
        let result = std::thread::scope(|scope| {
            let work = scope.spawn(|| SystemRender.render(&recipe, &progress));
            // It is cancelled as soon as it writes, or before.
            let limit = Instant::now() + Duration::from_secs(60);
            while progress.thousandths() == 0 && !work.is_finished() && Instant::now() < limit {
                std::thread::yield_now();
            }
            progress.cancel();
            work.join().unwrap()
        });
        match result {
            Err(error) => assert_eq!(error, RenderError::Cancelled, "{format:?}"),
            // It was finished before.
            Ok(path) if path.is_dir() => std::fs::remove_dir_all(path).unwrap(),
            Ok(path) => std::fs::remove_file(path).unwrap(),
        }
        assert_eq!(names(folder.path()), [""; 0], "{format:?}");
    }
}

#[test]
fn estimated_size_of_a_gif_is_near_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let whole = 0..USUAL.end_ms;
    let edit = cuts(&[whole], &[]);
    for format in [ExportFormat::Gif, ExportFormat::Webp] {
        let options = options(format);
        let guess = SystemRender.export_size(&*USUAL, Some(&edit), &options).unwrap();
        let file = export(&USUAL, &edit, &options, folder.path());
        let real = file.metadata().unwrap().len();
        assert!(guess * 10 > real * 6 && guess * 10 < real * 16, "{format:?}: {guess} for {real}");
    }
}

#[test]
fn chapters_of_what_is_kept_are_in_webm_and_mp4() {
    let folder = tempfile::tempdir().unwrap();
    let chapter = |start_ms, title: &str| Chapter { start_ms, title: title.to_owned() };
    let chapters = vec![
        // The start of these two is cut out.
        chapter(0, "Before"),
        chapter(500, "Beginning"),
        chapter(2_000, "Gone"),
        chapter(7_000, "Überblick, نظرة"),
        chapter(8_000, "End"),
    ];
    let edit = Edit::Cuts { keep: KEEP.to_vec(), covers: Vec::new(), chapters };
    for format in [ExportFormat::Webm, ExportFormat::Mp4] {
        let file = export(&USUAL, &edit, &options(format), folder.path());
        let found = probe(&file, "", "chapter=start_time,end_time:chapter_tags=title");
        let found: Vec<(u64, u64, &str)> = found
            .lines()
            .map(|line| {
                let mut fields = line.splitn(3, ',');
                let mut ms = || {
                    let seconds: f64 = fields.next().unwrap().parse().unwrap();
                    (seconds * 1_000.0).round() as u64
                };
                (ms(), ms(), fields.next().unwrap().trim_matches('"'))
            })
            .collect();
        let last_ms = found.last().unwrap().1;
        assert!(last_ms.abs_diff(KEPT_MS) <= 60, "{format:?}: {found:?}");
        let wanted =
            [(0, 1_000, "Beginning"), (1_000, 2_000, "Überblick, نظرة"), (2_000, last_ms, "End")];
        assert_eq!(found, wanted, "{format:?}");
        // The media are where the index says.
        assert_eq!(pictures(&file, USUAL.size).len(), 105, "{format:?}");
        assert_eq!(sound(&file).len() / 48_000, 3, "{format:?}");
        let without = export(&USUAL, &cuts(&KEEP, &[]), &options(format), folder.path());
        assert_eq!(probe(&without, "", "chapter=start_time"), "");
    }
}

#[test]
fn exports_play_in_gstreamer() {
    let folder = tempfile::tempdir().unwrap();
    for format in [ExportFormat::Webm, ExportFormat::Mp4, ExportFormat::Opus, ExportFormat::Wav] {
        let file = export(&USUAL, &cuts(&KEEP, &[]), &options(format), folder.path());
        let uri = format!("uri=file://{}", file.display());
        let args = ["-q", "playbin", &uri, "video-sink=fakesink", "audio-sink=fakesink"];
        run("gst-launch-1.0", &args);
    }
}
