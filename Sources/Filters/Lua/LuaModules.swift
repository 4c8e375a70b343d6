import DataPlane
import Glibc
import LuaRuntime

/// Where the modules lie that the scripts of a filter can require, and what they hold when they are read.
struct LuaModules: Equatable {
    /// Files, bytes of all together, and folders in one another.
    static let maximumFiles = 256
    static let maximumBytes = 4 << 20
    private static let maximumDepth = 8

    /// A folder of which `a/b.lua` is `a.b` and `a/init.lua` is `a`; empty for none.
    var folder = ""
    /// Envoy's `package_paths`, each of one pattern: `DIR/?.lua`, `DIR/?/init.lua`, `?` being the name with `/` for each dot.
    var patterns: [String] = []

    var isEmpty: Bool { folder.isEmpty && patterns.isEmpty }

    /// Of two modules of one name the one counts that lies in the earlier place, the folder being the first.
    func read() throws(ConfigProblem) -> [String: LuaModule] {
        var modules: [String: LuaModule] = [:]
        var bytes = 0
        for file in try files() where modules[file.name] == nil {
            let source = try Self.contents(file.path, most: Self.maximumBytes - bytes)
            bytes += source.count
            modules[file.name] = LuaModule(source: source)
        }
        return modules
    }

    /// What tells whether a module has changed, by path; nil when a folder cannot be read.
    func marks() -> [String: FileMark]? {
        guard let files = try? files() else { return nil }
        var marks: [String: FileMark] = [:]
        for file in files { marks[file.path] = FileMark(file.path) }
        return marks
    }

    private typealias File = (name: String, path: String)

    private func files() throws(ConfigProblem) -> [File] {
        var found: [File] = []
        if !folder.isEmpty {
            try Self.walk(folder, &found) { path in
                guard path.hasSuffix(".lua") else { return nil }
                let name = path.hasSuffix("/init.lua") ? path.dropLast(9) : path.dropLast(4)
                return Self.dotted(name)
            }
        }
        for pattern in patterns {
            let (folder, suffix) = try Self.parts(pattern)
            // As in Lua, a folder that is not there has nothing.
            guard Self.isFolder(folder, follows: true) else { continue }
            try Self.walk(folder, &found) { path in
                guard path.hasSuffix(suffix), path.count > suffix.count else { return nil }
                let name = path.dropLast(suffix.count)
                return name.contains(".") ? nil : Self.dotted(name)
            }
        }
        return found
    }

    private static func dotted(_ path: Substring) -> String { String(path.map { $0 == "/" ? "." : $0 }) }

    /// The folder in front of the `?`, and what stands behind it.
    private static func parts(_ pattern: String) throws(ConfigProblem) -> (folder: String, suffix: String) {
        let halves = pattern.split(separator: "?", omittingEmptySubsequences: false)
        guard halves.count == 2, halves[0].isEmpty || halves[0].hasSuffix("/"), halves[0] != "/", !halves[1].isEmpty else {
            throw ConfigProblem("\"\(pattern)\" is not understood; expected something like /dir/?.lua or /dir/?/init.lua", path: "package_paths")
        }
        return (halves[0].isEmpty ? "." : String(halves[0].dropLast()), String(halves[1]))
    }

    /// - Parameter name: of the module in a file, whose path below the folder it gets; nil for what is none.
    private static func walk(
        _ folder: String, below prefix: String = "", depth: Int = 0, _ found: inout [File], _ name: (String) -> String?
    ) throws(ConfigProblem) {
        guard depth < maximumDepth, let directory = opendir(folder) else { throw problem("\(folder) cannot be read") }
        defer { closedir(directory) }
        while let entry = Glibc.readdir(directory) {
            let leaf = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard !leaf.hasPrefix(".") else { continue }
            let path = "\(folder)/\(leaf)"
            if isFolder(path) {
                try walk(path, below: prefix + leaf + "/", depth: depth + 1, &found, name)
            } else if let module = name(prefix + leaf), isFile(path) {
                guard found.count < maximumFiles else { throw tooMuch }
                found.append((module, path))
            }
        }
    }

    private static func isFolder(_ path: String, follows: Bool = false) -> Bool {
        var status = stat()
        // Links are not followed: they may lead anywhere.
        return (follows ? stat(path, &status) : lstat(path, &status)) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether it can be read to its end: a named pipe would be waited for. Files may be links, as those of a mounted
    /// Kubernetes ConfigMap are.
    private static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private static func contents(_ path: String, most: Int) throws(ConfigProblem) -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw problem("\(path) cannot be read") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= most else { throw tooMuch }
        }
    }

    private static var tooMuch: ConfigProblem { problem("holds more than \(maximumFiles) files or \(maximumBytes) bytes") }

    private static func problem(_ message: String) -> ConfigProblem { ConfigProblem(message, path: "module_path") }
}
