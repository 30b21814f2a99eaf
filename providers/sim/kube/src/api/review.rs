//! `kubectl auth can-i` and `auth whoami`: everyone the host lets in may do everything.

use serde_json::json;

use super::{ApiRequest, ApiResponse, body};
use crate::errors::{self, Refused};

pub(super) fn handle(req: &ApiRequest, kind: &str) -> Result<ApiResponse, Refused> {
    let mut review = body::json(req)?;
    if !review.is_object() {
        return Err(errors::bad_request(
            "the object provided is not a JSON object",
        ));
    }
    review["status"] = match kind {
        "SelfSubjectReview" => {
            json!({"userInfo": {"username": req.user.name, "groups": req.user.groups}})
        }
        "SelfSubjectRulesReview" => json!({
            "incomplete": false,
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        }),
        _ => {
            json!({"allowed": true, "reason": "every user of a simulated cluster is its administrator"})
        }
    };
    Ok(ApiResponse::json(201, &review))
}
