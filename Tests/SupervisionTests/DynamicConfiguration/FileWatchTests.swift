import Glibc
import Reactor
import TestKit
import Testing

@testable import Supervision

@Suite("Watching files")
struct FileWatchTests {
    /// A folder that goes with its test.
    private final class Folder {
        let path: String

        init() {
            var template = Array("/tmp/heddle-watch-XXXXXX".utf8CString)
            path = mkdtemp(&template).map { String(cString: $0) } ?? ""
        }

        deinit {
            for name in ["a", "b", "c", ".new"] { unlink("\(path)/\(name)") }
            rmdir(path)
        }

        /// Writes beside the place and renames.
        func replace(_ name: String) {
            let file = open("\(path)/.new", O_WRONLY | O_CREAT, 0o600)
            close(file)
            rename("\(path)/.new", "\(path)/\(name)")
        }
    }

    @WorkerActor private static func run(_ body: @WorkerActor () throws -> Void) throws { try body() }

    @Test("a rename is told to whoever watches the name or the folder, once a turn, and not after the end")
    func renames() async throws {
        _ = RunningLoop.started
        let folder = Folder()
        try await Self.run {
            let loop = EventLoop(poller: try EpollPoller(), clock: SystemClock())
            loop.adopt()
            let watch = try FileWatch(loop: loop)
            var told: [String] = []
            let first = try watch.watch(folder: folder.path, name: "a") { told.append("a") }
            let second = try watch.watch(folder: folder.path, name: "b") { told.append("b") }
            let all = try watch.watch(folder: folder.path, name: nil) { told.append("all") }
            func settle() {
                told = []
                for _ in 0..<5 { loop.turn(maximumWait: 10_000_000) }
            }
            folder.replace("a")
            folder.replace("a")
            settle()
            #expect(told.contains("a") && !told.contains("b") && told.contains("all"))
            #expect(told.count == 2)
            watch.unwatch(first)
            folder.replace("a")
            folder.replace("b")
            settle()
            #expect(told.sorted() == ["all", "b"])
            watch.unwatch(second)
            watch.unwatch(all)
            folder.replace("a")
            settle()
            #expect(told == [])
            watch.close()
        }
    }

    @Test("a folder that is not there is an error")
    func missing() async throws {
        _ = RunningLoop.started
        try await Self.run {
            let loop = EventLoop(poller: try EpollPoller(), clock: SystemClock())
            loop.adopt()
            let watch = try FileWatch(loop: loop)
            #expect(throws: SystemError.self) { _ = try watch.watch(folder: "/nonexistent/heddle", name: nil) {} }
            watch.close()
        }
    }
}
