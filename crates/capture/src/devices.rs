//! The product's implementation of `Devices`.

use std::sync::Arc;

use snaplark_core::capture::{CaptureError, Device};
use snaplark_core::devices::{
    CameraPreview, CameraProbe, Devices, LevelSink, SystemProbe, UntilDropped,
};
use snaplark_core::still::PixelRect;

use crate::SystemCapture;
use crate::{border, probe, shutter, sound, warm_up, webcam};

impl Devices for SystemCapture {
    fn probe(&self) -> SystemProbe {
        probe::probe()
    }

    fn cameras(&self) -> Result<Vec<CameraProbe>, String> {
        webcam::list()
    }

    fn preview_camera(&self, camera: Device) -> Result<Arc<dyn CameraPreview>, CaptureError> {
        Ok(Arc::new(webcam::preview(camera)?))
    }

    fn measure_microphone(
        &self,
        device: Device,
        on_level: LevelSink,
    ) -> Result<UntilDropped, CaptureError> {
        Ok(Box::new(sound::measure_microphone(device, on_level)?))
    }

    fn border_around(
        &self,
        area: PixelRect,
        thickness_px: u16,
        colour: u32,
    ) -> Result<UntilDropped, CaptureError> {
        Ok(Box::new(border::border_around(self.display(), area, thickness_px, colour)?))
    }

    fn play_shutter(&self) -> Result<(), String> {
        shutter::play_shutter()
    }

    fn warm_up(&self) -> Result<(), CaptureError> {
        warm_up::warm_up()
    }
}
