import Foundation
import Glibc

/// What a demo started and could not end, because it was killed itself.
///
/// A process belongs to a demo when it writes its errors into the demo's logs and runs a program that demos start. That holds
/// from a process's first moment on, and for what it starts itself, such as the workers of a proxy, without anyone who keeps
/// a list.
struct Leftovers {
    /// How the programs that a demo starts are called; another one that writes there is somebody else's. Redis has one
    /// program under several names.
    private static let programs = ["heddle", "hipstershop", "redis-", "envoy"]
    /// How long killed processes may take to go.
    private static let patience = 5.0
    /// What was being started when the demo was killed shows up a moment later.
    private static let pause = 0.05

    private let logs: String

    /// - Parameter folder: the demo's.
    init(folder: String) {
        logs = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path + "/logs/"
    }

    /// Processes of the demo, but not this one.
    func find() -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { $0 != getpid() && isOurs($0) }
    }

    private func isOurs(_ process: Int32) -> Bool {
        guard let errors = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/2"),
            errors.hasPrefix(logs),
            let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
        else { return false }
        let name = Self.name(of: program)
        return Self.programs.contains { name.hasPrefix($0) }
    }

    /// The name of a program by its link in /proc, also of one that has been built anew since.
    static func name(of program: String) -> String {
        let suffix = " (deleted)"
        let path = program.hasSuffix(suffix) ? String(program.dropLast(suffix.count)) : program
        return (path as NSString).lastPathComponent
    }

    /// Kills them all, and returns those that did not go.
    func end() -> [Int32] {
        let watch = Stopwatch()
        var isGone = false
        while true {
            let found = find()
            if found.isEmpty, isGone { return [] }
            isGone = found.isEmpty
            if watch.seconds > Self.patience { return found }
            for process in found { kill(process, SIGKILL) }
            _ = Stopwatch.wait(for: [], seconds: Self.pause)
        }
    }
}
