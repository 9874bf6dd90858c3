//! A screen whose every frame has a number that a program can read back (see `snaplark_tests::numbers`), on
//! a scene that looks like real work: an editor in which someone types, and a chart that grows.
//!
//! No number is ever skipped. If the machine is late, the next one waits too, so that each is shown for
//! about its time and a gap in a recording is the recorder's fault.
//!
//! The scene consists of rectangles that the display server paints: a client that paints pixels would take
//! CPU from what is measured.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use snaplark_tests::numbers::{self, squares};
use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    Arc, ConfigureWindowAux, ConnectionExt, CreateGCAux, CreateWindowAux, Gcontext, Pixmap,
    Rectangle, StackMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Shows numbered pictures on the display of $DISPLAY until it is ended. Prints one line as soon as
/// the first is shown: the window's id and size.
#[derive(Parser)]
struct Options {
    /// Numbers a second. 0: the first one stays.
    #[arg(long, default_value_t = 15)]
    fps: u32,
    /// The whole screen where it is not given.
    #[arg(long)]
    width: Option<u16>,
    #[arg(long)]
    height: Option<u16>,
    #[arg(long, default_value_t = 0)]
    x: i16,
    #[arg(long, default_value_t = 0)]
    y: i16,
    /// A window among windows, instead of the ground below them all.
    #[arg(long)]
    managed: bool,
    /// Prints each number and the milliseconds at which it was shown.
    #[arg(long)]
    print: bool,
    /// What is seen beside the numbers.
    #[arg(long, value_enum, default_value_t = Show::Work)]
    show: Show,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Show {
    /// An editor in which someone types, and a chart that grows.
    Work,
    /// The editor alone.
    Typing,
    /// A page of text that scrolls.
    Scrolling,
    /// Moving pictures with grain in the middle of the screen.
    Video,
    /// A cursor that is seen with every second number.
    Cursor,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let (connection, screen) = RustConnection::connect(None).context("no display")?;
    let screen = &connection.setup().roots[screen];
    let width = options.width.unwrap_or(screen.width_in_pixels);
    let height = options.height.unwrap_or(screen.height_in_pixels);

    let window = connection.generate_id()?;
    let aux = CreateWindowAux::new()
        .background_pixel(screen.black_pixel)
        .override_redirect(u32::from(!options.managed));
    connection.create_window(
        COPY_DEPTH_FROM_PARENT,
        window,
        screen.root,
        options.x,
        options.y,
        width,
        height,
        0,
        WindowClass::INPUT_OUTPUT,
        0,
        &aux,
    )?;
    if !options.managed {
        let below = ConfigureWindowAux::new().stack_mode(StackMode::BELOW);
        connection.configure_window(window, &below)?;
    }
    connection.change_property8(
        x11rb::protocol::xproto::PropMode::REPLACE,
        window,
        x11rb::protocol::xproto::AtomEnum::WM_NAME,
        x11rb::protocol::xproto::AtomEnum::STRING,
        b"Numbered screen",
    )?;
    connection.map_window(window)?;

    let scene = Scene::new(&connection, window, screen.root_depth, width, height, options.show)?;
    let period = Duration::from_secs(1) / options.fps.max(1);
    let started = Instant::now();
    let mut due = started;
    for number in 0..=u16::MAX {
        scene.show(number)?;
        // The reply confirms that the frame is on the screen.
        connection.get_input_focus()?.reply()?;
        let shown = Instant::now();
        if number == 0 {
            println!("window {window} {width}x{height}");
        }
        if options.print {
            println!("{number} {}", (shown - started).as_millis());
        }
        if options.fps == 0 {
            loop {
                std::thread::park();
            }
        }
        due = (due + period).max(shown + period * 9 / 10);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

const GROUND_TOP: u32 = 0xdfe7f5;
const GROUND_BOTTOM: u32 = 0xf1e6ea;
const EDITOR: u32 = 0x172131;
const SIDEBAR: u32 = 0x1f3347;
const SIDEBAR_LINE: u32 = 0x35506a;
const CARD: u32 = 0xffffff;
const HAIRLINE: u32 = 0xe4e7ec;
const TEXT: u32 = 0x10141c;
const FAINT: u32 = 0xc3c9d3;
const ACCENT: u32 = 0x2170ff;
const CODE: [u32; 5] = [0xa9b1bf, 0xdcb763, 0x7fabe3, 0x8fd0ab, 0xa9b1bf];
const CARET: u32 = 0xf2f4f8;

/// A line of code: indentation, length, colour; lengths in characters.
const LINES: [(u32, u32, usize); 14] = [
    (0, 26, 0),
    (1, 18, 1),
    (1, 34, 2),
    (2, 22, 3),
    (2, 29, 0),
    (1, 9, 1),
    (0, 0, 0),
    (0, 31, 2),
    (1, 24, 0),
    (1, 38, 3),
    (2, 17, 1),
    (2, 26, 2),
    (1, 12, 0),
    (0, 0, 0),
];
/// The number of characters that are typed with each number.
const TYPED: u32 = 2;
/// The pixels that a page scrolls with each number.
const SCROLLED: u32 = 8;
/// Moving pictures repeat after this many.
const VIDEO_PICTURES: u32 = 24;

/// The scene. Everything is painted into `canvas` over a copy of `ground`, then shown by a single copy, so
/// that no recorder sees half a frame.
struct Scene<'a> {
    connection: &'a RustConnection,
    window: Window,
    gc: Gcontext,
    ground: Pixmap,
    canvas: Pixmap,
    width: u16,
    height: u16,
    editor: Rectangle,
    card: Rectangle,
    show: Show,
    /// The page that scrolls, twice as high as the screen and alike in both halves, or the pictures of the video.
    reel: Vec<Pixmap>,
}

impl<'a> Scene<'a> {
    fn new(
        connection: &'a RustConnection,
        window: Window,
        depth: u8,
        width: u16,
        height: u16,
        show: Show,
    ) -> Result<Self> {
        let [ground, canvas, gc] =
            [connection.generate_id()?, connection.generate_id()?, connection.generate_id()?];
        connection.create_pixmap(depth, ground, window, width, height)?;
        connection.create_pixmap(depth, canvas, window, width, height)?;
        connection.create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0))?;
        let part = |x: u16, y: u16, w: u16, h: u16| Rectangle {
            x: (u32::from(width) * u32::from(x) / 100) as i16,
            y: (u32::from(height) * u32::from(y) / 100) as i16,
            width: (u32::from(width) * u32::from(w) / 100) as u16,
            height: (u32::from(height) * u32::from(h) / 100) as u16,
        };
        let mut scene = Self {
            connection,
            window,
            gc,
            ground,
            canvas,
            width,
            height,
            editor: part(5, 10, 56, 72),
            card: part(65, 10, 30, 46),
            show,
            reel: Vec::new(),
        };
        scene.paint_ground()?;
        match show {
            Show::Scrolling => scene.reel = vec![scene.page(depth)?],
            Show::Video => scene.reel = scene.video(depth)?,
            Show::Work | Show::Typing | Show::Cursor => {}
        }
        Ok(scene)
    }

