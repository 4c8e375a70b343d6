import BodyFields
import Glibc

/// Reads documents from standard input and writes what `JSONScanner` makes of them; `scripts/fuzz-json` is at the other
/// ends of the pipes.
///
/// A document is its length, the length of a piece, the number of pointers, then each pointer with its length, then the
/// document; numbers are 32 bits, little-endian. The answer is a byte for valid or not, then for each pointer the kind, 1
/// for a duplicate, and the value with its length. The length 2^32-1 ends a batch: what was answered is written out.
@main
struct JSONDriver {
    private let input: UnsafeMutablePointer<FILE>
    private let output: UnsafeMutablePointer<FILE>

    static func main() throws {
        guard let input = fdopen(0, "rb"), let output = fdopen(1, "wb") else { preconditionFailure("no pipes") }
        try JSONDriver(input: input, output: output).run()
    }

    private func run() throws {
        while let length = number() {
            guard length < UInt32.max else {
                fflush(output)
                continue
            }
            let piece = number() ?? 1
            let pointers = try (0..<(number() ?? 0)).map { _ in try JSONPointer(String(decoding: bytes(number() ?? 0), as: UTF8.self)) }
            answer(JSONScanner(JSONFields(pointers, longestValue: 1 << 20)), pointers.count, bytes(length), max(piece, 1))
        }
    }

    private func answer(_ fresh: JSONScanner, _ fields: Int, _ document: [UInt8], _ piece: Int) {
        var scanner = fresh
        for start in stride(from: 0, to: document.count, by: piece) {
            _ = document[start..<min(start + piece, document.count)].withUnsafeBytes { scanner.feed($0) }
        }
        write(scanner.finish() == .complete ? [1] : [0])
        for field in 0..<fields {
            write([scanner.values.kind(field).rawValue, scanner.values.isDuplicate(field) ? 1 : 0])
            let value = scanner.values.copy(field) ?? []
            write(withUnsafeBytes(of: UInt32(value.count).littleEndian) { Array($0) } + value)
        }
    }

    private func number() -> Int? {
        var value: UInt32 = 0
        return fread(&value, 4, 1, input) == 1 ? Int(UInt32(littleEndian: value)) : nil
    }

    private func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(fread(&bytes, 1, count, input) == count, "the input ends within a document")
        return bytes
    }

    private func write(_ bytes: [UInt8]) {
        fwrite(bytes, 1, bytes.count, output)
    }
}
