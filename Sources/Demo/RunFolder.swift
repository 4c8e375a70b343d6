import Foundation
import Glibc

/// The folder of a demo that runs: copies of the mesh's files, which a switch replaces, logs, and who runs.
package struct RunFolder {
    /// What stands in the folder about a process.
    struct Entry: Codable {
        let name: String
        let workload: String
        /// Nil for one that is no proxy.
        let admin: ProxyAdmin?
        /// Nil for one that has ended.
        let process: ProcessIdentity?
    }

    /// The demo that runs.
    struct Record: Codable {
        var demo: Int32
        var mesh: String
        var processes: [Entry]
    }

    /// The folder itself.
    package let path: String
    private let source: String
    private let network: String
    private let service: OwnService?
    private let lock: RunLock

    /// - Parameters:
    ///   - source: samples/hipstershop/mesh of the checkout, or samples/compare.
    ///   - service: takes the place of `writtenService` in the files.
    package init(source: String, network: String, service: OwnService? = nil) {
        self.source = source
        self.network = network
        self.service = service
        path = NSTemporaryDirectory() + "heddle-demo-\(network)"
        lock = RunLock(path: path + "/lock")
    }

    /// The address of the service in the files of samples/compare.
    private static let writtenService = "address: 127.7.2.1, port_value: 8081"

    /// Where the proxies' files are.
    package var configurations: String { path + "/mesh" }
    /// Where what a process writes goes.
    package func log(of process: String) -> String { "\(path)/logs/\(process).log" }
    private var recordPath: String { path + "/processes.json" }

    /// Takes the folder, ends what a demo that was killed has left in it, and makes it anew with the files of the mesh.
    package func prepare() throws(DemoError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .file(path: path, reason: DemoError.reason(error))
        }
        guard try lock.take() else { throw .alreadyRunning(folder: path, process: lock.holder ?? 0) }
        let left = Leftovers(folder: path).end()
        guard left.isEmpty else { throw .leftovers(processes: left) }
        do {
            let old = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != "lock" }
            for name in old { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }
            try FileManager.default.createDirectory(atPath: configurations, withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: path + "/logs", withIntermediateDirectories: true)
        } catch {
            throw .file(path: path, reason: DemoError.reason(error))
        }
        for file in try Self.configurations(in: source) { try write(text(of: "\(source)/\(file)"), as: file) }
    }

    /// Notes who runs, for `switch` and for people.
    func note(_ processes: [Entry], mesh: ShopPlan.Mesh) throws(DemoError) {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
            try encoder.encode(Record(demo: getpid(), mesh: mesh.rawValue, processes: processes)).write(to: URL(fileURLWithPath: recordPath), options: .atomic)
        } catch {
            throw .file(path: recordPath, reason: DemoError.reason(error))
        }
    }

    /// That a process has ended by itself, with the end of its log.
    func ended(_ child: ChildProcess) -> DemoError {
        let text = (try? String(contentsOfFile: log(of: child.name), encoding: .utf8)) ?? ""
        let last = text.split(separator: "\n").suffix(Self.logLines).joined(separator: "\n")
        return .ended(process: child.name, status: child.end.map(\.description) ?? "", log: last)
    }

    private static let logLines = 15

    /// Forgets the demo. Its logs stay.
    package func forget() {
        try? FileManager.default.removeItem(atPath: recordPath)
    }

    var record: Record? {
        guard let data = FileManager.default.contents(atPath: recordPath) else { return nil }
        return try? JSONDecoder().decode(Record.self, from: data)
    }

    /// Names of the examples: the folders beside the files of the mesh.
    package func examples() throws(DemoError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: source).filter { !$0.contains(".") }.sorted()
        } catch {
            throw .file(path: source, reason: DemoError.reason(error))
        }
    }

    /// Puts the files of an example in the place of the usual ones, and those back that another example replaced, with the
    /// filters of the user's own that are there; nil is the mesh as it was, without them. Returns the proxies that are to read their files anew.
    package func place(example: String?) throws(DemoError) -> [String] {
        let known = try examples()
        var wanted: [String: String] = [:]
        for file in try Self.configurations(in: source) { wanted[file] = "\(source)/\(file)" }
        if let example {
            guard known.contains(example) else { throw .unknownExample(name: example, known: known) }
            for file in try Self.configurations(in: "\(source)/\(example)") { wanted[file] = "\(source)/\(example)/\(file)" }
        }
        var changed: [String] = []
        for (file, origin) in wanted.sorted(by: { $0.key < $1.key }) {
            let present = FileManager.default.contents(atPath: "\(configurations)/\(file)").map { String(decoding: $0, as: UTF8.self) }
            var text = try text(of: origin)
            if example != nil, let script = present.flatMap(script) { text = Self.placed(script: script, in: text, folder: scripts) }
            guard text != present else { continue }
            try write(text, as: file)
            changed.append(String(file.dropLast(".yaml".count)))
        }
        return changed
    }

    /// Switches a demo that runs to an example. Returns the proxies that have read their files anew.
    package func `switch`(to example: String?) throws(DemoError) -> [String] {
        let running = try running
        let changed = try place(example: example)
        try reload(changed, of: running)
        return changed
    }

    /// The demo that runs in this folder.
    var running: Record {
        get throws(DemoError) {
            guard lock.holder != nil, let record else { throw .notRunning(folder: path) }
            guard record.mesh == ShopPlan.Mesh.heddle.rawValue else { throw .noReload(mesh: record.mesh) }
            return record
        }
    }

    private static func configurations(in folder: String) throws(DemoError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }.sorted()
        } catch {
            throw .file(path: folder, reason: DemoError.reason(error))
        }
    }

    /// The text of a file of the mesh, for this network.
    private func text(of origin: String) throws(DemoError) -> String {
        do {
            let text = try String(contentsOfFile: origin, encoding: .utf8)
            let parts = service == nil ? [text] : text.components(separatedBy: Self.writtenService)
            return parts.map { $0.replacingOccurrences(of: ShopPlan.writtenNetwork + ".", with: network + ".") }
                .joined(separator: service.map { "address: \($0.host), port_value: \($0.port)" } ?? "")
        } catch {
            throw .file(path: origin, reason: DemoError.reason(error))
        }
    }

    private func write(_ text: String, as file: String) throws(DemoError) {
        do {
            try text.write(toFile: "\(configurations)/\(file)", atomically: true, encoding: .utf8)
        } catch {
            throw .file(path: "\(configurations)/\(file)", reason: DemoError.reason(error))
        }
    }
}
