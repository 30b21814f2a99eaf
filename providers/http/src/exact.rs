//! JSON whose numbers are read as texts: a price must not pass through a binary float on its way to money.

/// The same JSON with every number in quotes. What is no JSON stays none.
#[must_use]
pub fn numbers_as_text(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + json.len() / 8);
    let (mut in_text, mut escaped, mut in_number) = (false, false, false);
    for &byte in json {
        let numeric = byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        if in_number && !numeric {
            out.push(b'"');
            in_number = false;
        }
        // Only these begin a number: the e of `true` does not.
        if !in_text && !in_number && (byte.is_ascii_digit() || byte == b'-') {
            out.push(b'"');
            in_number = true;
        }
        match byte {
            b'"' if !escaped => in_text = !in_text,
            _ => {}
        }
        escaped = in_text && byte == b'\\' && !escaped;
        out.push(byte);
    }
    if in_number {
        out.push(b'"');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_their_own_text_and_nothing_else_changes() {
        let cases = [
            (
                r#"{"a":0.00743999984115362}"#,
                r#"{"a":"0.00743999984115362"}"#,
            ),
            (r#"[1,-2.5e-3, true,null]"#, r#"["1","-2.5e-3", true,null]"#),
            (r#"{"2":"3 \" 4","x\\":5}"#, r#"{"2":"3 \" 4","x\\":"5"}"#),
            ("7", r#""7""#),
            (r#""1e5""#, r#""1e5""#),
            ("", ""),
        ];
        for (json, expect) in cases {
            let text = String::from_utf8(numbers_as_text(json.as_bytes()));
            assert_eq!(text.as_deref(), Ok(expect));
        }
    }

    #[test]
    fn what_is_no_json_does_not_become_one() {
        for broken in [r#"{"a":1"#, r#"{"a":1 2}"#, r#"{"a":tru}"#, r#"["1" 2]"#] {
            let text = numbers_as_text(broken.as_bytes());
            assert!(serde_json::from_slice::<serde_json::Value>(&text).is_err());
        }
    }
}
