//! Values that are not allowed: names, required fields, selectors, and what may not change. All are 422 unless said otherwise.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::errors::{self, Refused};
use crate::meta::{K, Kind};
use crate::select::Labels;
use crate::{obj, quantity};

type Causes = Vec<(String, String)>;

fn require(causes: &mut Causes, o: &Value, fields: &[&str]) {
    for field in fields {
        let v = o.pointer(&format!("/{}", field.replace('.', "/")));
        let empty =
            v.is_none_or(|v| v.is_null() || v == "" || v.as_array().is_some_and(Vec::is_empty));
        if empty {
            causes.push(((*field).to_owned(), "Required value".to_owned()));
        }
    }
}

fn one_of(causes: &mut Causes, o: &Value, field: &str, allowed: &[&str]) {
    let got = obj::text(o, &format!("/{}", field.replace('.', "/")));
    if !got.is_empty() && !allowed.contains(&got) {
        let list: Vec<String> = allowed.iter().map(|a| format!("\"{a}\"")).collect();
        causes.push((
            field.to_owned(),
            format!(
                "Unsupported value: \"{got}\": supported values: {}",
                list.join(", ")
            ),
        ));
    }
}

/// Checks an object as it would be stored.
pub(crate) fn object(kind: &Kind, o: &Value) -> Result<(), Refused> {
    let mut causes = Causes::new();
    name(kind.k, o, &mut causes);
    match kind.k {
        K::Pod => pod_spec(&o["spec"], "spec", &mut causes),
        K::Deployment | K::ReplicaSet | K::StatefulSet | K::DaemonSet => workload(o, &mut causes),
        K::Job => job(o, &mut causes),
        K::CronJob => {
            require(&mut causes, o, &["spec.schedule"]);
            template(o, "spec.jobTemplate.spec.template", &mut causes);
        }
        K::Service => service(o, &mut causes),
        K::Claim => claim(o, &mut causes),
        K::Volume => {
            require(
                &mut causes,
                o,
                &["spec.accessModes", "spec.capacity.storage"],
            );
            one_of(
                &mut causes,
                o,
                "spec.persistentVolumeReclaimPolicy",
                &["Delete", "Recycle", "Retain"],
            );
        }
        K::StorageClass => {
            require(&mut causes, o, &["provisioner"]);
            one_of(&mut causes, o, "reclaimPolicy", &["Delete", "Retain"]);
            one_of(
                &mut causes,
                o,
                "volumeBindingMode",
                &["Immediate", "WaitForFirstConsumer"],
            );
        }
        _ => {}
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(errors::invalid(kind, obj::name(o), &causes))
    }
}

fn job(o: &Value, causes: &mut Causes) {
    bounded(causes, o, "spec.parallelism");
    template(o, "spec.template", causes);
    if obj::text(o, "/spec/template/spec/restartPolicy") == "Always" {
        let text = "Required value: valid values: \"OnFailure\", \"Never\"";
        causes.push((
            "spec.template.spec.restartPolicy".to_owned(),
            text.to_owned(),
        ));
    }
}

fn claim(o: &Value, causes: &mut Causes) {
    require(
        causes,
        o,
        &["spec.accessModes", "spec.resources.requests.storage"],
    );
    if quantity::bytes_of(&o["spec"]["resources"]["requests"]["storage"]).is_some_and(|b| b <= 0) {
        causes.push((
            "spec.resources.requests.storage".to_owned(),
            "Invalid value: must be greater than zero".to_owned(),
        ));
    }
}

