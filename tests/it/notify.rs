//! Warnings and receipts by webhook, mail and command: once, later if need be, and never in the way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Bench, said};

/// What the server does with what it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Answers(u16),
    Hangs,
}

/// A webhook's server on loopback.
struct Hook {
    address: String,
    mode: Arc<Mutex<Mode>>,
    got: Arc<Mutex<Vec<Got>>>,
}

#[derive(Clone, Debug)]
struct Got {
    taken: bool,
    id: String,
    body: Value,
}

impl Hook {
    fn new(mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/canary-token", listener.local_addr().unwrap());
        let mode = Arc::new(Mutex::new(mode));
        let got = Arc::new(Mutex::new(Vec::new()));
        let (modes, log) = (Arc::clone(&mode), Arc::clone(&got));
        std::thread::spawn(move || {
            let mut hanging = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (id, body) = request(&stream);
                let mode = *modes.lock().unwrap();
                let taken = mode == Mode::Answers(200);
                log.lock().unwrap().push(Got { taken, id, body });
                match mode {
                    Mode::Answers(status) => {
                        let answer = format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                        );
                        stream.write_all(answer.as_bytes()).unwrap();
                    }
                    Mode::Hangs => hanging.push(stream),
                }
            }
        });
        Self { address, mode, got }
    }

    fn now(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// The events that were taken, by kind.
    fn taken(&self, kind: &str) -> Vec<Value> {
        let all = self
            .got()
            .into_iter()
            .filter(|g| g.taken && g.body["event"] == kind);
        all.map(|g| g.body).collect()
    }
}

fn request(stream: &TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_owned();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => value.clone_into(&mut id),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (id, serde_json::from_slice(&body).unwrap())
}

