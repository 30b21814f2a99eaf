//! One listing for many teardowns. Each pass of a teardown asks its cloud for everything that is ours; a
//! guard that ends a hundred leases at once would ask a hundred times for the same. Whoever asks while a
//! listing runs waits for the next one, and that one answers all who wait: so an answer is never older
//! than its question, and "absent from a complete list" proves what it proved before.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kubelease_core::{
    Access, Account, Capability, Catalog, ClaimedVolume, ClusterState, Error, LeaseId, LeaseView,
    Listing, Order, OwnerTag, Progress, Provider, ProviderId, Ref, Refreshed, Removal, Scope, Step,
    StepAt,
};

/// A cloud whose listings are shared.
#[derive(Debug)]
pub struct Together {
    cloud: Arc<dyn Provider>,
    /// Whose turn it is to list.
    turn: tokio::sync::Mutex<()>,
    wishes: Mutex<Wishes>,
}

/// Who waits for a listing, and what the last one said.
#[derive(Debug, Default)]
struct Wishes {
    /// How often a listing was asked for.
    asked: u64,
    /// What those who wait know by id.
    recorded: BTreeSet<(LeaseId, Ref)>,
    /// Up to which question the last listing is an answer.
    answered: u64,
    answer: Option<Result<Arc<Listing>, Arc<Error>>>,
}

