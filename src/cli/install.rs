//! `guard install`: shows, writes or removes what runs the guard. Only what carries our mark is replaced
//! or removed.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::json;

use super::app::App;
use super::{CliError, exit};
use crate::duration::parse;
use crate::guard::install::{
    Kind, MARK, Piece, Wish, env_file, pieces, short_lived, with_block, without_block,
};
use crate::registry;

/// Show what runs the guard on a schedule; write it with --apply, take it away with --remove
#[derive(Debug, Args)]
pub(super) struct InstallArgs {
    /// A line of your crontab (the default)
    #[arg(long, group = "kind")]
    cron: bool,
    /// A systemd user service and its timer
    #[arg(long, group = "kind")]
    systemd: bool,
    /// A scheduled workflow of GitHub's
    #[arg(long, group = "kind")]
    github: bool,
    /// A Kubernetes CronJob
    #[arg(long, group = "kind")]
    kubernetes: bool,
    /// How often
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    every: String,
    /// A container image with the kubelease binary, for --kubernetes
    #[arg(long, value_name = "IMAGE", default_value = concat!("kubelease:", env!("CARGO_PKG_VERSION")))]
    image: String,
    /// Write it
    #[arg(long)]
    apply: bool,
    /// Remove what --apply wrote
    #[arg(long, conflicts_with = "apply")]
    remove: bool,
}

impl InstallArgs {
    fn kind(&self) -> Kind {
        match (self.systemd, self.github, self.kubernetes) {
            (true, ..) => Kind::Systemd,
            (_, true, _) => Kind::Github,
            (.., true) => Kind::Kubernetes,
            _ => Kind::Cron,
        }
    }
}

/// Names of variables that a guard elsewhere needs too.
const PREFIXES: [&str; 8] = [
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "CLOUDSDK_",
    "DIGITALOCEAN_",
    "LINODE_",
    "VULTR_",
    "KUBELEASE_",
];

pub(super) fn run(app: &App, args: &InstallArgs) -> Result<u8, CliError> {
    let kind = args.kind();
    let usage = |message: String| CliError::new(exit::USAGE, message);
    let every = parse(&args.every).map_err(|e| usage(e.to_string()))?;
    let wish = Wish {
        every,
        program: std::env::current_exe()?,
        home: app.settings.home_named.then(|| app.settings.home.clone()),
        env_file: config_folder(app)?.join("kubelease/guard.env"),
        names: names(app),
        image: args.image.clone(),
    };
    let folder = folder(app, kind)?;
    if args.remove {
        return remove(app, kind, &folder, &wish);
    }
    let pieces = pieces(kind, &wish).map_err(usage)?;
    if args.apply {
        apply(app, kind, &folder, &wish, &pieces)?;
    }
    show(app, kind, &folder, args, &pieces);
    for name in short_lived(&wish.names) {
        app.out.warn(&format!(
            "{name} ends within hours: give the guard a credential that lasts (see: kubelease doctor)"
        ));
    }
    if !args.apply {
        let word = kind.as_str();
        app.out.note(&format!(
            "nothing was written; write it with: kubelease guard install --{word} --apply"
        ));
    }
    Ok(exit::OK)
}

/// What is set here now; if nothing is, what would be looked for.
fn names(app: &App) -> Vec<String> {
    let skip = ["KUBELEASE_OUTPUT", "KUBELEASE_HOME"];
    let set = app.settings.env.names();
    let ours = set.filter(|n| PREFIXES.iter().any(|p| n.starts_with(p)) && !skip.contains(n));
    let ours: Vec<String> = ours.map(str::to_owned).collect();
    if !ours.is_empty() {
        return ours;
    }
    let entries = registry::entries();
    let firsts = entries
        .iter()
        .filter_map(|e| (e.capability)().credential_env.first());
    firsts.map(|n| (*n).to_owned()).collect()
}

fn config_folder(app: &App) -> Result<PathBuf, CliError> {
    let env = &app.settings.env;
    let user = || env.path("HOME").map(|home| home.join(".config"));
    env.path("XDG_CONFIG_HOME")
        .or_else(user)
        .ok_or_else(|| CliError::new(exit::CONFIG, "there is no home folder: set HOME"))
}

