//! The list of all resources, of the subscription or of one group: clusters and things, not groups, machines of scale sets or locks.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, stamp};
use super::filter::Filter;
use super::state::{Cluster, Phase, State, Tags, Thing, same};
use super::{groups, paging, thing_view};

/// One resource before it is filtered.
struct Entry<'a> {
    view: Value,
    group: &'a str,
    tags: &'a Tags,
    created: String,
    deleting: bool,
}

fn cluster<'a>(state: &State, c: &'a Cluster) -> Entry<'a> {
    let view = json!({"id": state.full(&c.id()), "name": c.name, "type": "Microsoft.ContainerService/managedClusters",
        "location": c.location, "tags": c.tags, "sku": {"name": c.sku, "tier": c.tier}});
    Entry {
        view,
        group: &c.group,
        tags: &c.tags,
        created: stamp(c.created_at),
        deleting: c.phase == Phase::Deleting,
    }
}

fn thing<'a>(state: &State, t: &'a Thing) -> Entry<'a> {
    Entry {
        view: thing_view::brief(state, t),
        group: &t.group,
        tags: &t.tags,
        created: stamp(t.created_at),
        deleting: t.deleting,
    }
}

fn page(desk: &Desk<'_>, call: &Call<'_>, group: Option<&str>) -> Outcome {
    const FIELDS: &[&str] = &[
        "tagname",
        "tagvalue",
        "resourcetype",
        "location",
        "resourcegroup",
        "name",
    ];
    let filter = Filter::read(call.param("$filter").as_deref(), FIELDS)?;
    let expand = call.param("$expand").unwrap_or_default().to_lowercase();
    let state = &*desk.state;
    let clusters = state.clusters.iter().map(|c| cluster(state, c));
    let all = clusters.chain(state.things.iter().map(|t| thing(state, t)));
    let shown = all
        .filter(|e| group.is_none_or(|g| same(g, e.group)))
        .filter(|e| {
            let field = |name: &str| e.view[name].as_str().unwrap_or_default();
            filter.fits_tags(e.tags)
                && filter.fits("resourcetype", field("type"))
                && filter.fits("location", field("location"))
                && filter.fits("resourcegroup", e.group)
                && filter.fits("name", field("name"))
        });
    let with_more = |entry: Entry<'_>| {
        let mut view = entry.view;
        for part in expand.split(',').map(str::trim) {
            match part {
                "createdtime" => view["createdTime"] = json!(entry.created),
                "changedtime" => view["changedTime"] = json!(entry.created),
                "provisioningstate" => {
                    let state = if entry.deleting {
                        "Deleting"
                    } else {
                        "Succeeded"
                    };
                    view["provisioningState"] = json!(state);
                }
                _ => {}
            }
        }
        view
    };
    paging::page(call, shown.map(with_more).collect())
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    page(desk, call, None)
}

pub(super) fn list_group(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let group = groups::find(desk, call).map(|g| g.name.clone());
    group.and_then(|name| -> Result<_, Refused> { page(desk, call, Some(&name)) })
}
