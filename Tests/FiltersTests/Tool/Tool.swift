import FilterTool
import FoundationEssentials
import Glibc
import Reactor
import Testing

/// The tool on the process's loop, which runs on a thread of its own.
enum Tool {
    static let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }

    static func test(_ paths: [String]) async -> CaseReport {
        _ = RunningLoop.started
        return await run(paths)
    }

    @WorkerActor private static func run(_ paths: [String]) async -> CaseReport {
        var tests: FilterTests?
        let report = await withCheckedContinuation { continuation in
            tests = FilterTests(paths, loop: .process) { continuation.resume(returning: $0) }
            tests?.start()
        }
        withExtendedLifetime(tests) {}
        return report
    }
}

/// A folder that is gone after its test.
final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/heddle-filter-tool-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        path = String(cString: made)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
    }
}
