//! Virtual time over HTTP.

use std::thread;

use kubelease_sim::{ClockMode, Provider};
use serde_json::{Value, json};

use crate::http::{Connection, World};

#[test]
fn every_port_answers_and_empty_clouds_say_so() {
    let world = World::new(ClockMode::Manual);
    let index = world.control("GET", "/", &Value::Null);
    assert_eq!(index["simulator"], "kubelease-sim");
    let answer = world.cloud("GET", "/v2/unheard/of", &Value::Null);
    assert_eq!(
        (answer.status, &answer.json()["route"]),
        (501, &json!("GET /v2/unheard/of"))
    );
    assert_eq!(answer.header("date"), Some("Mon, 05 Jan 2026 08:00:00 GMT"));
    let (status, message) = world.refused("GET", "/nothing", &Value::Null);
    assert_eq!(status, 404);
    assert!(message.contains("/nothing"));
    assert_eq!(Provider::ALL.len(), 6);
}

#[test]
fn time_moves_forward_only_and_transitions_come_in_order() {
    let world = World::new(ClockMode::Manual);
    assert_eq!(
        world.control("GET", "/clock", &Value::Null)["now"],
        "2026-01-05T08:00:00Z"
    );
    let id = world.cluster("c1");
    assert_eq!(
        world.control("POST", "/clock", &json!({"advance": "1h30m"}))["now"],
        "2026-01-05T09:30:00Z"
    );
    let nodes = world
        .cloud(
            "GET",
            &format!("/v2/kubernetes/clusters/{id}"),
            &Value::Null,
        )
        .json();
    let nodes = nodes["kubernetes_cluster"]["node_pools"][0]["nodes"].clone();
    assert_eq!(
        (&nodes[0]["updated_at"], &nodes[1]["updated_at"]),
        (
            &json!("2026-01-05T08:05:00Z"),
            &json!("2026-01-05T08:05:07Z")
        )
    );
    for (body, word) in [
        (json!({"set": "2026-01-05T09:29:59Z"}), "back"),
        (json!({"advance": "soon"}), "soon"),
        (json!({}), "either"),
        (
            json!({"advance": "1h", "set": "2027-01-01T00:00:00Z"}),
            "either",
        ),
        (json!({"jump": 1}), "jump"),
        (json!({"advance": "99999d"}), "days"),
    ] {
        let (status, message) = world.refused("POST", "/clock", &body);
        assert_eq!(status, 400, "{body}");
        assert!(message.contains(word), "{body}: {message}");
    }
    assert_eq!(
        world.control("POST", "/clock", &json!({"set": "2026-01-05T09:30:00.5Z"}))["now"],
        "2026-01-05T09:30:00.500Z"
    );
}

#[test]
fn sleeping_costs_nothing_in_jump_mode() {
    let world = World::new(ClockMode::Jump);
    world.cluster("c1");
    assert_eq!(
        world.control(
            "POST",
            "/clock/sleep",
            &json!({"until": "2026-01-05T08:10:00Z"})
        )["now"],
        "2026-01-05T08:10:00Z"
    );
    let earlier = world.control(
        "POST",
        "/clock/sleep",
        &json!({"until": "2026-01-05T08:00:00Z"}),
    );
    assert_eq!(earlier["now"], "2026-01-05T08:10:00Z");
    assert_eq!(world.kinds(), ["cluster", "droplet", "droplet", "tag"]);
}

#[test]
fn sleepers_wait_for_somebody_to_move_a_manual_clock() {
    let world = World::new(ClockMode::Manual);
    let control = world.control_url();
    let sleeper = thread::spawn(move || {
        let mut connection = Connection::open(&control);
        connection.send(
            "POST",
            "/clock/sleep",
            "",
            &json!({"until": "2026-01-05T09:00:00Z"}).to_string(),
        );
        connection.receive().unwrap().json()["now"].clone()
    });
    world.advance("30m");
    assert!(!sleeper.is_finished());
    world.advance("31m");
    assert_eq!(sleeper.join().unwrap(), "2026-01-05T09:01:00Z");
}

#[test]
fn a_real_clock_wakes_sleepers_by_itself() {
    let world = World::new(ClockMode::Real { speed: 100_000 });
    let now = world.control("GET", "/clock", &Value::Null)["now"]
        .as_str()
        .unwrap()
        .parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap();
    let until = now + chrono::TimeDelta::hours(2);
    let woken = world.control("POST", "/clock/sleep", &json!({"until": until}))["now"]
        .as_str()
        .unwrap()
        .parse::<chrono::DateTime<chrono::Utc>>();
    assert!(woken.unwrap() >= until);
}
