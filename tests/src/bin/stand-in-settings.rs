//! A fake settings portal of a desktop that is light or dark: prints `ready`, and answers `Read` for the
//! colour scheme as it was told on the command line.

use anyhow::Result;
use clap::{Parser, ValueEnum};
use zbus::zvariant::{OwnedValue, Value};

#[derive(Parser)]
struct Options {
    scheme: Scheme,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scheme {
    Dark,
    Light,
}

struct Settings(Scheme);

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Settings {
    fn read(&self, namespace: &str, key: &str) -> zbus::fdo::Result<OwnedValue> {
        if (namespace, key) != ("org.freedesktop.appearance", "color-scheme") {
            return Err(zbus::fdo::Error::Failed("Requested setting not found".to_owned()));
        }
        let scheme = match self.0 {
            Scheme::Dark => 1_u32,
            Scheme::Light => 2,
        };
        // The first version of the interface returns a variant in a variant.
        let inner = Value::Value(Box::new(Value::U32(scheme)));
        inner.try_to_owned().map_err(|error| zbus::fdo::Error::Failed(error.to_string()))
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        1
    }
}

fn main() -> Result<()> {
    let scheme = Options::parse().scheme;
    let _bus = zbus::blocking::connection::Builder::session()?
        .serve_at("/org/freedesktop/portal/desktop", Settings(scheme))?
        .name("org.freedesktop.portal.Desktop")?
        .build()?;
    println!("ready");
    loop {
        std::thread::park();
    }
}
