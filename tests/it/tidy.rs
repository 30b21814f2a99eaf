//! Habits that are checked: file names and sizes, one-way dependencies, no clock, no float near money, and
//! a README that tells the truth.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under these folders, with its text.
fn rust_files(folders: &[&str]) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|f| root().join(f)).collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.insert(path.strip_prefix(root()).unwrap().to_owned(), text);
            }
        }
    }
    assert!(!files.is_empty());
    files
}

#[test]
fn no_file_is_over_700_lines_and_each_says_what_it_is_for() {
    for (path, text) in rust_files(&["src", "providers", "tests", "benches"]) {
        let lines = text.lines().count();
        assert!(
            lines <= 700,
            "{} has {lines} lines: split it by idea",
            path.display()
        );
        let says = text.contains("//!") || text.contains("include_str!(\"../README.md\")");
        assert!(says, "{} does not say what it is for", path.display());
    }
}

#[test]
fn every_cloud_has_the_same_files() {
    const FILES: [&str; 10] = [
        "Cargo.toml",
        "README.md",
        "data/prices.toml",
        "src/api.rs",
        "src/auth.rs",
        "src/config.rs",
        "src/inspect.rs",
        "src/lib.rs",
        "src/steps.rs",
        "src/sweep.rs",
    ];
    let mut clouds = 0;
    for entry in fs::read_dir(root().join("providers")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if ["core", "http", "sim"].contains(&name.as_str()) {
            continue;
        }
        for file in FILES {
            assert!(folder.join(file).is_file(), "{name} has no {file}");
        }
        clouds += 1;
    }
    assert!(clouds >= 1);
}

/// Dependencies point one way.
#[test]
fn crates_depend_one_way() {
    let names = |folder: &str| -> Vec<String> {
        let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let all = manifest["dependencies"].as_table().unwrap().keys();
        all.filter(|k| k.starts_with("kubelease"))
            .cloned()
            .collect()
    };
    assert_eq!(names("providers/core"), Vec::<String>::new());
    assert_eq!(names("providers/http"), ["kubelease-core"]);
    assert_eq!(names("providers/sim/kube"), Vec::<String>::new());
    assert_eq!(names("providers/sim"), ["kubelease-sim-kube"]);
    for entry in fs::read_dir(root().join("providers")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !["core", "http", "sim"].contains(&name.as_str()) {
            assert_eq!(
                names(&format!("providers/{name}")),
                ["kubelease-core", "kubelease-http"],
                "{name}"
            );
        }
    }
}

/// Product code up to its tests.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn is_test(path: &Path) -> bool {
    path.components().any(|c| {
        ["tests", "tests.rs", "benches", "examples", "testing.rs"]
            .contains(&c.as_os_str().to_str().unwrap())
    })
}

#[test]
fn time_comes_from_the_clock() {
    let allowed = ["src/clock.rs", "providers/sim/src/clock.rs"];
    for (path, text) in rust_files(&["src", "providers"]) {
        let name = path.to_str().unwrap();
        if is_test(&path) || allowed.contains(&name) {
            continue;
        }
        for word in ["SystemTime::now", "Utc::now", "Local::now", "Instant::now"] {
            assert!(
                !product(&text).contains(word),
                "{name} asks the system: {word}"
            );
        }
        // The simulator serves real sockets, and may take real time where a fault says so.
        if name.starts_with("providers/sim/") {
            continue;
        }
        for word in ["time::sleep", "time::interval", "thread::sleep"] {
            assert!(
                !product(&text).contains(word),
                "{name} waits past the clock: {word}"
            );
        }
    }
}

#[test]
fn no_float_near_money() {
    for (path, text) in rust_files(&["src", "providers"]) {
        let name = path.to_str().unwrap();
        let money = [
            "ledger", "quote", "credit", "billing", "money", "price", "meter", "bill", "books",
        ];
        if !is_test(&path) && money.iter().any(|m| name.contains(m)) {
            for word in ["f64", "f32"] {
                let found = product(&text)
                    .split(|c: char| !c.is_alphanumeric())
                    .any(|w| w == word);
                assert!(!found, "{name} has a {word}");
            }
        }
    }
}

#[test]
fn nothing_is_left_open() {
    for (path, text) in rust_files(&["src", "providers"]) {
        for word in ["todo!(", "unimplemented!(", "dbg!("] {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn the_readme_tells_the_truth() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (code, meaning) in kubelease::cli::exit::DOCUMENTED {
        let row = format!("| {code} | {meaning} |");
        assert!(readme.contains(&row), "README lacks {row}");
    }
    for (name, meaning) in kubelease::env::DOCUMENTED {
        let row = format!("| `{name}` | {meaning} |");
        assert!(readme.contains(&row), "README lacks {row}");
    }
    for command in kubelease::cli::command()
        .get_subcommands()
        .filter(|c| !c.is_hide_set())
    {
        assert!(
            readme.contains(command.get_name()),
            "README does not name {}",
            command.get_name()
        );
    }
    for name in kubelease::profile::builtin_names() {
        assert!(
            readme.contains(name),
            "README does not name the profile {name}"
        );
    }
}
