import CLinux
import DataPlane
import Glibc

/// A ``RequestInHand`` as it lies on the board: written by the handler of a fatal signal, read when the process is gone.
struct RequestRecord {
    static let byteCount = 336

    private enum Part {
        static let fingerprint = 0
        static let route = (offset: 8, capacity: 126)
        static let filter = (offset: 136, capacity: 62)
        static let script = (offset: 200, capacity: 126)
    }

    // Safety: `byteCount` bytes of the board, which outlives this value; one process writes, and another reads when that
    // one is gone.
    private let memory: UnsafeMutableRawPointer

    init(memory: UnsafeMutableRawPointer) { self.memory = memory }

    /// Nil when nothing was written.
    var request: RequestInHand? {
        let fingerprint = memory.load(fromByteOffset: Part.fingerprint, as: UInt64.self)
        guard fingerprint != 0 else { return nil }
        return RequestInHand(
            fingerprint: fingerprint, route: text(Part.route), filter: text(Part.filter), script: text(Part.script))
    }

    /// Copies; what is too long is cut. Allocates nothing, for the strings are native ones.
    func write(_ request: RequestInHand) {
        put(request.route, Part.route)
        put(request.filter, Part.filter)
        put(request.script, Part.script)
        memory.storeBytes(of: request.fingerprint, toByteOffset: Part.fingerprint, as: UInt64.self)
    }

    private func put(_ text: String, _ part: (offset: Int, capacity: Int)) {
        var text = text
        text.withUTF8 { utf8 in
            let count = min(utf8.count, part.capacity)
            memory.storeBytes(of: UInt16(count), toByteOffset: part.offset, as: UInt16.self)
            guard count > 0, let start = utf8.baseAddress else { return }
            memcpy(memory + part.offset + 2, start, count)
        }
    }

    private func text(_ part: (offset: Int, capacity: Int)) -> String {
        let count = min(Int(memory.load(fromByteOffset: part.offset, as: UInt16.self)), part.capacity)
        return String(decoding: UnsafeRawBufferPointer(start: memory + part.offset + 2, count: count), as: UTF8.self)
    }
}
