//! A program's tray icon as a panel sees it: registered with the session's StatusNotifierWatcher, with a
//! menu that is read and pressed over com.canonical.dbusmenu. That is what a panel does when a person
//! clicks; `Desk::open_tray_menu` also makes the click.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use zbus::blocking::{Connection, Proxy, connection, proxy};
use zbus::proxy::CacheProperties;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Structure, Value};

use crate::home::Home;
use crate::process::{command, output};
use crate::wait;

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";
/// The id of the menu's root, below which the whole menu is.
const ROOT: i32 = 0;
const ALL_LEVELS: i32 = -1;
/// The limit from a person's action to the menu that shows it.
const SOON: Duration = Duration::from_secs(20);
/// How long a panel may take to start its icon plugin again.
const PANEL_RETURNS: Duration = Duration::from_secs(5);

type Layout = (u32, (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>));

/// The only icon in the tray.
pub struct Tray {
    item: Proxy<'static>,
    menu: Proxy<'static>,
}

/// A line of the menu. A separator has no text.
#[derive(Clone, Debug)]
pub struct Entry {
    id: i32,
    pub words: String,
    pub enabled: bool,
    pub below: Vec<Entry>,
}

impl Tray {
    pub fn of(home: &Home) -> Result<Self> {
        let bus = bus(home)?;
        let found = icon(home, &bus, SOON)?;
        // `:1.23/org/its/path`
        let (name, path) = found.split_at(found.find('/').context("the icon has no path")?);
        let item = proxy(&bus, name, path, ITEM)?;
        let path: OwnedObjectPath = item.get_property("Menu")?;
        let menu = proxy(&bus, name, path.as_str(), MENU)?;
        Ok(Tray { item, menu })
    }

    /// Returns the text beside the icon.
    pub fn label(&self) -> Result<String> {
        Ok(self.item.get_property("XAyatanaLabel")?)
    }

    pub fn entries(&self) -> Result<Vec<Entry>> {
        let which: &[&str] = &[];
        let layout: Layout = self.menu.call("GetLayout", &(ROOT, ALL_LEVELS, which))?;
        let (_, (_, _, below)) = layout;
        below.iter().map(|child| Entry::read(child)).collect()
    }

    /// Returns the texts of the menu's top level, from the top.
    pub fn words(&self) -> Result<Vec<String>> {
        let named = self.entries()?.into_iter().map(|entry| entry.words);
        Ok(named.filter(|words| !words.is_empty()).collect())
    }

    /// Waits until the menu has an enabled line at this path, which is its texts level by level.
    pub fn find(&self, path: &[&str]) -> Result<Entry> {
        wait::until(&format!("{path:?} in the tray's menu"), SOON, || {
            let mut level = self.entries()?;
            for (depth, words) in path.iter().enumerate() {
                let Some(entry) = level.into_iter().find(|it| it.words == *words && it.enabled)
                else {
                    return Ok(None);
                };
                if depth + 1 == path.len() {
                    return Ok(Some(entry));
                }
                level = entry.below;
            }
            Ok(None)
        })
    }

    /// Finds the line like [`Tray::find`], and presses it. The menu may be rebuilt in between, as happens
    /// with a panel.
    pub fn press(&self, path: &[&str]) -> Result<()> {
        wait::until(&format!("{path:?} to be pressed"), SOON, || {
            let click = (self.find(path)?.id, "clicked", Value::from(0), 0_u32);
            match self.menu.call::<_, _, ()>("Event", &click) {
                Err(zbus::Error::MethodError(..)) => Ok(None),
                pressed => Ok(Some(pressed?)),
            }
        })
    }
}

/// Waits for the program's icon. It comes after the shortcuts are registered.
pub fn appears(home: &Home, limit: Duration) -> Result<()> {
    icon(home, &bus(home)?, limit).map(drop)
}

/// Waits for an icon. The panel's icon plugin crashes now and then (see `Desk::open_tray_menu`). The panel starts it
/// again, but only asks whether to if it crashed within its first minute: then the panel is restarted here.
fn icon(home: &Home, bus: &Connection, limit: Duration) -> Result<String> {
    let mut gone_since = None;
    wait::until("an icon in the tray", limit, || {
        match items(bus) {
            Ok(mut items) => {
                gone_since = None;
                return Ok(items.pop());
            }
            Err(_) if gone_since.get_or_insert_with(Instant::now).elapsed() < PANEL_RETURNS => {}
            Err(_) => {
                gone_since = None;
                let mut restart = command(home, "xfce4-panel");
                restart.arg("--restart");
                output(restart, SOON)?;
            }
        }
        Ok(None)
    })
}

/// Returns whether the tray has no icon, or `None` while there is no tray: the panel's icon plugin crashes
/// now and then, and the panel starts it again.
pub fn is_empty(home: &Home) -> Result<Option<bool>> {
    Ok(items(&bus(home)?).ok().map(|items| items.is_empty()))
}

fn items(bus: &Connection) -> Result<Vec<String>> {
    let watcher = proxy(bus, WATCHER, "/StatusNotifierWatcher", WATCHER)?;
    Ok(watcher.get_property("RegisteredStatusNotifierItems")?)
}

impl Entry {
    /// `(id, properties, children)`
    fn read(value: &Value<'_>) -> Result<Self> {
        let line = value.downcast_ref::<&Structure<'_>>()?;
        let [Value::I32(id), Value::Dict(about), Value::Array(below)] = line.fields() else {
            bail!("a line of the menu is {line:?}");
        };
        let words: Option<String> = about.get(&"label")?;
        let enabled: Option<bool> = about.get(&"enabled")?;
        Ok(Entry {
            id: *id,
            // A single underscore underlines the next letter.
            words: words
                .unwrap_or_default()
                .replace("__", "\0")
                .replace('_', "")
                .replace('\0', "_"),
            enabled: enabled.unwrap_or(true),
            below: below.iter().map(Entry::read).collect::<Result<_>>()?,
        })
    }
}

fn bus(home: &Home) -> Result<Connection> {
    let address = home.var("DBUS_SESSION_BUS_ADDRESS").context("there is no bus")?;
    Ok(connection::Builder::address(address)?.build()?)
}

/// Returns a proxy without a property cache, since not every program reports changed properties.
fn proxy(bus: &Connection, name: &str, path: &str, interface: &str) -> Result<Proxy<'static>> {
    let proxy = proxy::Builder::new(bus).destination(name.to_owned())?.path(path.to_owned())?;
    let proxy = proxy.interface(interface.to_owned())?.cache_properties(CacheProperties::No);
    Ok(proxy.build()?)
}
