//! What goes to which stream, and how progress looks.
#![expect(clippy::unwrap_used, reason = "tests")]

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
