//! The controllers: plain passes over the objects, repeated until nothing changes. No queues, no threads, no time of their own.

pub(crate) mod attach;
pub(crate) mod budgets;
pub(crate) mod daemonsets;
pub(crate) mod deployments;
pub(crate) mod endpoints;
pub(crate) mod events;
pub(crate) mod gc;
pub(crate) mod jobs;
pub(crate) mod namespaces;
pub(crate) mod nodes;
pub(crate) mod pods;
pub(crate) mod provision;
pub(crate) mod replicasets;
pub(crate) mod scheduler;
pub(crate) mod services;
pub(crate) mod statefulsets;
pub(crate) mod volumes;
pub(crate) mod workloads;

use crate::cluster::Cluster;

/// Passes before giving up until the next call: a bound against controllers that undo each other. Real stories need about ten.
const PASSES: u32 = 100;

/// Runs all controllers until they agree that nothing is left to do at this moment.
pub(crate) fn settle(c: &mut Cluster) {
    for _ in 0..PASSES {
        let before = c.store.rv();
        if before == c.settled {
            return;
        }
        namespaces::run(c);
        deployments::run(c);
        replicasets::run(c);
        statefulsets::run(c);
        daemonsets::run(c);
        jobs::run(c);
        volumes::run(c);
        scheduler::run(c);
        pods::admit(c);
        attach::run(c);
        services::run(c);
        endpoints::run(c);
        budgets::run(c);
        gc::run(c);
        c.settled = before;
    }
}