/// A config.toml that only its owner can read.
fn config(bench: &Bench, text: &str) {
    let path = bench.path("config.toml");
    let text = format!("providers = [\"digitalocean\"]\n{text}");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn hooked(bench: &Bench, mode: Mode) -> Hook {
    let hook = Hook::new(mode);
    config(
        bench,
        &format!("[[notify]]\nwebhook = \"{}\"\n", hook.address),
    );
    hook
}

fn report(bench: &Bench) -> Value {
    bench.tick().ok().json()["report"].clone()
}

#[test]
fn each_event_arrives_once_over_many_ticks() {
    let bench = Bench::new();
    let hook = hooked(&bench, Mode::Answers(200));
    bench.create("digitalocean", "lab").ok();
    for _ in 0..20 {
        bench.advance("15m");
        bench.tick().ok();
    }
    let ending = hook.taken("ending");
    assert_eq!(ending.len(), 1, "{ending:?}");
    assert_eq!(ending[0]["name"], "lab");
    assert_eq!(ending[0]["reason"], "ttl");
    assert!(
        ending[0]["text"]
            .as_str()
            .unwrap()
            .starts_with("lease lab ends in ")
    );
    let ended = hook.taken("ended");
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(ended[0]["receipt"]["leftovers"], json!([]));
    assert_eq!(hook.got().len(), 2, "and nothing else");
    bench.assert_clean();
}

#[test]
fn a_server_that_hangs_holds_up_no_teardown_and_gets_it_later_once() {
    let bench = Bench::new();
    let hook = hooked(&bench, Mode::Hangs);
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    bench.advance("4h");
    let first = report(&bench);
    assert_eq!(first["ended"].as_array().unwrap().len(), 1);
    bench.assert_clean();
    let line = first["undelivered"][0].as_str().unwrap();
    assert!(
        line.contains("no answer within") && !line.contains("canary"),
        "{line}"
    );
    // Not before its time, and then once.
    bench.tick().ok();
    assert_eq!(hook.got().len(), 1);
    hook.now(Mode::Answers(200));
    for _ in 0..4 {
        bench.advance("2m");
        assert_eq!(report(&bench)["undelivered"], json!([]));
    }
    let got = hook.got();
    assert_eq!(hook.taken("ended").len(), 1, "{got:?}");
    assert_eq!(got.len(), 2);
    assert_eq!(
        got[0].id, got[1].id,
        "a receiver can tell that it is the same"
    );
}

#[test]
fn a_server_that_fails_is_tried_less_and_less_often() {
    let bench = Bench::new();
    let hook = hooked(&bench, Mode::Answers(503));
    bench.create("digitalocean", "lab").ok();
    bench.advance("4h");
    bench.tick().ok();
    let mut tries = Vec::new();
    for minute in 1..=20 {
        bench.advance("1m");
        let before = hook.got().len();
        bench.tick().ok();
        if hook.got().len() > before {
            tries.push(minute);
        }
    }
    assert!((3..=5).contains(&tries.len()), "{tries:?}");
    let gaps: Vec<i32> = tries.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(gaps.is_sorted(), "{tries:?}");
    hook.now(Mode::Answers(200));
    bench.advance("1h");
    bench.tick().ok();
    bench.advance("1h");
    bench.tick().ok();
    assert_eq!(hook.taken("ended").len(), 1);
}

#[test]
fn many_guards_at_once_tell_it_once() {
    let bench = Bench::new();
    let hook = hooked(&bench, Mode::Answers(200));
    bench.create("digitalocean", "lab").ok();
    bench.advance("3h40m");
    for _ in 0..2 {
        let ticks: Vec<_> = (0..4).map(|_| bench.spawn(&["guard", "tick"])).collect();
        for tick in ticks {
            said(tick.wait_with_output().unwrap()).ok();
        }
        assert_eq!(hook.taken("ending").len(), 1);
        bench.advance("1m");
    }
    bench.advance("30m");
    let ticks: Vec<_> = (0..4).map(|_| bench.spawn(&["guard", "tick"])).collect();
    for tick in ticks {
        said(tick.wait_with_output().unwrap()).ok();
    }
    bench.tick().ok();
    assert_eq!(
        (hook.taken("ending").len(), hook.taken("ended").len()),
        (1, 1)
    );
    bench.assert_clean();
}

#[test]
fn a_stuck_delete_is_told_with_where_to_look_and_no_control_characters() {
    let bench = Bench::new();
    let hook = hooked(&bench, Mode::Answers(200));
    bench.create("digitalocean", "lab").ok();
    bench.fault(json!({
        "provider": "digitalocean", "match": "DELETE /**", "rate": "1", "seed": 1, "action": "status", "status": 422,
        "body": { "id": "x", "message": "no\u{1b}[2J\u{7}\u{202e}way" }
    }));
    bench.advance("4h");
    bench.tick().code(8);
    bench.tick().code(8);
    let stuck = hook.taken("stuck");
    assert_eq!(stuck.len(), 1, "{stuck:?}");
    let text = stuck[0].to_string();
    assert!(text.contains("https://"), "{text}");
    let moves = |c: char| c.is_control() || c == '\u{202e}';
    assert!(
        !text.contains(moves) && !text.contains("\\u001b") && !text.contains("\\u0007"),
        "{text}"
    );
}

#[test]
fn a_config_that_others_can_read_sends_nothing_and_says_so() {
    let bench = Bench::new();
    let hook = hooked(&bench, Mode::Answers(200));
    let open = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(bench.path("config.toml"), mode).unwrap();
    };
    open(0o644);
    bench.create("digitalocean", "lab").ok();
    bench.advance("4h");
    let first = report(&bench);
    assert_eq!(
        first["ended"].as_array().unwrap().len(),
        1,
        "it ends all the same"
    );
    assert!(
        first["undelivered"].to_string().contains("chmod 600"),
        "{first}"
    );
    assert!(hook.got().is_empty());
    open(0o600);
    bench.advance("5m");
    bench.tick().ok();
    assert_eq!(hook.taken("ended").len(), 1);
}

#[test]
fn a_command_gets_the_event_on_its_input_and_no_credentials() {
    let bench = Bench::new();
    let seen = bench.path("seen");
    let script = bench.path("tell.sh");
    std::fs::write(
        &script,
        format!(
            "#!/bin/sh\n{{ cat; echo \"$@\"; env; }} >> {}\n",
            seen.display()
        ),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    config(
        &bench,
        &format!(
            "[[notify]]\ncommand = [\"{}\", \"a b\"]\nevents = [\"ended\"]\n[[notify]]\ncommand = [\"/nowhere/at/all\"]\n",
            script.display()
        ),
    );
    bench.create("digitalocean", "lab").ok();
    bench.advance("3h40m");
    bench.tick().ok();
    assert!(!seen.exists(), "it wants to hear of the end only");
    bench.advance("1h");
    let mut command = bench.command();
    command
        .env("SOME_SECRET", "canary")
        .args(["guard", "tick", "-o", "json"]);
    let first = said(command.output().unwrap()).ok().json();
    let undelivered = first["report"]["undelivered"].to_string();
    assert!(undelivered.contains("/nowhere/at/all"), "{undelivered}");
    bench.tick().ok();
    let text = std::fs::read_to_string(seen).unwrap();
    let event: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&event["event"], &event["receipt"]["reason"]),
        (&json!("ended"), &json!("ttl"))
    );
    assert_eq!(text.matches("\"event\":\"ended\"").count(), 1);
    assert_eq!(text.lines().nth(1), Some("a b"));
    assert!(
        !text.contains("canary") && !text.contains("KUBELEASE_SIM"),
        "{text}"
    );
}

