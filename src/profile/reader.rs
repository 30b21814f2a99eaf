//! Reads keys of a TOML table, notes every problem with its place, and goes on. It knows TOML and
//! wording, not what a profile means.
//!
//! Not serde: serde stops at the first error, and `flatten` and `untagged` lose the places.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::suggest::nearest;

/// Why a text is not the value that was wanted: the words beside the caret, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) label: String,
    pub(crate) help: Option<String>,
}

impl Bad {
    pub(crate) fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A word that is none of these, with the nearest one as a suggestion.
    pub(crate) fn word(word: &str, known: &[&'static str]) -> Self {
        let bad = Self::new(format!("`{word}` is none of {}", known.join(", ")));
        match nearest(word, known.iter().copied()) {
            Some(near) => bad.help(format!("did you mean \"{near}\"?")),
            None => bad,
        }
    }
}

/// One table of the file, being read.
pub(crate) struct Section<'a> {
    /// How the table is called in messages: `[nodes]`, or empty for the top of the file.
    title: String,
    /// What kind of file it is, for messages about its top.
    file: &'static str,
    span: Range<usize>,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

/// A key's value and where it stands.
pub(crate) type Found<T> = Option<Spanned<T>>;

impl<'a> Section<'a> {
    pub(crate) fn new(title: &str, span: Range<usize>, table: &'a DeTable<'a>) -> Self {
        Self {
            title: title.to_owned(),
            file: "profile",
            span,
            table,
            known: Vec::new(),
        }
    }

    /// The top of a file of another kind.
    pub(crate) fn top(file: &'static str, table: &'a DeTable<'a>) -> Self {
        Self {
            file,
            ..Self::new("", 0..0, table)
        }
    }

    /// Where the table's header stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of a key, whatever it is.
    pub(crate) fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }

    /// A text.
    pub(crate) fn text(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Found<&'a str> {
        let value = self.value(key)?;
        let Some(text) = value.get_ref().as_str() else {
            problems.push(wrong_type(key, value, "a text in quotes"));
            return None;
        };
        Some(Spanned::new(value.span(), text))
    }

