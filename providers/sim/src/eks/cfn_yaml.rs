//! Templates as text: JSON, or the YAML that templates are written in (block and flow collections, quoted and block scalars, comments, the
//! short forms `!Ref`, `!Sub`, …, which become their long forms). No anchors, no documents after the first. Must not know a resource.

use serde_json::{Map, Value, json};

/// Reads a template.
///
/// # Errors
/// What is wrong, with the line for YAML.
pub(super) fn read(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|e| format!("JSON not well-formed. ({e})"));
    }
    let mut reader = Reader {
        lines: lines(text),
        at: 0,
    };
    let indent = reader.lines.first().map_or(0, |l| l.indent);
    let value = reader.block(indent)?;
    match reader.lines.get(reader.at) {
        Some(line) => Err(format!("YAML not well-formed. (line {})", line.number)),
        None => Ok(value),
    }
}

#[derive(Debug, Clone)]
struct Line {
    number: usize,
    indent: usize,
    text: String,
    /// As written, for block scalars.
    raw: String,
}

/// Lines that say something; block scalars need the raw lines, so blank ones inside them are kept by [`Reader::scalar_block`].
fn lines(text: &str) -> Vec<Line> {
    text.lines()
        .enumerate()
        .map(|(i, raw)| {
            let body = without_comment(raw);
            Line {
                number: i + 1,
                indent: body.len() - body.trim_start().len(),
                text: body.trim().to_owned(),
                raw: raw.to_owned(),
            }
        })
        .filter(|l| !l.text.is_empty() && l.text != "---")
        .collect()
}

fn without_comment(line: &str) -> &str {
    let (mut quote, mut before) = (None, ' ');
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '#') if before.is_whitespace() => return line[..at].trim_end(),
            (None, '\'' | '"') if !before.is_alphanumeric() => quote = Some(letter),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        before = letter;
    }
    line.trim_end()
}

struct Reader {
    lines: Vec<Line>,
    at: usize,
}

impl Reader {
    /// A collection whose lines begin at `indent`.
    fn block(&mut self, indent: usize) -> Result<Value, String> {
        match self.lines.get(self.at) {
            Some(line) if is_item(&line.text) => self.sequence(indent),
            Some(line) if key_of(&line.text).is_some() => self.mapping(indent),
            Some(_) => {
                let text = self.joined(indent);
                flow(&text)
            }
            None => Ok(Value::Null),
        }
    }

    /// A scalar or flow collection that may go on over several lines.
    fn joined(&mut self, indent: usize) -> String {
        let mut text = String::new();
        while let Some(line) = self.lines.get(self.at).filter(|l| l.indent >= indent) {
            text = format!("{text} {}", line.text);
            self.at += 1;
        }
        text.trim().to_owned()
    }

    fn sequence(&mut self, indent: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        while let Some(line) = self
            .lines
            .get_mut(self.at)
            .filter(|l| l.indent == indent && is_item(&l.text))
        {
            let rest = line.text[1..].trim_start().to_owned();
            if rest.is_empty() {
                self.at += 1;
                items.push(self.nested(indent + 1)?);
            } else if key_of(&rest).is_some() {
                // The item's own mapping begins where its first key stands.
                let inner = indent + line.text.len() - rest.len();
                line.indent = inner;
                line.text = rest;
                items.push(self.mapping(inner)?);
            } else {
                items.push(self.value(&rest, indent)?);
            }
        }
        Ok(Value::Array(items))
    }

    fn mapping(&mut self, indent: usize) -> Result<Value, String> {
        let mut map = Map::new();
        while let Some(line) = self
            .lines
            .get(self.at)
            .filter(|l| l.indent == indent)
            .cloned()
        {
            let (key, rest) = key_of(&line.text)
                .ok_or_else(|| format!("YAML not well-formed. (line {})", line.number))?;
            let value = self.value(&rest, indent)?;
            if map.insert(key.clone(), value).is_some() {
                return Err(format!(
                    "YAML not well-formed. (line {}: duplicate key {key})",
                    line.number
                ));
            }
        }
        Ok(Value::Object(map))
    }

