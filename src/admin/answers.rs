//! Answers that are costly to find, kept so long that finding them takes a four-hundredth of the
//! time at most, however many look and however often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync;

use super::reply::Wrong;

/// So many times as long as it took to find an answer, it is good. Of five million records the
/// slowest ranking takes 0.8 s, and then serves for the five minutes that none outlives. The six of the
/// first page take 1.5 % of one processor at most.
const GOOD: u32 = 400;

/// No answer is older than this.
const OLDEST: Duration = Duration::from_mins(5);

/// Questions at most; a page has six.
const MOST: usize = 128;

/// What was found, and when.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) value: Arc<Value>,
    pub(super) at: Instant,
    until: Instant,
}

/// One question. Who asks it while another finds the answer waits for that.
type Slot = Arc<sync::Mutex<Option<Found>>>;

/// Answers by question.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<HashMap<Box<str>, Slot>>);

impl Answers {
    /// The answer that there is, or the one that `find` finds. A failure is not kept.
    pub(super) async fn get(
        &self,
        question: &str,
        find: impl Future<Output = Result<Value, Wrong>>,
    ) -> Result<Found, Wrong> {
        let slot = self.slot(question);
        let mut slot = slot.lock().await;
        let begun = Instant::now();
        if let Some(found) = slot.as_ref().filter(|found| begun < found.until) {
            return Ok(found.clone());
        }
        let value = Arc::new(find.await?);
        let at = Instant::now();
        let good = (at - begun).saturating_mul(GOOD).min(OLDEST);
        let found = Found { value, at, until: at + good };
        *slot = Some(found.clone());
        Ok(found)
    }

    fn slot(&self, question: &str) -> Slot {
        let mut slots = self.0.lock().expect("no thread panics with the answers");
        if let Some(slot) = slots.get(question) {
            return Arc::clone(slot);
        }
        if slots.len() >= MOST {
            let now = Instant::now();
            // What is being found now is locked, and stays.
            slots.retain(|_, slot| {
                let slot = slot.try_lock();
                slot.map_or(true, |slot| slot.as_ref().is_some_and(|found| now < found.until))
            });
        }
        if slots.len() >= MOST {
            // All are good: questions beyond are answered, and not kept.
            return Slot::default();
        }
        Arc::clone(slots.entry(question.into()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use http::StatusCode;
    use serde_json::json;
    use tokio::sync::Barrier;

    use super::*;

    fn found(value: u32) -> Found {
        let at = Instant::now();
        Found { value: Arc::new(value.into()), at, until: at + OLDEST }
    }

    #[tokio::test]
    async fn who_asks_while_it_is_found_waits_for_it() {
        let (answers, times) = (Answers::default(), AtomicU32::new(0));
        let (both, asked) = (Barrier::new(2), AtomicU32::new(0));
        let find = || async {
            times.fetch_add(1, Ordering::Relaxed);
            both.wait().await;
            // Until the others have asked, too.
            while asked.load(Ordering::Relaxed) < 3 {
                tokio::task::yield_now().await;
            }
            Ok(json!(7))
        };
        let ask = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            answers.get("a", find()).await.ok().map(|found| found.value.as_u64())
        };
        let (one, _, two, three) = tokio::join!(ask(), both.wait(), ask(), ask());
        assert_eq!((one, two, three), (Some(Some(7)), Some(Some(7)), Some(Some(7))));
        assert_eq!(times.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let answers = Answers::default();
        let wrong = async { Err(Wrong::new(StatusCode::CONFLICT, "no")) };
        assert!(answers.get("a", wrong).await.is_err());
        let found = answers.get("a", async { Ok(json!(1)) }).await;
        assert_eq!(found.ok().map(|found| found.value.as_u64()), Some(Some(1)));
    }

    #[tokio::test]
    async fn questions_are_bounded_and_old_answers_make_room() {
        let answers = Answers::default();
        for number in 0..MOST {
            *answers.slot(&number.to_string()).lock().await = Some(found(1));
        }
        drop(answers.slot("more"));
        assert_eq!(answers.0.lock().unwrap().len(), MOST);
        let past = Found { until: Instant::now(), ..found(1) };
        *answers.slot("0").lock().await = Some(past);
        drop(answers.slot("more"));
        let slots = answers.0.lock().unwrap();
        assert!(slots.len() == MOST && slots.contains_key("more") && !slots.contains_key("0"));
    }
}
