import DataPlane
import Glibc
import LuaRuntime
import Observability
import ProxyModel
import Reactor

/// Looks at the files of a script now and then, its own and those of its modules, and has it loaded again when one changed.
///
/// Requests under way keep the script that they began with. A file that does not load leaves the script before it in
/// place, which is said once for each change.
@WorkerActor final class LuaFileWatch {
    /// Nil for a script that stands in the configuration.
    private let path: String?
    private let modules: LuaModules
    private let interval: UInt64
    private let log: Log
    private var mark: FileMark?
    private var moduleMarks: [String: FileMark]
    /// Looks in a row that found no file.
    private var absences = 0
    private var timer: LoopTimer?
    // Safety: the script owns this object, whose timer goes with it.
    private unowned(unsafe) let script: LuaScript

    init(_ path: String?, modules: LuaModules, every interval: UInt64, _ script: LuaScript, loop: EventLoop, log: Log) {
        self.path = path
        self.modules = modules
        self.interval = interval
        self.script = script
        self.log = log
        mark = path.flatMap { FileMark($0) }
        moduleMarks = modules.marks() ?? [:]
        // Safety: as above.
        let timer = LoopTimer(loop: loop) { [unowned(unsafe) self] in self.look() }
        timer.schedule(after: interval)
        self.timer = timer
    }

    private func look() {
        timer?.schedule(after: interval)
        let found = path.flatMap { FileMark($0) }
        if let path { tell(isGone: found == nil, path) }
        let present = found ?? mark
        let presentModules = modules.marks() ?? moduleMarks
        guard present != mark || presentModules != moduleMarks else { return }
        mark = present
        moduleMarks = presentModules
        do {
            let sources = try modules.read()
            try script.reload(try path.map(Self.bytes), modules: sources)
            log.info(.lua, "\(script.name) was changed: new requests run it as it is now")
        } catch {
            let reason = path.map { Self.named("\(error)", $0) } ?? "\(error)"
            log.error(.lua, "\(script.name) was changed and cannot be loaded, the script before stays: \(reason)")
        }
    }

    /// A file that is gone is most often one that is being replaced: the next look finds the new one, or says it, once.
    private func tell(isGone: Bool, _ path: String) {
        absences = isGone ? min(absences + 1, 3) : 0
        guard absences == 2 else { return }
        log.error(.lua, "\(script.name) is gone, the script before stays: there is no file \(path)")
    }

    /// Lua names a script by its first line; who has changed a file looks for the file.
    private static func named(_ message: String, _ path: String) -> String {
        guard message.hasPrefix("[string \""), let end = message.firstRange(of: "\"]:") else { return message }
        return "\(path):\(message[end.upperBound...])"
    }

    private static func bytes(_ path: String) throws(ConfigProblem) -> [UInt8] {
        var source = Envoy_Config_Core_V3_DataSource()
        source.filename = path
        return try DataSources.bytes(source, "reload")
    }
}

/// What tells one content of a file from another without reading it.
struct FileMark: Equatable {
    private let seconds: Int
    private let nanoseconds: Int
    private let size: Int
    private let inode: UInt

    /// Nil when there is no such file.
    init?(_ path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        seconds = facts.st_mtim.tv_sec
        nanoseconds = facts.st_mtim.tv_nsec
        size = Int(facts.st_size)
        inode = UInt(facts.st_ino)
    }
}
