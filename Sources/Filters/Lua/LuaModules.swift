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
        try read(folder, prefix: "", depth: 0, &modules, &bytes)
        return modules
    }

    private static func read(
        _ folder: String, prefix: String, depth: Int, _ modules: inout [String: LuaModule], _ bytes: inout Int
    ) throws(ConfigProblem) {
        guard depth < maximumDepth, let directory = opendir(folder) else { throw problem("\(folder) cannot be read") }
        defer { closedir(directory) }
        while let entry = Glibc.readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard !name.hasPrefix(".") else { continue }
            if name.hasSuffix(".lua") {
                let source = try contents("\(folder)/\(name)")
                bytes += source.count
                guard modules.count < maximumFiles, bytes <= maximumBytes else {
                    throw problem("holds more than \(maximumFiles) files or \(maximumBytes) bytes")
                }
                let base = name == "init.lua" && !prefix.isEmpty ? String(prefix.dropLast()) : prefix + name.dropLast(4)
                modules[base] = LuaModule(source: source)
            } else if isFolder("\(folder)/\(name)") {
                try read("\(folder)/\(name)", prefix: prefix + name + ".", depth: depth + 1, &modules, &bytes)
            }
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        // Links are not followed: they may lead anywhere.
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func contents(_ path: String) throws(ConfigProblem) -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw problem("\(path) cannot be read") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        let count = fread(&bytes, 1, maximumBytes + 1, file)
        return Array(bytes.prefix(count))
    }

    private static func problem(_ message: String) -> ConfigProblem { ConfigProblem(message, path: "module_path") }
}
