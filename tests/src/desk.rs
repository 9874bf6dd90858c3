//! A whole desktop on a virtual display: window manager, panel with a tray, notifications, the session bus
//! that connects them, and a sound server with speakers and a microphone.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::display::{Display, Rectangle};
use crate::home::Home;
use crate::process::{Process, command, program};
use crate::sound::{self, Server};
use crate::{session, wait};

const START: Duration = Duration::from_secs(30);
/// The time after which a click on the tray that opened no menu is repeated.
const CLICK_AGAIN: Duration = Duration::from_secs(8);
const PANEL_HEIGHT: u32 = 30;

/// The panel's configuration: a name at the left, the tray at the right, and nothing that moves by itself.
const PANEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="true"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="30"/>
      <property name="icon-size" type="uint" value="20"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
        <value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="tasklist">
      <property name="flat-buttons" type="bool" value="true"/>
    </property>
    <property name="plugin-2" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="icon-size" type="int" value="20"/>
    </property>
  </property>
</channel>
"#;

const DUNST: &str = "[global]
    origin = top-right
    offset = 16x46
    frame_width = 0
    corner_radius = 10
    font = DejaVu Sans 10
";

/// Flat window frames, since the tests look inside them.
const FRAMES: &str = "
border.width: 1
padding.width: 8
padding.height: 6
window.client.padding.width: 0
window.handle.width: 0
window.*.border.color: #c9cedb
window.*.title.bg: flat solid
window.*.title.bg.color: #f5f6f8
window.*.title.separator.color: #e4e7ec
window.*.label.bg: parentrelative
window.active.label.text.color: #10141c
window.inactive.label.text.color: #8b93a1
window.*.button.*.bg: parentrelative
window.*.button.*.image.color: #5b6472
window.label.text.justify: center
";

const WINDOW_MANAGER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <theme>
    <name>Demonstration</name>
    <titleLayout>LIMC</titleLayout>
    <font place="ActiveWindow"><name>DejaVu Sans</name><size>9</size></font>
    <font place="InactiveWindow"><name>DejaVu Sans</name><size>9</size></font>
  </theme>
  <placement><policy>Smart</policy></placement>
  <desktops><number>1</number></desktops>
  <keyboard/>
  <mouse>
    <context name="Titlebar">
      <mousebind button="Left" action="Drag"><action name="Move"/></mousebind>
    </context>
    <context name="Client">
      <mousebind button="Left" action="Press">
        <action name="Focus"/><action name="Raise"/>
      </mousebind>
    </context>
    <context name="Close">
      <mousebind button="Left" action="Click"><action name="Close"/></mousebind>
    </context>
  </mouse>
</openbox_config>
"#;

/// The desktop. Fields are dropped from the top, so everything ends in the reverse order of its start.
pub struct Desk {
    painter: Option<Process>,
    _programs: Vec<Process>,
    /// Empty if there is no sound server.
    pub sound: Vec<Process>,
    _bus: Process,
    pub display: Display,
    pub size: (u32, u32),
    pub home: Home,
}

impl Desk {
    /// Starts an empty desktop and waits until its panel is drawn. Its microphone has no tone yet
    /// (`hears_tone`).
    pub fn start(home: Home, width: u32, height: u32) -> Result<Self> {
        Self::start_with(home, width, height, Server::PulseAudio)
    }

    /// Starts an empty desktop with that sound server.
    pub fn start_with(mut home: Home, width: u32, height: u32, sound: Server) -> Result<Self> {
        let display = Display::start(&mut home, width, height)?;
        Self::on_with(home, display, (width, height), sound)
    }

    /// Starts the desktop on the home's display, or on its first monitor, of that size.
    pub fn on(home: Home, display: Display, size: (u32, u32)) -> Result<Self> {
        Self::on_with(home, display, size, Server::PulseAudio)
    }

    /// Waits until the microphone hears its tone, if there is one. Programs can start meanwhile.
    pub fn hears_tone(&self) -> Result<()> {
        match self.sound.is_empty() {
            true => Ok(()),
            false => sound::hears_tone(&self.home),
        }
    }

