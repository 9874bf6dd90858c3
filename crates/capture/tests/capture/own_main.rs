//! For the `main` of a test program that has parts: it may be started as one of them. Its tests share
//! what is set up for one process, so they run one by one.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

pub fn run(tests: &[(&'static str, fn())]) -> ExitCode {
    if let Some(ended) = snaplark_capture::run_if_helper() {
        return ended;
    }
    let tests = tests.iter().map(|(name, test)| {
        let test = *test;
        Trial::test(*name, move || {
            test();
            Ok(())
        })
    });
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, tests.collect()).exit_code()
}
