//! Tesseract's C interface, from its library. The library is loaded when it is first used: the program starts
//! and is packaged without it.
//!
//! Ownership: a handle lives in [`TesseractHandle`], which deletes it; a text is copied and deleted at once. The library
//! stays loaded, because its code may still be referenced when the last handle is gone.

#![allow(unsafe_code)] // a C library: see the header

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::Library;
use snaplark_core::render::{RecognizeError, TextLanguage};

use super::Grey;

/// Its names, the likeliest first. Only version 5: version 4 ends the program unless its locale is C.
const LIBRARIES: &[&str] = if cfg!(windows) {
    &[
        "libtesseract-5.dll",
        r"C:\Program Files\Tesseract-OCR\libtesseract-5.dll",
        r"C:\Program Files\Tesseract-OCR\libtesseract-5.5.dll",
    ]
} else if cfg!(target_os = "macos") {
    &[
        "libtesseract.5.dylib",
        "/opt/homebrew/lib/libtesseract.5.dylib",
        "/usr/local/lib/libtesseract.5.dylib",
    ]
} else {
    &["libtesseract.so.5"]
};

/// The folders in which distributions keep the data of languages.
const DATA_FOLDERS: &[&str] = if cfg!(windows) {
    &[r"C:\Program Files\Tesseract-OCR\tessdata"]
} else {
    &[
        "/usr/share/tesseract-ocr/5/tessdata",
        "/usr/share/tesseract/tessdata",
        "/usr/share/tessdata",
        "/usr/local/share/tessdata",
        "/opt/homebrew/share/tessdata",
    ]
};
/// The folder that replaces those, as for tesseract's own program.
const DATA_FOLDER_VARIABLE: &str = "TESSDATA_PREFIX";

/// Lines, blocks and columns are found automatically.
const PAGE_SEGMENTATION_AUTO: c_int = 3;
/// The resolution that is assumed for a doubled screenshot; without it tesseract guesses, and prints that.
const DOTS_PER_INCH: c_int = 150;

/// The functions that are used, as `tesseract/capi.h` declares them.
struct TesseractLibrary {
    create: unsafe extern "C" fn() -> *mut c_void,
    delete: unsafe extern "C" fn(*mut c_void),
    init: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int,
    set_variable: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int,
    set_page_segmentation: unsafe extern "C" fn(*mut c_void, c_int),
    set_image: unsafe extern "C" fn(*mut c_void, *const u8, c_int, c_int, c_int, c_int),
    set_resolution: unsafe extern "C" fn(*mut c_void, c_int),
    text: unsafe extern "C" fn(*mut c_void) -> *mut c_char,
    delete_text: unsafe extern "C" fn(*const c_char),
    _library: Library,
}

static ENGINE: OnceLock<TesseractLibrary> = OnceLock::new();

/// Returns tesseract's name of a language.
pub(super) fn code(language: TextLanguage) -> &'static str {
    match language {
        TextLanguage::English => "eng",
        TextLanguage::German => "deu",
        TextLanguage::Arabic => "ara",
    }
}

/// Returns whether the library is there.
pub(super) fn is_installed() -> bool {
    engine().is_some()
}

/// Returns the languages that can't be read: all of them without the library.
pub(super) fn missing(languages: &[TextLanguage]) -> Vec<TextLanguage> {
    let folder = is_installed().then(|| data_folder(languages)).flatten();
    let is_there = |language: TextLanguage| {
        folder.as_ref().is_some_and(|folder| data_file(folder, language).is_file())
    };
    languages.iter().copied().filter(|language| !is_there(*language)).collect()
}