/// Where the files of a kind go.
fn folder(app: &App, kind: Kind) -> Result<PathBuf, CliError> {
    let here = std::env::current_dir()?;
    Ok(match kind {
        Kind::Cron => PathBuf::new(),
        Kind::Systemd => config_folder(app)?.join("systemd/user"),
        Kind::Github => {
            let root = here.ancestors().find(|a| a.join(".git").exists());
            root.unwrap_or(&here).join(".github/workflows")
        }
        Kind::Kubernetes => here,
    })
}

fn show(app: &App, kind: Kind, folder: &Path, args: &InstallArgs, pieces: &[Piece]) {
    let place = |piece: &Piece| match piece.file {
        Some(file) => folder.join(file).display().to_string(),
        None => "crontab".to_owned(),
    };
    if app.out.is_json() {
        let views: Vec<_> = pieces
            .iter()
            .map(|p| json!({ "place": place(p), "text": p.text }))
            .collect();
        app.out.json(&json!({ "install": {
            "kind": kind.as_str(), "every": args.every, "applied": args.apply, "pieces": views,
        }}));
        return;
    }
    for piece in pieces {
        match args.apply {
            true => app.out.data(&format!("wrote {}", place(piece))),
            false => app.out.data(&format!("# {}\n{}", place(piece), piece.text)),
        }
    }
}

fn apply(
    app: &App,
    kind: Kind,
    folder: &Path,
    wish: &Wish,
    pieces: &[Piece],
) -> Result<(), CliError> {
    if kind.is_local() {
        keep_credentials(app, wish)?;
    }
    for piece in pieces {
        match piece.file {
            Some(file) => write(&folder.join(file), &piece.text)?,
            None => set_crontab(&with_block(&crontab()?, &piece.text))?,
        }
    }
    match kind {
        Kind::Systemd => {
            systemctl(app, &["daemon-reload"]);
            systemctl(app, &["enable", "--now", "kubelease-guard.timer"]);
            app.out
                .note("so that it also runs while you are logged out: loginctl enable-linger");
        }
        Kind::Github => app.out.note("commit it, and set the secrets that it names"),
        Kind::Kubernetes => app
            .out
            .note("make its Secret, then: kubectl apply -f kubelease-guard.yaml"),
        Kind::Cron => {}
    }
    Ok(())
}

fn remove(app: &App, kind: Kind, folder: &Path, wish: &Wish) -> Result<u8, CliError> {
    let mut removed = Vec::new();
    if kind == Kind::Cron {
        let old = crontab()?;
        let new = without_block(&old);
        if new != old {
            set_crontab(&new)?;
            removed.push("crontab".to_owned());
        }
    }
    if kind == Kind::Systemd && folder.join("kubelease-guard.timer").exists() {
        systemctl(app, &["disable", "--now", "kubelease-guard.timer"]);
    }
    let files: &[&str] = match kind {
        Kind::Cron => &[],
        Kind::Systemd => &["kubelease-guard.timer", "kubelease-guard.service"],
        Kind::Github => &["kubelease-guard.yml"],
        Kind::Kubernetes => &["kubelease-guard.yaml"],
    };
    for file in files {
        removed.extend(take_away(&folder.join(file))?);
    }
    if kind == Kind::Systemd && !removed.is_empty() {
        systemctl(app, &["daemon-reload"]);
    }
    // The credentials go with the last one that reads them.
    let units = config_folder(app)?.join("systemd/user/kubelease-guard.service");
    let cron = crontab().is_ok_and(|text| without_block(&text) != text);
    if kind.is_local() && !units.exists() && !cron {
        removed.extend(take_away(&wish.env_file)?);
    }
    if app.out.is_json() {
        app.out
            .json(&json!({ "install": { "kind": kind.as_str(), "removed": removed } }));
    } else if removed.is_empty() {
        app.out.data("nothing of ours was there");
    } else {
        for place in &removed {
            app.out.data(&format!("removed {place}"));
        }
    }
    Ok(exit::OK)
}

