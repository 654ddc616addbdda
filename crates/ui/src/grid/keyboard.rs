//! What the keys of a grid do.

/// A move of the row focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

impl Movement {
    pub fn of_key(key: &str) -> Option<Self> {
        match key {
            "ArrowUp" | "k" | "K" => Some(Self::Up),
            "ArrowDown" | "j" | "J" => Some(Self::Down),
            "PageUp" => Some(Self::PageUp),
            "PageDown" => Some(Self::PageDown),
            "Home" => Some(Self::First),
            "End" => Some(Self::Last),
            _ => None,
        }
    }

    /// The row that it leads to from another, in a list of `total` rows of which `page` are a page.
    pub fn target(self, row: usize, page: usize, total: usize) -> usize {
        let target = match self {
            Self::Up => row.saturating_sub(1),
            Self::Down => row.saturating_add(1),
            Self::PageUp => row.saturating_sub(page),
            Self::PageDown => row.saturating_add(page),
            Self::First => 0,
            Self::Last => usize::MAX,
        };
        target.min(total.saturating_sub(1))
    }

    /// Whether it is a move to the next or the previous row.
    pub const fn is_step(self) -> bool {
        matches!(self, Self::Up | Self::Down)
    }
}

/// A command for the focused row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowCommand<Row> {
    /// Select or deselect the row with this index.
    Toggle(usize, Row),
    /// Select the rows from `anchor` to `to`. Until now the selection extended from `anchor` to `from`.
    Extend {
        anchor: usize,
        from: usize,
        to: usize,
    },
    Open(Row),
    Edit(Row),
    Delete(Row),
}

impl<Row> RowCommand<Row> {
    /// The command of a key. A control in the row uses some keys itself, so these count only while the row is focused: `on_row`.
    pub fn of_key(key: &str, on_row: bool, index: usize, row: Row) -> Option<Self> {
        match key {
            "x" | "X" => Some(Self::Toggle(index, row)),
            " " if on_row => Some(Self::Toggle(index, row)),
            "Enter" if on_row => Some(Self::Open(row)),
            "e" | "E" => Some(Self::Edit(row)),
            "Delete" | "Backspace" => Some(Self::Delete(row)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movements_stay_in_the_list() {
        let target = |key, row| Movement::of_key(key).map(|movement| movement.target(row, 10, 100));
        assert_eq!(target("ArrowDown", 5), Some(6));
        assert_eq!(target("j", 99), Some(99));
        assert_eq!(target("K", 0), Some(0));
        assert_eq!(target("PageDown", 95), Some(99));
        assert_eq!(target("PageUp", 12), Some(2));
        assert_eq!(target("Home", 50), Some(0));
        assert_eq!(target("End", 50), Some(99));
        assert_eq!(target("a", 50), None);
        assert_eq!(Movement::Last.target(0, 10, 0), 0);
    }

    #[test]
    fn keys_of_controls_are_commands_only_on_the_row() {
        let command = |key, on_row| RowCommand::of_key(key, on_row, 3, 'r');
        assert_eq!(command("Enter", true), Some(RowCommand::Open('r')));
        assert_eq!(command("Enter", false), None);
        assert_eq!(command(" ", false), None);
        assert_eq!(command("x", false), Some(RowCommand::Toggle(3, 'r')));
        assert_eq!(command("Backspace", false), Some(RowCommand::Delete('r')));
    }
}
