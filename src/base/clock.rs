//! The time of day in UTC, as records keep it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, as RFC 3339 writes it: `2026-11-29T14:25:25Z`.
pub fn utc_now() -> String {
    // A clock before 1970 is a broken clock; its time is still written, as the earliest there is.
    utc(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// Seconds since 1970 as a date and a time of the Gregorian calendar, in years that begin in March.
fn utc(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let since_march_0000 = days + 719_468;
    let (era, day_of_era) = (since_march_0000 / 146_097, since_march_0000 % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Seconds since 1970 of a time that [`utc_now`] wrote; none for any other text.
pub fn seconds_of(text: &str) -> Option<u64> {
    let digits = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
    let time = 3600 * digits(11..13)? + 60 * digits(14..16)? + digits(17..19)?;
    let years = year.checked_sub(u64::from(month <= 2))?;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day;
    let since_march_0000 = 365 * years + years / 4 + years / 400 + day_of_year;
    let seconds = 86_400 * since_march_0000.checked_sub(719_469 + years / 100)? + time;
    (utc(seconds) == text).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::{seconds_of, utc};

    #[test]
    fn other_texts_are_no_times() {
        for other in ["", "2000-02-30T00:00:00Z", "2000-13-01T00:00:00Z", "1969-01-01T00:00:00Z", "yesterday"] {
            assert_eq!(seconds_of(other), None, "{other}");
        }
    }

    #[test]
    fn dates_are_the_calendars() {
        for (seconds, want) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), want);
            assert_eq!(seconds_of(want), Some(seconds));
        }
    }
}