    fn show(&self, number: u16) -> Result<()> {
        let at = u32::from(number);
        self.copy(self.ground, self.canvas)?;
        match self.show {
            Show::Work => {
                self.code(at)?;
                self.chart(at)?;
            }
            Show::Typing => self.code(at)?,
            Show::Scrolling => {
                let top = (at * SCROLLED % u32::from(self.height)) as i16;
                let (page, width, height) = (self.reel[0], self.width, self.height);
                self.connection.copy_area(
                    page,
                    self.canvas,
                    self.gc,
                    0,
                    top,
                    0,
                    0,
                    width,
                    height,
                )?;
            }
            Show::Video => {
                let picture = self.reel[(at % VIDEO_PICTURES) as usize];
                let (width, height) = (self.width / 2, self.height / 2);
                let (x, y) = (width as i16 / 2, height as i16 / 2);
                self.connection.copy_area(
                    picture,
                    self.canvas,
                    self.gc,
                    0,
                    0,
                    x,
                    y,
                    width,
                    height,
                )?;
            }
            Show::Cursor if at % 2 == 1 => {
                self.fill(self.canvas, CARET, self.editor.x + 300, self.editor.y + 60, 2, 17)?;
            }
            Show::Cursor => {}
        }
        self.number(number)?;
        self.copy(self.canvas, self.window)
    }

    /// Draws a page with lines of words.
    fn page(&self, depth: u8) -> Result<Pixmap> {
        const LINE: u16 = 27;
        let page = self.connection.generate_id()?;
        let (width, height) = (self.width, self.height);
        self.connection.create_pixmap(depth, page, self.window, width, 2 * height)?;
        self.fill(page, CARD, 0, 0, width, 2 * height)?;
        let mut noise = 1;
        for row in (LINE..height - LINE).step_by(usize::from(LINE)) {
            let mut x = 120;
            while x < width - 200 {
                let word = 12 + (random(&mut noise) % 90) as u16;
                for top in [row, row + height] {
                    self.fill(page, TEXT, x as i16, top as i16, word, 11)?;
                    // The gaps between letters.
                    for gap in (8..word).step_by(9) {
                        self.fill(page, CARD, (x + gap) as i16, top as i16, 2, 11)?;
                    }
                }
                x += word + 10;
            }
        }
        Ok(page)
    }

