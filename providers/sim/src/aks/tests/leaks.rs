//! What a careless delete leaves behind, what stands in its way, and what Services and claims make.

use kubelease_sim_kube::{ApiRequest, Effect, LbPort, Reply};
use serde_json::{Value, json};

use super::{CLUSTER, ME, SUB, Story, WHOLE, cluster_body, code, header, len};

const MACHINES: &str = "/resourceGroups/MC_rg1_c1_westeurope";

fn effect(story: &mut Story, effect: Effect) {
    let uid = story.uid();
    let (cloud, core) = story.world.cloud(ME);
    cloud.effect(core, &uid, effect);
}

fn service(uid: &str, ports: &[u16]) -> Effect {
    let port = |port: &u16| LbPort {
        name: String::new(),
        protocol: "TCP".to_owned(),
        port: *port,
        node_port: 30_000 + *port,
    };
    Effect::EnsureLoadBalancer {
        service_uid: uid.to_owned(),
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        ports: ports.iter().map(port).collect(),
        annotations: std::collections::BTreeMap::new(),
    }
}

fn claim(pv: &str, class: &str) -> Effect {
    Effect::CreateVolume {
        pv_name: pv.to_owned(),
        pvc_namespace: "default".to_owned(),
        pvc_name: "data".to_owned(),
        size_gib: 5,
        storage_class: class.to_owned(),
    }
}

/// Makes a storage class whose disks go to another group.
fn foreign_class(story: &mut Story, group: &str) {
    let uid = story.uid();
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "elsewhere"},
        "provisioner": "disk.csi.azure.com", "parameters": {"resourceGroup": group, "skuName": "Premium_LRS"}});
    let request = ApiRequest {
        method: "POST".to_owned(),
        path: "/apis/storage.k8s.io/v1/storageclasses".to_owned(),
        content_type: "application/json".to_owned(),
        body: class.to_string().into_bytes(),
        ..ApiRequest::default()
    };
    let now = story.world.core.now();
    let Reply::Done(answer) = story
        .world
        .core
        .kube
        .api(&uid)
        .unwrap()
        .handle(&request, now)
    else {
        panic!("a watch");
    };
    assert_eq!(
        answer.status,
        201,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
}

#[test]
fn deleting_the_cluster_takes_its_machines_group_and_leaves_its_own() {
    let mut story = Story::running(&json!({}));
    effect(&mut story, service("uid-1", &[80]));
    effect(&mut story, claim("pvc-1", "default"));
    assert_eq!(story.kinds().len(), WHOLE.len() + 2);
    let reply = story.send("DELETE", CLUSTER, &Value::Null);
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    let address = header(&reply, "azure-asyncoperation").unwrap();
    assert!(header(&reply, "location").is_some());
    assert_eq!(
        story.hourly(),
        "0",
        "nothing is billed from the moment it was accepted"
    );
    assert_eq!(
        story.cluster()["properties"]["provisioningState"],
        "Deleting"
    );
    assert_eq!(
        story.get(MACHINES)["properties"]["provisioningState"],
        "Deleting"
    );
    assert_eq!(
        story.send("DELETE", CLUSTER, &Value::Null).status,
        202,
        "asking again joins"
    );
    story.pass(360);
    assert_eq!(story.get(&address)["status"], "Succeeded");
    assert_eq!(
        story.refused("GET", CLUSTER, &Value::Null),
        (404, "ResourceNotFound".into())
    );
    assert_eq!(story.status("HEAD", MACHINES), 404);
    assert_eq!(story.kinds(), ["resource_group"]);
    assert_eq!(story.status("DELETE", CLUSTER), 204);
    assert_eq!(
        story.refused("DELETE", &CLUSTER.replace("rg1", "rg2"), &Value::Null),
        (404, "ResourceGroupNotFound".into())
    );
}

