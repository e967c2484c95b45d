//! Dates of the calendar, for people and tables.

const DAY: u64 = 86_400;
/// 400 years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;
/// Days from 1 March of year 0 to 1 January 1970.
const EPOCH: u64 = 719_468;

/// Seconds since 1970 as `2026-11-26T08:00:00Z`.
pub fn utc(timestamp: u64) -> String {
    let (days, second) = (timestamp / DAY, timestamp % DAY);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Seconds since 1970 at the beginning of a day such as `2026-11-26`.
pub fn parse_day(text: &str) -> Option<u64> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u64>().ok().filter(|_| plain)
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    if parts.next().is_some() || year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last.
    let (shifted, month_index) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (shifted / 400, shifted % 400);
    let of_year = (153 * month_index + 2) / 5 + day.checked_sub(1)?;
    let days = era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH;
    (civil(days) == (year, month, day)).then_some(days * DAY)
}

/// Year, month and day of a number of days since 1970.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + EPOCH;
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = year + era * 400;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_795_680_305), "2026-11-26T08:05:05Z");
        assert_eq!(parse_day("2026-11-26"), Some(1_795_651_200));
        for day in (0..200 * 366).map(|day| day * DAY) {
            assert_eq!(parse_day(&utc(day)[..10]), Some(day));
        }
        for wrong in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-1-1",
            "1969-12-31",
            "2026-01-00",
            "x",
            "2026-01-01-01",
            "+026-01-01",
        ] {
            assert_eq!(parse_day(wrong), None, "{wrong}");
        }
    }
}
