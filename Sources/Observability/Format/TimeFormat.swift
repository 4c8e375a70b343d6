public import Bytes

/// A `strftime` format with the additions that Envoy has, for UTC: compiled once.
///
/// `%Y %y %m %d %e %j %H %I %M %S %p %a %A %b %h %B %F %T %D %R %z %Z %s %n %t %%`, `%f` and `%1f`…`%9f` (digits of the
/// fraction, nine without a number), `%E1S`…`%E9S` (seconds with a fraction), `%E1f`…`%E9f`, `%Ez` (`+00:00`).
struct TimeFormat: Sendable {
    enum Part: Sendable, Equatable {
        case literal([UInt8])
        case year, yearOfCentury, month, day, dayPadded, dayOfYear, hour, hour12, minute, second, halfOfDay
        case weekday, weekdayLong, monthName, monthNameLong, epochSeconds
        case fraction(digits: Int)
        /// `+0000` or `+00:00`.
        case zone(colon: Bool)
        case zoneName
    }

    /// Envoy's default for local time, ISO 8601 with milliseconds and the offset.
    static let iso8601WithZone = TimeFormat(parts: iso8601.parts.dropLast() + [.zone(colon: false)])

    /// Envoy's default, ISO 8601 with milliseconds.
    static let iso8601 = TimeFormat(parts: [
        .year, .literal([0x2D]), .month, .literal([0x2D]), .day, .literal([0x54]), .hour, .literal([0x3A]), .minute,
        .literal([0x3A]), .second, .literal([0x2E]), .fraction(digits: 3), .literal([0x5A]),
    ])

    /// `2026-11-23 10:00:00.123`, as Envoy's own log has it.
    static let logLine = TimeFormat(parts: [
        .year, .literal([0x2D]), .month, .literal([0x2D]), .day, .literal([0x20]), .hour, .literal([0x3A]), .minute,
        .literal([0x3A]), .second, .literal([0x2E]), .fraction(digits: 3),
    ])

    let parts: [Part]

    private init(parts: [Part]) { self.parts = parts }

    /// - Returns: nil when a conversion is not known.
    init?(_ text: String) {
        var parts: [Part] = []
        var literal: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                literal.append(byte)
                continue
            }
            guard let next = TimeFormat.conversion(&rest) else { return nil }
            for part in next {
                if case .literal(let bytes) = part {
                    literal += bytes
                    continue
                }
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = []
                parts.append(part)
            }
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        self.parts = parts
    }

    /// Appends the moment `nanoseconds` since 1970.
    /// - Parameter zone: whose clock is read; nil for UTC.
    func append(_ nanoseconds: Int64, zone: FormatEnvironment.TimeZone? = nil, to writer: inout ByteWriter) {
        let time = CivilTime(nanoseconds &+ Int64(zone?.offset ?? 0) &* 1_000_000_000)
        for part in parts {
            switch part {
            case .epochSeconds: writer.append(decimal: CivilTime(nanoseconds).epochSeconds)
            case .zoneName: writer.append(zone?.name ?? "UTC")
            case .zone(let colon): TimeFormat.append(offset: zone?.offset ?? 0, colon: colon, to: &writer)
            default: TimeFormat.append(part, time, to: &writer)
            }
        }
    }

    private static func append(offset: Int, colon: Bool, to writer: inout ByteWriter) {
        writer.append(offset < 0 ? 0x2D : 0x2B)
        writer.appendPadded(abs(offset) / 3600, digits: 2)
        if colon { writer.append(0x3A) }
        writer.appendPadded(abs(offset) / 60 % 60, digits: 2)
    }

    // MARK: Private parts

    private static func conversion(_ rest: inout ArraySlice<UInt8>) -> [Part]? {
        guard let letter = rest.popFirst() else { return nil }
        if letter >= 0x31, letter <= 0x39 {
            guard rest.popFirst() == UInt8(ascii: "f") else { return nil }
            return [.fraction(digits: Int(letter - 0x30))]
        }
        if letter == UInt8(ascii: "E") { return extendedConversion(&rest) }
        let colon = Part.literal([0x3A])
        let dash = Part.literal([0x2D])
        switch Character(UnicodeScalar(letter)) {
        case "Y": return [.year]
        case "y": return [.yearOfCentury]
        case "m": return [.month]
        case "d": return [.day]
        case "e": return [.dayPadded]
        case "j": return [.dayOfYear]
        case "H": return [.hour]
        case "I": return [.hour12]
        case "M": return [.minute]
        case "S": return [.second]
        case "p": return [.halfOfDay]
        case "a": return [.weekday]
        case "A": return [.weekdayLong]
        case "b", "h": return [.monthName]
        case "B": return [.monthNameLong]
        case "F": return [.year, dash, .month, dash, .day]
        case "T": return [.hour, colon, .minute, colon, .second]
        case "R": return [.hour, colon, .minute]
        case "D": return [.month, .literal([0x2F]), .day, .literal([0x2F]), .yearOfCentury]
        case "z": return [.zone(colon: false)]
        case "Z": return [.zoneName]
        case "s": return [.epochSeconds]
        case "f": return [.fraction(digits: 9)]
        case "n": return [.literal([0x0A])]
        case "t": return [.literal([0x09])]
        case "%": return [.literal([0x25])]
        default: return nil
        }
    }

    private static func extendedConversion(_ rest: inout ArraySlice<UInt8>) -> [Part]? {
        guard let letter = rest.popFirst() else { return nil }
        if letter == UInt8(ascii: "z") { return [.zone(colon: true)] }
        guard letter >= 0x31, letter <= 0x39, let kind = rest.popFirst() else { return nil }
        let fraction = Part.fraction(digits: Int(letter - 0x30))
        switch kind {
        case UInt8(ascii: "S"): return [.second, .literal([0x2E]), fraction]
        case UInt8(ascii: "f"): return [fraction]
        default: return nil
        }
    }

    private static func append(_ part: Part, _ time: CivilTime, to writer: inout ByteWriter) {
        switch part {
        case .literal(let bytes): writer.append(bytes)
        case .year: writer.append(decimal: time.year)
        case .yearOfCentury: writer.appendPadded(time.year % 100, digits: 2)
        case .month: writer.appendPadded(time.month, digits: 2)
        case .day: writer.appendPadded(time.day, digits: 2)
        case .dayPadded:
            if time.day < 10 { writer.append(0x20) }
            writer.append(decimal: time.day)
        case .dayOfYear: writer.appendPadded(time.dayOfYear, digits: 3)
        case .hour: writer.appendPadded(time.hour, digits: 2)
        case .hour12: writer.appendPadded((time.hour + 11) % 12 + 1, digits: 2)
        case .minute: writer.appendPadded(time.minute, digits: 2)
        case .second: writer.appendPadded(time.second, digits: 2)
        case .halfOfDay: writer.append(time.hour < 12 ? "AM" : "PM")
        case .weekday: writer.append(UnsafeRawBufferPointer(CivilTime.weekdays[time.weekday]).slice(0, 3))
        case .weekdayLong: writer.append(CivilTime.weekdays[time.weekday])
        case .monthName: writer.append(UnsafeRawBufferPointer(CivilTime.months[time.month - 1]).slice(0, 3))
        case .monthNameLong: writer.append(CivilTime.months[time.month - 1])
        case .fraction(let digits):
            var value = time.nanosecond
            for _ in digits..<9 { value /= 10 }
            writer.appendPadded(value, digits: digits)
        case .epochSeconds, .zone, .zoneName: break
        }
    }
}

