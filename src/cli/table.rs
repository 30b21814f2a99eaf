//! Tables as kubectl prints them: upper-case headers, no borders, one line for a row.
//!
//! Text in, text out. Cells may hold text of a cloud, so they are made harmless here.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Row, Table};
use kubelease_core::error::printable;

/// Columns are this far apart.
const GAP: u16 = 2;

/// Lays a table out, without a line end at the end. With a width, long cells are cut (`…`) so that no
/// line is longer; without one (stdout is no terminal) everything is shown whole. `right` names the
/// columns that are aligned to the right. A row that is too short ends in empty cells.
pub(super) fn render(
    headers: &[&str],
    rows: Vec<Vec<String>>,
    right: &[usize],
    width: Option<u16>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_truncation_indicator("…");
    table.set_content_arrangement(match width {
        Some(_) => ContentArrangement::Dynamic,
        None => ContentArrangement::Disabled,
    });
    if let Some(width) = width {
        table.set_width(width);
    }
    table.set_header(row(headers.iter().map(|header| header.to_uppercase())));
    for cells in rows {
        let missing = headers.len().saturating_sub(cells.len());
        let empty = std::iter::repeat_n(String::new(), missing);
        table.add_row(row(cells.iter().map(|cell| printable(cell)).chain(empty)));
    }
    let last = headers.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { GAP }));
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

fn row(cells: impl Iterator<Item = String>) -> Row {
    let mut row = Row::from(cells.map(Cell::new_owned).collect::<Vec<_>>());
    row.max_height(1);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn rows(cells: &[&[&str]]) -> Vec<Vec<String>> {
        let row = |row: &&[&str]| row.iter().map(|c| (*c).to_owned()).collect();
        cells.iter().map(row).collect()
    }

    #[test]
    fn looks_like_kubectl() {
        let rows = rows(&[
            &["first", "digitalocean", "in 3h 12m", "$0.24"],
            &["a-longer-name", "gke", "2d ago", "$12.30"],
        ]);
        let headers = ["name", "provider", "expires", "cost"];
        let shown = render(&headers, rows, &[3], None);
        assert_snapshot!(shown, @r"
        NAME           PROVIDER      EXPIRES      COST
        first          digitalocean  in 3h 12m   $0.24
        a-longer-name  gke           2d ago     $12.30
        ");
    }

    #[test]
    fn long_cells_are_cut_to_the_width() {
        let rows = rows(&[
            &[
                "first",
                "the vendor says something that nobody can use in a table, at length",
                "$1",
            ],
            &["second", "short", "$10"],
        ]);
        let headers = ["NAME", "WHY", "COST"];
        assert_snapshot!(render(&headers, rows.clone(), &[2], Some(40)), @r"
        NAME    WHY                         COST
        first   the vendor says something…    $1
        second  short                        $10
        ");
        for width in 12..=100 {
            let shown = render(&headers, rows.clone(), &[2], Some(width));
            let longest = shown.lines().map(|l| l.chars().count()).max();
            assert!(longest <= Some(usize::from(width)), "{width}:\n{shown}");
            assert_eq!(shown.lines().count(), 3, "{width}:\n{shown}");
        }
        let short = render(&headers, vec![vec!["x".to_owned()]], &[], None);
        assert_eq!(short, "NAME  WHY  COST\nx");
        let whole = render(&headers, rows, &[2], None);
        assert!(whole.contains("in a table, at length"));
    }
}
