//! The device that is wanted for sound or for the webcam.

/// A microphone or a camera.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The system's default device, also when that changes.
    #[default]
    Default,
    /// A device by the system's name for it, or by the one that people see. No other device replaces
    /// it.
    Named(String),
}
