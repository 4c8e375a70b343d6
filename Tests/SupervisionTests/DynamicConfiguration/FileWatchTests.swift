import Glibc
import Reactor
import TestKit
import Testing

@testable import Supervision

@Suite("Watching files")
struct FileWatchTests {
    @WorkerActor private static func run(_ body: @WorkerActor () throws -> Void) throws { try body() }

    @Test("a rename is told to whoever watches the name or the folder, once a turn, and not after the end")
    func renames() async throws {
        _ = RunningLoop.started
        let folder = WatchedFolder()
        try await Self.run {
            let loop = EventLoop(poller: try EpollPoller(), clock: SystemClock())
            loop.adopt()
            let watch = try FileWatch(loop: loop)
            var told: [String] = []
            let first = watch.watch(folder: folder.path, name: "a") { told.append("a") }
            let second = watch.watch(folder: folder.path, name: "b") { told.append("b") }
            let all = watch.watch(folder: folder.path, name: nil) { told.append("all") }
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

    @Test("a file counts when it has its content: one that is made does not yet, a link does")
    func creation() async throws {
        _ = RunningLoop.started
        let folder = WatchedFolder()
        try await Self.run {
            let loop = EventLoop(poller: try EpollPoller(), clock: SystemClock())
            loop.adopt()
            let watch = try FileWatch(loop: loop)
            var told = 0
            _ = watch.watch(folder: folder.path, name: "a") { told += 1 }
            func settle() -> Int {
                told = 0
                for _ in 0..<5 { loop.turn(maximumWait: 10_000_000) }
                return told
            }
            let file = open("\(folder.path)/a", O_WRONLY | O_CREAT, 0o600)
            #expect(settle() == 0)
            close(file)
            #expect(settle() == 1)
            unlink("\(folder.path)/a")
            symlink("nowhere", "\(folder.path)/a")
            #expect(settle() == 1)
            unlink("\(folder.path)/a")
            folder.replace("b")
            link("\(folder.path)/b", "\(folder.path)/a")
            #expect(settle() == 1)
            watch.close()
        }
    }

    @Test("a folder that comes, goes and comes back, or is replaced, is watched under its path, by whatever paths")
    func folders() async throws {
        _ = RunningLoop.started
        let outer = WatchedFolder()
        let path = outer.path + "/folder"
        try await Self.run {
            let clock = SettableClock()
            let loop = EventLoop(poller: try EpollPoller(), clock: clock)
            loop.adopt()
            let watch = try FileWatch(loop: loop)
            var told: [String] = []
            let first = watch.watch(folder: path, name: "a") { told.append("first") }
            let second = watch.watch(folder: path + "/", name: nil) { told.append("second") }
            func settle(passing time: UInt64 = 0) -> [String] {
                told = []
                clock.advance(time)
                for _ in 0..<5 { loop.turn(maximumWait: 0) }
                return told
            }
            func makeFolder(_ path: String) {
                mkdir(path, 0o700)
                close(open(path + "/a", O_WRONLY | O_CREAT, 0o600))
            }
            #expect(settle(passing: FileWatch.retryTime) == [])
            makeFolder(path)
            #expect(settle() == [])
            #expect(settle(passing: FileWatch.retryTime) == ["first", "second"])
            // Another in its place: found at once.
            makeFolder(path + ".new")
            rename(path, path + ".old")
            rename(path + ".new", path)
            #expect(settle().sorted() == ["first", "second"])
            close(open(path + ".old/a", O_WRONLY | O_CREAT, 0o600))
            #expect(settle() == [])
            close(open(path + "/a", O_WRONLY | O_CREAT, 0o600))
            #expect(settle().sorted() == ["first", "second"])
            // Gone, and there again later.
            unlink(path + "/a")
            rmdir(path)
            #expect(settle() == [])
            makeFolder(path)
            #expect(settle(passing: FileWatch.retryTime) == ["first", "second"])
            watch.unwatch(first)
            close(open(path + "/a", O_WRONLY | O_CREAT, 0o600))
            #expect(settle() == ["second"])
            watch.unwatch(second)
            close(open(path + "/a", O_WRONLY | O_CREAT, 0o600))
            #expect(settle() == [])
            watch.close()
        }
    }
}
