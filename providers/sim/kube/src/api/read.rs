//! get, list and the start of a watch: selectors, pages, and the shape the client asked for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse, Query, Target};
use crate::cluster::Cluster;
use crate::errors::{self, Refused};
use crate::meta::Kind;
use crate::select::{Fields, Labels};
use crate::watch::WatchQuery;
use crate::{obj, table};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Whole objects.
    Object,
    /// Rows for a terminal.
    Table,
    /// Only `metadata`.
    Partial,
}

impl Shape {
    /// The first form in `Accept` that is served; `None` is a 406.
    pub(crate) fn negotiate(accept: &str) -> Option<Self> {
        if accept.trim().is_empty() {
            return Some(Self::Object);
        }
        accept.split(',').find_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let media = parts.next().unwrap_or("");
            if !matches!(
                media,
                "application/json" | "application/*" | "*/*" | "text/plain"
            ) {
                return None;
            }
            let params: Vec<&str> = parts
                .filter(|p| !p.starts_with("q=") && !p.starts_with("charset="))
                .collect();
            let shape = params.iter().find_map(|p| p.strip_prefix("as="));
            match shape {
                None => Some(Self::Object),
                Some("Table") if params.contains(&"v=v1") => Some(Self::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList")
                    if params.contains(&"v=v1") =>
                {
                    Some(Self::Partial)
                }
                Some(_) => None,
            }
        })
    }
}

fn shape(req: &ApiRequest) -> Result<Shape, Refused> {
    Shape::negotiate(&req.accept).ok_or_else(errors::not_acceptable)
}

/// Only the metadata of an object.
pub(crate) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// Answers with one object in the shape the client asked for.
pub(crate) fn show(
    c: &Cluster,
    req: &ApiRequest,
    query: &Query,
    kind: &Kind,
    code: u16,
    object: &Value,
) -> Result<ApiResponse, Refused> {
    let body = match shape(req)? {
        Shape::Object => return Ok(ApiResponse::json(code, object)),
        Shape::Partial => partial(object),
        Shape::Table => {
            let meta = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            table::render(kind.k, &[object], query.get("includeObject"), &meta, c.now)
        }
    };
    Ok(ApiResponse::json(code, &body))
}

pub(super) fn get(
    c: &Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
) -> Result<ApiResponse, Refused> {
    let name = t.name.as_deref().unwrap_or("");
    let object = c
        .store
        .get(t.kind.k, &t.namespace, name)
        .ok_or_else(|| errors::not_found(t.kind, name))?;
    show(c, req, query, t.kind, 200, object)
}

/// Both selectors of a query.
pub(crate) fn selectors(query: &Query, kind: &Kind) -> Result<(Labels, Fields), Refused> {
    let labels = Labels::parse(query.get("labelSelector")).map_err(|e| errors::bad_request(&e))?;
    let fields =
        Fields::parse(kind.k, query.get("fieldSelector")).map_err(|e| errors::bad_request(&e))?;
    Ok((labels, fields))
}

struct Page<'a> {
    items: Vec<&'a Value>,
    meta: Value,
}

/// One page. The continue token holds the last key; later pages show the objects of their own time, not of the first page's.
fn page<'a>(c: &'a Cluster, query: &Query, t: &Target) -> Result<Page<'a>, Refused> {
    let (labels, fields) = selectors(query, t.kind)?;
    let after = match query.get("continue") {
        "" => String::new(),
        token => {
            let bytes = URL_SAFE_NO_PAD.decode(token).ok();
            bytes
                .and_then(|b| String::from_utf8(b).ok())
                .ok_or_else(|| errors::bad_request("continue key is not valid"))?
        }
    };
    let key = |o: &Value| format!("{}/{}", obj::namespace(o), obj::name(o));
    let all = c.store.list(t.kind.k, &t.namespace);
    let mut items: Vec<&Value> = all
        .filter(|o| after.is_empty() || key(o) > after)
        .filter(|o| labels.matches(o) && fields.matches(o))
        .collect();
    let mut meta = json!({"resourceVersion": c.store.rv().to_string()});
    let limit: usize = match query.get("limit") {
        "" => 0,
        text => text
            .parse()
            .map_err(|_| errors::bad_request("limit must be a non-negative integer"))?,
    };
    if limit > 0 && items.len() > limit {
        meta["remainingItemCount"] = json!(items.len() - limit);
        items.truncate(limit);
        meta["continue"] = json!(items.last().map(|o| URL_SAFE_NO_PAD.encode(key(o))));
    }
    Ok(Page { items, meta })
}

pub(super) fn list(
    c: &Cluster,
    req: &ApiRequest,
    query: &Query,
    t: &Target,
) -> Result<ApiResponse, Refused> {
    let shape = shape(req)?;
    let Page { items, meta } = page(c, query, t)?;
    let body = match shape {
        Shape::Table => table::render(t.kind.k, &items, query.get("includeObject"), &meta, c.now),
        Shape::Object => {
            json!({"kind": format!("{}List", t.kind.kind), "apiVersion": t.kind.api_version(), "metadata": meta, "items": items})
        }
        Shape::Partial => {
            let items: Vec<Value> = items.into_iter().map(partial).collect();
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": items})
        }
    };
    Ok(ApiResponse::json(200, &body))
}

pub(super) fn watch(req: &ApiRequest, query: &Query, t: &Target) -> Result<WatchQuery, Refused> {
    let (labels, mut fields) = selectors(query, t.kind)?;
    if let Some(name) = &t.name {
        fields = Fields::parse(t.kind.k, &format!("metadata.name={name}"))
            .map_err(|e| errors::bad_request(&e))?;
    }
    let from =
        match query.get("resourceVersion") {
            "" | "0" => None,
            text => Some(text.parse().map_err(|_| {
                errors::bad_request(&format!("invalid resource version \"{text}\""))
            })?),
        };
    Ok(WatchQuery {
        k: t.kind.k,
        namespace: t.namespace.clone(),
        labels,
        fields,
        shape: shape(req)?,
        include: query.get("includeObject").to_owned(),
        from: if query.flag("sendInitialEvents") {
            None
        } else {
            from
        },
        bookmark_after_initial: query.flag("sendInitialEvents")
            && query.flag("allowWatchBookmarks"),
        timeout_seconds: query.get("timeoutSeconds").parse().ok().filter(|s| *s > 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers() {
        for (accept, want) in [
            ("", Some(Shape::Object)),
            ("application/json", Some(Shape::Object)),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some(Shape::Table),
            ),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Some(Shape::Object),
            ),
            ("application/vnd.kubernetes.protobuf", None),
            (
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
                Some(Shape::Object),
            ),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                Some(Shape::Partial),
            ),
        ] {
            assert_eq!(Shape::negotiate(accept), want, "{accept}");
        }
    }
}
