//! SQL with its parameters, in both ways that databases number them.
//!
//! Statements are written with `$1`, `$2`, …, which PostgreSQL and SQLite take as they are: in any order, and one as often as
//! wanted. MySQL's protocol knows only `?`, bound from left to right, so each mark becomes one, and what it stood for is
//! bound at its place, once for each time that it is used. Worked out once, when the statement is made.

use std::sync::Arc;

/// A statement, made of constants and of identifiers from the catalogue, quoted; everything else is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// With `$1`.
    pub(super) numbered: Arc<str>,
    /// With `?`.
    pub(super) positional: Arc<str>,
    /// For each `?`, the index of its parameter.
    order: Arc<[usize]>,
}

impl Statement {
    /// The parameters in the order of the `?`.
    pub(super) fn in_order<'a>(&self, parameters: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        self.order.iter().filter_map(|&index| parameters.get(index).copied())
    }
}

impl From<String> for Statement {
    fn from(numbered: String) -> Self {
        let mut order = Vec::new();
        // Every other part is an identifier, in which a dollar is a dollar.
        let parts = numbered.split('"').enumerate();
        let parts = parts.map(|(index, part)| if index % 2 == 0 { marked(part, &mut order) } else { part.to_owned() });
        let positional = parts.collect::<Vec<_>>().join("\"");
        Self { numbered: numbered.into(), positional: positional.into(), order: order.into() }
    }
}

/// `?` for each `$1`; what they stood for, counted from zero, goes to `order`.
fn marked(sql: &str, order: &mut Vec<usize>) -> String {
    let mut parts = sql.split('$');
    let mut marked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = part[..part.len() - rest.len()].parse::<usize>();
        order.extend(number.ok().and_then(|number| number.checked_sub(1)));
        marked.extend(["?", rest]);
    }
    marked
}

impl From<&str> for Statement {
    fn from(numbered: &str) -> Self {
        Self::from(numbered.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Statement;

    #[test]
    fn a_parameter_is_bound_wherever_it_is_used() {
        let statement =
            Statement::from("UPDATE t SET a = $3 WHERE id = $1 AND (a IS NULL OR a < CAST($3 AS date)) OR b = $2");
        let positional = "UPDATE t SET a = ? WHERE id = ? AND (a IS NULL OR a < CAST(? AS date)) OR b = ?";
        assert_eq!(&*statement.positional, positional);
        assert_eq!(statement.in_order(&["x", "y", "z"]).collect::<Vec<_>>(), ["z", "x", "z", "y"]);
        assert!(statement.numbered.contains("$3 WHERE id = $1"));
    }

    #[test]
    fn a_number_may_have_two_digits_and_a_statement_no_parameter() {
        let statement = Statement::from("SELECT $10,$1");
        assert_eq!(&*statement.positional, "SELECT ?,?");
        let ten = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
        assert_eq!(statement.in_order(&ten).collect::<Vec<_>>(), ["10", "1"]);
        assert_eq!(&*Statement::from("SELECT 1").positional, "SELECT 1");
    }

    #[test]
    fn a_dollar_in_a_name_stays_in_the_name() {
        let statement = Statement::from("SELECT \"a$2\"\"$3\" FROM \"t$1\" WHERE id = $1");
        assert_eq!(&*statement.positional, "SELECT \"a$2\"\"$3\" FROM \"t$1\" WHERE id = ?");
        assert_eq!(statement.in_order(&["x"]).collect::<Vec<_>>(), ["x"]);
    }
}
