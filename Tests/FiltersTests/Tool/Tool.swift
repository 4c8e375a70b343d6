import FilterTool
import Filters
import FoundationEssentials
import Glibc
import Reactor
import TestKit
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

    static func lint(_ paths: [String], isTrusted: Bool = false) async -> [LintFinding] {
        _ = RunningLoop.started
        return await onLoop { done in
            FilterLint.start(paths, isTrusted: isTrusted, loop: .process) { findings, _ in done(findings) }
            return EventLoop.process
        }
    }

    static func run(_ request: RunRequest) async -> RunReport {
        _ = RunningLoop.started
        return await onLoop { done in
            let run = FilterRun(request, loop: .process)
            run.once(done)
            return run
        }
    }

    static func problems(_ orders: [LuaCaseOrder]) async -> [String] {
        _ = RunningLoop.started
        return await onLoop { done in
            let cases = VersionCases(orders, loop: .process, done: done)
            cases.start()
            return cases
        }
    }

    static func bench(_ request: RunRequest, _ count: Int) async -> BenchReport {
        _ = RunningLoop.started
        return await onLoop { done in
            let run = FilterRun(request, loop: .process)
            run.measure(count, done)
            return run
        }
    }

    @WorkerActor private static func onLoop<Result: Sendable>(
        _ start: @WorkerActor (@escaping @WorkerActor (Result) -> Void) -> AnyObject
    ) async -> Result {
        var kept: AnyObject?
        let result = await withCheckedContinuation { continuation in kept = start { continuation.resume(returning: $0) } }
        withExtendedLifetime(kept) {}
        return result
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
        // Whole or not at all, since somebody may be watching.
        try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"), options: .atomic)
    }
}