/// A mail server that takes everything, and what was said to it.
fn mail_server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            smtp(stream.unwrap(), &log);
        }
    });
    (port, heard)
}

fn smtp(mut stream: TcpStream, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut data = false;
    stream.write_all(b"220 test\r\n").unwrap();
    while let Some(Ok(line)) = lines.next() {
        log.lock().unwrap().push(line.clone());
        let answer: &[u8] = match line.split(' ').next().unwrap() {
            "." if data => {
                data = false;
                b"250 taken\r\n"
            }
            _ if data => continue,
            "EHLO" => b"250-test\r\n250 AUTH PLAIN\r\n",
            "AUTH" => b"235 welcome\r\n",
            "DATA" => {
                data = true;
                b"354 go on\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).unwrap();
    }
}

#[test]
fn a_mail_over_smtp_once() {
    let bench = Bench::new();
    let (port, heard) = mail_server();
    config(
        &bench,
        &format!(
            "[[notify]]\nemail = \"me@example.org\"\nevents = [\"ended\"]\n[smtp]\nhost = \"127.0.0.1\"\nport = {port}\nfrom = \"guard@example.org\"\nuser = \"u\"\npassword = \"env:MAIL_PASSWORD\"\ntls = \"never\"\n"
        ),
    );
    bench.create("digitalocean", "lab").ok();
    bench.advance("4h");
    let tick = |password: Option<&str>| {
        let mut command = bench.command();
        command.args(["guard", "tick", "-o", "json"]);
        if let Some(password) = password {
            command.env("MAIL_PASSWORD", password);
        }
        said(command.output().unwrap()).ok().json()["report"].clone()
    };
    let first = tick(None);
    assert!(
        first["undelivered"]
            .to_string()
            .contains("MAIL_PASSWORD is not set"),
        "{first}"
    );
    for _ in 0..3 {
        bench.advance("5m");
        assert_eq!(tick(Some("canary"))["undelivered"], json!([]));
    }
    let heard = heard.lock().unwrap().join("\n");
    assert_eq!(
        heard
            .matches("Subject: kubelease: lease lab has ended (ttl)")
            .count(),
        1,
        "{heard}"
    );
    assert!(heard.contains("RCPT TO:<me@example.org>"), "{heard}");
    assert!(heard.contains("AUTH PLAIN"), "{heard}");
    assert!(heard.contains("nothing left, cost $0.29"), "{heard}");
}

/// A profile's own channel is told at its own lead time, and of nothing else.
#[test]
fn a_profile_names_its_own_channel() {
    let bench = Bench::only("digitalocean");
    let hook = Hook::new(Mode::Answers(200));
    let profile = bench.steady("first-steps");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(
        &profile,
        format!("{text}\n[[notify]]\nbefore = \"2h\"\nwebhook = \"env:HOOK\"\n"),
    )
    .unwrap();
    bench
        .run(&[
            "create",
            &profile,
            "-p",
            "digitalocean",
            "-n",
            "lab",
            "--ttl",
            "4h",
        ])
        .ok();
    for _ in 0..10 {
        bench.advance("30m");
        let mut command = bench.command();
        command.env("HOOK", &hook.address).args(["guard", "tick"]);
        said(command.output().unwrap()).ok();
    }
    assert_eq!(hook.taken("ending").len(), 1);
    assert_eq!(hook.got().len(), 1);
}

#[test]
fn a_wrong_config_is_told_with_its_line_and_without_its_secrets() {
    let bench = Bench::new();
    config(
        &bench,
        "[[notify]]\nwebhook = \"https://example.org/canary\"\n[smtp\n",
    );
    let said = bench.run(&["guard", "tick"]).code(3);
    assert!(said.stderr.contains("line 4"), "{}", said.stderr);
    assert!(!said.stderr.contains("canary"), "{}", said.stderr);
}
