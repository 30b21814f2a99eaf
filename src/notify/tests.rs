//! Forms, configs and backoff. Sending is tested by the whole program in `tests/it/notify.rs`.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::send::body;
use super::*;
use crate::config::ConfigFile;

fn check(text: &str) -> Result<Vec<Channel>, String> {
    let file: ConfigFile = toml::from_str(text).map_err(|e| e.message().to_owned())?;
    let smtp = file.smtp.as_ref().map(config::smtp).transpose()?;
    config::channels(&file.notify, smtp.is_some())
}

#[test]
fn each_form_carries_the_text_and_no_mention() {
    let event = json!({ "event": "ended", "text": "<!channel> lab & co @everyone", "id": "x" });
    assert_eq!(body(Shape::Json, &event), event);
    assert_eq!(
        body(Shape::Slack, &event),
        json!({ "text": "&lt;!channel&gt; lab &amp; co @everyone" })
    );
    let discord = body(Shape::Discord, &event);
    assert_eq!(discord["content"], event["text"]);
    assert_eq!(discord["allowed_mentions"], json!({ "parse": [] }));
    let long = json!({ "text": "x".repeat(5000) });
    assert!(
        body(Shape::Discord, &long)["content"]
            .as_str()
            .unwrap()
            .len()
            < 2000
    );
}

#[test]
fn the_form_is_guessed_by_the_host() {
    assert_eq!(
        Shape::guess("https://hooks.slack.com/services/T/B/x"),
        Shape::Slack
    );
    assert_eq!(
        Shape::guess("https://discord.com/api/webhooks/1/x"),
        Shape::Discord
    );
    assert_eq!(
        Shape::guess("https://example.org/hooks.slack.com"),
        Shape::Json
    );
}

#[test]
fn a_config_is_read_with_its_secrets_hidden() {
    let text = "
[[notify]]
webhook = \"https://hooks.slack.com/services/canary\"
events = [\"ended\", \"stuck\"]
[[notify]]
name = \"me\"
email = \"me@example.org\"
[[notify]]
command = [\"notify-send\", \"kubelease\"]
[smtp]
host = \"mail.example.org\"
from = \"kubelease@example.org\"
user = \"u\"
password = \"canary\"
";
    let channels = check(text).unwrap();
    let names: Vec<_> = channels.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["webhook-1", "me", "command-3"]);
    assert_eq!(channels[0].events, [Kind::Ended, Kind::Stuck]);
    let file: ConfigFile = toml::from_str(text).unwrap();
    let shown = format!("{file:?} {channels:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert!(config::holds_secret(&file.notify, file.smtp.as_ref()));
    let env = text.replace("https://hooks.slack.com/services/canary", "env:HOOK");
    let env: ConfigFile = toml::from_str(&env.replace("\"canary\"", "\"env:MAIL\"")).unwrap();
    assert!(!config::holds_secret(&env.notify, env.smtp.as_ref()));
}

#[test]
fn a_wrong_config_is_refused_without_its_secrets() {
    let cases = [
        ("[[notify]]\n", "exactly one"),
        (
            "[[notify]]\nwebhook = \"http://example.org/canary\"\n",
            "https",
        ),
        ("[[notify]]\nwebhook = 4242424242\n", "text in quotes"),
        (
            "[[notify]]\nwebhook = \"env:A\"\ncommand = [\"x\"]\n",
            "exactly one",
        ),
        ("[[notify]]\nemail = \"me@example.org\"\n", "[smtp]"),
        ("[[notify]]\ncommand = []\n", "no program"),
        (
            "[[notify]]\ncommand = [\"a\"]\nevents = [\"begun\"]\n",
            "begun",
        ),
        (
            "[[notify]]\nname = \"a\"\ncommand = [\"a\"]\n[[notify]]\nname = \"a\"\ncommand = [\"b\"]\n",
            "taken",
        ),
        ("[[notify]]\nname = \"log\"\ncommand = [\"a\"]\n", "log"),
        (
            "[smtp]\nhost = \"m.example.org\"\nfrom = \"a@b\"\ntls = \"never\"\n",
            "only for a server on this machine",
        ),
        (
            "[smtp]\nhost = \"m\"\nfrom = \"a@b\"\nuser = \"u\"\n",
            "together",
        ),
        (
            "[smtp]\nhost = \"m\"\nfrom = \"a@b\"\nuser = \"u\"\npassword = 4242424242\n",
            "text in quotes",
        ),
    ];
    for (text, part) in cases {
        let said = check(text).unwrap_err();
        assert!(said.contains(part), "{text}: {said}");
        assert!(!said.contains("canary") && !said.contains("4242"), "{said}");
    }
}

#[test]
fn tries_get_rarer_and_never_stop_for_a_day() {
    let minutes = |n| backoff(n).num_minutes();
    assert_eq!((minutes(0), minutes(1), minutes(5)), (1, 2, 32));
    assert_eq!(
        (minutes(9), minutes(60), minutes(u32::MAX)),
        (360, 360, 360)
    );
}