fn about(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(exit::CONFIG, format!("{}: {error}", path.display()))
}

/// The text of a file of ours; none when there is none, refused when it is somebody else's.
fn ours(path: &Path) -> Result<Option<String>, CliError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(about(path, &error)),
    };
    if text.starts_with(MARK) {
        return Ok(Some(text));
    }
    let message = format!(
        "{} was not written by kubelease: it stays as it is",
        path.display()
    );
    Err(CliError::new(exit::REFUSED, message).hint("move it away and try again"))
}

/// Replaces a file of ours in one step.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    ours(path)?;
    replace(path, text).map_err(|e| about(path, &e))
}

/// In one step, readable by all: what is written has no secret in it.
pub(super) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

fn take_away(path: &Path) -> Result<Option<String>, CliError> {
    if ours(path)?.is_none() {
        return Ok(None);
    }
    std::fs::remove_file(path).map_err(|e| about(path, &e))?;
    Ok(Some(path.display().to_string()))
}

/// The credentials of this environment in a file that only its owner reads. One that is there is kept.
fn keep_credentials(app: &App, wish: &Wish) -> Result<(), CliError> {
    let path = &wish.env_file;
    if let Ok(found) = std::fs::metadata(path) {
        if found.permissions().mode() & 0o077 != 0 {
            let message = format!("{} can be read by others", path.display());
            let hint = format!("chmod 600 {}", path.display());
            return Err(CliError::new(exit::CONFIG, message).hint(hint));
        }
        app.out
            .note(&format!("kept the credentials in {}", path.display()));
        return Ok(());
    }
    let env = &app.settings.env;
    let values = wish
        .names
        .iter()
        .filter_map(|n| Some((n.as_str(), env.get(n)?)));
    let values: Vec<_> = values.collect();
    let text = env_file(values.iter().copied()).map_err(|e| CliError::new(exit::CONFIG, e))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| about(folder, &e))?;
    }
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut f| f.write_all(text.as_bytes()))
        .map_err(|e| about(path, &e))?;
    app.out.note(&format!(
        "wrote {} variable(s) to {} (0600)",
        values.len(),
        path.display()
    ));
    if values.is_empty() {
        app.out.warn(
            "no credentials are set here: write them into that file, as NAME=\"value\" lines",
        );
    }
    Ok(())
}

fn no_crontab(error: &std::io::Error) -> CliError {
    CliError::new(exit::CONFIG, format!("crontab cannot be run: {error}"))
        .hint("install cron, or use: kubelease guard install --systemd")
}

/// The user's crontab; empty when there is none. Anything else that `crontab -l` says stops us: what
/// cannot be read must not be replaced.
fn crontab() -> Result<String, CliError> {
    let said = Command::new("crontab")
        .arg("-l")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| no_crontab(&e))?;
    let error = String::from_utf8_lossy(&said.stderr);
    match said.status.success() {
        true => String::from_utf8(said.stdout)
            .map_err(|_| CliError::new(exit::CONFIG, "the crontab is not UTF-8")),
        false if error.contains("no crontab") => Ok(String::new()),
        false => Err(CliError::new(
            exit::CONFIG,
            format!("crontab -l failed: {}", error.trim()),
        )),
    }
}

fn set_crontab(text: &str) -> Result<(), CliError> {
    let mut child = Command::new("crontab")
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| no_crontab(&e))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let said = child.wait_with_output()?;
    if said.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&said.stderr);
    Err(CliError::new(
        exit::CONFIG,
        format!("crontab refused it: {}", error.trim()),
    ))
}

/// The files are what counts; where no user manager runs, a person is told what to type.
fn systemctl(app: &App, words: &[&str]) {
    let said = Command::new("systemctl")
        .arg("--user")
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !said.is_ok_and(|status| status.success()) {
        let words = words.join(" ");
        app.out.warn(&format!(
            "this did not work; run it yourself: systemctl --user {words}"
        ));
    }
}
