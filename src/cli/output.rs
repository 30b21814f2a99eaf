//! The only place that prints. Data goes to stdout, everything else to stderr.
//!
//! Text of a cloud can reach every function here, so control characters and those that turn the
//! direction of text become spaces; only [`Output::rendered`] takes text as it is. What is a terminal,
//! how wide it is and whether to use colour are told from outside: nothing here asks the environment.
//!
//! Printing cannot fail for the caller. A reader that has gone away (`kubelease list | head -1`) is no
//! error: the rest is dropped quietly. Other failures of stdout, such as a full disk, are kept for
//! [`Output::finish`], so that the exit code can tell the truth.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::SecondsFormat;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use kubelease_core::Clock;
use kubelease_core::error::printable;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Format, table};

/// How to print, decided once from flags, environment and streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For people or for programs.
    pub format: Format,
    /// Whether to use colour.
    pub color: bool,
    /// How wide tables and progress lines may be; none means as wide as they are.
    pub width: Option<u16>,
    /// Whether stderr is a terminal, on which a progress line can be rewritten in place.
    pub live: bool,
}

/// Prints. Clones print to the same streams.
#[derive(Clone)]
pub struct Output {
    settings: Settings,
    streams: Arc<Mutex<Streams>>,
    /// Set when stderr is a log for programs: whose time its lines carry.
    log: Arc<OnceLock<Arc<dyn Clock>>>,
    progress: Arc<Mutex<Progressing>>,
}

/// Where text goes, and what became of it.
struct Streams {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// The reader of stdout has gone.
    closed: bool,
    /// The first real failure of stdout.
    failed: Option<io::Error>,
}

/// The progress line: on a terminal a bar that rewrites itself, else what was printed last.
#[derive(Default)]
struct Progressing {
    bar: Option<ProgressBar>,
    last: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

impl Output {
    /// Prints to this process's stdout and stderr.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::to(settings, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// Prints to these instead.
    #[must_use]
    pub fn to(settings: Settings, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        let streams = Streams {
            out,
            err,
            closed: false,
            failed: None,
        };
        Self {
            settings,
            streams: Arc::new(Mutex::new(streams)),
            log: Arc::default(),
            progress: Arc::default(),
        }
    }

    /// How it prints.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Whether a program reads it.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.settings.format == Format::Json
    }

    /// From now on everything to stderr is a log for programs: one JSON object a line, with `at`, `level`
    /// and `message`, or `event` and its own fields.
    pub fn log_json(&self, clock: Arc<dyn Clock>) {
        self.log.set(clock).ok();
    }

    /// Whether stderr is a log for programs.
    #[must_use]
    pub fn logs_json(&self) -> bool {
        self.log.get().is_some()
    }

