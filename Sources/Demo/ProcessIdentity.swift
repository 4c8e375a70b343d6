import Foundation
import Glibc

/// Which process is meant: numbers are used again, a number with the time of its start is not.
struct ProcessIdentity: Codable, Equatable, Sendable {
    let id: Int32
    /// In ticks since the machine started, as proc(5) has it.
    let start: UInt64

    /// The process that has this number now; nil where there is none, or only what its parent has not taken note of.
    init?(of id: Int32) {
        guard let text = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            let start = Self.start(in: text)
        else {
            return nil
        }
        self.id = id
        self.start = start
    }

    /// Whether it still runs.
    var isRunning: Bool { Self(of: id) == self }

    /// The time of the start in a line of /proc/ID/stat. The program's name comes second, in parentheses, and may have
    /// spaces and parentheses itself; the state follows it.
    static func start(in line: String) -> UInt64? {
        guard let name = line.lastIndex(of: ")") else { return nil }
        let fields = line[line.index(after: name)...].split(separator: " ")
        guard fields.count > fieldOfStart, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[fieldOfStart])
    }

    /// Counted from the state.
    private static let fieldOfStart = 19
}
