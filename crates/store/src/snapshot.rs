//! Snapshots of PostgreSQL: which transactions a read saw.

use std::{fmt, str::FromStr};

/// The transactions that a read saw. As text `xmin:xmax:xid,…`, as `pg_current_snapshot()` returns it. The default contains none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// All transactions with a lower number had ended.
    xmin: i64,
    /// No transaction with this or a higher number had ended.
    xmax: i64,
    /// The others that had not ended, in ascending order.
    in_progress: Vec<i64>,
}

impl Snapshot {
    /// Whether what the transaction with this number committed was seen.
    pub fn contains(&self, xid: i64) -> bool {
        xid < self.xmin || (xid < self.xmax && self.in_progress.binary_search(&xid).is_err())
    }

    /// The lowest number that may not be contained.
    pub const fn oldest(&self) -> i64 {
        self.xmin
    }

    /// The lowest number from which on none is contained.
    pub const fn next(&self) -> i64 {
        self.xmax
    }
}

/// The text is no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid snapshot")]
pub struct InvalidSnapshot;

impl FromStr for Snapshot {
    type Err = InvalidSnapshot;

    fn from_str(text: &str) -> Result<Self, InvalidSnapshot> {
        let number = |text: &str| text.parse::<i64>().map_err(|_| InvalidSnapshot);
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or(InvalidSnapshot);
        let (xmin, xmax, list) = (number(part()?)?, number(part()?)?, part()?);
        let mut in_progress = list.split(',').filter(|xid| !xid.is_empty()).map(number).collect::<Result<Vec<_>, _>>()?;
        in_progress.sort_unstable();
        Ok(Self { xmin, xmax, in_progress })
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (index, xid) in self.in_progress.iter().enumerate() {
            write!(f, "{}{xid}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_contains_what_was_committed_before() {
        let snapshot: Snapshot = "10:20:10,14".parse().unwrap();
        let contained: Vec<i64> = (8..23).filter(|xid| snapshot.contains(*xid)).collect();
        assert_eq!(contained, [8, 9, 11, 12, 13, 15, 16, 17, 18, 19]);
        assert_eq!((snapshot.oldest(), snapshot.next()), (10, 20));
        assert!(!Snapshot::default().contains(0) && !Snapshot::default().contains(1));
    }

    #[test]
    fn the_text_of_a_snapshot_round_trips() {
        for text in ["0:0:", "734:734:", "10:20:10,14"] {
            assert_eq!(text.parse::<Snapshot>().unwrap().to_string(), text);
        }
        assert_eq!("0:0:".parse(), Ok(Snapshot::default()));
        for invalid in ["", "1", "1:2", "a:2:", "1:2:x"] {
            assert_eq!(invalid.parse::<Snapshot>(), Err(InvalidSnapshot), "{invalid}");
        }
    }
}
