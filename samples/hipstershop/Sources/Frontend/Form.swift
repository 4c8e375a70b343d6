import Foundation
import Hummingbird

/// The fields of a form that was sent, and what is wrong with them.
struct Form {
    /// The largest that is read.
    static let mostBytes = 64 * 1024

    private let values: [String: String]
    private(set) var faults: [String] = []

    /// Reads `application/x-www-form-urlencoded`; of two fields with the same name the first one counts.
    init(_ request: Request) async throws {
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.mostBytes)
        } catch {
            throw PageFailure(status: .contentTooLarge, reason: "the form is too large")
        }
        self.init(String(buffer: body))
    }

    init(_ text: String) {
        let pairs = text.split(separator: "&").map { pair -> (String, String) in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (Self.decoded(parts[0]), parts.count > 1 ? Self.decoded(parts[1]) : "")
        }
        values = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }

    private static func decoded(_ text: Substring) -> String {
        let spaced = text.replacingOccurrences(of: "+", with: " ")
        return spaced.removingPercentEncoding ?? spaced
    }

    /// A field that must be there.
    mutating func text(_ name: String, most: Int = 512) -> String {
        let value = values[name]?.trimmingCharacters(in: .whitespaces) ?? ""
        if value.isEmpty { faults.append("\(name) is missing") }
        if value.count > most { faults.append("\(name) is longer than \(most)") }
        return value
    }

    mutating func number(_ name: String, in range: ClosedRange<Int32>) -> Int32 {
        let value = text(name)
        if let number = Int32(value), range.contains(number) { return number }
        if !value.isEmpty { faults.append("\(name) is not a number from \(range.lowerBound) to \(range.upperBound)") }
        return 0
    }

    mutating func email(_ name: String) -> String {
        let value = text(name)
        if !value.isEmpty, value.wholeMatch(of: #/[^@\s]+@[^@\s]+\.[^@\s.]+/#) == nil { faults.append("\(name) is no address") }
        return value
    }

    mutating func cardNumber(_ name: String) -> String {
        let value = text(name)
        if !value.isEmpty, !CardCheck(number: value).isSound { faults.append("\(name) is no number of a card") }
        return value
    }

    mutating func currency(_ name: String) -> String {
        let value = text(name)
        if !value.isEmpty, !Locale.commonISOCurrencyCodes.contains(value) { faults.append("\(name) is no currency") }
        return value
    }

    /// Refuses a form that has a fault: 422.
    func check() throws {
        guard faults.isEmpty else {
            throw PageFailure(status: .unprocessableContent, reason: faults.joined(separator: "; "))
        }
    }
}
