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
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A stream that keeps what was written; or one that fails.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>, Option<io::ErrorKind>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.1 {
                Some(kind) => Err(kind.into()),
                None => guard(&self.0).write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(guard(&self.0).clone()).unwrap()
        }
    }

    const PLAIN: Settings = Settings {
        format: Format::Table,
        color: false,
        width: Some(40),
        live: false,
    };

    fn output(settings: Settings) -> (Output, Kept, Kept) {
        let (out, err) = (Kept::default(), Kept::default());
        let output = Output::to(settings, Box::new(out.clone()), Box::new(err.clone()));
        (output, out, err)
    }

    #[test]
    fn data_to_stdout_and_all_else_to_stderr() {
        let (output, out, err) = output(PLAIN);
        output.data("a: 1\nb: 2\n");
        output.table(&["name"], vec![vec!["x".into()]], &[]);
        output.json_line(&json!({"control": "http://127.0.0.1"}));
        output.note("made");
        output.warn("low");
        output.error("no");
        output.cause("why");
        output.hint("kubelease list");
        let data = "a: 1\nb: 2\nNAME\nx\n{\"control\":\"http://127.0.0.1\"}\n";
        assert_eq!(out.text(), data);
        let rest = "made\nwarning: low\nerror: no\ncause: why\nhint: kubelease list\n";
        assert_eq!(err.text(), rest);
        assert!(output.finish().is_ok());
    }

    #[test]
    fn colour_only_when_asked_and_never_alone() {
        let (output, _, err) = output(Settings {
            color: true,
            ..PLAIN
        });
        output.error("no");
        output.cause("why");
        assert_eq!(
            err.text(),
            "\x1b[1;31merror:\x1b[0m no\n\x1b[1mcause:\x1b[0m why\n"
        );
    }

    #[test]
    fn text_of_a_cloud_cannot_move_the_cursor() {
        let (output, out, err) = output(PLAIN);
        let evil = "x\x1b[2J\u{9b}1m\u{202e}y\r\x07\x7f";
        output.data(&format!("a\tb\n{evil}"));
        output.note(evil);
        output.warn(evil);
        output.progress(evil);
        output.table(&["NAME"], vec![vec![format!("{evil}\nz")]], &[]);
        output.json(&json!({ evil: evil }));
        let all = out.text() + &err.text();
        let moves = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
        assert!(!all.contains(moves), "{all:?}");
        assert!(out.text().starts_with("a\tb\nx [2J 1m y"));
        let json = &out.text()[out.text().find('{').unwrap()..];
        let back: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(back, json!({ evil: evil }));
    }

    #[test]
    fn long_data_is_not_cut() {
        let (output, out, _) = output(PLAIN);
        let certificate = "A".repeat(5000) + "ü";
        output.data(&certificate);
        assert_eq!(out.text(), certificate + "\n");
    }

    #[test]
    fn a_reader_that_left_is_no_error_and_a_full_disk_is() {
        let cases = [
            (io::ErrorKind::BrokenPipe, None),
            (io::ErrorKind::StorageFull, Some(io::ErrorKind::StorageFull)),
        ];
        for (kind, kept) in cases {
            let (err, out) = (Kept::default(), Kept(Arc::default(), Some(kind)));
            let output = Output::to(PLAIN, Box::new(out), Box::new(err.clone()));
            output.data("x");
            output.json(&json!(1));
            output.note("still here");
            assert_eq!(output.finish().err().map(|e| e.kind()), kept);
            assert_eq!(err.text(), "still here\n");
        }
        let broken = Kept(Arc::default(), Some(io::ErrorKind::Other));
        let output = Output::to(PLAIN, Box::new(Kept::default()), Box::new(broken));
        output.note("nobody hears this");
        assert!(output.finish().is_ok());
    }

    #[test]
    fn without_a_terminal_progress_is_a_line_for_each_change() {
        let (output, out, err) = output(PLAIN);
        for text in ["cluster: creating", "cluster: creating", "cluster: ready"] {
            output.clone().progress(text);
        }
        output.progress_done();
        output.progress("cluster: ready");
        assert_eq!(
            err.text(),
            "cluster: creating\ncluster: ready\ncluster: ready\n"
        );
        assert_eq!(out.text(), "");
    }

    #[test]
    fn on_a_terminal_progress_is_one_line_that_steps_aside() {
        let (output, _, err) = output(Settings {
            live: true,
            ..PLAIN
        });
        output.progress("cluster: creating");
        output.progress("cluster: still creating, and this is far too long for the line");
        output.warn("the cloud is slow");
        output.progress("cluster: ready");
        output.progress_done();
        output.note("done");
        let screen = screen(&err.text());
        assert_eq!(
            screen,
            ["warning: the cloud is slow", "done"],
            "{:?}",
            err.text()
        );
        assert!(err.text().contains("cluster: ready"));
        let widest = err
            .text()
            .split(['\r', '\n'])
            .map(|l| l.chars().count())
            .max();
        assert!(widest <= Some(40 + "\x1b[2K".len()), "{:?}", err.text());
    }

    /// What a terminal shows after these bytes, without empty lines. Knows only what [`Terminal`] sends.
    fn screen(text: &str) -> Vec<String> {
        let (mut rows, mut row, mut column) = (vec![Vec::new()], 0, 0);
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\r' => column = 0,
                '\n' => {
                    (row, column) = (row + 1, 0);
                    rows.resize(rows.len().max(row + 1), Vec::new());
                }
                '\x1b' => match chars.by_ref().skip(1).take(2).collect::<String>().as_str() {
                    "2K" => rows[row].clear(),
                    "1A" => row -= 1,
                    "1B" => row += 1,
                    other => panic!("unknown sequence {other}"),
                },
                c => {
                    let line: &mut Vec<char> = &mut rows[row];
                    line.resize(line.len().max(column + 1), ' ');
                    line[column] = c;
                    column += 1;
                }
            }
        }
        let rows = rows
            .iter()
            .map(|r| String::from_iter(r).trim_end().to_owned());
        rows.filter(|r| !r.is_empty()).collect()
    }
}
