//! The kinds of resources beside clusters and groups: their types and what they are called in the world.
//! Must not know state.

use serde::{Deserialize, Serialize};

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Disk,
    Snapshot,
    ScaleSet,
    VirtualMachine,
    PublicIp,
    LoadBalancer,
    SecurityGroup,
    Network,
    NetworkInterface,
    Watcher,
    Identity,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 11] = [
        Self::Disk,
        Self::Snapshot,
        Self::ScaleSet,
        Self::VirtualMachine,
        Self::PublicIp,
        Self::LoadBalancer,
        Self::SecurityGroup,
        Self::Network,
        Self::NetworkInterface,
        Self::Watcher,
        Self::Identity,
    ];

    /// Namespace and type, as ids write them.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Disk => "Microsoft.Compute/disks",
            Self::Snapshot => "Microsoft.Compute/snapshots",
            Self::ScaleSet => "Microsoft.Compute/virtualMachineScaleSets",
            Self::VirtualMachine => "Microsoft.Compute/virtualMachines",
            Self::PublicIp => "Microsoft.Network/publicIPAddresses",
            Self::LoadBalancer => "Microsoft.Network/loadBalancers",
            Self::SecurityGroup => "Microsoft.Network/networkSecurityGroups",
            Self::Network => "Microsoft.Network/virtualNetworks",
            Self::NetworkInterface => "Microsoft.Network/networkInterfaces",
            Self::Watcher => "Microsoft.Network/networkWatchers",
            Self::Identity => "Microsoft.ManagedIdentity/userAssignedIdentities",
        }
    }

    /// The kind of a namespace and a type; neither has a case.
    pub(super) fn find(namespace: &str, name: &str) -> Option<Self> {
        let wanted = format!("{namespace}/{name}");
        let mut all = Self::ALL.into_iter();
        all.find(|k| k.type_name().eq_ignore_ascii_case(&wanted))
    }

    /// Relative id of one of them.
    pub(super) fn id(self, group: &str, name: &str) -> String {
        format!(
            "/resourceGroups/{group}/providers/{}/{name}",
            self.type_name()
        )
    }

    /// What the world calls it; a disk of a machine is a `boot_disk` there.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Disk => "volume",
            Self::Snapshot => "snapshot",
            Self::ScaleSet => "scale_set",
            Self::VirtualMachine => "node",
            Self::PublicIp => "ipv4",
            Self::LoadBalancer => "load_balancer",
            Self::SecurityGroup => "security_group",
            Self::Network => "network",
            Self::NetworkInterface => "network_interface",
            Self::Watcher => "network_watcher",
            Self::Identity => "identity",
        }
    }
}