    /// What stands after a key or a dash; the reader is still on that line.
    fn value(&mut self, rest: &str, indent: usize) -> Result<Value, String> {
        if let Some((tag, inner)) = short_form(rest) {
            let (tag, inner) = (tag.to_owned(), inner.to_owned());
            let value = self.value(&inner, indent)?;
            return Ok(long_form(&tag, &value));
        }
        if rest.is_empty() {
            self.at += 1;
            return self.nested(indent);
        }
        if matches!(rest.chars().next(), Some('|' | '>')) {
            return Ok(self.scalar_block(rest, indent));
        }
        let mut text = rest.to_owned();
        let number = self.lines.get(self.at).map_or(0, |l| l.number);
        self.at += 1;
        while open(&text) || self.lines.get(self.at).is_some_and(|l| l.indent > indent) {
            let Some(line) = self.lines.get(self.at) else {
                return Err(format!("YAML not well-formed. (line {number}: not closed)"));
            };
            if !open(&text) && key_of(&line.text).is_some() {
                return Err(format!("YAML not well-formed. (line {})", line.number));
            }
            text = format!("{text} {}", line.text);
            self.at += 1;
        }
        flow(&text).map_err(|e| format!("{e} (line {number})"))
    }

    /// The collection under a key: deeper, or a list at the key's own indent.
    fn nested(&mut self, indent: usize) -> Result<Value, String> {
        match self.lines.get(self.at) {
            Some(line) if line.indent > indent => {
                let inner = line.indent;
                self.block(inner)
            }
            Some(line) if line.indent == indent && is_item(&line.text) => self.sequence(indent),
            _ => Ok(Value::Null),
        }
    }

    fn scalar_block(&mut self, head: &str, indent: usize) -> Value {
        self.at += 1;
        let mut texts: Vec<String> = Vec::new();
        let mut inner = None;
        while let Some(line) = self.lines.get(self.at).filter(|l| l.indent > indent) {
            let inner = *inner.get_or_insert(line.indent);
            texts.push(line.raw.get(inner..).unwrap_or_default().to_owned());
            self.at += 1;
        }
        let text = texts.join(if head.starts_with('|') { "\n" } else { " " });
        Value::String(if head.contains('-') {
            text
        } else {
            text + "\n"
        })
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// A key and what follows it, if the text is one entry of a block mapping.
fn key_of(text: &str) -> Option<(String, String)> {
    if matches!(text.chars().next()?, '{' | '[' | '!' | '|' | '>') {
        return None;
    }
    let quoted = text.chars().next().filter(|c| matches!(c, '\'' | '"'));
    if let Some(quote) = quoted {
        let end = text[1..].find(quote)? + 1;
        let rest = text[end + 1..].trim_start().strip_prefix(':')?;
        return Some((text[1..end].to_owned(), rest.trim().to_owned()));
    }
    let at = text
        .find(": ")
        .or_else(|| text.len().checked_sub(1).filter(|_| text.ends_with(':')))?;
    Some((text[..at].to_owned(), text[at + 1..].trim().to_owned()))
}

fn short_form(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('!')?;
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    Some((&rest[..end], rest[end..].trim_start()))
}

fn long_form(tag: &str, value: &Value) -> Value {
    match tag {
        "Ref" | "Condition" => json!({ tag: value }),
        "GetAtt" => match value.as_str().and_then(|t| t.split_once('.')) {
            Some((name, attribute)) => json!({"Fn::GetAtt": [name, attribute]}),
            None => json!({"Fn::GetAtt": value}),
        },
        other => json!({ format!("Fn::{other}"): value }),
    }
}

/// Whether brackets or quotes are still open at the end.
fn open(text: &str) -> bool {
    let (mut depth, mut quote, mut before) = (0i32, None, ' ');
    let flows = matches!(
        text.trim_start().chars().next(),
        Some('{' | '[' | '"' | '\'' | '!')
    );
    for letter in text.chars() {
        match (quote, letter) {
            (None, '\'' | '"') if matches!(before, ' ' | '[' | '{' | ',' | ':') => {
                quote = Some(letter);
            }
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth -= 1,
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        before = letter;
    }
    flows && (depth > 0 || quote.is_some())
}

/// A flow collection or scalar on one line.
fn flow(text: &str) -> Result<Value, String> {
    let letters: Vec<char> = text.chars().collect();
    let mut flow = Flow {
        letters: &letters,
        at: 0,
    };
    let value = flow.value(true)?;
    flow.blank();
    if flow.at < letters.len() {
        return Err("YAML not well-formed.".to_owned());
    }
    Ok(value)
}

struct Flow<'a> {
    letters: &'a [char],
    at: usize,
}

impl Flow<'_> {
    fn blank(&mut self) {
        while self.letters.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.blank();
        self.letters.get(self.at).copied()
    }

    /// `outer`: not inside brackets, so commas and brackets are plain letters.
    fn value(&mut self, outer: bool) -> Result<Value, String> {
        match self.peek() {
            Some('[') => self.items(),
            Some('{') => self.entries(),
            Some(quote @ ('\'' | '"')) => self.quoted(quote).map(Value::String),
            Some('!') => {
                let start = self.at + 1;
                while self
                    .letters
                    .get(self.at)
                    .is_some_and(|c| !c.is_whitespace())
                {
                    self.at += 1;
                }
                let tag: String = self.letters[start..self.at].iter().collect();
                Ok(long_form(&tag, &self.value(outer)?))
            }
            _ => Ok(plain(&self.bare(outer, false))),
        }
    }

    fn bare(&mut self, outer: bool, key: bool) -> String {
        let start = self.at;
        while let Some(&letter) = self.letters.get(self.at) {
            let ends_key = key
                && letter == ':'
                && self
                    .letters
                    .get(self.at + 1)
                    .is_none_or(|c| c.is_whitespace());
            if ends_key || (!outer && matches!(letter, ',' | ']' | '}')) {
                break;
            }
            self.at += 1;
        }
        let text: String = self.letters[start..self.at].iter().collect();
        text.trim().to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        while let Some(&letter) = self.letters.get(self.at) {
            self.at += 1;
            let next = self.letters.get(self.at).copied();
            match letter {
                '\\' if quote == '"' => {
                    out.push(match next {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        other => other.unwrap_or('\\'),
                    });
                    self.at += 1;
                }
                '\'' if quote == '\'' && next == Some('\'') => {
                    out.push('\'');
                    self.at += 1;
                }
                end if end == quote => return Ok(out),
                other => out.push(other),
            }
        }
        Err("YAML not well-formed: quote not closed.".to_owned())
    }

    fn items(&mut self) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            match self.peek() {
                Some(']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                Some(',') => self.at += 1,
                Some(_) => items.push(self.value(false)?),
                None => return Err("YAML not well-formed: list not closed.".to_owned()),
            }
        }
    }