    fn on_with(mut home: Home, display: Display, size: (u32, u32), sound: Server) -> Result<Self> {
        write(&home.path().join("config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml"), PANEL)?;
        write(&home.path().join("config/dunst/dunstrc"), DUNST)?;
        write(&home.path().join("config/openbox/rc.xml"), WINDOW_MANAGER)?;
        write(&home.path().join("data/themes/Demonstration/openbox-3/themerc"), FRAMES)?;
        home.set("XDG_CURRENT_DESKTOP", "XFCE");
        home.set("XDG_SESSION_TYPE", "x11");
        home.set("GDK_BACKEND", "x11");
        let bus = session::bus(&mut home)?;
        let sound = sound::start(&mut home, sound)?;

        let strip = Rectangle { x: 0, y: 0, width: size.0, height: PANEL_HEIGHT };
        let empty = display.pixels(strip)?;
        let mut programs = Vec::new();
        for (name, args) in [
            ("openbox", &["--sm-disable"][..]),
            ("dunst", &[]),
            ("xfce4-panel", &["--disable-wm-check"]),
        ] {
            let mut start = command(&home, name);
            start.args(args);
            programs.push(Process::start(&home, name, start)?);
        }
        display.settled("the panel to be drawn", strip, Some(&empty), START)?;
        Ok(Self { painter: None, _programs: programs, sound, _bus: bus, display, size, home })
    }

    /// Covers the desktop with the numbered screen.
    pub fn paint(&mut self, fps: u32) -> Result<()> {
        self.painter = Some(paint(&self.home, fps)?);
        Ok(())
    }

    /// Clicks the only icon of the tray. Returns the rectangle of its menu.
    pub fn open_tray_menu(&self) -> Result<Rectangle> {
        let tray = self.tray();
        let icon = (
            tray.x + tray.width.cast_signed() - PANEL_HEIGHT.cast_signed() / 2 - 4,
            PANEL_HEIGHT.cast_signed() / 2,
        );
        // The panel's icon plugin crashes now and then when a menu changes while it opens
        // (libdbusmenu-gtk). The panel restarts it within a second, and a person clicks again.
        let mut clicked: Option<Instant> = None;
        let menu = wait::until("the icon's menu", START, || {
            if clicked.is_none_or(|at| at.elapsed() > CLICK_AGAIN) {
                self.display.drag(&self.home, icon, icon)?;
                clicked = Some(Instant::now());
            }
            let windows = self.display.windows(&self.home, "panel|wrapper")?;
            Ok(windows.into_iter().find(|window| window.at.height > 2 * PANEL_HEIGHT))
        })?;
        self.display.settled("the menu to be drawn", menu.at, None, START)?;
        Ok(menu.at)
    }

    /// Opens a folder in a file manager, whose window is put there.
    pub fn file_manager(&self, folder: &Path, at: Rectangle) -> Result<Process> {
        let Desk { display, home, .. } = self;
        let mut manager = command(home, "pcmanfm");
        manager.arg(folder);
        let manager = Process::start(home, "pcmanfm", manager)?;
        let opened = wait::until("the file manager", START, || {
            Ok(display.windows(home, "pcmanfm")?.into_iter().find(|window| window.at.width > 200))
        })?;
        display.put(home, opened.id, at)?;
        display.settled("the file manager to be drawn", at, None, START)?;
        Ok(manager)
    }

    /// Returns the rectangle of the tray's icons: the right end of the panel.
    pub fn tray(&self) -> Rectangle {
        const WIDTH: u32 = 120;
        Rectangle {
            x: self.size.0.saturating_sub(WIDTH).cast_signed(),
            y: 0,
            width: WIDTH,
            height: PANEL_HEIGHT,
        }
    }
}

/// Starts the numbered screen on the home's display and waits for its first frame.
pub fn paint(home: &Home, fps: u32) -> Result<Process> {
    paint_scene(home, fps, "work")
}

/// Starts the numbered screen with another scene of its own (`numbered-screen --help`).
pub fn paint_scene(home: &Home, fps: u32, scene: &str) -> Result<Process> {
    let mut painter = command(home, program("numbered-screen")?);
    painter.args(["--fps", &fps.to_string(), "--show", scene]);
    let mut painter = Process::start(home, "numbered-screen", painter)?;
    wait::until("the numbered screen", START, || painter.line(START).map(Some))?;
    Ok(painter)
}

fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text).with_context(|| file.display().to_string())
}