#[test]
fn deleting_the_group_takes_everything_and_says_so_at_its_location_only() {
    let mut story = Story::running(&json!({}));
    let reply = story.send("DELETE", "/resourcegroups/rg1", &Value::Null);
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    assert_eq!(
        (
            header(&reply, "azure-asyncoperation"),
            header(&reply, "retry-after").as_deref()
        ),
        (None, Some("15"))
    );
    let address = header(&reply, "location").unwrap();
    assert_eq!(story.hourly(), "0");
    assert_eq!(story.send("GET", &address, &Value::Null).status, 202);
    let group = json!({"location": "westeurope"});
    assert_eq!(
        story.refused("PUT", "/resourcegroups/rg1", &group),
        (409, "ResourceGroupBeingDeleted".into())
    );
    assert_eq!(
        story.refused("PUT", CLUSTER, &cluster_body(&json!({}))),
        (409, "ResourceGroupBeingDeleted".into())
    );
    story.pass(480);
    assert_eq!(story.status("GET", &address), 200);
    assert_eq!(story.status("HEAD", "/resourcegroups/rg1"), 404);
    assert!(story.kinds().is_empty(), "{:?}", story.kinds());
    assert_eq!(
        story.refused("DELETE", "/resourcegroups/rg1", &Value::Null),
        (404, "ResourceGroupNotFound".into())
    );
    let left = story.get("/resourcegroups");
    assert_eq!(
        (len(&left), &left["value"][0]["name"]),
        (1, &json!("NetworkWatcherRG"))
    );
}

#[test]
fn a_group_goes_even_while_its_cluster_is_created() {
    let mut story = Story::ready();
    story.create(&json!({}));
    assert_eq!(story.status("DELETE", "/resourcegroups/rg1"), 202);
    story.pass(479);
    assert_eq!(
        story.cluster()["properties"]["provisioningState"],
        "Deleting",
        "the create does not end in between"
    );
    story.pass(1);
    assert!(story.kinds().is_empty());
}

#[test]
fn disks_that_a_class_puts_elsewhere_outlive_the_cluster_and_keep_their_owner() {
    let mut story = Story::running(&json!({}));
    story.must(
        201,
        "PUT",
        "/resourcegroups/keep",
        &json!({"location": "westeurope"}),
    );
    foreign_class(&mut story, "keep");
    effect(&mut story, claim("pvc-1", "elsewhere"));
    let disk = story.get("/providers/Microsoft.Compute/disks")["value"][1].clone();
    assert_eq!(
        (&disk["name"], &disk["sku"]["name"]),
        (&json!("pvc-1"), &json!("Premium_LRS"))
    );
    assert_eq!(disk["tags"]["kubernetes.io-created-for-pvc-name"], "data");
    assert_eq!(
        disk["tags"].get("kubelease-lease"),
        None,
        "the driver does not know the cluster's tags"
    );
    story.send("DELETE", "/resourcegroups/rg1", &Value::Null);
    story.pass(480);
    let left = story.world.resources(Some(ME));
    let volume = left.iter().find(|r| r.kind == "volume").unwrap();
    assert_eq!(volume.owner.as_deref(), Some("l1"));
    assert!(volume.hourly > crate::money::Nanos::ZERO);
    let path = volume.id.strip_prefix(SUB).unwrap().to_owned();
    assert_eq!(story.status("DELETE", &path), 202);
    assert_eq!(story.hourly(), "0");
    story.pass(10);
    assert_eq!(story.kinds(), ["resource_group"]);
    assert_eq!(story.status("DELETE", &path), 204);
}

#[test]
fn locks_refuse_or_let_a_delete_fail_on_its_way() {
    let mut story = Story::running(&json!({}));
    let lock = |scope: &str| format!("{scope}/providers/Microsoft.Authorization/locks/keep");
    let body = json!({"properties": {"level": "CanNotDelete"}});
    story.must(201, "PUT", &lock("/resourceGroups/rg1"), &body);
    for target in [CLUSTER, "/resourcegroups/rg1"] {
        assert_eq!(
            story.refused("DELETE", target, &Value::Null),
            (409, "ScopeLocked".into()),
            "{target}"
        );
    }
    story.must(200, "DELETE", &lock("/resourceGroups/rg1"), &Value::Null);
    story.must(201, "PUT", &lock(MACHINES), &body);
    assert_eq!(
        len(&story.get("/providers/Microsoft.Authorization/locks")),
        1
    );
    let before = story.hourly();
    let reply = story.send("DELETE", CLUSTER, &Value::Null);
    assert_eq!(
        (reply.status, story.hourly()),
        (202, before.clone()),
        "what is not deleted is billed"
    );
    story.pass(360);
    let done = story.get(&header(&reply, "azure-asyncoperation").unwrap());
    assert_eq!(
        (&done["status"], &done["error"]["code"]),
        (&json!("Failed"), &json!("DeleteNodeResourceGroupFailed"))
    );
    assert_eq!(story.cluster()["properties"]["provisioningState"], "Failed");
    let address = header(
        &story.send("DELETE", "/resourcegroups/rg1", &Value::Null),
        "location",
    )
    .unwrap();
    story.pass(480);
    assert_eq!(
        story.refused("GET", &address, &Value::Null),
        (409, "ResourceGroupDeletionBlocked".into())
    );
    assert_eq!((story.kinds(), story.hourly()), (WHOLE.to_vec(), before));
    story.must(200, "DELETE", &lock(MACHINES), &Value::Null);
    assert_eq!(story.status("DELETE", "/resourcegroups/rg1"), 202);
    story.pass(480);
    assert!(story.kinds().is_empty());
}

