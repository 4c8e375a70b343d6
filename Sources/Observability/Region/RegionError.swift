import Glibc

/// Why a shared region could not be made, mapped or read.
public enum RegionError: Error, Equatable, CustomStringConvertible {
    /// A system call failed.
    case system(call: String, code: Int32)
    /// The descriptor is no sealed memory file, so that whoever holds it could cut it and kill its readers (SIGBUS).
    case notSealed
    /// Smaller than a header, or of another size than the header says.
    case wrongSize(bytes: Int, expected: Int)
    /// The magic number is missing: never finished, or somebody else's memory.
    case foreign
    /// Written by a program with another layout.
    case layoutVersion(found: UInt32, expected: UInt32)
    /// A region of another kind.
    case purpose(found: String, expected: String)
    /// A writer found another schema than its own.
    case schemaMismatch
    /// What is there contradicts itself at this offset.
    case corrupt(what: String, offset: Int)

    public var description: String {
        switch self {
        case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
        case .notSealed: "the descriptor is no memory file sealed against shrinking"
        case .wrongSize(let bytes, let expected): "the region has \(bytes) bytes, expected \(expected)"
        case .foreign: "the region has no valid magic number"
        case .layoutVersion(let found, let expected): "the region has layout version \(found), expected \(expected)"
        case .purpose(let found, let expected): "the region is for \"\(found)\", expected \"\(expected)\""
        case .schemaMismatch: "the region was made with another schema"
        case .corrupt(let what, let offset): "the region is corrupt at offset \(offset): \(what)"
        }
    }
}
