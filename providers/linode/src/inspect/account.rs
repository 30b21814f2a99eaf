//! Who we are at Linode, what the promotions still pay, and how much of it. Judges no budget.

use kubelease_core::{Account, CreditReading, Error, Kind, Limit, Money};

use crate::api::Api;
use crate::api::wire::{self, Instance, NodeBalancer, Promotion, Volume};

/// Promotional credit pays for at most this many services at a time (promotional policy v1.2,
/// 2021-08-23): Linodes, volumes, NodeBalancers and others together; the card pays the rest.
const SERVICES_PAID: u32 = 10;

const CALL: &str = "GET /v4/account";

/// Who we are and what is left. A restricted user may not read the account: then the profile says who
/// it is, and the reading says why it is empty.
pub(crate) async fn account(api: &Api) -> Result<Account, Error> {
    let read = api.get("/v4/account", "read account", "account:read_only");
    let account: wire::Account = match read.await {
        Ok(account) => account,
        Err(error) if error.kind == Kind::PermissionDenied => return restricted(api).await,
        Err(error) => return Err(error),
    };
    let credit = credit(&account);
    // Without a promotion nothing is limited to what it pays for.
    let limits = match credit.remaining {
        Some(left) if left > Money::ZERO && has_promotion(&account) => limits(api).await?,
        _ => Vec::new(),
    };
    let company = account.company.filter(|c| !c.trim().is_empty());
    Ok(Account {
        identity: match company {
            Some(company) => format!("{} ({company})", account.email),
            None => account.email,
        },
        status: match account.active_since {
            Some(since) => format!("active since {}", since.format("%Y-%m-%d")),
            None => "active".to_owned(),
        },
        credential_expires_at: None,
        limits,
        credit,
    })
}

async fn restricted(api: &Api) -> Result<Account, Error> {
    let profile: wire::Profile = api.get("/v4/profile", "read profile", "").await?;
    Ok(Account {
        identity: format!("{} (user {})", profile.email, profile.username),
        status: "restricted: this user or token may not read the account".to_owned(),
        credential_expires_at: None,
        limits: Vec::new(),
        credit: CreditReading {
            source: format!("{CALL}: needs account:read_only and an unrestricted user"),
            ..CreditReading::default()
        },
    })
}

/// The services that a promotion pays for are one number for all kinds. What an account may have beyond
/// that is told by no call: a create says what it lacks.
async fn limits(api: &Api) -> Result<Vec<Limit>, Error> {
    let (linodes, balancers, volumes) = tokio::join!(
        api.count::<Instance>(),
        api.count::<NodeBalancer>(),
        api.count::<Volume>(),
    );
    let used = linodes?.saturating_add(balancers?).saturating_add(volumes?);
    Ok(vec![Limit {
        what: "services",
        vendor_name: "number of services that promotional credit pays for",
        most: SERVICES_PAID,
        used: u32::try_from(used).unwrap_or(u32::MAX),
        region: None,
    }])
}

/// Promotions that pay for clusters: for everything, or for Linodes.
fn paying(account: &wire::Account) -> impl Iterator<Item = &Promotion> {
    let all = account.active_promotions.iter().flatten();
    all.filter(|p| matches!(p.service_type.as_str(), "all" | "linode" | ""))
}

fn has_promotion(account: &wire::Account) -> bool {
    paying(account).any(|p| left(p).is_some_and(|m| m > Money::ZERO))
}

/// What a promotion still pays: a monthly cap may bind before the whole does.
fn left(promotion: &Promotion) -> Option<Money> {
    let read = |text: &Option<String>| text.as_deref().and_then(|t| t.parse::<Money>().ok());
    let whole = read(&promotion.credit_remaining)?;
    let month = read(&promotion.this_month_credit_remaining).unwrap_or(whole);
    Some(whole.min(month))
}

/// The sum of the promotions and of a balance in our favour. It ends when the first promotion ends that
/// has something left: from then on it is less.
fn credit(account: &wire::Account) -> CreditReading {
    let number =
        |n: &Option<serde_json::Number>| n.as_ref().and_then(|n| n.to_string().parse().ok());
    let owed: Option<Money> = number(&account.balance);
    let in_favour = (-owed.unwrap_or(Money::ZERO)).max(Money::ZERO);
    let promotions = account.active_promotions.is_some();
    let with_something = paying(account).filter(|p| left(p).is_some_and(|m| m > Money::ZERO));
    CreditReading {
        // Neither promotions nor a balance were in the answer: nothing is known.
        remaining: (promotions || owed.is_some())
            .then(|| paying(account).filter_map(left).sum::<Money>() + in_favour),
        month_to_date: number(&account.balance_uninvoiced),
        expires_at: with_something.filter_map(|p| p.expire_dt).min(),
        source: format!("{CALL}: active_promotions and balance"),
    }
}
