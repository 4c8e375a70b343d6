import Glibc

/// A script that would not end by itself.
struct Bomb {
    let name: String
    /// Of a function.
    let body: String

    /// Those of a file like `Benchmarks/Lua/bombs.lua`; none if it cannot be read.
    static func read(_ path: String) -> [Bomb] {
        guard let text = contents(path) else { return [] }
        var bombs: [Bomb] = []
        var name: Substring?
        var lines: [Substring] = []
        func end() {
            if let name { bombs.append(Bomb(name: String(name), body: lines.joined(separator: "\n"))) }
            lines = []
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("--- ") {
                end()
                name = line.dropFirst(4)
            } else if name != nil {
                lines.append(line)
            }
        }
        end()
        return bombs
    }

    /// Bytes that a file read here may have.
    private static let maximumBytes = 1 << 20

    private static func contents(_ path: String) -> String? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
