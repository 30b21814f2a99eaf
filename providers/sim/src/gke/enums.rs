//! Google's JSON as its servers take it: an enum may be sent as its number or its name, and null is the same as nothing.
//! Official generated clients send numbers (`$alt=json;enum-encoding=int`), gcloud sends names. Must not check anything.

use serde_json::Value;

/// Fields that hold an enum, with the words in the order of their numbers.
const ENUMS: &[(&str, &[&str])] = &[
    (
        "channel",
        &["UNSPECIFIED", "RAPID", "REGULAR", "STABLE", "EXTENDED"],
    ),
    (
        "effect",
        &[
            "EFFECT_UNSPECIFIED",
            "NO_SCHEDULE",
            "PREFER_NO_SCHEDULE",
            "NO_EXECUTE",
        ],
    ),
    (
        "locationPolicy",
        &["LOCATION_POLICY_UNSPECIFIED", "BALANCED", "ANY"],
    ),
    (
        "stackType",
        &["STACK_TYPE_UNSPECIFIED", "IPV4", "IPV4_IPV6"],
    ),
    (
        "datapathProvider",
        &[
            "DATAPATH_PROVIDER_UNSPECIFIED",
            "LEGACY_DATAPATH",
            "ADVANCED_DATAPATH",
        ],
    ),
];

/// Leaves nulls out and writes numbers of enums as words. Numbers nobody knows stay, to be refused.
pub(super) fn settle(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            for (key, v) in map.iter_mut() {
                match word(key, v) {
                    Some(word) => *v = Value::from(word),
                    None => settle(v),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(settle),
        _ => {}
    }
}

fn word(key: &str, value: &Value) -> Option<&'static str> {
    let place = usize::try_from(value.as_u64()?).ok()?;
    let (_, words) = ENUMS.iter().find(|(name, _)| *name == key)?;
    words.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_become_words_and_nulls_go() {
        let mut body = json!({"releaseChannel": {"channel": 2}, "nodePools": [{"x": null, "config": {"taints": [{"effect": 3}]}}], "n": 2});
        settle(&mut body);
        let expected = json!({"releaseChannel": {"channel": "REGULAR"}, "nodePools": [{"config": {"taints": [{"effect": "NO_EXECUTE"}]}}], "n": 2});
        assert_eq!(body, expected);
        let mut unknown = json!({"channel": 99});
        settle(&mut unknown);
        assert_eq!(unknown, json!({"channel": 99}));
    }
}
