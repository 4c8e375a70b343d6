import ArgumentParser
import Demo
import Foundation

/// How the values of the demo's options are written.
enum DemoArguments {
    static func write(_ text: String) -> Bool {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
            return true
        } catch {
            return false
        }
    }

    /// How this program was called, so that what it advises can be typed.
    static var program: String { CommandLine.arguments.first ?? "heddle" }

    /// Reads `30s`, `1m30s`, `500ms`; more than nothing.
    static func seconds(_ text: String) throws -> Double {
        guard let seconds = length(text), seconds > 0 else {
            throw ValidationError("\(text) is no time such as 30s or 2m")
        }
        return seconds
    }

    private static let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)]
    /// As the load generator has it.
    private static let longest = 24 * 3600.0

    private static func length(_ text: String) -> Double? {
        var rest = text[...]
        var sum = 0.0
        repeat {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            guard let number = Double(digits), let unit = units.first(where: { rest.hasPrefix($0.0) }) else {
                return nil
            }
            rest = rest.dropFirst(unit.0.count)
            sum += number * unit.1
        } while !rest.isEmpty
        return sum <= longest ? sum : nil
    }

    /// Checks `1s..10s` or `1s`: the shortest and the longest pause.
    static func pauses(_ text: String) throws -> String {
        let parts = text.components(separatedBy: "..").map { length($0) }
        guard parts.count <= 2, let first = parts[0], let last = parts[parts.count - 1], first <= last else {
            throw ValidationError("--wait \(text) is no pause such as 2s or 1s..10s, the shorter one first")
        }
        return text
    }

    /// Checks `127.7`: all of 127.0.0.0/8 is this machine.
    static func network(_ text: String?) throws -> String {
        guard let text else { return ShopPlan.writtenNetwork }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "127", let second = UInt8(parts[1]), "\(second)" == parts[1] else {
            throw ValidationError(
                "--network \(text) is not the first two numbers of addresses of this machine, 127.0 to 127.255")
        }
        return text
    }

    /// Reads `workload:NAME=value`.
    static func setting(_ text: String) throws -> (workload: String, name: String, value: String) {
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        let workload = String(text[..<colon])
        let rest = text[colon...].dropFirst()
        guard let equals = rest.firstIndex(of: "="), equals != rest.startIndex else {
            throw ValidationError("\(text) is not WORKLOAD:NAME=VALUE, such as recommendation:EXTRA_LATENCY=2s")
        }
        let name = String(rest[..<equals])
        if let reason = ShopWorkload.refusal(of: name, for: workload) {
            throw ValidationError("--set \(text): \(reason)")
        }
        return (workload, name, String(rest[equals...].dropFirst()))
    }
}
