//! Who we are at Google, what the project may have, and whether somebody pays. Judges no budget: no API
//! tells what is left of the free trial.

use kubelease_core::{Account, CreditReading, Error, Kind, Limit};

use crate::DEFAULT_ZONE;
use crate::api::Api;
use crate::api::wire::{Quota, region_of};

/// Regional quotas that can stop a create: what a person calls it, and Google's metric.
const QUOTAS: [(&str, &str); 5] = [
    ("vcpus", "CPUS"),
    ("addresses", "IN_USE_ADDRESSES"),
    ("instances", "INSTANCES"),
    ("disk_gib", "DISKS_TOTAL_GB"),
    ("ssd_gib", "SSD_TOTAL_GB"),
];

/// Who we are and what we may have in the default region; a create asks its own region again.
pub(crate) async fn account(api: &Api) -> Result<Account, Error> {
    let (project, billing, service, region) = tokio::join!(
        api.project(),
        api.billing(),
        api.service("container.googleapis.com"),
        api.region(region_of(DEFAULT_ZONE)),
    );
    let (project, billing, service) = (readable(project)?, readable(billing)?, readable(service)?);
    let named = match &project {
        Ok(project) if !project.name.is_empty() => format!("{} ({})", api.project, project.name),
        _ => api.project.clone(),
    };
    let mut status: Vec<String> = Vec::new();
    match project {
        Ok(project) => status.push(format!(
            "project {}",
            project.lifecycle_state.to_ascii_lowercase()
        )),
        Err(why) => status.push(format!("project not readable: {why}")),
    }
    match billing {
        Ok(billing) if billing.billing_enabled => {
            status.push(format!("billed to {}", billing.billing_account_name));
        }
        Ok(_) => status.push("no billing account: nothing can be created".to_owned()),
        Err(why) => status.push(format!("billing not readable: {why}")),
    }
    match service {
        Ok(service) if service.state == "ENABLED" => {}
        Ok(_) => status.push(
            "Kubernetes Engine API is off: run `gcloud services enable container.googleapis.com`"
                .to_owned(),
        ),
        Err(why) => status.push(format!("services not readable: {why}")),
    }
    status.push(api.login.kind());
    Ok(Account {
        identity: match api.login.identity() {
            Some(email) => format!("{email} in project {named}"),
            None => format!("project {named}"),
        },
        status: status.join("; "),
        // Keys and refresh tokens have no end that an API tells; a fixed token does not say its own.
        credential_expires_at: None,
        limits: limits(&region?.quotas, region_of(DEFAULT_ZONE)),
        credit: CreditReading {
            source: "no API tells what is left of the free trial: see https://console.cloud.google.com/billing".to_owned(),
            ..CreditReading::default()
        },
    })
}

/// What only informs becomes a text when it cannot be read (the least privileges, an API that is off or
/// down); wrong credentials stay an error.
fn readable<T>(read: Result<T, Error>) -> Result<Result<T, String>, Error> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.kind == Kind::Unauthenticated => Err(error),
        Err(error) => Ok(Err(error.message)),
    }
}

/// Each quota by itself, as far as the region has it.
fn limits(quotas: &[Quota], region: &str) -> Vec<Limit> {
    let limit = |(what, metric): (&'static str, &'static str)| {
        let quota = quotas.iter().find(|q| q.metric == metric)?;
        Some(Limit {
            what,
            vendor_name: metric,
            most: quota.limit,
            used: quota.usage,
            region: Some(region.to_owned()),
        })
    };
    QUOTAS.into_iter().filter_map(limit).collect()
}