    /// Paints moving pictures: colours that drift, with grain.
    fn video(&self, depth: u8) -> Result<Vec<Pixmap>> {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut noise = 1;
        let mut reel = Vec::new();
        for at in 0..VIDEO_PICTURES {
            let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 4);
            for y in 0..u32::from(height) {
                for x in 0..u32::from(width) {
                    let grain = random(&mut noise) % 12;
                    let wave = |of: u32, at: u32| {
                        let phase = (of + at) % 384;
                        if phase < 192 { phase } else { 384 - phase }
                    };
                    let step = at * 384 / VIDEO_PICTURES;
                    let (blue, green) = (wave(x + y, step), wave(2 * x + 700 - y / 2, step));
                    let red = wave(x / 2 + 3 * y, step);
                    pixels.extend([blue, green, red].map(|part| (part + 30 + grain) as u8));
                    pixels.push(0);
                }
            }
            let picture = self.connection.generate_id()?;
            self.connection.create_pixmap(depth, picture, self.window, width, height)?;
            self.connection.put_image(
                x11rb::protocol::xproto::ImageFormat::Z_PIXMAP,
                picture,
                self.gc,
                width,
                height,
                0,
                0,
                0,
                depth,
                &pixels,
            )?;
            reel.push(picture);
        }
        Ok(reel)
    }

    fn paint_ground(&self) -> Result<()> {
        const BANDS: u16 = 48;
        let band = self.height.div_ceil(BANDS);
        for at in 0..BANDS {
            let colour = mix(GROUND_TOP, GROUND_BOTTOM, u32::from(at), u32::from(BANDS));
            self.fill(self.ground, colour, 0, (at * band) as i16, self.width, band)?;
        }
        let Rectangle { x, y, width, height } = self.editor;
        self.card_shape(EDITOR, self.editor)?;
        let side = width / 5;
        self.rounded(self.ground, SIDEBAR, Rectangle { x, y, width: side, height }, 14)?;
        self.fill(self.ground, SIDEBAR, x + side as i16 - 14, y, 14, height)?;
        for (at, length) in [60u16, 44, 52, 36, 58, 40, 48].into_iter().enumerate() {
            let row = y + 40 + at as i16 * 30;
            let length = side.saturating_sub(40) * length / 60;
            self.bar(self.ground, SIDEBAR_LINE, x + 20, row, length, 8)?;
        }
        self.card_shape(CARD, self.card)?;
        let Rectangle { x, y, width, .. } = self.card;
        self.bar(self.ground, TEXT, x + 24, y + 26, width / 3, 10)?;
        self.bar(self.ground, FAINT, x + 24, y + 48, width / 2, 7)
    }

    /// Draws code that is being typed; a full page starts over.
    fn code(&self, number: u32) -> Result<()> {
        let Rectangle { x, y, width, height } = self.editor;
        let (left, top) = (x + (width / 5) as i16 + 32, y + 40);
        let room = u32::from(width - width / 5).saturating_sub(64);
        let (pitch, step) = (28, (room / 44).max(3));
        let rows = (usize::from(height).saturating_sub(60) / pitch as usize).min(LINES.len());
        let page: u32 = LINES[..rows].iter().map(|(_, length, _)| length + 4).sum();
        let mut typed = (number * TYPED) % page.max(1);
        for (at, (indent, length, colour)) in LINES[..rows].iter().enumerate() {
            let row = top + at as i16 * pitch;
            let start = left + (indent * 2 * step) as i16;
            let shown = typed.min(*length);
            if shown > 0 {
                self.bar(self.canvas, CODE[*colour], start, row, (shown * step) as u16, 9)?;
            }
            if typed < length + 4 {
                let caret = start + (shown * step) as i16 + 4;
                return self.fill(self.canvas, CARET, caret, row - 4, 2, 17);
            }
            typed -= length + 4;
        }
        Ok(())
    }

    /// Draws columns that rise and fall.
    fn chart(&self, number: u32) -> Result<()> {
        const COLUMNS: u32 = 9;
        let Rectangle { x, y, width, height } = self.card;
        let room = u32::from(width).saturating_sub(48);
        let (pitch, full) = (room / COLUMNS, u32::from(height).saturating_sub(120));
        let floor = y + height as i16 - 32;
        self.fill(self.canvas, HAIRLINE, x + 24, floor, room as u16, 1)?;
        for column in 0..COLUMNS {
            // A triangle wave for each column, with different phases.
            let phase = (number + column * 13) % 90;
            let wave = if phase < 45 { phase } else { 90 - phase };
            let tall = full / 4 + full * 3 / 4 * wave / 45;
            let left = x + 24 + (column * pitch) as i16;
            let colour = if column == COLUMNS - 2 { ACCENT } else { FAINT };
            let top = floor - tall as i16;
            self.fill(self.canvas, colour, left, top, (pitch * 3 / 5) as u16, tall as u16)?;
        }
        Ok(())
    }

    fn number(&self, number: u16) -> Result<()> {
        let field = numbers::field(self.width.into(), self.height.into());
        let (x, y) = (field.x as i16, field.y as i16);
        self.fill(self.canvas, 0x000000, x, y, field.width as u16, field.height as u16)?;
        self.colour(0xffffff)?;
        let squares: Vec<Rectangle> = squares(number)
            .map(|at| Rectangle {
                x: x + at.x as i16,
                y: y + at.y as i16,
                width: at.width as u16,
                height: at.height as u16,
            })
            .collect();
        self.connection.poly_fill_rectangle(self.canvas, self.gc, &squares)?;
        Ok(())
    }

    /// Draws a card and its soft edge.
    fn card_shape(&self, colour: u32, at: Rectangle) -> Result<()> {
        for (grow, shade) in [(3, 0xd9deea), (1, 0xccd2e0)] {
            let edge = Rectangle {
                x: at.x - grow,
                y: at.y - grow + 1,
                width: at.width + 2 * grow as u16,
                height: at.height + 2 * grow as u16,
            };
            self.rounded(self.ground, shade, edge, 14 + grow as u16)?;
        }
        self.rounded(self.ground, colour, at, 14)
    }

    fn bar(&self, on: Pixmap, colour: u32, x: i16, y: i16, width: u16, height: u16) -> Result<()> {
        self.rounded(on, colour, Rectangle { x, y, width, height }, height / 2)
    }

    fn rounded(&self, on: Pixmap, colour: u32, at: Rectangle, radius: u16) -> Result<()> {
        let r = radius.min(at.width / 2).min(at.height / 2);
        let Rectangle { x, y, width, height } = at;
        self.colour(colour)?;
        let middle = [
            Rectangle { x: x + r as i16, y, width: width - 2 * r, height },
            Rectangle { x, y: y + r as i16, width, height: height - 2 * r },
        ];
        self.connection.poly_fill_rectangle(on, self.gc, &middle)?;
        let corner =
            |x: i16, y: i16| Arc { x, y, width: 2 * r, height: 2 * r, angle1: 0, angle2: 360 * 64 };
        let (right, bottom) = (x + (width - 2 * r) as i16, y + (height - 2 * r) as i16);
        let corners = [corner(x, y), corner(right, y), corner(x, bottom), corner(right, bottom)];
        self.connection.poly_fill_arc(on, self.gc, &corners)?;
        Ok(())
    }

    fn fill(&self, on: Pixmap, colour: u32, x: i16, y: i16, width: u16, height: u16) -> Result<()> {
        self.colour(colour)?;
        self.connection.poly_fill_rectangle(on, self.gc, &[Rectangle { x, y, width, height }])?;
        Ok(())
    }

    fn colour(&self, colour: u32) -> Result<()> {
        let aux = x11rb::protocol::xproto::ChangeGCAux::new().foreground(colour);
        self.connection.change_gc(self.gc, &aux)?;
        Ok(())
    }

    fn copy(&self, from: Pixmap, to: u32) -> Result<()> {
        self.connection.copy_area(from, to, self.gc, 0, 0, 0, 0, self.width, self.height)?;
        Ok(())
    }
}

/// Returns the next number of a series that is always the same.
fn random(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state
}

/// Mixes two colours: `at` of `of` steps from one to the other.
fn mix(from: u32, to: u32, at: u32, of: u32) -> u32 {
    [16, 8, 0].into_iter().fold(0, |colour, shift| {
        let (a, b) = (from >> shift & 0xff, to >> shift & 0xff);
        colour | (((a * (of - at) + b * at) / of) << shift)
    })
}