/// Reads the text of a picture in languages that are there.
pub(super) fn read(picture: &Grey, languages: &[TextLanguage]) -> Result<String, RecognizeError> {
    let failed = |reason: &str| RecognizeError::Failed { reason: reason.to_owned() };
    let engine = engine().ok_or_else(|| failed("its library is gone"))?;
    let folder = data_folder(languages).ok_or_else(|| failed("its data are gone"))?;
    let folder = CString::new(folder.as_os_str().as_encoded_bytes())
        .map_err(|_| failed("the folder's name has a zero"))?;
    let codes: Vec<&str> = languages.iter().map(|language| code(*language)).collect();
    let codes = CString::new(codes.join("+")).map_err(|_| failed("a language has a zero"))?;
    let side = |px: u32| c_int::try_from(px).map_err(|_| failed("the picture is too large"));
    let (width, height) = (side(picture.width)?, side(picture.height)?);

    let handle = TesseractHandle::new(engine).ok_or_else(|| failed("it could not begin"))?;
    // SAFETY: the handle is valid, all strings end with a zero and outlive the calls.
    if unsafe { (engine.init)(handle.raw, folder.as_ptr(), codes.as_ptr()) } != 0 {
        return Err(failed("its data can't be read"));
    }
    // SAFETY: as above; the picture has `height` rows of `width` bytes, and outlives the handle.
    let text = unsafe {
        (engine.set_variable)(handle.raw, c"debug_file".as_ptr(), null_device().as_ptr());
        (engine.set_page_segmentation)(handle.raw, PAGE_SEGMENTATION_AUTO);
        (engine.set_image)(handle.raw, picture.pixels.as_ptr(), width, height, 1, width);
        (engine.set_resolution)(handle.raw, DOTS_PER_INCH);
        (engine.text)(handle.raw)
    };
    if text.is_null() {
        return Err(failed("it returned nothing"));
    }
    // SAFETY: the text ends with a zero; it is the caller's to delete, by this function.
    let read = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    unsafe { (engine.delete_text)(text) };
    Ok(read)
}

fn null_device() -> &'static CStr {
    if cfg!(windows) { c"NUL" } else { c"/dev/null" }
}

/// A recognizer. It belongs to one thread and is deleted with this value.
struct TesseractHandle {
    raw: *mut c_void,
    delete: unsafe extern "C" fn(*mut c_void),
}

impl TesseractHandle {
    fn new(engine: &TesseractLibrary) -> Option<Self> {
        // SAFETY: the function takes nothing and returns a new handle, or null.
        let raw = unsafe { (engine.create)() };
        (!raw.is_null()).then_some(TesseractHandle { raw, delete: engine.delete })
    }
}

impl Drop for TesseractHandle {
    fn drop(&mut self) {
        // SAFETY: the handle came from `create` and is deleted only here.
        unsafe { (self.delete)(self.raw) };
    }
}

/// Returns the engine. A library that is installed later is found without a restart.
fn engine() -> Option<&'static TesseractLibrary> {
    if let Some(engine) = ENGINE.get() {
        return Some(engine);
    }
    let engine = LIBRARIES.iter().find_map(|name| TesseractLibrary::load(name.as_ref()))?;
    Some(ENGINE.get_or_init(|| engine))
}

impl TesseractLibrary {
    fn load(name: &OsStr) -> Option<Self> {
        // SAFETY: the initializers of this library have no requirements, and the types of the functions are
        // those of its header. They stay valid as long as the library, which is in the same value.
        unsafe {
            let library = Library::new(name).ok()?;
            Some(TesseractLibrary {
                create: *library.get(b"TessBaseAPICreate\0").ok()?,
                delete: *library.get(b"TessBaseAPIDelete\0").ok()?,
                init: *library.get(b"TessBaseAPIInit3\0").ok()?,
                set_variable: *library.get(b"TessBaseAPISetVariable\0").ok()?,
                set_page_segmentation: *library.get(b"TessBaseAPISetPageSegMode\0").ok()?,
                set_image: *library.get(b"TessBaseAPISetImage\0").ok()?,
                set_resolution: *library.get(b"TessBaseAPISetSourceResolution\0").ok()?,
                text: *library.get(b"TessBaseAPIGetUTF8Text\0").ok()?,
                delete_text: *library.get(b"TessDeleteText\0").ok()?,
                _library: library,
            })
        }
    }
}

/// Returns the folder that has the data of the most of these languages.
fn data_folder(languages: &[TextLanguage]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = match std::env::var_os(DATA_FOLDER_VARIABLE) {
        Some(folder) => vec![folder.into()],
        None => DATA_FOLDERS.iter().map(PathBuf::from).collect(),
    };
    let count = |folder: &PathBuf| {
        languages.iter().filter(|language| data_file(folder, **language).is_file()).count()
    };
    // The first of the best: `max_by_key` returns the last.
    folders.into_iter().rev().max_by_key(count).filter(|folder| count(folder) > 0)
}

fn data_file(folder: &Path, language: TextLanguage) -> PathBuf {
    folder.join(format!("{}.traineddata", code(language)))
}
