//! Values to columns and back. Reading trusts nothing: a row that does not read back is `Damaged` with
//! its table, key and column, never a panic and never a default.

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, Money, ProviderId, Ref};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{Any, AnyRow};
use sqlx::{AnyConnection, Decode, Row, Type};

use super::{Fault, Inner};

/// A time as it is stored: whole milliseconds, finer digits are cut off.
pub(super) const fn ms(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// A value as it is stored: JSON text.
pub(super) fn json(value: &impl Serialize) -> Inner<String> {
    serde_json::to_string(value).map_err(|e| sqlx::Error::Encode(Box::new(e)).into())
}

/// One row of a table, with what an error calls it.
#[derive(Clone, Copy)]
pub(in crate::ledger) struct Reader<'r> {
    row: &'r AnyRow,
    table: &'static str,
    key: &'static str,
}

impl<'r> Reader<'r> {
    /// `key` is the column that tells the row from others.
    pub(in crate::ledger) const fn new(
        row: &'r AnyRow,
        table: &'static str,
        key: &'static str,
    ) -> Self {
        Self { row, table, key }
    }

    pub(in crate::ledger) fn text(&self, column: &str) -> Inner<String> {
        self.get(column)
    }

    pub(in crate::ledger) fn int(&self, column: &str) -> Inner<i64> {
        self.get(column)
    }

    pub(super) fn maybe_text(&self, column: &str) -> Inner<Option<String>> {
        self.get(column)
    }

    pub(super) fn maybe_int(&self, column: &str) -> Inner<Option<i64>> {
        self.get(column)
    }

    /// An integer that must fit something smaller.
    pub(super) fn small<T: TryFrom<i64>>(&self, column: &str) -> Inner<T> {
        let n = self.int(column)?;
        T::try_from(n).map_err(|_| self.bad(column, &format!("{n} is out of range")))
    }

    pub(super) fn time(&self, column: &str) -> Inner<DateTime<Utc>> {
        self.instant(column, self.int(column)?)
    }

    pub(super) fn maybe_time(&self, column: &str) -> Inner<Option<DateTime<Utc>>> {
        self.maybe_int(column)?
            .map(|ms| self.instant(column, ms))
            .transpose()
    }

    pub(super) fn money(&self, column: &str) -> Inner<Money> {
        self.int(column).map(Money::from_nanos)
    }

    pub(super) fn maybe_money(&self, column: &str) -> Inner<Option<Money>> {
        Ok(self.maybe_int(column)?.map(Money::from_nanos))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Inner<T> {
        self.parse_json(column, &self.text(column)?)
    }

    pub(super) fn maybe_json<T: DeserializeOwned>(&self, column: &str) -> Inner<Option<T>> {
        self.maybe_text(column)?
            .map(|text| self.parse_json(column, &text))
            .transpose()
    }

    /// One of the words of an enum.
    pub(super) fn word<T: Copy>(
        &self,
        column: &str,
        all: &[T],
        as_str: fn(T) -> &'static str,
    ) -> Inner<T> {
        let text = self.text(column)?;
        let found = all.iter().copied().find(|w| as_str(*w) == text);
        found.ok_or_else(|| self.bad(column, &format!("{text:?} is no word for it")))
    }

    pub(super) fn provider(&self) -> Inner<ProviderId> {
        self.word("provider", &ProviderId::ALL, ProviderId::as_str)
    }

    pub(super) fn lease(&self, column: &str) -> Inner<LeaseId> {
        self.parse_lease(column, &self.text(column)?)
    }

    pub(super) fn maybe_lease(&self, column: &str) -> Inner<Option<LeaseId>> {
        self.maybe_text(column)?
            .map(|text| self.parse_lease(column, &text))
            .transpose()
    }

    /// The thing in the columns `kind`, `ref_id` and `region`.
    pub(super) fn thing(&self) -> Inner<Ref> {
        let thing = Ref::new(self.text("kind")?, self.text("ref_id")?);
        Ok(thing.in_region(self.text("region")?))
    }

    /// Says what is wrong with this row.
    pub(super) fn bad(&self, column: &str, why: &str) -> Fault {
        Fault::Bad(format!(
            "{} {}, column {column}: {why}",
            self.table,
            self.name()
        ))
    }

    fn get<T: Decode<'r, Any> + Type<Any>>(&self, column: &str) -> Inner<T> {
        self.row.try_get(column).map_err(|e| match e {
            sqlx::Error::ColumnDecode { source, .. } => self.bad(column, &source.to_string()),
            other => self.bad(column, &other.to_string()),
        })
    }

    fn instant(&self, column: &str, ms: i64) -> Inner<DateTime<Utc>> {
        let instant = DateTime::from_timestamp_millis(ms);
        instant.ok_or_else(|| self.bad(column, &format!("{ms} is no time")))
    }

    fn parse_json<T: DeserializeOwned>(&self, column: &str, text: &str) -> Inner<T> {
        serde_json::from_str(text).map_err(|e| self.bad(column, &e.to_string()))
    }

    fn parse_lease(&self, column: &str, text: &str) -> Inner<LeaseId> {
        let id = text.parse::<LeaseId>();
        id.map_err(|e| self.bad(column, &format!("{text:?}: {e}")))
    }

    /// The row's key, as far as it can be read itself.
    fn name(&self) -> String {
        let text = || {
            self.row
                .try_get::<String, _>(self.key)
                .map(|t| format!("{t:?}"))
        };
        let int = || self.row.try_get::<i64, _>(self.key).map(|n| n.to_string());
        text().or_else(|_| int()).unwrap_or_else(|_| "?".to_owned())
    }
}

/// The number of the next row of a table with an `id`. Only right inside a write transaction.
pub(super) async fn next_id(conn: &mut AnyConnection, newest: &'static str) -> Inner<i64> {
    let row = sqlx::query(newest).fetch_one(conn).await?;
    Ok(Reader::new(&row, "row numbers", "id")
        .maybe_int("id")?
        .unwrap_or(0)
        .saturating_add(1))
}

/// `($1, $2), ($3, $4)`: placeholders for that many rows.
pub(super) fn tuples(rows: usize, columns: usize) -> String {
    let row = |r: usize| {
        let names: Vec<String> = (1..=columns)
            .map(|c| format!("${}", r * columns + c))
            .collect();
        format!("({})", names.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// `$5, $6, $7`: placeholders for that many values after the first `used`.
pub(super) fn places(used: usize, count: usize) -> String {
    let names: Vec<String> = (1..=count).map(|n| format!("${}", used + n)).collect();
    names.join(", ")
}
