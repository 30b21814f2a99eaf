//! Regions by name, so that a misspelt one is noticed where a price holds everywhere. Those of the price
//! data and of the catalogs come on top.

use kubelease_core::ProviderId;

/// Regions that the vendors list (their documentation, 2026); for all others there is `*`.
pub(super) fn listed(provider: ProviderId) -> impl Iterator<Item = &'static str> {
    let words = match provider {
        ProviderId::Gke => GKE,
        ProviderId::Eks => EKS,
        ProviderId::Aks => AKS,
        ProviderId::DigitalOcean => DIGITALOCEAN,
        ProviderId::Linode => LINODE,
        ProviderId::Vultr => VULTR,
    };
    words.split_whitespace()
}

const GKE: &str = "africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3
    asia-south1 asia-south2 asia-southeast1 asia-southeast2 australia-southeast1 australia-southeast2
    europe-central2 europe-north1 europe-southwest1 europe-west1 europe-west2 europe-west3 europe-west4
    europe-west6 europe-west8 europe-west9 europe-west10 europe-west12 me-central1 me-central2 me-west1
    northamerica-northeast1 northamerica-northeast2 southamerica-east1 southamerica-west1 us-central1
    us-east1 us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4";

const EKS: &str = "af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1
    ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ca-central-1 ca-west-1
    eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1
    me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2";

const AKS: &str =
    "australiacentral australiaeast australiasoutheast brazilsouth canadacentral canadaeast
    centralindia centralus eastasia eastus eastus2 francecentral germanywestcentral israelcentral
    italynorth japaneast japanwest koreacentral koreasouth mexicocentral northcentralus northeurope
    norwayeast polandcentral qatarcentral southafricanorth southcentralus southeastasia southindia
    spaincentral swedencentral switzerlandnorth uaenorth uksouth ukwest westcentralus westeurope
    westindia westus westus2 westus3";

const DIGITALOCEAN: &str =
    "ams2 ams3 atl1 blr1 fra1 lon1 nyc1 nyc2 nyc3 sfo1 sfo2 sfo3 sgp1 syd1 tor1";

const LINODE: &str = "ap-northeast ap-south ap-southeast ap-west au-mel br-gru ca-central de-fra-2
    es-mad eu-central eu-west fr-par fr-par-2 gb-lon id-cgk in-bom-2 in-maa it-mil jp-osa jp-tyo-3 nl-ams
    se-sto sg-sin-2 us-central us-east us-iad us-iad-2 us-lax us-mia us-ord us-sea us-southeast us-west";

const VULTR: &str =
    "ams atl blr bom cdg del dfw ewr fra hnl icn itm jnb lax lhr mad man mel mex mia nrt
    ord sao scl sea sgp sjc sto syd tlv waw yto";
