import Foundation
import Glibc
import Reactor
import Synchronization

/// A folder that goes with its test.
final class WatchedFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/heddle-watch-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? ""
    }

    deinit { _ = try? FileManager.default.removeItem(atPath: path) }

    /// Writes beside the place and renames.
    func replace(_ name: String, _ text: String = "") {
        let file = open("\(path)/.new", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = text.withCString { write(file, $0, strlen($0)) }
        close(file)
        rename("\(path)/.new", "\(path)/\(name)")
    }
}

/// A clock that a test moves.
final class SettableClock: LoopClock {
    private let nanoseconds = Atomic<UInt64>(1_000_000_000)

    func monotonic() -> UInt64 { nanoseconds.load(ordering: .relaxed) }
    func wall() -> UInt64 { monotonic() }
    func advance(_ time: UInt64) { nanoseconds.add(time, ordering: .relaxed) }
}