#[test]
fn services_share_one_load_balancer_and_have_an_address_each() {
    let mut story = Story::running(&json!({}));
    effect(&mut story, service("uid-1", &[80, 443]));
    effect(&mut story, service("uid-2", &[80]));
    let balancers = story.get("/providers/Microsoft.Network/loadBalancers");
    assert_eq!(
        (len(&balancers), &balancers["value"][0]["name"]),
        (1, &json!("kubernetes"))
    );
    let rules = balancers["value"][0]["properties"]["loadBalancingRules"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(rules, 3);
    let addresses = story.get(&format!(
        "{MACHINES}/providers/Microsoft.Network/publicIPAddresses"
    ));
    assert_eq!(len(&addresses), 3, "one more for what goes out");
    let mine = &addresses["value"][1];
    assert_eq!(
        (&mine["name"], &mine["tags"]["k8s-azure-service"]),
        (&json!("kubernetes-auid1"), &json!("default/web"))
    );
    assert_eq!(mine["tags"]["kubelease-lease"], "l1");
    let path = mine["id"]
        .as_str()
        .unwrap()
        .strip_prefix(SUB)
        .unwrap()
        .to_owned();
    assert_eq!(
        story.refused("DELETE", &path, &Value::Null),
        (400, "PublicIPAddressCannotBeDeleted".into())
    );
    let balancer = format!("{MACHINES}/providers/Microsoft.Network/loadBalancers/kubernetes");
    assert_eq!(story.refused("DELETE", &balancer, &Value::Null).0, 400);
    effect(
        &mut story,
        Effect::DeleteLoadBalancer {
            service_uid: "uid-1".to_owned(),
        },
    );
    assert_eq!(
        len(&story.get("/providers/Microsoft.Network/publicIPAddresses")),
        2
    );
    let quota = json!({"quotas": {"PublicIPAddresses": 2}});
    story.account(quota).unwrap();
    effect(&mut story, service("uid-3", &[80]));
    assert_eq!(
        len(&story.get("/providers/Microsoft.Network/publicIPAddresses")),
        2
    );
}

#[test]
fn attached_disks_cannot_go() {
    let mut story = Story::running(&json!({}));
    effect(&mut story, claim("pvc-1", "default"));
    let disk = format!("{MACHINES}/providers/Microsoft.Compute/disks/pvc-1");
    let handle = story.get(&disk)["id"].as_str().unwrap().to_owned();
    let machines = format!("{MACHINES}/providers/Microsoft.Compute/virtualMachineScaleSets");
    let set = story.get(&machines)["value"][0]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let machine = story.get(&format!("{machines}/{set}/virtualMachines"))["value"][0].clone();
    let node = machine["properties"]["osProfile"]["computerName"]
        .as_str()
        .unwrap()
        .to_owned();
    let attach = Effect::AttachVolume {
        volume_handle: handle.clone(),
        node,
    };
    effect(&mut story, attach);
    let shown = story.get(&disk);
    assert_eq!(
        (&shown["managedBy"], &shown["properties"]["diskState"]),
        (&machine["id"], &json!("Attached"))
    );
    let refused = story.send("DELETE", &disk, &Value::Null);
    assert_eq!(
        (refused.status, code(&refused).as_str()),
        (409, "OperationNotAllowed")
    );
    effect(
        &mut story,
        Effect::DetachVolume {
            volume_handle: handle.clone(),
        },
    );
    assert_eq!(story.get(&disk)["properties"]["diskState"], "Unattached");
    effect(
        &mut story,
        Effect::DeleteVolume {
            volume_handle: handle,
        },
    );
    assert_eq!(story.kinds(), WHOLE);
}