    /// A line of that log: an event with its own fields.
    pub fn event(&self, level: &str, event: &str, fields: Value) {
        let Some(clock) = self.log.get() else { return };
        let at = clock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut line = json!({ "at": at, "level": level, "event": event });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
            line.extend(fields);
        }
        self.print(Stream::Err, &escaped(&line.to_string()));
    }

    /// A message for the log; false when stderr is for people.
    fn logged(&self, level: &str, text: &str) -> bool {
        if self.logs_json() {
            self.event(level, "message", json!({ "message": lines(text) }));
        }
        self.logs_json()
    }

    /// Text to stdout, made harmless, with a line end.
    pub fn data(&self, text: &str) {
        self.print(Stream::Out, &lines(text));
    }

    /// One JSON value to stdout, indented.
    pub fn json(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.print(Stream::Out, &escaped(&text)),
            Err(error) => self.keep(error.into()),
        }
    }

    /// One JSON value on one line: for a reader that waits for it.
    pub fn json_line(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.print(Stream::Out, &escaped(&text)),
            Err(error) => self.keep(error.into()),
        }
    }

    /// A table to stdout: headers, rows, and which columns are aligned to the right.
    pub fn table(&self, headers: &[&str], rows: Vec<Vec<String>>, right: &[usize]) {
        let text = table::render(headers, rows, right, self.settings.width);
        self.print(Stream::Out, &text);
    }

    /// Something good to know, to stderr.
    pub fn note(&self, text: &str) {
        if !self.logged("info", text) {
            self.print(Stream::Err, &lines(text));
        }
    }

    /// Something that the reader should look after, to stderr.
    pub fn warn(&self, text: &str) {
        self.labelled("warning", "33", text);
    }

    /// What went wrong, to stderr.
    pub fn error(&self, text: &str) {
        self.labelled("error", "31", text);
    }

    /// Why it went wrong, to stderr.
    pub fn cause(&self, text: &str) {
        self.labelled("cause", "", text);
    }

    /// What can be typed, to stderr.
    pub fn hint(&self, text: &str) {
        self.labelled("hint", "36", text);
    }

    /// Text of our own that is harmless already and may be coloured, to stderr as it is: a profile's
    /// error from `ProfileError::render`.
    pub fn rendered(&self, text: &str) {
        if !self.logged("error", text) {
            self.print(Stream::Err, text);
        }
    }

    /// What is going on, to stderr: one line that is rewritten on a terminal, else a line for each
    /// change. It ends with [`Self::progress_done`].
    pub fn progress(&self, text: &str) {
        let text = printable(text);
        let mut progress = guard(&self.progress);
        if progress.last == text {
            return;
        }
        progress.last.clone_from(&text);
        if self.logs_json() {
            drop(progress);
            self.logged("info", &text);
        } else if self.settings.live {
            let bar = progress.bar.get_or_insert_with(|| self.bar()).clone();
            drop(progress);
            bar.set_message(text);
        } else {
            drop(progress);
            self.print(Stream::Err, &text);
        }
    }

    /// Clears the progress line.
    pub fn progress_done(&self) {
        let ended = std::mem::take(&mut *guard(&self.progress));
        if let Some(bar) = ended.bar {
            bar.finish_and_clear();
        }
    }

    /// Whether all data arrived: the first failure of stdout, but for a reader that has gone.
    ///
    /// # Errors
    /// That failure.
    pub fn finish(&self) -> io::Result<()> {
        self.progress_done();
        guard(&self.streams).failed.take().map_or(Ok(()), Err)
    }

    fn labelled(&self, label: &str, colour: &str, text: &str) {
        let level = match label {
            "warning" => "warning",
            "error" | "cause" => "error",
            _ => "info",
        };
        if self.logged(level, text) {
            return;
        }
        let text = lines(text);
        let line = match (self.settings.color, colour) {
            (true, "") => format!("\x1b[1m{label}:\x1b[0m {text}"),
            (true, colour) => format!("\x1b[1;{colour}m{label}:\x1b[0m {text}"),
            (false, _) => format!("{label}: {text}"),
        };
        self.print(Stream::Err, &line);
    }

    fn bar(&self) -> ProgressBar {
        let terminal = Terminal {
            streams: Arc::clone(&self.streams),
            width: self.settings.width.unwrap_or(80),
        };
        // No refresh rate: every change is shown, and there are few.
        let target = ProgressDrawTarget::term_like(Box::new(terminal));
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar
    }

    /// A text and a line end. A live progress line steps aside for it.
    fn print(&self, stream: Stream, text: &str) {
        let bar = guard(&self.progress).bar.clone();
        match bar {
            Some(bar) => bar.suspend(|| self.write(stream, text)),
            None => self.write(stream, text),
        }
    }

    fn write(&self, stream: Stream, text: &str) {
        let mut streams = guard(&self.streams);
        // In one piece, so that lines of several threads or processes do not mix.
        let text = format!("{text}\n");
        if stream == Stream::Err {
            // Nobody is left who could be told.
            let err = &mut streams.err;
            err.write_all(text.as_bytes())
                .and_then(|()| err.flush())
                .ok();
            return;
        }
        if streams.closed {
            return;
        }
        let out = &mut streams.out;
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            streams.closed = true;
            drop(streams);
            self.keep(error);
        }
    }

    fn keep(&self, error: io::Error) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            guard(&self.streams).failed.get_or_insert(error);
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A panic of another thread while printing leaves nothing that we could not print after.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Harmless, with line ends and tabs kept and nothing cut: `printable` cuts at 600 characters, so it
/// gets pieces of that size.
fn lines(text: &str) -> String {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let pieces = text.split_inclusive(['\n', '\t']).flat_map(|part| {
        let (words, end) = match part.char_indices().last() {
            Some((at, '\n' | '\t')) => part.split_at(at),
            _ => (part, ""),
        };
        let words: Vec<char> = words.chars().collect();
        let clean: String = words
            .chunks(600)
            .map(|piece| printable(&String::from_iter(piece)))
            .collect();
        [clean, end.to_owned()]
    });
    pieces.collect()
}

/// JSON whose strings hold no character that a terminal acts on. Serde escapes those below U+0020;
/// the others can only be inside strings, where an escape means the same.
fn escaped(json: &str) -> String {
    let harmless = |c: char| {
        let mut bytes = [0; 4];
        let text: &str = c.encode_utf8(&mut bytes);
        c == '\n' || printable(text) == text
    };
    let escape = |c: char| match harmless(c) {
        true => c.to_string(),
        false => format!("\\u{:04x}", u32::from(c)),
    };
    json.chars().map(escape).collect()
}

/// Our stderr as the terminal that the progress line is drawn on.
struct Terminal {
    streams: Arc<Mutex<Streams>>,
    width: u16,
}

impl Terminal {
    fn send(&self, text: &str) -> io::Result<()> {
        guard(&self.streams).err.write_all(text.as_bytes())
    }

    /// `n` columns or lines in a direction, as an ANSI sequence.
    fn step(&self, n: usize, direction: char) -> io::Result<()> {
        match n {
            0 => Ok(()),
            n => self.send(&format!("\x1b[{n}{direction}")),
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal")
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.width
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.step(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.step(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.step(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.step(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.send(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.send(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.send("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        guard(&self.streams).err.flush()
    }
}

#[cfg(test)]
mod tests;