    fn entries(&mut self) -> Result<Value, String> {
        self.at += 1;
        let mut map = Map::new();
        loop {
            match self.peek() {
                Some('}') => {
                    self.at += 1;
                    return Ok(Value::Object(map));
                }
                Some(',') => self.at += 1,
                Some(letter) => {
                    let key = match letter {
                        '\'' | '"' => self.quoted(letter)?,
                        _ => self.bare(false, true),
                    };
                    if self.peek() != Some(':') {
                        return Err("YAML not well-formed: a key without a value.".to_owned());
                    }
                    self.at += 1;
                    map.insert(key, self.value(false)?);
                }
                None => return Err("YAML not well-formed: map not closed.".to_owned()),
            }
        }
    }
}

/// A plain scalar: truth, whole number, nothing, or text.
fn plain(text: &str) -> Value {
    match text {
        "true" => json!(true),
        "false" => json!(false),
        "" | "null" | "~" => Value::Null,
        // Numbers with a leading zero (account ids) stay text.
        _ => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => json!(number),
            _ => json!(text),
        },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed read is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_templates_use() {
        let text = r#"
# head
A: {B: !Ref C, 'd:e': [1, 'x y', "z"]}   # tail
L:
  - one: !Sub '${AWS::StackName}-vpc'
    two: 0.0.0.0/0
  - !GetAtt Role.Arn
  - plain text, with comma
M:
- x
S: !Join [',', [!Ref P, !Ref Q]]
T: |
  line 1
  line 2
Long:
  Fn::Sub: "a\nb"
J: !Sub
  - '${X}'
  - {X: y}
Date: '2012-10-17'
Multi: [a,
  b]
"#;
        let read = read(text).unwrap();
        assert_eq!(
            read,
            json!({"A": {"B": {"Ref": "C"}, "d:e": [1, "x y", "z"]},
            "L": [{"one": {"Fn::Sub": "${AWS::StackName}-vpc"}, "two": "0.0.0.0/0"}, {"Fn::GetAtt": ["Role", "Arn"]}, "plain text, with comma"],
            "M": ["x"], "S": {"Fn::Join": [",", [{"Ref": "P"}, {"Ref": "Q"}]]}, "T": "line 1\nline 2\n", "Long": {"Fn::Sub": "a\nb"},
            "J": {"Fn::Sub": ["${X}", {"X": "y"}]}, "Date": "2012-10-17", "Multi": ["a", "b"]})
        );
    }

    #[test]
    fn broken_text_is_refused_with_its_line() {
        for broken in [
            "A: [1",
            "A: {b",
            "A: 1\n  B: 2\n C: 3",
            "A: 1\nA: 2",
            "{\"a\":",
            "A: 'x",
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