    /// A text that `read` understands.
    pub(crate) fn read<T>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
        read: impl FnOnce(&str) -> Result<T, Bad>,
    ) -> Found<T> {
        let text = self.text(key, problems)?;
        let span = text.span();
        match read(text.get_ref()) {
            Ok(value) => Some(Spanned::new(span, value)),
            Err(bad) => {
                problems.push(invalid(key, span, bad));
                None
            }
        }
    }

    /// A whole number within limits.
    pub(crate) fn whole(
        &mut self,
        key: &'static str,
        limits: RangeInclusive<u32>,
        problems: &mut Vec<Problem>,
    ) -> Option<u32> {
        let value = self.value(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            problems.push(wrong_type(key, value, "a whole number"));
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| limits.contains(n));
        if number.is_none() {
            let label = format!("must be {} to {}", limits.start(), limits.end());
            problems.push(invalid(key, value.span(), Bad::new(label)));
        }
        number
    }

    /// A list of texts, each of which `read` understands; none when one of them is bad.
    pub(crate) fn list<T>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
        read: impl Fn(&str) -> Result<T, Bad>,
    ) -> Found<Vec<T>> {
        let value = self.value(key)?;
        let Some(array) = value.get_ref().as_array() else {
            problems.push(wrong_type(key, value, "a list in square brackets"));
            return None;
        };
        let mut items = Vec::new();
        for item in array {
            match item.get_ref().as_str().map(&read) {
                Some(Ok(value)) => items.push(value),
                Some(Err(bad)) => problems.push(invalid(key, item.span(), bad)),
                None => problems.push(wrong_type(key, item, "a text in quotes")),
            }
        }
        (items.len() == array.len()).then(|| Spanned::new(value.span(), items))
    }

    /// A table below this one.
    pub(crate) fn table(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<Self> {
        let value = self.value(key)?;
        let Some(table) = value.get_ref().as_table() else {
            problems.push(wrong_type(key, value, &format!("a table `[{key}]`")));
            return None;
        };
        Some(Section::new(&format!("[{key}]"), value.span(), table))
    }

    /// A list of tables, `[[key]]`, at most `most` of them.
    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        most: usize,
        problems: &mut Vec<Problem>,
    ) -> Vec<Self> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let wanted = format!("a list of tables, each headed `[[{key}]]`");
        let Some(array) = value.get_ref().as_array() else {
            problems.push(wrong_type(key, value, &wanted));
            return Vec::new();
        };
        if array.len() > most {
            let label = format!("{} of them; at most {most} make sense", array.len());
            problems.push(invalid(key, value.span(), Bad::new(label)));
        }
        let mut sections = Vec::new();
        for item in array.iter().take(most) {
            match item.get_ref().as_table() {
                Some(table) => {
                    let title = format!("[[{key}]]");
                    sections.push(Section::new(&title, item.span(), table));
                }
                None => problems.push(wrong_type(key, item, &wanted)),
            }
        }
        sections
    }

    /// Notes that a key must be there, unless it is, or is there misspelt (which [`Self::finish`] notes).
    pub(crate) fn require(&self, key: &str, example: &str, problems: &mut Vec<Problem>) {
        let mut keys = self.table.keys().map(|k| k.get_ref().as_ref());
        if keys.any(|written| nearest(written, [key]).is_some()) {
            return;
        }
        let (place, label) = match self.title.as_str() {
            "" => (format!("the {}", self.file), "not in this file"),
            title => (format!("`{title}`"), "missing here"),
        };
        let problem = Problem::new(format!("{place} has no `{key}`"), self.span())
            .label(label)
            .help(Some(format!("add for example `{example}`")));
        problems.push(problem);
    }

    /// Notes every key that nobody asked for.
    pub(crate) fn finish(self, problems: &mut Vec<Problem>) {
        for (key, _) in self.unasked() {
            let name = key.get_ref();
            let place = match self.title.as_str() {
                "" => format!("at the top of a {}", self.file),
                title => format!("in `{title}`"),
            };
            let near = nearest(name, self.known.iter().copied());
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", self.known.join(", ")),
            };
            let problem = Problem::new(format!("unknown key `{name}`"), key.span())
                .label(format!("not a key {place}"))
                .help(Some(help));
            problems.push(problem);
        }
    }

    /// The keys that nobody asked for, with their values.
    pub(crate) fn unasked(
        &self,
    ) -> impl Iterator<
        Item = (
            &'a Spanned<toml::de::DeString<'a>>,
            &'a Spanned<DeValue<'a>>,
        ),
    > {
        self.table
            .iter()
            .filter(|(key, _)| !self.known.contains(&key.get_ref().as_ref()))
    }
}

/// A value of the right type that means nothing.
pub(crate) fn invalid(key: &str, span: Range<usize>, bad: Bad) -> Problem {
    Problem::new(format!("invalid `{key}`"), span)
        .label(bad.label)
        .help(bad.help)
}

/// A value of another type than wanted.
pub(crate) fn wrong_type(key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> Problem {
    let help = match value.get_ref() {
        DeValue::String(text) if text.parse::<u32>().is_ok() && wanted.contains("number") => {
            Some(format!("leave out the quotes: `{key} = {text}`"))
        }
        DeValue::Integer(number) if wanted.contains("text") => Some(format!(
            "put it in quotes, with its unit if it has one: \"{}\"",
            number.as_str()
        )),
        DeValue::Float(number) if wanted.contains("text") => Some(format!(
            "put it in quotes: `{key} = \"{}\"`",
            number.as_str()
        )),
        _ => None,
    };
    Problem::new(format!("invalid `{key}`"), value.span())
        .label(format!(
            "this is {}; {wanted} is wanted",
            type_words(value.get_ref())
        ))
        .help(help)
}

fn type_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time without quotes",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
