//! One kubeconfig in memory: a generic tree, so that what we do not know survives. No files here.
//!
//! Kept: every field, list order, and the meaning of every value as kubectl reads it; strings that
//! look like something else (`"yes"`, `"0123"`, `"null"`) come out in quotes. Anchors, aliases and
//! merge keys come out expanded. Lost: comments, formatting, and the order of fields.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::error::KubeconfigError;

/// The name of our extension in a context.
const EXTENSION: &str = "kubelease";

/// The three lists of a kubeconfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Cluster,
    Context,
    User,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Cluster, Self::Context, Self::User];

    /// The key inside an entry, and the word in messages.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Context => "context",
            Self::User => "user",
        }
    }

    fn list(self) -> &'static str {
        match self {
            Self::Cluster => "clusters",
            Self::Context => "contexts",
            Self::User => "users",
        }
    }
}

/// A kubeconfig whose shape has been checked: an object, and its lists are lists.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config(Map<String, Value>);

impl Config {
    /// What a file that is not there yet holds.
    pub(super) fn empty() -> Self {
        let mut fields = Map::new();
        fields.insert("apiVersion".to_owned(), Value::from("v1"));
        fields.insert("kind".to_owned(), Value::from("Config"));
        Self(fields)
    }

    /// Reads YAML (or JSON, which is YAML). An empty file is an empty config, as for kubectl.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, KubeconfigError> {
        let unparsable = |why: String| KubeconfigError::Unparsable {
            path: path.to_owned(),
            why,
        };
        // kubectl reads `0123` as octal; a snippet would show a token.
        let options = serde_saphyr::options! {
            legacy_octal_numbers: true,
            with_snippet: false,
        };
        let value: Value = serde_saphyr::from_str_with_options(text, options)
            .map_err(|e| unparsable(place(&e)))?;
        let fields = match value {
            Value::Null => return Ok(Self::empty()),
            Value::Object(fields) => fields,
            _ => return Err(unparsable("its top is not a mapping".to_owned())),
        };
        for part in Part::ALL {
            let list = part.list();
            match fields.get(list) {
                None | Some(Value::Null | Value::Array(_)) => {}
                Some(_) => return Err(unparsable(format!("`{list}` is not a list"))),
            }
        }
        Ok(Self(fields))
    }

    pub(super) fn to_yaml(&self, path: &Path) -> Result<String, KubeconfigError> {
        to_yaml(&self.0, path)
    }

    /// The content of the first entry of that name, as for kubectl.
    pub(super) fn get(&self, part: Part, name: &str) -> Option<&Value> {
        let entries = self.0.get(part.list())?.as_array()?;
        let entry = entries.iter().find(|entry| entry["name"] == name)?;
        Some(&entry[part.word()])
    }

    /// Sets an entry, in its place or at the end.
    pub(super) fn put(&mut self, part: Part, name: &str, content: &Value) {
        let entry = json!({"name": name, part.word(): content});
        let entries = self.entries(part);
        match entries.iter_mut().find(|entry| entry["name"] == name) {
            Some(old) => *old = entry,
            None => entries.push(entry),
        }
    }

    /// Removes all entries of that name.
    pub(super) fn remove(&mut self, part: Part, name: &str) {
        self.entries(part).retain(|entry| entry["name"] != name);
    }

    fn entries(&mut self, part: Part) -> &mut Vec<Value> {
        let list = self.0.entry(part.list()).or_insert(Value::Null);
        if !list.is_array() {
            *list = Value::Array(Vec::new());
        }
        list.as_array_mut()
            .expect("it has just been made a list if it was none")
    }

    /// The current context, if one is set.
    pub(super) fn current(&self) -> Option<&str> {
        let current = self.0.get("current-context")?.as_str()?;
        Some(current).filter(|name| !name.is_empty())
    }

    /// Sets the current context; `None` leaves it empty, as kubectl does.
    pub(super) fn set_current(&mut self, name: Option<&str>) {
        let value = Value::from(name.unwrap_or(""));
        self.0.insert("current-context".to_owned(), value);
    }

    /// The names of contexts that are ours for this cluster: under our name, or renamed and still with
    /// our extension.
    pub(super) fn our_contexts(&self, name: &str) -> Vec<String> {
        let entries = self.0.get(Part::Context.list()).and_then(Value::as_array);
        entries
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let found = entry["name"].as_str()?;
                let context = &entry["context"];
                let points_at_us = context["cluster"] == name && context["user"] == name;
                let marked = found == name || extension(context).is_some();
                (points_at_us && marked).then(|| found.to_owned())
            })
            .collect()
    }

    /// Which context was current before we made this one current.
    pub(super) fn previous(&self, context: &str) -> Option<&str> {
        let context = self.get(Part::Context, context)?;
        extension(context)?["previous"].as_str()
    }

    /// Lets contexts of ours that would return to `gone` return to what that one returned to.
    pub(super) fn relink(&mut self, gone: &str, to: Option<&str>) {
        for entry in self.entries(Part::Context) {
            let itself = entry["name"].as_str().map(str::to_owned);
            let previous = extension(&entry["context"]).map(|e| &e["previous"]);
            if previous.is_some_and(|p| p == gone) {
                let to = to.filter(|to| itself.as_deref() != Some(*to));
                mark(&mut entry["context"], to);
            }
        }
    }
}

/// Our extension of a context.
fn extension(context: &Value) -> Option<&Value> {
    let extensions = context["extensions"].as_array()?;
    let ours = extensions.iter().find(|e| e["name"] == EXTENSION)?;
    Some(&ours["extension"])
}

/// Puts our extension on a context, beside those of others.
pub(super) fn mark(context: &mut Value, previous: Option<&str>) {
    let ours = match previous {
        Some(previous) => json!({"name": EXTENSION, "extension": {"previous": previous}}),
        None => json!({"name": EXTENSION, "extension": {}}),
    };
    let mut extensions = context["extensions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    match extensions.iter_mut().find(|e| e["name"] == EXTENSION) {
        Some(old) => *old = ours,
        None => extensions.push(ours),
    }
    if let Some(fields) = context.as_object_mut() {
        fields.insert("extensions".to_owned(), Value::Array(extensions));
    }
}

/// YAML that kubectl and other readers of YAML 1.1 and 1.2 understand alike.
pub(super) fn to_yaml(
    value: &impl serde::Serialize,
    path: &Path,
) -> Result<String, KubeconfigError> {
    // Long lines stay whole, as base64 is pasted from them.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(value, options).map_err(|_| KubeconfigError::Unparsable {
        path: path.to_owned(),
        why: "it cannot be written as YAML again".to_owned(),
    })
}

/// Where and roughly why, without a word of the file.
fn place(error: &serde_saphyr::Error) -> String {
    let why = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { .. } => "a key is there twice",
        serde_saphyr::Error::MultipleDocuments { .. } => "it holds more than one document",
        _ => "it is not valid YAML",
    };
    match error.location() {
        Some(at) => format!("{why} (line {}, column {})", at.line(), at.column()),
        None => why.to_owned(),
    }
}