/// A moment as the calendar has it, in UTC.
public struct CivilTime {
    public let year: Int
    public let month: Int
    public let day: Int
    public let dayOfYear: Int
    /// 0 is Sunday.
    public let weekday: Int
    public let hour: Int
    public let minute: Int
    public let second: Int
    public let nanosecond: Int
    public let epochSeconds: Int64

    static let weekdays: [StaticString] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    static let months: [StaticString] = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// - Parameter nanoseconds: since 1970.
    public init(_ nanoseconds: Int64) {
        let seconds = nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds - 999_999_999) / 1_000_000_000
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let secondOfDay = Int(seconds - days * 86_400)
        epochSeconds = seconds
        nanosecond = Int(nanoseconds - seconds * 1_000_000_000)
        hour = secondOfDay / 3600
        minute = secondOfDay / 60 % 60
        second = secondOfDay % 60
        weekday = Int(((days + 4) % 7 + 7) % 7)
        // Years that begin in March put the leap day last; 146,097 days are 400 years.
        let shifted = Int(days) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfMarchYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfMarchYear + 2) / 153
        day = dayOfMarchYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let civilYear = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        year = civilYear
        let isLeap = civilYear % 4 == 0 && (civilYear % 100 != 0 || civilYear % 400 == 0)
        dayOfYear = month > 2 ? dayOfMarchYear + 60 + (isLeap ? 1 : 0) : dayOfMarchYear - 305
    }
}

extension ByteWriter {
    /// Appends `2026-11-23T10:00:00.123Z`.
    public mutating func appendISO8601(_ nanoseconds: Int64) {
        let time = CivilTime(nanoseconds)
        guard time.year >= 0, time.year <= 9999 else {
            TimeFormat.iso8601.append(nanoseconds, to: &self)
            return
        }
        appendInPlace(atLeast: 24) { bytes in
            func put(_ value: Int, _ digits: Int, at end: Int) {
                var rest = value
                for index in 1...digits {
                    bytes[end - index] = UInt8(truncatingIfNeeded: rest % 10) &+ 48
                    rest /= 10
                }
            }
            put(time.year, 4, at: 4)
            put(time.month, 2, at: 7)
            put(time.day, 2, at: 10)
            put(time.hour, 2, at: 13)
            put(time.minute, 2, at: 16)
            put(time.second, 2, at: 19)
            put(time.nanosecond / 1_000_000, 3, at: 23)
            bytes[4] = 0x2D
            bytes[7] = 0x2D
            bytes[10] = 0x54
            bytes[13] = 0x3A
            bytes[16] = 0x3A
            bytes[19] = 0x2E
            bytes[23] = 0x5A
            return 24
        }
    }

    /// Appends a non-negative number with leading zeros.
    mutating func appendPadded(_ value: Int, digits: Int) {
        var limit = 10
        var needed = 1
        while needed < digits {
            if value < limit { append(0x30) }
            limit *= 10
            needed += 1
        }
        append(decimal: value)
    }
}