impl Together {
    /// Shares the listings of that cloud.
    #[must_use]
    pub fn new(cloud: Arc<dyn Provider>) -> Self {
        Self {
            cloud,
            turn: tokio::sync::Mutex::default(),
            wishes: Mutex::default(),
        }
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last answer, if it began after that question.
    fn answer(&self, question: u64) -> Option<Result<Listing, Error>> {
        let wishes = self.wishes();
        let answer = wishes.answer.as_ref()?;
        (wishes.answered >= question).then(|| match answer {
            Ok(listing) => Ok(Listing::clone(listing)),
            Err(error) => Err(again(error)),
        })
    }
}

/// The same error for one more reader; its cause stays with the first.
fn again(error: &Error) -> Error {
    Error {
        kind: error.kind,
        transience: error.transience,
        provider: error.provider,
        operation: error.operation.clone(),
        resource: error.resource.clone(),
        request_id: error.request_id.clone(),
        message: error.message.clone(),
        hint: error.hint.clone(),
        source: None,
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Provider for Together {
    fn id(&self) -> ProviderId {
        self.cloud.id()
    }
    fn capability(&self) -> &'static Capability {
        self.cloud.capability()
    }
    async fn catalog(&self) -> Result<Catalog, Error> {
        self.cloud.catalog().await
    }
    async fn account(&self) -> Result<Account, Error> {
        self.cloud.account().await
    }
    async fn fresh_prices(&self) -> Result<Refreshed, Error> {
        self.cloud.fresh_prices().await
    }
    fn plan(&self, order: &Order) -> Result<Vec<Step>, Error> {
        self.cloud.plan(order)
    }
    async fn find(&self, at: &StepAt<'_>) -> Result<Option<Ref>, Error> {
        self.cloud.find(at).await
    }
    async fn create(&self, at: &StepAt<'_>) -> Result<Ref, Error> {
        self.cloud.create(at).await
    }
    async fn poll(&self, at: &StepAt<'_>, made: &Ref) -> Result<Progress, Error> {
        self.cloud.poll(at, made).await
    }
    async fn inspect(&self, lease: &LeaseView) -> Result<ClusterState, Error> {
        self.cloud.inspect(lease).await
    }
    async fn access(&self, lease: &LeaseView) -> Result<Access, Error> {
        self.cloud.access(lease).await
    }
    fn claimed_volume(&self) -> Option<ClaimedVolume> {
        self.cloud.claimed_volume()
    }
    async fn retag(&self, lease: &LeaseView, tag: &OwnerTag) -> Result<(), Error> {
        self.cloud.retag(lease, tag).await
    }
    async fn destroy(&self, target: &Ref) -> Result<Removal, Error> {
        self.cloud.destroy(target).await
    }

    async fn owned(&self, scope: &Scope<'_>) -> Result<Listing, Error> {
        if scope.foreign {
            return self.cloud.owned(scope).await;
        }
        let question = {
            let mut wishes = self.wishes();
            wishes.asked += 1;
            wishes.recorded.extend(scope.recorded.iter().cloned());
            wishes.asked
        };
        // Dropped in the middle, a turn goes to the next who waits, and nothing is lost.
        let _turn = self.turn.lock().await;
        if let Some(answer) = self.answer(question) {
            return answer;
        }
        let (asked, recorded): (u64, Vec<_>) = {
            let wishes = self.wishes();
            (wishes.asked, wishes.recorded.iter().cloned().collect())
        };
        let all = Scope {
            recorded: &recorded,
            foreign: false,
        };
        let answer = self.cloud.owned(&all).await;
        let mut wishes = self.wishes();
        wishes.answered = asked;
        if wishes.asked == asked {
            wishes.recorded.clear();
        }
        let (kept, answer) = match answer {
            Ok(listing) => (Ok(Arc::new(listing.clone())), Ok(listing)),
            Err(error) => (Err(Arc::new(again(&error))), Err(error)),
        };
        wishes.answer = Some(kept);
        answer
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use futures_util::future::join_all;
    use kubelease_core::Kind;

    use super::*;

    /// Counts its listings; each waits until the test lets it go, then shows what it was asked with.
    #[derive(Debug)]
    struct Slow {
        began: Mutex<Vec<usize>>,
        gate: tokio::sync::Semaphore,
        broken: bool,
    }

    impl Slow {
        fn new(broken: bool) -> Self {
            Self {
                began: Mutex::default(),
                gate: tokio::sync::Semaphore::new(0),
                broken,
            }
        }
    }

    #[async_trait]
    impl Provider for Slow {
        fn id(&self) -> ProviderId {
            ProviderId::Linode
        }
        fn capability(&self) -> &'static Capability {
            unreachable!("not asked")
        }
        async fn catalog(&self) -> Result<Catalog, Error> {
            unreachable!("not asked")
        }
        async fn account(&self) -> Result<Account, Error> {
            unreachable!("not asked")
        }
        fn plan(&self, _: &Order) -> Result<Vec<Step>, Error> {
            unreachable!("not asked")
        }
        async fn fresh_prices(&self) -> Result<Refreshed, Error> {
            unreachable!("not asked")
        }
        async fn find(&self, _: &StepAt<'_>) -> Result<Option<Ref>, Error> {
            unreachable!("not asked")
        }
        async fn create(&self, _: &StepAt<'_>) -> Result<Ref, Error> {
            unreachable!("not asked")
        }
        async fn poll(&self, _: &StepAt<'_>, _: &Ref) -> Result<Progress, Error> {
            unreachable!("not asked")
        }
        async fn inspect(&self, _: &LeaseView) -> Result<ClusterState, Error> {
            unreachable!("not asked")
        }
        async fn access(&self, _: &LeaseView) -> Result<Access, Error> {
            unreachable!("not asked")
        }
        async fn retag(&self, _: &LeaseView, _: &OwnerTag) -> Result<(), Error> {
            unreachable!("not asked")
        }
        async fn destroy(&self, _: &Ref) -> Result<Removal, Error> {
            unreachable!("not asked")
        }
        async fn owned(&self, scope: &Scope<'_>) -> Result<Listing, Error> {
            self.began.lock().unwrap().push(scope.recorded.len());
            // Like a request, it takes at least one turn of the runtime.
            tokio::task::yield_now().await;
            self.gate.acquire().await.unwrap().forget();
            if self.broken {
                return Err(Error::new(Kind::Unavailable, "list", "out of order"));
            }
            let missing = scope.recorded.iter().map(|(_, r)| r.id.clone()).collect();
            Ok(Listing {
                missing,
                ..Listing::default()
            })
        }
    }

    fn record(n: u8) -> (LeaseId, Ref) {
        let lease = LeaseId::from_random([n, 0, 0, 0, 0, 0, 0, 0, 0]);
        (lease, Ref::new("volume", n.to_string()))
    }

    async fn ask(cloud: &Together, n: u8) -> Result<Vec<String>, Error> {
        let recorded = [record(n)];
        let scope = Scope {
            recorded: &recorded,
            foreign: false,
        };
        cloud.owned(&scope).await.map(|listing| listing.missing)
    }

    #[tokio::test]
    async fn who_asks_while_one_runs_shares_the_next() {
        let slow = Arc::new(Slow::new(false));
        let cloud = Together::new(Arc::clone(&slow) as Arc<dyn Provider>);
        let first = ask(&cloud, 1);
        let rest = async {
            // By now the first runs: nobody of these may get its answer.
            assert_eq!(*slow.began.lock().unwrap(), [1]);
            slow.gate.add_permits(2);
            join_all((2..12).map(|n| ask(&cloud, n))).await
        };
        let (first, rest) = tokio::join!(first, rest);
        assert_eq!(first.unwrap(), ["1"]);
        for answer in rest {
            let answer = answer.unwrap();
            assert!(
                (2..12).all(|n| answer.contains(&n.to_string())),
                "{answer:?}"
            );
        }
        assert_eq!(slow.began.lock().unwrap().len(), 2);
        // And a later question is never answered by an old listing.
        slow.gate.add_permits(1);
        assert_eq!(ask(&cloud, 20).await.unwrap(), ["20"]);
        assert_eq!(slow.began.lock().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn who_goes_away_in_the_middle_holds_up_nobody() {
        let slow = Arc::new(Slow::new(false));
        let cloud = Together::new(Arc::clone(&slow) as Arc<dyn Provider>);
        {
            let mut gone = std::pin::pin!(ask(&cloud, 1));
            tokio::select! {
                biased;
                _ = &mut gone => unreachable!("the gate is shut"),
                () = std::future::ready(()) => {}
            }
        }
        slow.gate.add_permits(1);
        assert!(ask(&cloud, 2).await.unwrap().contains(&"2".to_owned()));
    }

    #[tokio::test]
    async fn an_error_is_shared_too() {
        let slow = Arc::new(Slow::new(true));
        let cloud = Together::new(Arc::clone(&slow) as Arc<dyn Provider>);
        slow.gate.add_permits(2);
        let answers = join_all((0..9).map(|n| ask(&cloud, n))).await;
        for answer in answers {
            assert_eq!(answer.unwrap_err().kind, Kind::Unavailable);
        }
        assert!(slow.began.lock().unwrap().len() <= 2);
    }
}