/// Most kinds take DNS subdomains (253), services and namespaces labels (63); RBAC names may hold colons.
fn name(k: K, o: &Value, causes: &mut Causes) {
    let name = obj::name(o);
    if name.is_empty() {
        causes.push((
            "metadata.name".to_owned(),
            "Required value: name or generateName is required".to_owned(),
        ));
        return;
    }
    if matches!(
        k,
        K::ClusterRole | K::ClusterRoleBinding | K::Role | K::RoleBinding | K::Event
    ) {
        if name.contains(['/', '%']) || name == "." || name == ".." {
            let text = format!(
                "Invalid value: \"{name}\": may not be '.' or '..' and may not contain '/' or '%'"
            );
            causes.push(("metadata.name".to_owned(), text));
        }
        return;
    }
    let label = matches!(k, K::Service | K::Namespace);
    let part = |p: &str| {
        let edge =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        edge(p.chars().next())
            && edge(p.chars().last())
            && p.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let fine = if label {
        name.len() <= 63 && part(name)
    } else {
        name.len() <= 253 && name.split('.').all(part)
    };
    if !fine {
        let what = if label {
            "a lowercase RFC 1123 label"
        } else {
            "a lowercase RFC 1123 subdomain"
        };
        let text = format!(
            "Invalid value: \"{name}\": {what} must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
        );
        causes.push(("metadata.name".to_owned(), text));
    }
}

fn template(o: &Value, at: &str, causes: &mut Causes) {
    let pointer = format!("/{}/spec", at.replace('.', "/"));
    pod_spec(
        o.pointer(&pointer).unwrap_or(&Value::Null),
        &format!("{at}.spec"),
        causes,
    );
}

fn pod_spec(spec: &Value, at: &str, causes: &mut Causes) {
    let containers = obj::list(spec, "/containers");
    if containers.is_empty() {
        causes.push((format!("{at}.containers"), "Required value".to_owned()));
    }
    let mut names: Vec<&str> = Vec::new();
    for (i, container) in containers.iter().enumerate() {
        for field in ["name", "image"] {
            if obj::text(container, &format!("/{field}")).is_empty() {
                causes.push((
                    format!("{at}.containers[{i}].{field}"),
                    "Required value".to_owned(),
                ));
            }
        }
        let name = obj::text(container, "/name");
        if names.contains(&name) {
            causes.push((
                format!("{at}.containers[{i}].name"),
                format!("Duplicate value: \"{name}\""),
            ));
        }
        names.push(name);
        let volumes: Vec<&str> = obj::list(spec, "/volumes")
            .iter()
            .map(|v| obj::text(v, "/name"))
            .collect();
        for (j, mount) in obj::list(container, "/volumeMounts").iter().enumerate() {
            let name = obj::text(mount, "/name");
            // Templates of StatefulSets mount claims that become volumes later.
            if at == "spec" && !volumes.contains(&name) {
                causes.push((
                    format!("{at}.containers[{i}].volumeMounts[{j}].name"),
                    format!("Not found: \"{name}\""),
                ));
            }
        }
    }
    one_of_at(
        causes,
        spec,
        at,
        "restartPolicy",
        &["Always", "OnFailure", "Never"],
    );
}

fn one_of_at(causes: &mut Causes, v: &Value, at: &str, field: &str, allowed: &[&str]) {
    let before = causes.len();
    one_of(causes, v, field, allowed);
    if let Some(cause) = causes.get_mut(before) {
        cause.0 = format!("{at}.{field}");
    }
}

/// Most pods one object may ask for: a limit of the simulator, far above what a practice cluster holds.
const MOST_PODS: i64 = 1000;

fn bounded(causes: &mut Causes, o: &Value, field: &str) {
    let n = obj::int(o, &format!("/{}", field.replace('.', "/"))).unwrap_or(0);
    if n < 0 {
        causes.push((
            field.to_owned(),
            format!("Invalid value: {n}: must be greater than or equal to 0"),
        ));
    } else if n > MOST_PODS {
        causes.push((
            field.to_owned(),
            format!("Invalid value: {n}: the simulator takes at most {MOST_PODS}"),
        ));
    }
}

fn workload(o: &Value, causes: &mut Causes) {
    require(causes, o, &["spec.selector"]);
    template(o, "spec.template", causes);
    bounded(causes, o, "spec.replicas");
    let labels = o
        .pointer("/spec/template/metadata/labels")
        .and_then(Value::as_object);
    if Labels::from_object(o.pointer("/spec/selector")).is_some_and(|s| !s.matches_labels(labels)) {
        let text = format!(
            "Invalid value: {}: `selector` does not match template `labels`",
            serde_json::json!(labels)
        );
        causes.push(("spec.template.metadata.labels".to_owned(), text));
    }
}

fn service(o: &Value, causes: &mut Causes) {
    one_of(
        causes,
        o,
        "spec.type",
        &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
    );
    let (kind, ports) = (obj::text(o, "/spec/type"), obj::list(o, "/spec/ports"));
    if kind == "ExternalName" {
        return require(causes, o, &["spec.externalName"]);
    }
    if ports.is_empty() && obj::text(o, "/spec/clusterIP") != "None" {
        causes.push(("spec.ports".to_owned(), "Required value".to_owned()));
    }
    for (i, port) in ports.iter().enumerate() {
        if !obj::int(port, "/port").is_some_and(|n| (1..=65_535).contains(&n)) {
            let text = format!(
                "Invalid value: {}: must be between 1 and 65535, inclusive",
                port["port"]
            );
            causes.push((format!("spec.ports[{i}].port"), text));
        }
        if ports.len() > 1 && obj::text(port, "/name").is_empty() {
            causes.push((format!("spec.ports[{i}].name"), "Required value".to_owned()));
        }
    }
}

/// What may not change on an update.
pub(crate) fn change(c: &Cluster, kind: &Kind, old: &Value, new: &Value) -> Result<(), Refused> {
    let frozen: &[&str] = match kind.k {
        K::Deployment | K::ReplicaSet | K::DaemonSet => &["/spec/selector"],
        K::StatefulSet => &[
            "/spec/selector",
            "/spec/serviceName",
            "/spec/volumeClaimTemplates",
            "/spec/podManagementPolicy",
        ],
        K::Job => &["/spec/selector", "/spec/template", "/spec/completions"],
        K::Claim => &[
            "/spec/accessModes",
            "/spec/storageClassName",
            "/spec/volumeMode",
            "/spec/selector",
        ],
        K::StorageClass => &[
            "/provisioner",
            "/parameters",
            "/reclaimPolicy",
            "/volumeBindingMode",
        ],
        K::Pod => &[
            "/spec/nodeName",
            "/spec/restartPolicy",
            "/spec/volumes",
            "/spec/serviceAccountName",
        ],
        K::Service
            if obj::text(new, "/spec/type") != "ExternalName"
                && !obj::text(new, "/spec/clusterIP").is_empty() =>
        {
            &["/spec/clusterIP"]
        }
        K::Secret => &["/type"],
        _ => &[],
    };
    let set_before = |at: &str| old.pointer(at).is_some_and(|v| !v.is_null() && v != "");
    let changed = frozen
        .iter()
        .find(|at| old.pointer(at) != new.pointer(at) && (set_before(at) || kind.k != K::Service));
    if let Some(at) = changed {
        let field = at.trim_start_matches('/').replace('/', ".");
        return Err(errors::invalid(
            kind,
            obj::name(old),
            &[(field, "Invalid value: field is immutable".to_owned())],
        ));
    }
    if kind.k == K::Claim {
        claim_size(c, kind, old, new)?;
    }
    Ok(())
}

fn claim_size(c: &Cluster, kind: &Kind, old: &Value, new: &Value) -> Result<(), Refused> {
    let size =
        |o: &Value| quantity::bytes_of(&o["spec"]["resources"]["requests"]["storage"]).unwrap_or(0);
    if size(new) < size(old) {
        let text = "Forbidden: field can not be less than status.capacity";
        return Err(errors::invalid(
            kind,
            obj::name(old),
            &[(
                "spec.resources.requests.storage".to_owned(),
                text.to_owned(),
            )],
        ));
    }
    let class = c.store.get(
        K::StorageClass,
        "",
        obj::text(old, "/spec/storageClassName"),
    );
    if size(new) > size(old) && !class.is_some_and(|s| obj::flag(s, "/allowVolumeExpansion")) {
        let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
        return Err(errors::forbidden_object(kind, obj::name(old), why));
    }
    Ok(())
}
