//! Numbers as people write them: a mark before the decimals, and perhaps one between groups of three digits.

use super::DataConfig;
use crate::error::{Error, Result};

/// The two marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notation {
    decimal: char,
    thousands: Option<char>,
}

/// What stands around numbers of money and shares.
const SIGNS: &str = "$€£¥% ";

/// How numbers are written elsewhere.
const OTHERS: [Notation; 10] = [
    Notation { decimal: '.', thousands: Some(',') },
    Notation { decimal: ',', thousands: None },
    Notation { decimal: ',', thousands: Some('.') },
    Notation { decimal: ',', thousands: Some(' ') },
    Notation { decimal: '.', thousands: Some(' ') },
    Notation { decimal: '.', thousands: Some('\'') },
    Notation { decimal: '.', thousands: Some('_') },
    Notation { decimal: ',', thousands: Some('\u{a0}') },
    Notation { decimal: ',', thousands: Some('\u{202f}') },
    Notation { decimal: '.', thousands: Some('\u{2019}') },
];

impl Notation {
    /// # Errors
    /// [`Error::Input`] for a mark that is not one character, is part of a number or is both.
    pub fn of(config: &DataConfig) -> Result<Notation> {
        let mark = |key: &str, text: &str| {
            let mut letters = text.chars();
            match (letters.next(), letters.next()) {
                (Some(mark), None) if !mark.is_alphanumeric() && !"+-\"".contains(mark) => Ok(mark),
                _ => Err(Error::input(format!("data.{key}: `{text}`; expected one character such as . or ,"))),
            }
        };
        let decimal = mark("decimal", config.decimal.as_deref().unwrap_or("."))?;
        let thousands = config.thousands.as_deref().map(|text| mark("thousands", text)).transpose()?;
        match thousands == Some(decimal) {
            true => {
                Err(Error::input(format!("data.thousands: `{decimal}` is data.decimal too; give one of them another")))
            }
            false => Ok(Notation { decimal, thousands }),
        }
    }

    /// The number, finite or not, that a cell is.
    pub fn number(self, cell: &str) -> Option<f64> {
        if self == (Notation { decimal: '.', thousands: None }) {
            return cell.parse().ok();
        }
        let (whole, rest) = match cell.find(self.decimal) {
            Some(at) => (&cell[..at], format!(".{}", &cell[at + self.decimal.len_utf8()..])),
            None => match cell.find(['e', 'E']).filter(|at| cell[..*at].ends_with(|c: char| c.is_ascii_digit())) {
                Some(at) => (&cell[..at], cell[at..].to_owned()),
                None => (cell, String::new()),
            },
        };
        // A point that is no mark here is no part of a number.
        if self.decimal != '.'
            && (whole.contains('.') && self.thousands != Some('.') || rest[1.min(rest.len())..].contains('.'))
        {
            return None;
        }
        format!("{}{rest}", self.ungrouped(whole)?).parse().ok()
    }

    /// Digits without the marks between groups of three; nothing where a group is no group.
    fn ungrouped(self, whole: &str) -> Option<String> {
        let Some(mark) = self.thousands.filter(|mark| whole.contains(*mark)) else { return Some(whole.to_owned()) };
        let mut groups = whole.trim_start_matches(['+', '-']).split(mark);
        let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
        let first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()) && digits(group));
        (first && groups.all(|group| group.len() == 3 && digits(group))).then(|| whole.replace(mark, ""))
    }

    /// What makes a number of a cell that is none in this notation: keys that choose another, or less around it.
    pub fn elsewhere(self, cell: &str) -> Option<String> {
        let digit = cell.bytes().any(|byte| byte.is_ascii_digit());
        let read = |cell: &str| OTHERS.into_iter().chain([self]).find(|other| other.number(cell).is_some());
        let plain = cell.trim_matches(|sign: char| SIGNS.contains(sign));
        match read(cell).filter(|other| digit && *other != self) {
            Some(other) => Some(format!("set {}", other.keys())),
            None if digit && plain != cell && read(plain).is_some() => Some("write it without its sign".to_owned()),
            None => None,
        }
    }

    /// The keys that choose it.
    fn keys(self) -> String {
        let decimal = format!("data.decimal = \"{}\"", self.decimal);
        match self.thousands {
            Some(mark) if self.decimal == '.' => format!("data.thousands = \"{mark}\""),
            Some(mark) => format!("{decimal} and data.thousands = \"{mark}\""),
            None => decimal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(decimal: char, thousands: Option<char>, cell: &str) -> Option<f64> {
        Notation { decimal, thousands }.number(cell)
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (cell, value) in
            [("1,5", 1.5), ("-0,25", -0.25), ("1e3", 1000.0), ("1,5e-1", 0.15), ("7", 7.0), (",5", 0.5)]
        {
            assert_eq!(read(',', None, cell), Some(value), "{cell}");
        }
        assert_eq!(read(',', Some('.'), "-1.234.567,5"), Some(-1_234_567.5));
        assert_eq!(read('.', Some(','), "1,000"), Some(1000.0));
        assert_eq!(read('.', Some(','), "12,345.5"), Some(12345.5));
        for (decimal, thousands, cell) in [
            (',', None, "1.5"),
            (',', None, "1,5,5"),
            (',', None, "1,5.5"),
            ('.', Some(','), "1,5"),
            ('.', Some(','), "1234,567"),
            (',', Some('.'), "1.2.3"),
            (',', Some('.'), "1.5"),
            (',', None, "e"),
            (',', None, ""),
        ] {
            assert_eq!(read(decimal, thousands, cell), None, "{cell}");
        }
    }

    #[test]
    fn another_notation_is_named() {
        let plain = Notation::of(&DataConfig::new("csv")).unwrap();
        let named = |cell| plain.elsewhere(cell).unwrap_or_default();
        assert_eq!(named("1,5"), "set data.decimal = \",\"");
        assert_eq!(named("1,000"), "set data.thousands = \",\"");
        assert_eq!(named("1.234,5"), "set data.decimal = \",\" and data.thousands = \".\"");
        ["$5", "12 %", "1,5 €"].iter().for_each(|cell| assert_eq!(named(cell), "write it without its sign", "{cell}"));
        for word in ["1.2.3", "2020-01-01", "a1", "", ",", "192.168.0.1", "north"] {
            assert_eq!(plain.elsewhere(word), None, "{word}");
        }
    }

    #[test]
    fn marks_that_cannot_be_are_refused() {
        let config = |decimal: &str, thousands: &str| DataConfig {
            decimal: Some(decimal.to_owned()),
            thousands: Some(thousands.to_owned()),
            ..DataConfig::new("csv")
        };
        for (decimal, thousands) in [(",", ","), ("", "."), ("12", "."), (",", "0"), (",", "e"), ("-", ",")] {
            assert!(Notation::of(&config(decimal, thousands)).is_err(), "{decimal} {thousands}");
        }
    }
}
