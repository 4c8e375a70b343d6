import DataPlane
import Glibc
import LuaRuntime
import Observability
import ProxyModel
import Reactor

/// Looks at the file of a script now and then, and has a changed one loaded.
///
/// Requests under way keep the script that they began with. A file that does not load leaves the script before it in
/// place, which is said once for each change.
@WorkerActor final class LuaFileWatch {
    /// What tells one content of a file from another without reading it.
    private struct Mark: Equatable {
        var seconds = 0
        var nanoseconds = 0
        var size = 0
        var inode: UInt = 0
    }

    private let path: String
    private let interval: UInt64
    private let log: Log
    private var mark: Mark?
    private var timer: LoopTimer?
    // Safety: the script owns this object, whose timer goes with it.
    private unowned(unsafe) let script: LuaScript

    init(_ path: String, every interval: UInt64, _ script: LuaScript, loop: EventLoop, log: Log) {
        self.path = path
        self.interval = interval
        self.script = script
        self.log = log
        mark = Self.mark(of: path)
        // Safety: as above.
        let timer = LoopTimer(loop: loop) { [unowned(unsafe) self] in self.look() }
        timer.schedule(after: interval)
        self.timer = timer
    }

    private func look() {
        timer?.schedule(after: interval)
        // A file that is gone is most often one that is being replaced: the next look finds the new one.
        guard let present = Self.mark(of: path), present != mark else { return }
        mark = present
        do {
            var source = Envoy_Config_Core_V3_DataSource()
            source.filename = path
            try script.reload(try DataSources.bytes(source, "reload"))
            log.info(.lua, "\(script.name) was changed: new requests run it as it is now")
        } catch {
            log.error(.lua, "\(script.name) was changed and cannot be loaded, the script before stays: \(error)")
        }
    }

    private static func mark(of path: String) -> Mark? {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        return Mark(
            seconds: facts.st_mtim.tv_sec, nanoseconds: facts.st_mtim.tv_nsec, size: Int(facts.st_size), inode: UInt(facts.st_ino))
    }
}
