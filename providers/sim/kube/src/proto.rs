//! Kubernetes' protobuf bodies to JSON, by the numbers in the table of `schema`. kubectl's typed commands (`create`, `drain`, `auth`) send
//! nothing else. Answers stay JSON, which every client accepts. A field the table does not describe is an error, never dropped silently.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde_json::{Map, Value, json};

use crate::obj;
use crate::schema::{self, Ty};

/// The four bytes before every protobuf body.
const MAGIC: &[u8] = b"k8s\0";

/// Deepest nesting read; the deepest real object has about fifteen levels.
const DEPTH: u32 = 40;

/// One field on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Reads a body with its envelope: type, then the object.
pub(crate) fn decode(body: &[u8]) -> Result<Value, String> {
    let mut rest = body.strip_prefix(MAGIC).ok_or("no envelope")?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    while let Some((number, wire)) = next(&mut rest)? {
        match (number, wire) {
            (1, Wire::Bytes(mut meta)) => {
                while let Some((n, wire)) = next(&mut meta)? {
                    let text = text(&wire)?;
                    if n == 1 {
                        api_version = text;
                    } else {
                        kind = text;
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    // The types of the table have 'static names; a kind it does not have cannot be read.
    let name = schema::type_named(&kind).ok_or_else(|| format!("unknown kind {kind}"))?;
    let mut object = message(name, raw, DEPTH)?;
    obj::set(&mut object, &["apiVersion"], json!(api_version));
    obj::set(&mut object, &["kind"], json!(kind));
    Ok(object)
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or("truncated")?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number is too long".to_owned())
}

fn take<'a>(rest: &mut &'a [u8], len: u64) -> Result<&'a [u8], String> {
    let len = usize::try_from(len).map_err(|_| "truncated")?;
    let (head, tail) = rest.split_at_checked(len).ok_or("truncated")?;
    *rest = tail;
    Ok(head)
}

fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<(u64, Wire<'a>)>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    let tag = varint(rest)?;
    let wire = match tag & 7 {
        0 => Wire::Number(varint(rest)?),
        2 => {
            let len = varint(rest)?;
            Wire::Bytes(take(rest, len)?)
        }
        other => return Err(format!("wire type {other}")),
    };
    Ok(Some((tag >> 3, wire)))
}

fn text(wire: &Wire<'_>) -> Result<String, String> {
    String::from_utf8(bytes(wire)?.to_vec()).map_err(|_| "text is not UTF-8".to_owned())
}

fn bytes<'a>(wire: &Wire<'a>) -> Result<&'a [u8], String> {
    match wire {
        Wire::Bytes(b) => Ok(b),
        Wire::Number(_) => Err("a number where bytes belong".to_owned()),
    }
}

fn number(wire: &Wire<'_>) -> Result<i64, String> {
    match wire {
        // Negative numbers are two's complement in 64 bits.
        Wire::Number(n) => Ok(n.cast_signed()),
        Wire::Bytes(_) => Err("bytes where a number belongs".to_owned()),
    }
}

fn message(type_name: &'static str, mut rest: &[u8], depth: u32) -> Result<Value, String> {
    let mut out = Value::Object(Map::new());
    let deeper = depth.checked_sub(1).ok_or("nested too deeply")?;
    while let Some((n, wire)) = next(&mut rest)? {
        let field = schema::numbered(type_name, n)
            .ok_or_else(|| format!("field {n} of {type_name} is not described"))?;
        let name = field.name;
        if name == "status" || name == "managedFields" {
            continue;
        }
        match field.ty {
            Ty::List(of, _) => {
                let item = value(schema::member(field.ty), &wire, deeper)?
                    .ok_or_else(|| format!("empty {of} in {type_name}.{name}"))?;
                obj::list_mut(&mut out, &[name]).push(item);
            }
            Ty::TextMap | Ty::ByteMap | Ty::QuantityMap => {
                let (key, item) = entry(field.ty, bytes(&wire)?)?;
                obj::set(&mut out, &[name, &key], item);
            }
            Ty::Any if bytes(&wire).is_ok_and(<[u8]>::is_empty) => {}
            Ty::Any => return Err(format!("{type_name}.{name} is not described")),
            Ty::Object(_) if name == "+" => {
                let lent = value(field.ty, &wire, deeper)?.unwrap_or_default();
                for (key, item) in lent.as_object().into_iter().flatten() {
                    obj::set(&mut out, &[key], item.clone());
                }
            }
            ty => {
                let item = value(ty, &wire, deeper)?.filter(|v| field.keeps_zero || !zero(v));
                if let Some(item) = item {
                    obj::set(&mut out, &[name], item);
                }
            }
        }
    }
    Ok(out)
}

/// What Go's encoder writes for a field nobody set.
fn zero(v: &Value) -> bool {
    match v {
        Value::String(s) => s.is_empty(),
        Value::Number(n) => n.as_i64() == Some(0),
        Value::Bool(b) => !b,
        _ => false,
    }
}

fn value(ty: Ty, wire: &Wire<'_>, depth: u32) -> Result<Option<Value>, String> {
    Ok(Some(match ty {
        Ty::Text => json!(text(wire)?),
        Ty::Int => json!(number(wire)?),
        Ty::Bool => json!(number(wire)? != 0),
        Ty::Quantity => json!(quantity(bytes(wire)?)?),
        Ty::IntOrText => int_or_text(bytes(wire)?)?,
        Ty::Time => return time(bytes(wire)?),
        Ty::Object(name) => message(name, bytes(wire)?, depth)?,
        Ty::TextMap | Ty::ByteMap | Ty::QuantityMap | Ty::Any | Ty::List(..) => return Ok(None),
    }))
}

fn entry(ty: Ty, mut rest: &[u8]) -> Result<(String, Value), String> {
    let (mut key, mut item) = (String::new(), json!(""));
    while let Some((n, wire)) = next(&mut rest)? {
        match (n, ty) {
            (1, _) => key = text(&wire)?,
            (_, Ty::QuantityMap) => item = json!(quantity(bytes(&wire)?)?),
            (_, Ty::ByteMap) => item = json!(STANDARD.encode(bytes(&wire)?)),
            _ => item = json!(text(&wire)?),
        }
    }
    Ok((key, item))
}

fn quantity(mut rest: &[u8]) -> Result<String, String> {
    next(&mut rest)?.map_or_else(|| Ok("0".to_owned()), |(_, wire)| text(&wire))
}

/// Field 1 says which: 0 the number in field 2, 1 the text in field 3.
fn int_or_text(mut rest: &[u8]) -> Result<Value, String> {
    let (mut is_text, mut n, mut s) = (false, 0, String::new());
    while let Some((field, wire)) = next(&mut rest)? {
        match field {
            1 => is_text = number(&wire)? == 1,
            2 => n = number(&wire)?,
            _ => s = text(&wire)?,
        }
    }
    Ok(if is_text { json!(s) } else { json!(n) })
}

/// Seconds and nanoseconds since 1970; an empty message is no time.
fn time(mut rest: &[u8]) -> Result<Option<Value>, String> {
    let mut seconds = None;
    while let Some((field, wire)) = next(&mut rest)? {
        if field == 1 {
            seconds = Some(number(&wire)?);
        }
    }
    Ok(seconds
        .and_then(|s| DateTime::from_timestamp(s, 0))
        .map(obj::stamp))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn field(n: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![(n << 3) | 2, u8::try_from(content.len()).unwrap()];
        out.extend_from_slice(content);
        out
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meta), field(2, raw)].concat()
    }

    #[test]
    fn a_secret_with_its_empty_fields() {
        let meta = [field(1, b"s"), field(2, b""), field(8, b"")].concat();
        let data = field(2, &[field(1, b"k"), field(2, b"\xff\x00")].concat());
        let raw = [field(1, &meta), data, field(3, b"Opaque")].concat();
        let want = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "/wA="}, "type": "Opaque"});
        assert_eq!(decode(&body("Secret", &raw)).unwrap(), want);
    }

    #[test]
    fn zero_is_kept_where_it_means_something() {
        let spec = [vec![1 << 3, 0], vec![5 << 3, 0]].concat();
        let object = decode(&body("Deployment", &field(2, &spec))).unwrap();
        assert_eq!(object["spec"], json!({"replicas": 0}));
    }

    #[test]
    fn int_or_text_times_and_quantities() {
        assert_eq!(int_or_text(&[1 << 3, 0, 2 << 3, 80]).unwrap(), json!(80));
        assert_eq!(
            int_or_text(&[&[1 << 3, 1][..], &field(3, b"http")].concat()).unwrap(),
            json!("http")
        );
        assert_eq!(
            time(&[1 << 3, 1]).unwrap(),
            Some(json!("1970-01-01T00:00:01Z"))
        );
        assert_eq!(quantity(&field(1, b"5Gi")).unwrap(), "5Gi");
    }

    #[test]
    fn what_is_not_described_or_broken_is_refused() {
        assert!(decode(b"nonsense").is_err());
        assert!(
            decode(&body("Gadget", b""))
                .unwrap_err()
                .contains("unknown kind Gadget")
        );
        // securityContext with content.
        let raw = field(2, &field(14, &[1 << 3, 1]));
        assert!(
            decode(&body("Pod", &raw))
                .unwrap_err()
                .contains("PodSpec.securityContext")
        );
        let whole = body("Secret", &field(3, b"Opaque"));
        for cut in 5..whole.len() {
            drop(decode(&whole[..cut]));
        }
        assert!(decode(&whole[..whole.len() - 1]).is_err());
    }
}
