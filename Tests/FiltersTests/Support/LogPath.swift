import Glibc

/// A file for an access log; gone with this object.
final class LogPath: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/heddle-log-XXXXXX".utf8CString)
        close(mkstemp(&template))
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { unlink(path) }

    /// What has been written so far.
    var text: String {
        let raw = open(path, O_RDONLY)
        guard raw >= 0 else { return "" }
        defer { close(raw) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(raw, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }
}
