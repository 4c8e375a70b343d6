import Bytes
import Glibc
import HTTPModel

@testable import Observability

/// A seeded generator (SplitMix64), so that a failing case can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A message of which only the fields matter.
func headers(_ fields: [(String, String)]) -> HeaderBlock {
    var block = HeaderBlock()
    for (name, value) in fields { block.append(name, value) }
    return block
}

/// The same memory file under another descriptor, as another process would have it.
func secondDescriptor(_ region: SharedRegion) -> Int32 { dup(region.descriptor) }

/// Writes one byte of a region behind its owner's back.
func poke(_ region: SharedRegion, _ offset: Int, _ byte: UInt8) {
    region.base.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
}

/// A directory of its own that goes away at the end.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/heddle-test-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(cString: $0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
                if name != "." && name != ".." { unlink(path + "/" + name) }
            }
            closedir(directory)
        }
        rmdir(path)
    }
}

/// All bytes of a file.
func contents(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    return drain(descriptor)
}

/// All bytes until the end.
func drain(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let size = read(descriptor, &buffer, buffer.count), size > 0 { bytes += buffer[..<size] }
    return String(decoding: bytes, as: UTF8.self)
}
