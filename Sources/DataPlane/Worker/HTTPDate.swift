import Bytes

/// Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
enum HTTPDate {
    private static let days: [StaticString] = ["Thu, ", "Fri, ", "Sat, ", "Sun, ", "Mon, ", "Tue, ", "Wed, "]
    private static let months: [StaticString] = [
        " Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec ",
    ]

    /// - Parameter second: since 1970, UTC.
    static func append(_ second: UInt64, to writer: inout ByteWriter) {
        let day = Int(second / 86_400)
        let (year, month, dayOfMonth) = civil(day)
        writer.append(days[day % 7])
        append(dayOfMonth, &writer)
        writer.append(months[month - 1])
        writer.append(decimal: year)
        writer.append(0x20)
        append(Int(second / 3600 % 24), &writer)
        writer.append(0x3A)
        append(Int(second / 60 % 60), &writer)
        writer.append(0x3A)
        append(Int(second % 60), &writer)
        writer.append(" GMT")
    }

    private static func append(_ value: Int, _ writer: inout ByteWriter) {
        if value < 10 { writer.append(0x30) }
        writer.append(decimal: value)
    }

    /// Days since 1970 as year, month and day of the Gregorian calendar, counting in 400-year eras that begin in March.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }
}
