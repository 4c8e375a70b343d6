import Foundation

/// What a service is told by its environment.
struct Settings: Sendable {
    /// A variable that is missing or that cannot be read; the service does not start.
    enum Failure: Error, CustomStringConvertible {
        case missing(String)
        case malformed(name: String, value: String, expected: String)

        var description: String {
            switch self {
            case .missing(let name): "environment variable \(name) is not set"
            case .malformed(let name, let value, let expected):
                "environment variable \(name) is \"\(value)\", expected \(expected)"
            }
        }
    }

    private let values: [String: String]

    init(values: [String: String] = ProcessInfo.processInfo.environment) {
        self.values = values
    }

    /// The value of a variable; an empty one counts as not set.
    subscript(name: String) -> String? {
        values[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    func required(_ name: String) throws(Failure) -> String {
        guard let value = self[name] else { throw .missing(name) }
        return value
    }

    /// Where another service is reached, as `host:port`.
    func address(_ name: String) throws(Failure) -> Address {
        let value = try required(name)
        guard let address = Address(value) else { throw .malformed(name: name, value: value, expected: "host:port") }
        return address
    }

    func number(_ name: String, default standard: Int, in range: ClosedRange<Int>) throws(Failure) -> Int {
        guard let value = self[name] else { return standard }
        guard let number = Int(value), range.contains(number) else {
            throw .malformed(name: name, value: value, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A part of all calls: `0.05` and `5%` say the same.
    func share(_ name: String) throws(Failure) -> Double {
        guard let value = self[name] else { return 0 }
        let number = value.hasSuffix("%") ? Double(value.dropLast()).map { $0 / 100 } : Double(value)
        guard let number, (0...1).contains(number) else {
            throw .malformed(name: name, value: value, expected: "a share such as 0.05 or 5%")
        }
        return number
    }

    /// A length of time as Go writes it: `5.5s`, `1m30s`, `20ms`.
    func duration(_ name: String) throws(Failure) -> Duration? {
        guard let value = self[name] else { return nil }
        guard let duration = GoDuration.parse(value) else {
            throw .malformed(name: name, value: value, expected: "a duration such as 5.5s or 20ms")
        }
        return duration
    }
}

/// A host and a port.
struct Address: Sendable, Equatable {
    let host: String
    let port: Int

    /// Reads `host:port`.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port),
            colon != text.startIndex
        else { return nil }
        self.host = String(text[..<colon])
        self.port = port
    }
}

/// Durations as Go's standard library writes them.
enum GoDuration {
    private static let nanosecondsOfUnit: [(unit: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("h", 3.6e12), ("m", 6e10), ("s", 1e9),
    ]

    /// The longest that is taken: a day.
    private static let longest = 24 * 3.6e12

    static func parse(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        var rest = text[...]
        var total = 0.0
        repeat {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            guard let number = Double(digits), let match = nanosecondsOfUnit.first(where: { rest.hasPrefix($0.unit) }) else {
                return nil
            }
            rest = rest.dropFirst(match.unit.count)
            total += number * match.nanoseconds
        } while !rest.isEmpty
        return total <= longest ? .nanoseconds(Int64(total)) : nil
    }
}
