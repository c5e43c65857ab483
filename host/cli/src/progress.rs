//! Progress of a build: bars on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use motia_toolchain::Progress;

/// What fits standard error.
pub fn for_terminal() -> Arc<dyn Progress> {
    match std::io::stderr().is_terminal() {
        true => Arc::new(Bar(Mutex::new(None))),
        false => Arc::new(Lines),
    }
}

struct Lines;

impl Progress for Lines {
    fn begin(&self, what: &str) {
        eprintln!("{what}");
    }

    fn file(&self, _: &str, _: usize, _: usize) {}
}

struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn show(&self, message: String) {
        let mut bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        bar.set_message(message);
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str) {
        self.show(what.to_owned());
    }

    fn file(&self, file: &str, done: usize, all: usize) {
        self.show(format!("[{done}/{all}] {file}"));
        if done == all
            && let Some(bar) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            bar.finish_and_clear();
        }
    }
}
