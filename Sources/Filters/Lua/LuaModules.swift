import DataPlane
import Glibc
import LuaRuntime

/// The Lua files of a folder, as modules: `a/b.lua` is `a.b`, `a/init.lua` is `a`.
enum LuaModules {
    /// Files, bytes of all together, and folders in one another.
    static let maximumFiles = 256
    static let maximumBytes = 4 << 20
    private static let maximumDepth = 8

    static func read(_ folder: String) throws(ConfigProblem) -> [String: LuaModule] {
        var modules: [String: LuaModule] = [:]
        var bytes = 0
        for file in try files(folder) {
            let source = try contents(file.path, most: maximumBytes - bytes)
            bytes += source.count
            modules[file.name] = LuaModule(source: source)
        }
        return modules
    }

    /// What tells whether a module has changed, by path; nil when the folder cannot be read.
    static func marks(_ folder: String) -> [String: FileMark]? {
        guard let files = try? files(folder) else { return nil }
        var marks: [String: FileMark] = [:]
        for file in files { marks[file.path] = FileMark(file.path) }
        return marks
    }

    private typealias File = (name: String, path: String)

    private static func files(_ folder: String) throws(ConfigProblem) -> [File] {
        var found: [File] = []
        try find(folder, prefix: "", depth: 0, &found)
        return found
    }

    private static func find(_ folder: String, prefix: String, depth: Int, _ found: inout [File]) throws(ConfigProblem) {
        guard depth < maximumDepth, let directory = opendir(folder) else { throw problem("\(folder) cannot be read") }
        defer { closedir(directory) }
        while let entry = Glibc.readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard !name.hasPrefix(".") else { continue }
            if name.hasSuffix(".lua") {
                guard found.count < maximumFiles else { throw tooMuch }
                let base = name == "init.lua" && !prefix.isEmpty ? String(prefix.dropLast()) : prefix + name.dropLast(4)
                found.append((base, "\(folder)/\(name)"))
            } else if isFolder("\(folder)/\(name)") {
                try find("\(folder)/\(name)", prefix: prefix + name + ".", depth: depth + 1, &found)
            }
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        // Links are not followed: they may lead anywhere.
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
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
