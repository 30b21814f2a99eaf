//! How many virtual processors may run, by Service Quotas, beside those that run: on demand and as spot
//! each by itself, in every region that listings look at. A role need not be allowed to ask: then nothing
//! is known, and a launch says what it lacks.

use futures_util::future::join_all;
use kubelease_core::{Error, Kind, Limit};
use kubelease_http::Effect;
use serde_json::{Value, json};

use crate::api::Api;
use crate::api::wire::Instance;
use crate::config::Service;

/// What a person calls it, Amazon's quota code and name, and the lifecycle of machines that count.
struct Quota {
    what: &'static str,
    code: &'static str,
    name: &'static str,
    lifecycle: Option<&'static str>,
}

const QUOTAS: [Quota; 2] = [
    Quota {
        what: "vcpus",
        code: "L-1216C47A",
        name: "vCPU limit for running on-demand standard instances (L-1216C47A)",
        lifecycle: None,
    },
    Quota {
        what: "spot_vcpus",
        code: "L-34B43A08",
        name: "vCPU limit for standard spot instances (L-34B43A08)",
        lifecycle: Some("spot"),
    },
];

/// The limits of the account in the regions that listings look at.
pub(super) async fn limits(api: &Api) -> Vec<Limit> {
    let config = &api.config;
    let mut regions = vec![config.region.as_str()];
    regions.extend(config.more_regions.iter().map(String::as_str));
    regions.dedup();
    let found = join_all(regions.into_iter().map(|region| in_region(api, region))).await;
    found.into_iter().flatten().collect()
}

async fn in_region(api: &Api, region: &str) -> Vec<Limit> {
    let quotas = join_all(QUOTAS.iter().map(|quota| most(api, region, quota.code)));
    let (most, machines) = tokio::join!(quotas, api.instances(region));
    // A list that is not whole counts too few: it refuses nothing that fits.
    let limit = |(quota, most): (&Quota, Option<u32>)| {
        Some(Limit {
            what: quota.what,
            vendor_name: quota.name,
            most: most?,
            used: used(&machines.items, quota),
            region: Some(region.to_owned()),
        })
    };
    QUOTAS.iter().zip(most).filter_map(limit).collect()
}

/// A quota's value: the account's own, else AWS's default.
async fn most(api: &Api, region: &str, code: &str) -> Option<u32> {
    match ask(api, region, "GetServiceQuota", code).await {
        Ok(value) => value,
        Err(error) if error.kind == Kind::NotFound => {
            let default = ask(api, region, "GetAWSDefaultServiceQuota", code);
            default.await.ok().flatten()
        }
        Err(_) => None,
    }
}

async fn ask(api: &Api, region: &str, action: &str, code: &str) -> Result<Option<u32>, Error> {
    let body = json!({ "ServiceCode": "ec2", "QuotaCode": code });
    let target = format!("ServiceQuotasV20190624.{action}");
    let place = (Service::Quotas, region);
    let answer = api
        .json(place, &target, "read quota", &body, Effect::Repeatable)
        .await?;
    Ok(whole(&answer["Quota"]["Value"]))
}

/// Quotas of things that are counted are written as `5.0`.
fn whole(value: &Value) -> Option<u32> {
    let text = value.as_number()?.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let exact = fraction.bytes().all(|b| b == b'0');
    whole.parse().ok().filter(|_| exact)
}

/// Virtual processors of machines that count against a quota. One that is being ended does not.
fn used(machines: &[Instance], quota: &Quota) -> u32 {
    let counts = |i: &&Instance| {
        matches!(i.instance_state.name.as_str(), "pending" | "running")
            && i.instance_lifecycle.as_deref() == quota.lifecycle
            && is_standard(&i.instance_type)
    };
    let of_one = |i: &Instance| i.cpu_options.core_count * i.cpu_options.threads_per_core;
    machines.iter().filter(counts).map(of_one).sum()
}

/// Whether a type is of the families that share the standard quota: those that begin with one of its
/// letters, but for families with a quota of their own.
fn is_standard(r#type: &str) -> bool {
    const OWN: [&str; 4] = ["dl", "hpc", "mac", "trn"];
    let family = r#type.split('.').next().unwrap_or_default();
    let own = OWN.iter().any(|f| family.starts_with(f)) || family.starts_with("inf");
    let standard = ["a", "c", "d", "h", "i", "m", "r", "t", "z"];
    !own && standard.iter().any(|letter| family.starts_with(letter))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::api::tests::api;

    const GET: &str = "ServiceQuotasV20190624.GetServiceQuota";

    #[test]
    fn quotas_are_whole_numbers_and_families_have_letters() {
        let read = |text: &str| whole(&serde_json::from_str(text).unwrap());
        assert_eq!(
            ["5.0", "32", "0.0", "1.5", "-1.0", "\"5\"", "null"].map(read),
            [Some(5), Some(32), Some(0), None, None, None, None]
        );
        let standard = ["t3.medium", "m7i-flex.large", "r8g.large", "im4gn.large"];
        assert!(standard.iter().all(|t| is_standard(t)));
        let other = [
            "p5.48xlarge",
            "inf2.xlarge",
            "trn1.2xlarge",
            "g5.xlarge",
            "",
        ];
        assert!(!other.iter().any(|t| is_standard(t)));
    }

    #[tokio::test]
    async fn quotas_beside_what_runs() {
        let (api, cloud) = api(None);
        let machine = |id: &str, kind: &str, state: &str, more: &str| {
            format!(
                "<item><instancesSet><item><instanceId>{id}</instanceId><instanceType>{kind}</instanceType><instanceState><name>{state}</name></instanceState><cpuOptions><coreCount>1</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions>{more}</item></instancesSet></item>"
            )
        };
        let spot = "<instanceLifecycle>spot</instanceLifecycle>";
        let machines = [
            machine("i-1", "t3.medium", "running", ""),
            machine("i-2", "t3.medium", "pending", ""),
            machine("i-3", "t3.medium", "shutting-down", ""),
            machine("i-4", "g5.xlarge", "running", ""),
            machine("i-5", "t3.medium", "running", spot),
        ];
        cloud.xml(
            "DescribeInstances",
            &format!("<reservationSet>{}</reservationSet>", machines.concat()),
        );
        cloud.answer(
            GET,
            200,
            json!({ "Quota": { "QuotaCode": "L-1216C47A", "Value": 5 } }).to_string(),
        );
        let seen = |limits: Vec<Limit>| -> Vec<(&str, u32, u32, Option<String>)> {
            let all = limits.into_iter();
            all.map(|l| (l.what, l.most, l.used, l.region)).collect()
        };
        let home = Some("us-east-1".to_owned());
        assert_eq!(
            seen(limits(&api).await),
            [
                ("vcpus", 5, 4, home.clone()),
                ("spot_vcpus", 5, 2, home.clone())
            ]
        );
        // The account has no value of its own: AWS's default counts.
        cloud.answer(
            GET,
            400,
            json!({ "__type": "NoSuchResourceException", "Message": "no" }).to_string(),
        );
        cloud.answer(
            "ServiceQuotasV20190624.GetAWSDefaultServiceQuota",
            200,
            r#"{"Quota":{"Value":32.0}}"#,
        );
        assert_eq!(limits(&api).await[0].most, 32);
        // A role that may not ask creates all the same.
        cloud.answer(
            GET,
            400,
            json!({ "__type": "AccessDeniedException", "Message": "no" }).to_string(),
        );
        assert_eq!(limits(&api).await, []);
    }
}
