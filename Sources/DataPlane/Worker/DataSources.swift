import Glibc
package import ProxyModel
import Reactor

/// Reads what a configuration keeps elsewhere (`DataSource`).
package enum DataSources {
    /// Longest file that is read.
    private static let maximumBytes = 16 * 1024 * 1024

    /// The bytes of a source: a file, an environment variable, or what stands in the configuration itself.
    /// - Parameter path: where the source stands, for the message of an error.
    package static func bytes(_ source: Envoy_Config_Core_V3_DataSource, _ path: String) throws(ConfigProblem) -> [UInt8] {
        switch source.specifier {
        case .inlineString(let text): return Array(text.utf8)
        case .inlineBytes(let data): return [UInt8](data)
        case .filename(let name): return try file(name, path)
        case .environmentVariable(let name):
            guard let value = getenv(name) else { throw ConfigProblem("environment variable \(name) is not set", path: path) }
            return Array(String(cString: value).utf8)
        case nil: throw ConfigProblem("one of filename, inline_string, inline_bytes, environment_variable is required", path: path)
        }
    }

    private static func file(_ name: String, _ path: String) throws(ConfigProblem) -> [UInt8] {
        let raw = open(name, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { throw ConfigProblem("cannot open \(name): \(SystemError.text(errno))", path: "\(path).filename") }
        let descriptor = Descriptor(raw)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= maximumBytes {
            let count = read(descriptor.raw, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw ConfigProblem("cannot read \(name): \(SystemError.text(errno))", path: "\(path).filename")
            }
            bytes.append(contentsOf: buffer[..<count])
        }
        throw ConfigProblem("\(name) is longer than \(maximumBytes) bytes", path: "\(path).filename")
    }
}
