/// Days of the proleptic Gregorian calendar, counted from 2000-01-01, as Postgres counts them.
///
/// Years are astronomical inside: year 0 is 1 BC, year -1 is 2 BC.
enum CalendarArithmetic {
  /// The days from 2000-01-01 to a day; month in 1...12, year within a few million.
  static func days(year: Int, month: Int, day: Int) -> Int {
    // March begins the counted year, so that a leap day is the last of it.
    let shifted = month > 2 ? year : year - 1
    let era = shifted.floorDivided(by: 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    // 730425 days lie between 0000-03-01 and 2000-01-01.
    return era * 146_097 + dayOfEra - 730_425
  }

  /// The day that is so many days after 2000-01-01.
  static func date(days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 730_425
    let era = shifted.floorDivided(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  /// The number of days in a month; 0 when the month is not in 1...12.
  static func daysInMonth(year: Int, month: Int) -> Int {
    switch month {
    case 2:
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      return isLeap ? 29 : 28
    case 4, 6, 9, 11: return 30
    case 1...12: return 31
    default: return 0
    }
  }

  /// Appends `year-month-day`, the year of at least four digits, and tells whether it is BC, which
  /// the caller writes at the end of its text.
  static func append(days: Int, to buffer: inout [UInt8]) -> Bool {
    let (year, month, day) = date(days: days)
    let isBC = year <= 0
    append(isBC ? 1 - year : year, width: 4, to: &buffer)
    buffer.append(UInt8(ascii: "-"))
    append(month, width: 2, to: &buffer)
    buffer.append(UInt8(ascii: "-"))
    append(day, width: 2, to: &buffer)
    return isBC
  }

  /// Appends a number that is not negative with leading zeros.
  static func append(_ value: Int, width: Int, to buffer: inout [UInt8]) {
    var divisor = 1
    var digits = 1
    while digits < width || value / divisor >= 10 {
      divisor *= 10
      digits += 1
    }
    while divisor > 0 {
      buffer.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
      divisor /= 10
    }
  }
}
